//! Starting a supervise. It gets its end of the pipe, and the limits and the signal mask that svscan was started with.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;

use daemontools_program::directory;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_program::limits::{OpenFiles, raise_open_files};
use daemontools_service::part::Part;
use daemontools_sys::fd::{can_unshare, duplicate_private_from, open_private, unshare_above};
use daemontools_sys::process::{ChildStack, fork, leave, spawn_sharing};
use daemontools_sys::signal::Signals;
use nix::dir::Entry;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, dup3, fchdir};

use crate::signals::WatchedSignals;
use crate::supervised::Inode;

/// With a smaller limit of open files svscan spends none on its own comfort.
const FEW_FILES: u64 = 64;

/// The pipe from a service to its logger. svscan holds both ends open, so that no byte is lost when either side is
/// restarted.
#[derive(Debug)]
pub struct Pipe {
    /// Becomes the standard input of the logger.
    pub reader: OwnedFd,
    /// Becomes the standard output of the service; `None` once the ordered stop has closed it.
    pub writer: Option<OwnedFd>,
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
    /// What a part reads from or writes to the pipe with, if there is one.
    fn end_of_pipe(&self, part: Part) -> Option<BorrowedFd<'_>> {
        let pipe = self.pipe?;
        match part {
            Part::Service => pipe.writer.as_ref().map(AsFd::as_fd),
            Part::Log => Some(pipe.reader.as_fd()),
        }
    }

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
    /// `None`: this system cannot make such children.
    sharing: Option<Sharing>,
}

/// What a child needs that shares our memory and descriptors at first.
struct Sharing {
    /// The last descriptor that the child gets, above all that svscan was started with and below almost all that it opened
    /// later.
    last: OwnedFd,
    stack: ChildStack,
}

impl Starter {
    /// Prepares, and raises the soft limit of open files for svscan alone: each logged service takes two descriptors.
    pub fn new(program: &'static Program, signals: &Signals) -> Starter {
        let (environment, open_files) = (Environment::inherited(), raise_open_files());
        let has_few = open_files.is_some_and(|limits| limits.are_fewer_than(FEW_FILES));
        let last = if has_few || !can_unshare() { None } else { above_all(signals.as_fd()) };
        let sharing = last.map(|last| Sharing { last, stack: ChildStack::new() });
        Starter { program, environment, beside: beside_ourselves(), open_files, sharing }
    }

    /// The same, where an earlier file of this program has prepared it: with the limits and the last descriptor of that one.
    pub fn resume(
        program: &'static Program,
        signals: &Signals,
        open_files: Option<OpenFiles>,
        last: Option<OwnedFd>,
    ) -> Starter {
        let prepared = Starter::new(program, signals);
        let sharing = match (prepared.sharing, last) {
            (Some(sharing), Some(last)) => Some(Sharing { last, ..sharing }),
            (sharing, _) => sharing,
        };
        Starter { open_files: open_files.or(prepared.open_files), sharing, ..prepared }
    }

    /// The limits of open files that a supervise gets.
    pub fn open_files(&self) -> Option<OpenFiles> {
        self.open_files
    }

