//! Does what a request asks: looks at the new file, tries it, and becomes it.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd};

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

/// What a program goes on with under its next file.
pub struct Replacement<'a> {
    /// Its name.
    pub name: &'a str,
    /// The text of its state.
    pub state: &'a [u8],
    /// The descriptors that must stay open.
    pub descriptors: &'a [BorrowedFd<'a>],
}

/// Does what is asked. Comes back where this process is to go on as if nothing had been asked.
pub fn replace(request: &Request, signals: &Signals, replacement: &Replacement<'_>) {
    let answer = match prepare(request, signals, replacement) {
        Err(reason) => Answer::Refused(reason),
        Ok(_) if request.order == Order::Check => Answer::Able,
        Ok(prepared) => {
            request.answer(&Answer::Going);
            let errno = prepared.become_program(replacement.descriptors);
            let path = printable(prepared.program.to_bytes());
            Answer::Failed([b"unable to run ", path.as_bytes(), b": ", reason(errno).as_bytes()].concat())
        }
    };
    request.answer(&answer);
}

/// Everything that execve needs.
struct Ready {
    program: CString,
    memfd: std::os::fd::OwnedFd,
    arguments: Vec<CString>,
}

fn prepare(request: &Request, signals: &Signals, replacement: &Replacement<'_>) -> Result<Ready, Vec<u8>> {
    let program = trusted(&request.directory, replacement.name)?;
    let failed = |what: &[u8], errno: Errno| [b"unable to ", what, b": ", reason(errno).as_bytes()].concat();
    let memfd = sealed(replacement.state).map_err(|errno| failed(b"write the state", errno))?;
    let arguments = arguments().map_err(|errno| failed(b"read the arguments", errno))?;
    trial(&program, memfd.as_fd(), || signals.hand_over())?;
    Ok(Ready { program, memfd, arguments })
}

impl Ready {
    /// Becomes the program. Comes back with the reason why not, and everything is as it was.
    fn become_program(&self, descriptors: &[BorrowedFd<'_>]) -> Errno {
        let all = || descriptors.iter().copied().chain([self.memfd.as_fd()]);
        let attempt = || -> nix::Result<Errno> {
            all().try_for_each(|fd| set_inherited(fd, true))?;
            let environment = with_handover(self.memfd.as_fd())?;
            let argv = self.arguments.iter().map(CString::as_c_str);
            Ok(Prepared::new(argv, &environment).attempt_at(&self.program))
        };
        let errno = attempt().unwrap_or_else(|errno| errno);
        for fd in all() {
            // Fails for no open descriptor.
            let _ = set_inherited(fd, false);
        }
        errno
    }
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
