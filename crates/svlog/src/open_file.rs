//! The files of a log as they are read: which are still to come, where in one to begin and to end, and its bytes.

use std::borrow::Cow;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use daemontools_program::errno::reason;
use daemontools_sys::fd::duplicate_private;
use daemontools_untrusted::{Directory, Error, RegularFile};
use nix::errno::Errno;

use crate::bisect::{Boundary, ReadAt, boundary};
use crate::directory::{Kind, LogFile};
use crate::file::Plain;
use crate::range::Range;
use crate::stamp::Stamp;

/// A file that is still to be read.
pub struct Pending {
    pub file: LogFile,
    /// Open already, if it may get another name.
    pub fd: Option<OwnedFd>,
    /// Where to begin, if not where the range begins.
    pub start: Option<u64>,
}

/// The file that is being read.
pub struct OpenFile {
    pub plain: Plain,
    pub file: LogFile,
    input: Input,
}

/// Where its bytes come from.
enum Input {
    /// The file itself.
    Plain(Position),
    /// What was packed in it.
    Packed(Box<dyn Read>),
}

/// Where a file is being read that is not packed.
struct Position {
    at: u64,
    /// Where to end, if not at its end.
    end: Option<u64>,
    /// Whether a hole was skipped just before `at`, so that zeros may follow that belong to it.
    after_hole: bool,
}

impl Pending {
    /// A file that is to be read as the range says.
    pub fn new(file: LogFile, fd: Option<OwnedFd>) -> Pending {
        Pending { file, fd, start: None }
    }

    /// Opens it for reading; it is in the directory `dir`.
    pub fn open(&self, dir: &Directory) -> Result<Plain, Error> {
        match &self.fd {
            Some(fd) => Ok(Plain(duplicate_private(fd.as_fd())?)),
            None => self.by_name(dir).map(RegularFile::into_fd).map(Plain),
        }
    }

    /// Opens it by its name, or by the one that it got when it was packed meanwhile.
    fn by_name(&self, dir: &Directory) -> Result<RegularFile, Error> {
        let found = dir.file(Path::new(&self.file.name));
        if !matches!(found, Err(Error::System(Errno::ENOENT))) {
            return found;
        }
        let packed = [".zst", ".gz", ".xz"].into_iter().find_map(|suffix| {
            let mut name = self.file.name.clone();
            name.push(suffix);
            dir.file(Path::new(&name)).ok()
        });
        packed.map_or(found, Ok)
    }
}

/// Where a range begins in a file, and where it ends, if not with the file.
pub fn within(plain: &Plain, range: &Range) -> nix::Result<(u64, Option<u64>)> {
    let size = plain.size()?;
    let find = |before: &dyn Fn(Stamp) -> bool| match boundary(plain, size, before)? {
        // The name of the file says that it may reach into the range, and nothing says more.
        Boundary::Unstamped => Ok(None),
        Boundary::At(at) => nix::Result::Ok(Some(at)),
    };
    let start = range.since.map(|since| find(&|stamp| stamp < since)).transpose()?.flatten();
    let end = range.until.map(|until| find(&|stamp| stamp <= until)).transpose()?.flatten();
    Ok((start.unwrap_or(0), end))
}

impl OpenFile {
    /// Begins with a file in the directory `dir`, where the range does.
    pub fn begin(pending: &Pending, dir: &Directory, range: &Range) -> Result<OpenFile, Error> {
        let plain = pending.open(dir)?;
        let packing = if pending.file.kind == Kind::Current { None } else { plain.packing()? };
        let input = match packing {
            Some(packing) => Input::Packed(plain.unpack(packing)?),
            None => {
                let (start, end) = within(&plain, range)?;
                Input::Plain(Position { at: pending.start.unwrap_or(start), end, after_hole: false })
            }
        };
        Ok(OpenFile { plain, file: pending.file.clone(), input })
    }

    /// Whether its bytes were packed, so that the end of a range in it was not looked for.
    pub fn is_packed(&self) -> bool {
        matches!(self.input, Input::Packed(_))
    }

    /// Reads on; 0 at the end, for now; or why not.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Cow<'static, str>> {
        match &mut self.input {
            Input::Plain(position) => {
                let count = position.read(&self.plain, buffer).map_err(|errno| Cow::from(reason(errno)))?;
                // Somebody has emptied it: what comes now is new.
                if count == 0 && position.end.is_none() && self.file.kind == Kind::Current {
                    let size = self.plain.size().unwrap_or(position.at);
                    position.at = if size < position.at { 0 } else { position.at };
                }
                Ok(count)
            }
            Input::Packed(input) => loop {
                match input.read(buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    result => return result.map_err(|error| error.to_string().into()),
                }
            },
        }
    }
}

impl Position {
    /// Reads on; 0 at the end. Holes are skipped, and the zeros beside them: they are what a crash or truncate(1) left.
    fn read(&mut self, file: &Plain, buffer: &mut [u8]) -> nix::Result<usize> {
        loop {
            let data = file.next_data(self.at);
            if data == u64::MAX || self.end.is_some_and(|end| data >= end) {
                return Ok(0);
            }
            self.after_hole |= data > self.at;
            self.at = data;
            let hole = file.next_hole(data);
            let left = hole.min(self.end.unwrap_or(u64::MAX)).saturating_sub(data);
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let read = file.read_at(data, buffer.get_mut(..room).unwrap_or_default())?;
            if read == 0 {
                return Ok(0);
            }
            self.at += read as u64;
            let mut count = read;
            if self.after_hole {
                let zeros = buffer.iter().take(count).take_while(|&&byte| byte == 0).count();
                buffer.copy_within(zeros..count, 0);
                count -= zeros;
                self.after_hole = count == 0;
            }
            if self.at == hole && file.size()? > hole {
                let text = buffer.get(..count).unwrap_or_default();
                count -= text.iter().rev().take_while(|&&byte| byte == 0).count();
            }
            if count > 0 {
                return Ok(count);
            }
        }
    }
}