    /// The last descriptor that a supervise gets.
    pub fn last(&self) -> Option<BorrowedFd<'_>> {
        self.sharing.as_ref().map(|sharing| sharing.last.as_fd())
    }

    /// Whether so few files can be open that each descriptor is to serve a logger.
    pub fn has_few_files(&self) -> bool {
        self.open_files.is_some_and(|limits| limits.are_fewer_than(FEW_FILES))
    }

    /// Starts the supervise of a part of a service. What this takes does not depend on how many services there are.
    pub fn start(&mut self, signals: &WatchedSignals, spec: &StartSpec<'_>, part: Part) -> Result<Pid, Failure> {
        let started = match self.sharing.take() {
            Some(mut sharing) => {
                let started = self.start_sharing(signals, spec, part, &mut sharing);
                // A copy of the pipe would keep its reader from the end of its input.
                let _ = signals.queue().and_then(|queue| dup3(&*queue, &mut sharing.last, OFlag::O_CLOEXEC));
                match started {
                    // qemu-user, which runs programs for other machines, makes no such children.
                    Err(Errno::EINVAL) => self.start_copying(signals, spec, part),
                    started => {
                        self.sharing = Some(sharing);
                        started
                    }
                }
            }
            None => self.start_copying(signals, spec, part),
        };
        started.unable([b"fork for ", spec.name.to_bytes(), part.path_suffix().as_bytes()])
    }

    /// Starts the child with a short table of descriptors, whose last one is its end of the pipe.
    fn start_sharing(
        &self,
        signals: &WatchedSignals,
        spec: &StartSpec<'_>,
        part: Part,
        Sharing { last, stack }: &mut Sharing,
    ) -> nix::Result<Pid> {
        if let Some(end) = spec.end_of_pipe(part) {
            dup3(end, last, OFlag::O_CLOEXEC)?;
        }
        let last = last.as_fd();
        let program = self.supervise(spec, part);
        spawn_sharing(stack, || {
            let unshared = unshare_above(last).unable([b"set up descriptors for ", spec.name.to_bytes()]);
            let end = spec.end_of_pipe(part).map(|_| last);
            unshared
                .err()
                .unwrap_or_else(|| self.become_supervise(signals, spec, part, end, &program))
                .tell(self.program)
                .0
        })
    }

    /// Starts the child with copies of all descriptors.
    fn start_copying(&self, signals: &WatchedSignals, spec: &StartSpec<'_>, part: Part) -> nix::Result<Pid> {
        let program = self.supervise(spec, part);
        match fork()? {
            Some(pid) => Ok(pid),
            None => {
                let end = spec.end_of_pipe(part);
                leave(self.become_supervise(signals, spec, part, end, &program).tell(self.program).0)
            }
        }
    }

    /// Runs in the child. Returns only if something went wrong.
    fn become_supervise(
        &self,
        signals: &WatchedSignals,
        spec: &StartSpec<'_>,
        part: Part,
        end_of_pipe: Option<BorrowedFd<'_>>,
        program: &Prepared<'_>,
    ) -> Failure {
        if let Err(failure) = self.set_up(signals, spec, part, end_of_pipe) {
            return failure;
        }
        let errno = match (program.attempt(), &self.beside) {
            (Errno::ENOENT, Some(path)) => program.attempt_at(path),
            (errno, _) => errno,
        };
        let words = [b"unable to start supervise ", spec.name.to_bytes(), part.path_suffix().as_bytes()];
        Failure::because(words, errno)
    }

    fn set_up(
        &self,
        signals: &WatchedSignals,
        spec: &StartSpec<'_>,
        part: Part,
        end_of_pipe: Option<BorrowedFd<'_>>,
    ) -> Result<(), Failure> {
        let stream = match (part, end_of_pipe) {
            (Part::Service, Some(writer)) => dup2_stdout(writer),
            (Part::Log, Some(reader)) => dup2_stdin(reader),
            (Part::Service | Part::Log, None) => Ok(()),
        };
        let (name, suffix) = (spec.name.to_bytes(), part.path_suffix().as_bytes());
        stream.unable([b"set up descriptors for ", name, suffix])?;
        spec.enter(part).unable([b"switch to ", name])?;
        // From here on nothing can be opened: more descriptors may be open already.
        let restore = self.open_files.map_or(Ok(()), OpenFiles::restore);
        restore.and(signals.hand_over()).unable([b"set up descriptors for ", name, suffix])
    }

    fn supervise<'a>(&'a self, spec: &StartSpec<'a>, part: Part) -> Prepared<'a> {
        let argument = match part {
            Part::Service => as_argument(spec.name),
            Part::Log => c"log",
        };
        Prepared::new([c"supervise", argument], &self.environment)
    }
}

/// A copy of `fd` whose number is higher than those of all descriptors that are open now.
fn above_all(fd: BorrowedFd<'_>) -> Option<OwnedFd> {
    let number = |entry: Entry| entry.file_name().to_str().ok()?.parse::<RawFd>().ok();
    let highest = directory::open(c"/proc/self/fd").ok()?.iter().flatten().filter_map(number).max()?;
    duplicate_private_from(fd, highest).ok()
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
