//! Signals of a program at a terminal: a resized window, ^C, ^\, TERM, HUP, and ^Z with the later CONT.
//!
//! The handlers only set a flag and write a byte into a pipe, so that the program wakes up and finds out which signal it
//! was when it can act on it. To end or to stop, it leaves the terminal as it found it first and then lets the signal do
//! what it does by default: the process that waits for the program sees that signal.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daemontools_program::stdio;
use daemontools_sys::fd::{duplicate_private, pipe_private};
use daemontools_sys::signal::{is_ignored, raise_default};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;
use signal_hook::flag;
use signal_hook::low_level::pipe;

/// Those that end a program.
const ENDING: [Signal; 4] = [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM];

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// The window may have another size, or the program was continued: draw everything again.
    Redraw,
    /// Stop, as ^Z asks: leave the terminal, then call `obey`; after that, draw again.
    Stop(Signal),
    /// End: leave the terminal, then call `obey`.
    End(Signal),
}

/// The signals that have come.
pub struct TerminalSignals {
    woken: OwnedFd,
    flags: Vec<(Signal, Arc<AtomicBool>)>,
}

impl TerminalSignals {
    /// Handles the signals from now on. Those that were ignored when the program was started stay so.
    pub fn handle() -> nix::Result<TerminalSignals> {
        let (woken, wake) = pipe_private()?;
        for fd in [&woken, &wake] {
            fcntl(fd, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        }
        let mut flags = Vec::new();
        for signal in ENDING.into_iter().chain([Signal::SIGTSTP, Signal::SIGCONT, Signal::SIGWINCH]) {
            if is_ignored(signal)? {
                continue;
            }
            let flag = Arc::new(AtomicBool::new(false));
            let number = signal as i32;
            // The flag first: the byte is not to be seen before it.
            flag::register(number, Arc::clone(&flag)).map_err(errno)?;
            pipe::register(number, duplicate_private(wake.as_fd())?).map_err(errno)?;
            flags.push((signal, flag));
        }
        Ok(TerminalSignals { woken, flags })
    }

    /// What the signals since the last time ask for; what ends the program comes first.
    pub fn take(&self) -> Vec<Request> {
        let mut bytes = [0; 64];
        while matches!(stdio::read(&self.woken, &mut bytes), Ok(count) if count > 0) {}
        let come = self.flags.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst));
        come.map(|&(signal, _)| match signal {
            Signal::SIGTSTP => Request::Stop(signal),
            Signal::SIGCONT | Signal::SIGWINCH => Request::Redraw,
            ending => Request::End(ending),
        })
        .collect()
    }

    /// Lets a signal do what it does without a handler: end the program, or stop it until it is continued.
    pub fn obey(&self, signal: Signal) -> nix::Result<()> {
        raise_default(signal)
    }
}

impl AsFd for TerminalSignals {
    /// Readable when a signal has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
}
