//! Asks a program file whether it can go on with a state: by running it, in a child, where it touches nothing.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use daemontools_core::resume::{ABLE, Handover, TRIAL, VARIABLE};
use daemontools_program::clock::Instant;
use daemontools_program::errno::reason;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::printable::printable;
use daemontools_program::stdio::read;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::{open_private, pipe_private, place_inherited, set_inherited};
use daemontools_sys::process::{Ending, fork, leave, send, wait_for};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, chdir, getpid};

/// How long the new program may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How much of the answer is read.
const MOST: usize = 512;

/// Runs `program` with the state in `memfd`; what stands between it and going on, as a sentence. `prepare` is done in the
/// child before exec.
pub fn trial(program: &CStr, memfd: BorrowedFd<'_>, prepare: impl FnOnce() -> nix::Result<()>) -> Result<(), Vec<u8>> {
    let failed = |errno: Errno| [b"unable to try ", program.to_bytes(), b": ", reason(errno).as_bytes()].concat();
    let (reader, writer) = pipe_private().map_err(failed)?;
    let Some(child) = fork().map_err(failed)? else {
        let errno = prepare().err().unwrap_or_else(|| become_trial(program, memfd, writer.as_fd()));
        let _ = daemontools_program::stdio::write_all(&writer, &failed(errno));
        leave(111);
    };
    drop(writer);
    let said = listen(&reader, child);
    match (wait_for(child).map_err(failed)?, said.as_slice()) {
        (Ending::Code(0), ABLE) => Ok(()),
        (Ending::Signal(signal), _) => {
            Err([program.to_bytes(), format!(": the trial was killed by signal {signal}").as_bytes()].concat())
        }
        (Ending::Code(_), b"") => Err([program.to_bytes(), b": it cannot go on in place"].concat()),
        (Ending::Code(_), said) => {
            let line = said.split(|&byte| byte == b'\n').next().unwrap_or_default();
            Err([program.to_bytes(), b": ", printable(line).as_bytes()].concat())
        }
    }
}

/// In the child. Returns only the reason why not.
fn become_trial(program: &CStr, memfd: BorrowedFd<'_>, output: BorrowedFd<'_>) -> Errno {
    let attempt = || -> nix::Result<Errno> {
        let null = open_private(c"/dev/null", OFlag::O_RDWR, Mode::empty())?;
        place_inherited(output, 1)?;
        place_inherited(null.as_fd(), 0)?;
        // An older program may complain about its arguments: nobody needs to read that.
        place_inherited(null.as_fd(), 2)?;
        set_inherited(memfd, true)?;
        chdir(c"/")?;
        let environment = with_handover(memfd)?;
        let trial = CString::new(TRIAL).map_err(|_| Errno::EINVAL)?;
        Ok(Prepared::new([program, trial.as_c_str()], &environment).attempt_at(program))
    };
    attempt().unwrap_or_else(|errno| errno)
}

/// The environment that we were started with, and where the state is.
pub fn with_handover(memfd: BorrowedFd<'_>) -> nix::Result<Environment> {
    use std::os::fd::AsRawFd;
    let pid = u32::try_from(getpid().as_raw()).map_err(|_| Errno::EINVAL)?;
    let mut environment = Environment::inherited();
    environment.set(VARIABLE, &Handover { pid, memfd: memfd.as_raw_fd() }.to_value());
    Ok(environment)
}

/// Reads until the end; a child that does not come to one is killed.
fn listen(reader: &OwnedFd, child: Pid) -> Vec<u8> {
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    loop {
        let mut fds = [readable(reader)];
        wait(&mut fds, Some(deadline));
        let is_ready = fds.iter().any(|fd| fd.any() == Some(true));
        let mut buffer = [0; MOST];
        match if is_ready { read(reader, &mut buffer) } else { Ok(0) } {
            Ok(count) if count > 0 && said.len() + count <= MOST => {
                said.extend_from_slice(buffer.get(..count).unwrap_or_default());
            }
            Ok(0) if is_ready => return said,
            _ if !is_ready && Instant::now() < deadline => {}
            _ => {
                let _ = send(child, 9);
                return said;
            }
        }
    }
}
