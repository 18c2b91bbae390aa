//! The terminal while `--watch` draws on it: a second screen, so that the first one is back when svps ends or is stopped.

use std::os::fd::{AsFd, BorrowedFd};

use daemontools_cli::terminal_signals::{Request, TerminalSignals};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::print;
use daemontools_sys::fd::STDOUT;
use daemontools_sys::terminal;
use nix::sys::signal::Signal;
use nix::unistd::{getpgrp, tcgetpgrp};

/// Shows the second screen, without a cursor.
const ENTER: &[u8] = b"\x1b[?1049h\x1b[?25l";
/// Shows the first one again.
const LEAVE: &[u8] = b"\x1b[?25h\x1b[?1049l";

/// A terminal that is drawn on.
pub struct Screen {
    signals: TerminalSignals,
}

impl Screen {
    /// Takes the terminal.
    pub fn open() -> Result<Screen, Failure> {
        let screen = Screen { signals: TerminalSignals::handle().unable([b"handle signals"])? };
        screen.enter()?;
        Ok(screen)
    }

    /// Readable when a signal has come.
    pub fn signals(&self) -> BorrowedFd<'_> {
        self.signals.as_fd()
    }

    /// Does what the signals since the last time ask for; whether everything is to be drawn again.
    pub fn obey(&self) -> Result<bool, Failure> {
        let mut again = false;
        for request in self.signals.take() {
            again = true;
            let (Request::Stop(signal) | Request::End(signal)) = request else { continue };
            self.leave()?;
            self.signals.obey(signal).unable([b"obey a signal"])?;
            // Continued after a stop. (What ends a program does not come back.)
            self.enter()?;
        }
        Ok(again)
    }

    fn enter(&self) -> Result<(), Failure> {
        // Continued in the background: stopped once more, as a program that would write on somebody else's screen.
        if tcgetpgrp(STDOUT).is_ok_and(|foreground| foreground != getpgrp()) {
            self.signals.obey(Signal::SIGTTOU).unable([b"obey a signal"])?;
        }
        print(ENTER)
    }

    /// Gives the terminal back as it was.
    pub fn leave(&self) -> Result<(), Failure> {
        print(LEAVE)
    }

    /// Lines and columns.
    pub fn size() -> (usize, usize) {
        let (lines, columns) = terminal::size(STDOUT).unwrap_or((24, 80));
        (lines.into(), columns.into())
    }
}
