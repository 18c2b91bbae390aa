//! The processor: a shell command that each full file of a log goes through. It runs beside the event loop.
//!
//! Its directory is that of the log. Descriptor 0 reads `previous`, 1 writes `processed`, 4 reads `state`, 5 writes
//! `newstate`. Descriptor 2 and everything else is as multilog itself was started.

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, RawFd};

use daemontools_program::entry::Exit;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::Failure;
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::{open_inherited, place_inherited};
use daemontools_sys::process::{Ending, fork, leave};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, fchdir};

use crate::PROGRAM;
use crate::cyclog::{Cyclog, pausing};

/// Starts the processor.
pub fn start(command: &CStr, log: &Cyclog, signals: &Signals) -> Result<Pid, Failure> {
    match uninterrupted(fork) {
        Ok(Some(child)) => Ok(child),
        Ok(None) => {
            let errno = become_it(command, log, signals);
            Failure::because([b"unable to run ", command.to_bytes()], errno).tell(&PROGRAM);
            leave(Exit::TROUBLE.0);
        }
        Err(errno) => Err(pausing([b"fork for processor in ", log.name()], errno)),
    }
}

/// What it means for the log of this name that its processor ended so.
pub fn judge(log: &[u8], ending: Ending) -> Result<(), Failure> {
    match ending {
        Ending::Code(0) => Ok(()),
        Ending::Code(_) => Err(Failure::fatal([b"processor failed in ", log, b", pausing"])),
        Ending::Signal(_) => Err(Failure::fatal([b"processor crashed in ", log, b", pausing"])),
    }
}

/// In the child: becomes the processor, or says why not.
fn become_it(command: &CStr, log: &Cyclog, signals: &Signals) -> Errno {
    let prepared = || {
        signals.hand_over()?;
        fchdir(log.dir())?;
        // From here on our own descriptors may be overwritten, and none of them is used.
        let write = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC;
        place(c"previous", OFlag::O_RDONLY, log.open(), 0)?;
        place(c"processed", write, log.open(), 1)?;
        place(c"state", OFlag::O_RDONLY, log.open(), 4)?;
        place(c"newstate", write, log.open(), 5)
    };
    match prepared() {
        Ok(()) => Prepared::new([c"sh", c"-c", command], &Environment::inherited()).attempt_at(c"/bin/sh"),
        Err(errno) => errno,
    }
}

/// Opens a file of the log at a number.
fn place(file: &CStr, flags: OFlag, mode: Mode, number: RawFd) -> nix::Result<()> {
    let opened = open_inherited(file, flags | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW, mode)?;
    place_inherited(opened.as_fd(), number)?;
    if opened.as_raw_fd() == number {
        let _ = opened.into_raw_fd();
    }
    Ok(())
}
