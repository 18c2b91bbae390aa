//! The files of a log as they are read: which are still to come, where in one to begin and to end, and its bytes.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use daemontools_core::label::Label;
use daemontools_program::errno::reason;
use daemontools_sys::fd::duplicate_private;
use nix::errno::Errno;

use crate::bisect::{Boundary, ReadAt, boundary};
use crate::directory::{Entry, Kind, open};
use crate::file::Plain;
use crate::range::Range;
use crate::stamp::Stamp;

/// A range of time, as stamps.
#[derive(Clone, Copy)]
pub(crate) struct Edges {
    pub(crate) since: Option<Stamp>,
    pub(crate) until: Option<Stamp>,
}

/// A file that is still to be read.
pub(crate) struct Piece {
    pub(crate) entry: Entry,
    /// Open already, if it may get another name.
    pub(crate) fd: Option<OwnedFd>,
    /// Where to begin, if not where the range begins.
    pub(crate) start: Option<u64>,
}

/// The file that is being read.
pub(crate) struct Reading {
    pub(crate) plain: Plain,
    pub(crate) entry: Entry,
    input: Input,
}

/// Where its bytes come from.
enum Input {
    /// The file itself: where it goes on, and where it ends, if not at its end.
    Plain(u64, Option<u64>),
    /// What was packed in it.
    Packed(Box<dyn Read>),
}

impl Edges {
    pub(crate) fn of(range: &Range) -> Edges {
        Edges { since: range.since.map(Label::to_text), until: range.until.map(Label::to_text) }
    }

    /// Whether every time is in it.
    pub(crate) fn is_everything(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether a line with this stamp is in it.
    pub(crate) fn has(&self, stamp: &Stamp) -> bool {
        self.since.is_none_or(|since| *stamp >= since) && !self.is_before(stamp)
    }

    /// Whether it ends before this stamp.
    pub(crate) fn is_before(&self, stamp: &Stamp) -> bool {
        self.until.is_some_and(|until| *stamp > until)
    }

    /// Where it begins in a file, and where it ends, if not with the file.
    pub(crate) fn within(&self, plain: &Plain) -> nix::Result<(u64, Option<u64>)> {
        let size = plain.size()?;
        let find = |before: &dyn Fn(&Stamp) -> bool| match boundary(plain, size, before)? {
            // The name of the file says that it may reach into the range, and nothing says more.
            Boundary::Unstamped => Ok(None),
            Boundary::At(at) => nix::Result::Ok(Some(at)),
        };
        let start = self.since.map(|since| find(&|stamp| *stamp < since)).transpose()?.flatten();
        let end = self.until.map(|until| find(&|stamp| *stamp <= until)).transpose()?.flatten();
        Ok((start.unwrap_or(0), end))
    }
}

impl Piece {
    /// Opens it for reading; it is in the directory `dir`.
    pub(crate) fn open(&self, dir: &Path) -> nix::Result<Plain> {
        match &self.fd {
            Some(fd) => duplicate_private(fd.as_fd()).map(Plain),
            None => open(&dir.join(&self.entry.name)).map(Plain),
        }
    }
}

impl Reading {
    /// Begins with a file in the directory `dir`, where the range does.
    pub(crate) fn begin(piece: &Piece, dir: &Path, edges: &Edges) -> nix::Result<Reading> {
        let plain = piece.open(dir)?;
        let packing = if piece.entry.kind == Kind::Current { None } else { plain.packing()? };
        let input = match packing {
            Some(packing) => {
                let input = plain.unpack(packing);
                Input::Packed(input.map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?)
            }
            None => {
                let (start, end) = edges.within(&plain)?;
                Input::Plain(piece.start.unwrap_or(start), end)
            }
        };
        Ok(Reading { plain, entry: piece.entry.clone(), input })
    }

    /// Whether its bytes were packed, so that the end of a range in it was not looked for.
    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.input, Input::Packed(_))
    }

    /// Reads on; 0 at the end, for now; or why not.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        match &mut self.input {
            Input::Plain(at, end) => {
                let left = end.map_or(u64::MAX, |end| end.saturating_sub(*at));
                let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let room = buffer.get_mut(..room).unwrap_or_default();
                let count = self.plain.read_at(*at, room).map_err(|errno| reason(errno).to_owned())?;
                if count == 0 && end.is_none() && self.entry.kind == Kind::Current {
                    // Somebody has emptied it: what comes now is new.
                    let size = self.plain.size().unwrap_or(*at);
                    if size < *at {
                        *at = 0;
                    }
                }
                *at += count as u64;
                Ok(count)
            }
            Input::Packed(input) => loop {
                match input.read(buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    result => return result.map_err(|error| error.to_string()),
                }
            },
        }
    }
}
