//! Starting a supervise. It gets its end of the pipe, and the limits and the signal mask that svscan was started with.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_program::limits::{OpenFiles, raise_open_files};
use daemontools_service::part::Part;
use daemontools_sys::fd::open_private;
use daemontools_sys::process::{fork, leave};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, fchdir};

use crate::supervised::Inode;

/// The pipe from a service to its logger. svscan holds both ends open, so that no byte is lost when either side is
/// restarted.
#[derive(Debug)]
pub struct Pipe {
    /// Becomes the standard input of the logger.
    pub reader: OwnedFd,
    /// Becomes the standard output of the service.
    pub writer: OwnedFd,
}

/// What a start needs to know of a service.
pub struct StartSpec<'a> {
    /// Its directory.
    pub id: Inode,
    /// The name in the scan directory that led there.
    pub name: &'a CStr,
    /// The pipe to its logger, if it has one.
    pub pipe: Option<&'a Pipe>,
}

impl StartSpec<'_> {
    /// Goes to the directory that supervise is run in: the scan directory for a service, the service directory for its
    /// logger. Fails if the name leads elsewhere by now: a logger would read the pipe of another service.
    fn enter(&self, part: Part) -> nix::Result<()> {
        let dir = open_private(self.name, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        if Inode::of(&fstat(&dir)?) != self.id {
            return Err(Errno::ENOENT);
        }
        match part {
            Part::Service => Ok(()),
            Part::Log => fchdir(&dir),
        }
    }
}

/// What all starts need.
pub struct Starter {
    program: &'static Program,
    environment: Environment,
    /// `supervise` in the directory of svscan's own file, for a PATH that has none.
    beside: Option<CString>,
    /// The limit of open files that svscan was started with.
    open_files: Option<OpenFiles>,
}

impl Starter {
    /// Prepares, and raises the soft limit of open files for svscan alone: each logged service takes two descriptors.
    pub fn new(program: &'static Program) -> Starter {
        let (environment, open_files) = (Environment::inherited(), raise_open_files());
        Starter { program, environment, beside: beside_ourselves(), open_files }
    }

    /// Starts the supervise of a service or of its logger.
    pub fn start(&self, signals: &Signals, spec: &StartSpec<'_>, part: Part) -> Result<Pid, Failure> {
        match fork().unable([b"fork for ", spec.name.to_bytes(), part.path_suffix().as_bytes()])? {
            Some(pid) => Ok(pid),
            None => leave(self.become_supervise(signals, spec, part).tell(self.program).0),
        }
    }

    /// Runs in the child. Returns only if something went wrong.
    fn become_supervise(&self, signals: &Signals, spec: &StartSpec<'_>, part: Part) -> Failure {
        let argument = match part {
            Part::Service => as_argument(spec.name),
            Part::Log => c"log",
        };
        if let Err(failure) = self.set_up(signals, spec, part) {
            return failure;
        }
        let errno = match Prepared::new([c"supervise", argument], &self.environment).attempt() {
            Errno::ENOENT => self.attempt_beside(argument),
            errno => errno,
        };
        Failure::because([b"unable to start supervise ", spec.name.to_bytes(), part.path_suffix().as_bytes()], errno)
    }

    fn set_up(&self, signals: &Signals, spec: &StartSpec<'_>, part: Part) -> Result<(), Failure> {
        let stream = match (part, spec.pipe) {
            (Part::Service, Some(pipe)) => dup2_stdout(&pipe.writer),
            (Part::Log, Some(pipe)) => dup2_stdin(&pipe.reader),
            (Part::Service | Part::Log, None) => Ok(()),
        };
        let name = spec.name.to_bytes();
        stream.unable([b"set up descriptors for ", name, part.path_suffix().as_bytes()])?;
        spec.enter(part).unable([b"switch to ", name])?;
        // From here on nothing can be opened: more descriptors may be open already.
        let restore = self.open_files.map_or(Ok(()), OpenFiles::restore);
        restore.and(signals.hand_over()).unable([b"set up descriptors for ", name, part.path_suffix().as_bytes()])
    }

    fn attempt_beside(&self, argument: &CStr) -> Errno {
        let Some(path) = &self.beside else { return Errno::ENOENT };
        Prepared::new([c"supervise", argument], &self.environment).attempt_at(path)
    }
}

/// The name of a service as the only argument of supervise, which must not take it for an option.
fn as_argument(name: &CStr) -> &CStr {
    match name.to_bytes() {
        b"--help" => c"./--help",
        b"--version" => c"./--version",
        _ => name,
    }
}

/// `supervise` in the directory of the file that svscan was run from.
fn beside_ourselves() -> Option<CString> {
    let ourselves = readlink(c"/proc/self/exe").ok()?;
    let dir = std::path::Path::new(&ourselves).parent()?;
    CString::new(dir.join("supervise").as_os_str().as_bytes()).ok()
}
