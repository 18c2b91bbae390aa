//! Making a supervise: the child gets its end of the pipe, the limits and the mask that svscan was started with, and
//! nothing else of ours.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_sys::fd::open_private;
use daemontools_sys::process::{fork, leave};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, fchdir};

use crate::service::{Inode, Role};

/// The pipe from a service to its logger. svscan holds both ends, so that a restart of either side loses no byte.
#[derive(Debug)]
pub struct Pipe {
    /// The logger's standard input.
    pub reader: OwnedFd,
    /// The service's standard output.
    pub writer: OwnedFd,
}

/// A service that is to be started.
pub struct Place<'a> {
    /// The directory that was looked at.
    pub id: Inode,
    /// The name that it had in the scan directory.
    pub name: &'a CStr,
    /// The pipe to its logger, if it has one.
    pub pipe: Option<&'a Pipe>,
}

impl Place<'_> {
    /// The logger's supervise is started inside of the service directory, the service's own beside it. If the name leads
    /// elsewhere by now, neither is: a logger would read another service's pipe.
    fn enter(&self, role: Role) -> nix::Result<()> {
        let dir = open_private(self.name, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?;
        if Inode::of(&fstat(&dir)?) != self.id {
            return Err(Errno::ENOENT);
        }
        match role {
            Role::Main => Ok(()),
            Role::Log => fchdir(&dir),
        }
    }
}

/// What all starts have in common.
pub struct Starter {
    program: &'static Program,
    environment: Environment,
    /// The program `supervise` beside svscan's own file, for where PATH has none.
    beside: Option<CString>,
    /// The soft and hard limit of open files that svscan was started with.
    open_files: Option<(rlim_t, rlim_t)>,
}

impl Starter {
    /// Prepares, and raises the soft limit of open files for svscan alone: each logged service takes two.
    pub fn new(program: &'static Program) -> Starter {
        let open_files = getrlimit(Resource::RLIMIT_NOFILE).ok();
        if let Some((_, hard)) = open_files {
            // If it is not to be had, the limit is what it was; a pipe that cannot be made is told.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
        Starter { program, environment: Environment::inherited(), beside: beside_ourselves(), open_files }
    }

    /// Starts the supervise of a service or of its logger.
    pub fn start(&self, signals: &Signals, place: &Place<'_>, role: Role) -> Result<Pid, Failure> {
        match fork().unable([b"fork for ", place.name.to_bytes(), suffix(role)])? {
            Some(pid) => Ok(pid),
            None => leave(self.become_supervise(signals, place, role).tell(self.program).0),
        }
    }

    /// In the child. Comes back only with what went wrong.
    fn become_supervise(&self, signals: &Signals, place: &Place<'_>, role: Role) -> Failure {
        let argument = match role {
            Role::Main => as_argument(place.name),
            Role::Log => c"log",
        };
        if let Err(failure) = self.set_up(signals, place, role) {
            return failure;
        }
        let errno = match Prepared::new([c"supervise", argument], &self.environment).attempt() {
            Errno::ENOENT => self.attempt_beside(argument),
            errno => errno,
        };
        Failure::because([b"unable to start supervise ", place.name.to_bytes(), suffix(role)], errno)
    }

    fn set_up(&self, signals: &Signals, place: &Place<'_>, role: Role) -> Result<(), Failure> {
        let stream = match (role, place.pipe) {
            (Role::Main, Some(pipe)) => dup2_stdout(&pipe.writer),
            (Role::Log, Some(pipe)) => dup2_stdin(&pipe.reader),
            (Role::Main | Role::Log, None) => Ok(()),
        };
        let name = place.name.to_bytes();
        stream.unable([b"set up descriptors for ", name, suffix(role)])?;
        place.enter(role).unable([b"switch to ", name])?;
        // From here on nothing can be opened: we may hold more than that already.
        let restore = match self.open_files {
            Some((soft, hard)) => setrlimit(Resource::RLIMIT_NOFILE, soft, hard),
            None => Ok(()),
        };
        restore.and(signals.hand_over()).unable([b"set up descriptors for ", name, suffix(role)])
    }

    fn attempt_beside(&self, argument: &CStr) -> Errno {
        let Some(path) = &self.beside else { return Errno::ENOENT };
        Prepared::new([c"supervise", argument], &self.environment).attempt_at(path)
    }
}

/// The name of a service as supervise's only argument, where it must not be taken for a question.
fn as_argument(name: &CStr) -> &CStr {
    match name.to_bytes() {
        b"--help" => c"./--help",
        b"--version" => c"./--version",
        _ => name,
    }
}

/// How messages tell the logger's supervise from the service's.
fn suffix(role: Role) -> &'static [u8] {
    match role {
        Role::Main => b"",
        Role::Log => b"/log",
    }
}

/// `supervise` in the directory that svscan itself was run from.
fn beside_ourselves() -> Option<CString> {
    let ourselves = readlink(c"/proc/self/exe").ok()?;
    let dir = std::path::Path::new(&ourselves).parent()?;
    CString::new(dir.join("supervise").as_os_str().as_bytes()).ok()
}
