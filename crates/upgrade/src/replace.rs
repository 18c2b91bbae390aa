//! Does what a request asks: looks at the new file, tries it, and becomes it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use daemontools_core::resume::with_caller;
use daemontools_program::errno::reason;
use daemontools_program::exec::Prepared;
use daemontools_program::printable::printable;
use daemontools_program::stdio::read;
use daemontools_sys::fd::{open_private, set_inherited};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::memfd::sealed;
use crate::request::{Answer, Order, Request};
use crate::trial::{trial, with_handover};
use crate::trust::trusted;

/// A program that was looked at and tried, and everything that execve needs to become it.
pub struct Ready {
    program: CString,
    memfd: OwnedFd,
    arguments: Vec<CString>,
}

/// Does what is asked: `name` is this program, `state` the text with which its next file goes on, `descriptors` are those that
/// must stay open. Comes back where this process is to go on as if nothing had been asked.
pub fn replace(request: &Request, signals: &Signals, name: &str, state: &[u8], descriptors: &[BorrowedFd<'_>]) {
    if let Some(ready) = Ready::prepare(request, signals, name, state) {
        let _ = ready.become_program(request, descriptors);
    }
}

impl Ready {
    /// Looks at the new file and tries it. `None` where nothing is left to be done; then svupgrade has its answer.
    pub fn prepare(request: &Request, signals: &Signals, name: &str, state: &[u8]) -> Option<Ready> {
        match look(request, signals, name, state) {
            Err(reason) => request.answer(&Answer::Refused(reason)),
            Ok(_) if request.order == Order::Check => request.answer(&Answer::Able),
            Ok(ready) => return Some(ready),
        }
        None
    }

    /// Becomes the new program. Comes back with the reason why not; then svupgrade knows it, and everything is as it was.
    pub fn become_program(&self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Errno {
        request.answer(&Answer::Going);
        // The new program closes it when it goes on: svupgrade waits for that.
        let all: Vec<BorrowedFd<'_>> = descriptors.iter().copied().chain([request.as_fd()]).collect();
        let errno = self.execute(&self.program, &all);
        let path = printable(self.program.to_bytes());
        let words = [b"unable to run ", path.as_bytes(), b": ", reason(errno).as_bytes()].concat();
        request.answer(&Answer::Failed(words));
        errno
    }

    /// Becomes this very file again, with the same state, for a program that cannot go on as it is.
    pub fn become_itself(&self, descriptors: &[BorrowedFd<'_>]) -> Errno {
        self.execute(c"/proc/self/exe", descriptors)
    }

    fn execute(&self, program: &CStr, descriptors: &[BorrowedFd<'_>]) -> Errno {
        let all = || descriptors.iter().copied().chain([self.memfd.as_fd()]);
        let attempt = || -> nix::Result<Errno> {
            all().try_for_each(|fd| set_inherited(fd, true))?;
            let environment = with_handover(self.memfd.as_fd())?;
            let argv = self.arguments.iter().map(CString::as_c_str);
            Ok(Prepared::new(argv, &environment).attempt_at(program))
        };
        let errno = attempt().unwrap_or_else(|errno| errno);
        for fd in all() {
            // Fails for no open descriptor.
            let _ = set_inherited(fd, false);
        }
        errno
    }
}

fn look(request: &Request, signals: &Signals, name: &str, state: &[u8]) -> Result<Ready, Vec<u8>> {
    let program = trusted(&request.directory, name)?;
    let failed = |what: &[u8], errno: Errno| [b"unable to ", what, b": ", reason(errno).as_bytes()].concat();
    let state = with_caller(state, request.as_fd().as_raw_fd());
    let memfd = sealed(&state).map_err(|errno| failed(b"write the state", errno))?;
    let arguments = arguments().map_err(|errno| failed(b"read the arguments", errno))?;
    trial(&program, memfd.as_fd(), || signals.hand_over())?;
    Ok(Ready { program, memfd, arguments })
}

/// The whole command line, with the program's own name.
fn arguments() -> nix::Result<Vec<CString>> {
    let file = open_private(c"/proc/self/cmdline", OFlag::O_RDONLY, Mode::empty())?;
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match read(&file, &mut buffer)? {
            0 => break,
            count => text.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
    let words = text.split_inclusive(|&byte| byte == 0).map(|word| CStr::from_bytes_with_nul(word).map(CStr::to_owned));
    words.collect::<Result<_, _>>().map_err(|_| Errno::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_there_as_it_was() {
        let words = arguments().unwrap();
        assert!(words.first().unwrap().to_bytes().windows(7).any(|part| part == b"upgrade"));
    }
}
