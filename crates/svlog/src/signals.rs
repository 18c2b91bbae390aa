//! The signals that end a follower: caught, so that the last line is whole, and then given their effect.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd};

use daemontools_cli::terminal_signals::{Request, TerminalSignals};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Unable};
use nix::sys::signal::Signal;

/// The signals that have come.
pub struct Signals {
    signals: TerminalSignals,
    /// The one that is to end the program.
    caught: Cell<Option<Signal>>,
}

impl Signals {
    /// From now on a signal does not end the program, but is there to be seen.
    pub fn catch() -> Result<Signals, Failure> {
        let signals = TerminalSignals::handle().unable([b"catch signals"])?;
        Ok(Signals { signals, caught: Cell::new(None) })
    }

    /// The signal that is to end the program, if one has come. One that is to stop it does so here.
    pub fn caught(&self) -> Option<Signal> {
        for request in self.signals.take() {
            match request {
                Request::Redraw => {}
                // What cannot stop goes on.
                Request::Stop(signal) => drop(self.signals.obey(signal)),
                Request::End(signal) => self.caught.set(Some(signal)),
            }
        }
        self.caught.get()
    }

    /// Ends the program as the signal would have. The exit code is for where it does not.
    pub fn end(&self, signal: Signal) -> Exit {
        let _ = self.signals.obey(signal);
        Exit(u8::try_from(signal as i32).map_or(Exit::TROUBLE.0, |signal| signal.saturating_add(128)))
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }
}
