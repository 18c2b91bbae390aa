//! Services by their paths, with fewer system calls than a `ServiceDir` needs: for programs that look at hundreds of them once.
//! Where anything is not as usual the answer is `None`, and a `ServiceDir` finds out what it is.
//!
//! For root no link is followed but those in a directory that root alone may write, `/service` say. That directory is looked at
//! once, and where its links lead there must not be another (`finder`).

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use daemontools_core::control;
use daemontools_core::label::Label;
use daemontools_core::status::{self, Status};
use daemontools_program::file_kind::Kind;
use daemontools_sys::to_close::ToClose;
use daemontools_untrusted::Error;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};

use crate::details::extras;
use crate::finder::Finder;
use crate::report::{Condition, Normally, ServiceReport};
use crate::service_dir::{DOWN, OK, SendError, ServiceDir, write_commands};
use crate::supervise_file::{Access, FifoError, fifo, may_be_shown, read};

/// Opens services, one after the other.
#[derive(Debug, Default)]
pub struct Opener {
    finder: Finder,
    to_close: ToClose,
    /// Whether there were too few descriptors: then nothing stays open any more.
    is_frugal: bool,
    /// Whether there were in this look.
    lacks: bool,
}

impl Opener {
    /// The status of a service that is supervised, and what it does when its supervise starts.
    pub fn status(&mut self, path: &CStr) -> Option<(Status, Normally)> {
        self.look_twice(|opener| {
            // An `ok` that opens shows that the directory is there and may be searched.
            let ok = opener.open_first(path, OK)?;
            opener.done(fifo(ok.map_err(Error::from)).ok()?);
            let normally = opener.normally()?;
            Some((opener.read_status()?, normally))
        })
    }

    /// Whether a supervise runs.
    pub fn supervised(&mut self, path: &CStr) -> Option<bool> {
        self.look_twice(|opener| {
            let ok = opener.open_first(path, OK)?;
            opener.is_supervised(ok)
        })
    }

    /// What a look at a service finds, and at its logger if it has one.
    pub fn look(&mut self, path: &CStr, now: Label) -> Option<(ServiceReport, Option<Box<ServiceReport>>)> {
        self.look_twice(|opener| {
            let ok = opener.open_first(path, OK)?;
            let service = opener.report(ok, now)?;
            let log = match opener.enter_log()? {
                true => {
                    let ok = opener.open_file(OK, Access::Write);
                    Some(Box::new(opener.report(ok, now)?))
                }
                false => None,
            };
            Some((service, log))
        })
    }

    /// Sends commands to the supervise of a service, as `ServiceDir::send` does.
    pub fn send(&mut self, path: &CStr, commands: &[u8]) -> Option<Result<(), SendError>> {
        self.look_twice(|opener| {
            let control = opener.open_first(path, control::PATH)?;
            let control = fifo(control.map_err(Error::from)).ok()?;
            Some(write_commands(&control, commands))
        })
    }

    /// The directory of a service, as `ServiceDir::open` opens it.
    pub fn open(&mut self, path: &CStr) -> nix::Result<ServiceDir> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        // The dot asks for permission to search it.
        match self.finder.find(path, |finder| finder.open(c".", flags)) {
            Some(Ok(directory)) => Ok(ServiceDir::believed(directory)),
            Some(Err(_)) | None => ServiceDir::open(path),
        }
    }

    /// What `look` finds. If that is nothing, no descriptor that was kept is in the way of what is done instead. If one was missing,
    /// for what may be absent too, it looks again, and none is kept any more.
    fn look_twice<T>(&mut self, look: impl Fn(&mut Opener) -> Option<T>) -> Option<T> {
        self.lacks = false;
        let found = look(self);
        if found.is_some() && !self.lacks {
            return found;
        }
        self.to_close.close();
        self.finder.release(self.lacks);
        if !self.lacks || self.is_frugal {
            return found;
        }
        self.is_frugal = true;
        look(self)
    }

    /// Opens the first of the files of a service, which finds out where it is; `None` for an empty path.
    fn open_first(&mut self, path: &CStr, fifo: &CStr) -> Option<nix::Result<OwnedFd>> {
        let opened = self.finder.find(path, |finder| finder.open(fifo, Access::Write.flags()))?;
        Some(self.noticed(opened))
    }

    fn open_file(&mut self, file: &CStr, access: Access) -> nix::Result<OwnedFd> {
        let opened = self.finder.open(file, access.flags());
        self.noticed(opened)
    }

    fn noticed<T>(&mut self, result: nix::Result<T>) -> nix::Result<T> {
        self.lacks |= matches!(result, Err(Errno::EMFILE | Errno::ENFILE));
        result
    }

    /// A descriptor is not needed any more.
    fn done(&mut self, fd: OwnedFd) {
        if !self.is_frugal {
            self.to_close.push(fd);
        }
    }

    fn report(&mut self, ok: nix::Result<OwnedFd>, now: Label) -> Option<ServiceReport> {
        let is_supervised = self.is_supervised(ok)?;
        let normally = self.normally()?;
        if !is_supervised {
            return Some(ServiceReport::new(Condition::Unsupervised, normally));
        }
        let status = self.read_status()?;
        let extras = extras(&status, |path, bytes| self.read(path, bytes));
        Some(ServiceReport::supervised(status, normally, extras, now))
    }

    /// Whether the `ok` that was opened tells of a supervise.
    fn is_supervised(&mut self, ok: nix::Result<OwnedFd>) -> Option<bool> {
        match fifo(ok.map_err(Error::from)) {
            Ok(ok) => self.done(ok),
            Err(FifoError::NoReader) => return Some(false),
            Err(FifoError::NotFifo | FifoError::Errno(_)) => return None,
        }
        Some(true)
    }

    fn normally(&mut self) -> Option<Normally> {
        match self.finder.stat(DOWN, AtFlags::empty()) {
            Ok(_) => Some(Normally::Down),
            Err(Errno::ENOENT) => Some(Normally::Up),
            Err(_) => None,
        }
    }

    fn read_status(&mut self) -> Option<Status> {
        let file = self.open_file(status::PATH, Access::Read).ok()?;
        let mut bytes = [0; Status::SIZE];
        let is_whole = read(&file, &mut bytes).ok()?.len() == Status::SIZE;
        let found = (is_whole && may_be_shown(&file, &bytes)).then(|| Status::from_bytes(bytes));
        self.done(file);
        found
    }

    /// What fits into `bytes` of a file of the service.
    fn read<'a>(&mut self, path: &CStr, bytes: &'a mut [u8]) -> Result<&'a [u8], Error> {
        let file = self.open_file(path, Access::Read)?;
        let content = read(&file, bytes)?;
        self.done(file);
        Ok(content)
    }

    /// Goes on in the directory of the logger, if there is one.
    fn enter_log(&mut self) -> Option<bool> {
        let flags = if self.finder.is_wary() { AtFlags::AT_SYMLINK_NOFOLLOW } else { AtFlags::empty() };
        match self.finder.stat(c"log", flags).map(|found| Kind::of(&found)) {
            Ok(Kind::Directory) => self.finder.enter(b"log"),
            Err(Errno::ENOENT) => return Some(false),
            Ok(_) | Err(_) => return None,
        }
        Some(true)
    }
}
