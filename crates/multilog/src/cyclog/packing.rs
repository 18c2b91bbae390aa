//! Packing in a log directory, `:compress`: which finished file is next, and how the packed one takes its place.
//!
//! A child makes the file `packed`. It has read that again and brought it to disk when it ends well; then it becomes
//! `@….s.zst`, and `@….s` is removed. As long as `@….s` is there it counts, so that whatever was made until a kill is made
//! again.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use daemontools_program::failure::Failure;
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::open_private_at;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, futimens};
use nix::sys::time::TimeSpec;

use super::{Cyclog, OWN, pausing, set_group, set_mode};
use crate::PROGRAM;
use crate::archive::is_unpacked;
use crate::settings::Compress;

/// What the child writes.
const PACKED: &CStr = c"packed";

/// A file that is being packed.
pub struct Job {
    name: CString,
    /// How it is packed.
    pub compress: Compress,
    /// What is packed.
    pub from: OwnedFd,
    /// What comes out.
    pub to: OwnedFd,
}

/// What a file turned out to be.
enum Candidate {
    /// One to be packed.
    Plain(OwnedFd),
    /// Packed already, by a processor, or no file.
    Other,
}

impl Cyclog {
    /// Whether there may be files to be packed.
    pub fn has_unpacked(&self) -> bool {
        self.unpacked
    }

    /// The oldest file that is to be packed, and a new file for what comes out; `None` if there is none.
    pub fn next_job(&mut self) -> Result<Option<Job>, Failure> {
        let Some(compress) = self.plan.settings.compress else { return Ok(None) };
        while let Some(name) = self.oldest_unpacked()? {
            match self.candidate(&name) {
                Ok(Candidate::Plain(from)) => {
                    return self.make_packed().map(|to| Some(Job { name, compress, from, to }));
                }
                Ok(Candidate::Other) => self.packed_up_to = name,
                // The limits have removed it.
                Err(Errno::ENOENT) => {}
                Err(errno @ (Errno::EACCES | Errno::EPERM)) => {
                    PROGRAM.warn_because([b"unable to read ", self.name(), b"/", name.to_bytes()], errno);
                    self.packed_up_to = name;
                }
                Err(errno) => return Err(pausing([b"read ", self.name(), b"/", name.to_bytes()], errno)),
            }
        }
        self.unpacked = false;
        Ok(None)
    }

    /// The name of the oldest file that has not been packed and not been looked at.
    fn oldest_unpacked(&self) -> Result<Option<CString>, Failure> {
        let oldest = || {
            let here = open_private_at(&self.dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
            let mut oldest: Option<CString> = None;
            for entry in Dir::from_fd(here)?.iter() {
                let entry = entry?;
                let name = entry.file_name();
                let is_older = oldest.as_deref().is_none_or(|oldest| name < oldest);
                if is_unpacked(name.to_bytes()) && is_older && name > self.packed_up_to.as_c_str() {
                    oldest = Some(name.to_owned());
                }
            }
            Ok(oldest)
        };
        uninterrupted(oldest).map_err(|errno| pausing([b"read ", self.name()], errno))
    }

    fn candidate(&self, name: &CStr) -> nix::Result<Candidate> {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        let file = match uninterrupted(|| open_private_at(&self.dir, name, flags, Mode::empty())) {
            Err(Errno::ELOOP | Errno::ENXIO) => return Ok(Candidate::Other),
            result => result?,
        };
        if !is_regular(&fstat(&file)?) {
            return Ok(Candidate::Other);
        }
        let (file, mut magic) = (File::from(file), [0; 4]);
        let is_packed = file.read_exact_at(&mut magic, 0).is_ok()
            && matches!(magic, [0x1f, 0x8b, 8, _] | [0x28, 0xb5, 0x2f, 0xfd] | [0xfd, b'7', b'z', b'X']);
        Ok(if is_packed { Candidate::Other } else { Candidate::Plain(OwnedFd::from(file)) })
    }

    /// Makes a new file `packed`. (A child of a multilog that was killed may still write to an old one.)
    fn make_packed(&self) -> Result<OwnedFd, Failure> {
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW;
        uninterrupted(|| self.remove(PACKED).and_then(|()| open_private_at(&self.dir, PACKED, flags, OWN)))
            .map_err(|errno| pausing([b"create ", self.name(), b"/packed"], errno))
    }

    /// Puts a packed file in the place of what it was made of, with its time and its mode.
    pub fn finish_job(&self, job: &Job) -> Result<(), Failure> {
        let name = job.name.to_bytes();
        let packed = [name, job.compress.suffix()].concat();
        let put = || {
            // If the limits have removed it, it stays removed.
            let Some(stat) = self.find(&job.name)? else { return self.remove(PACKED) };
            set_group(Some(&job.to), self.plan.settings.group)?;
            set_mode(Some(&job.to), Mode::from_bits_truncate(stat.st_mode & 0o777))?;
            futimens(&job.to, &TimeSpec::new(stat.st_atime, 0), &TimeSpec::new(stat.st_mtime, stat.st_mtime_nsec))?;
            renameat(&self.dir, PACKED, &self.dir, packed.as_slice())?;
            self.remove(&job.name)
        };
        uninterrupted(put).map_err(|errno| pausing([b"replace ", self.name(), b"/", name], errno))
    }

    /// Removes what a child has made so far.
    pub fn abandon_job(&self) {
        let _ = self.remove(PACKED);
    }
}

fn is_regular(stat: &FileStat) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG
}
