//! What has the name of a file of the log and is something else: a directory, a link, a FIFO, a socket, a device. It gets
//! another name, with a warning, so that the log goes on and nothing of somebody else's is removed. In a rotation that
//! happens when a step is repeated, after the warning that 0.76 gives.

use std::ffi::CStr;

use daemontools_program::clock::time_of_day;
use daemontools_program::failure::Failure;
use daemontools_program::file_kind::Kind;
use daemontools_program::stdio::uninterrupted;
use nix::errno::Errno;
use nix::fcntl::renameat;
use nix::sys::stat::FileStat;

use super::{Cyclog, pausing};
use crate::PROGRAM;
use crate::rotation::Step;

impl Cyclog {
    /// Renames those of these files that are no files.
    pub(super) fn set_aside_others(&self, files: &[&CStr]) -> Result<(), Failure> {
        files.iter().try_for_each(|file| self.set_aside_other(file))
    }

    /// Renames `file` to `FILE.@STAMP` if it is there and no file.
    fn set_aside_other(&self, file: &CStr) -> Result<(), Failure> {
        let stat = self.find(file).map_err(|errno| pausing([b"stat ", self.name(), b"/", file.to_bytes()], errno))?;
        stat.map_or(Ok(None), |stat| self.only_file(file, stat)).map(drop)
    }

    /// What was found under a name, if it is a file. If not, it is renamed to `FILE.@STAMP`.
    pub(super) fn only_file(&self, file: &CStr, found: FileStat) -> Result<Option<FileStat>, Failure> {
        let what: &[u8] = match Kind::of(&found) {
            Kind::File => return Ok(Some(found)),
            Kind::Directory => b"a directory",
            Kind::Link => b"a symbolic link",
            Kind::Fifo => b"a FIFO",
            Kind::Special => b"a device or a socket",
        };
        let path = [self.name(), b"/", file.to_bytes()].concat();
        let name = [file.to_bytes(), b".", &time_of_day().to_text()].concat();
        uninterrupted(|| renameat(&self.dir, file, &self.dir, name.as_slice()))
            .map_err(|errno| pausing([b"rename ", &path], errno))?;
        PROGRAM.warn([&path, b" is ", what, b", renamed to ", &name]);
        Ok(None)
    }

    /// A step that renames a file to a name under which a directory may be.
    pub(super) fn rename_over(&mut self, step: Step, from: &CStr, to: &CStr) -> Result<(), Failure> {
        let rename = |log: &mut Cyclog| renameat(&log.dir, from, &log.dir, to);
        match uninterrupted(|| rename(self)) {
            Err(Errno::EISDIR) if self.failed => {
                self.set_aside_others(&[to])?;
                self.simply(step, rename)
            }
            result => result.map_err(|errno| self.failure(step, errno)),
        }
    }
}
