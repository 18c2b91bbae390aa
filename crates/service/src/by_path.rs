//! A service by its path, with fewer system calls than a `ServiceDir` needs: for svstat and svc, which look at hundreds of
//! services once. Where anything is not as usual the answer is `None`, and a `ServiceDir` finds out what it is.

use std::ffi::{CStr, CString};

use daemontools_core::control;
use daemontools_core::status::{self, Status};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::stat;

use crate::report::Normally;
use crate::service_dir::{DOWN, OK, SendError, open_fifo, read_file, write_commands};

/// The status of a service that is supervised, and what it does when its supervise starts.
pub fn status(path: &CStr) -> Option<(Status, Normally)> {
    // An `ok` that opens shows that the directory is there and may be searched.
    drop(open_fifo(AT_FDCWD, &in_dir(path, OK)?).ok()?);
    let normally = match stat(in_dir(path, DOWN)?.as_c_str()) {
        Ok(_) => Normally::Down,
        Err(Errno::ENOENT) => Normally::Up,
        Err(_) => return None,
    };
    let mut bytes = [0; Status::SIZE];
    let read = read_file(AT_FDCWD, &in_dir(path, status::PATH)?, &mut bytes).ok()?.len();
    (read == Status::SIZE).then(|| (Status::from_bytes(bytes), normally))
}

/// Sends commands to the supervise of a service, as `ServiceDir::send` does.
pub fn send(path: &CStr, commands: &[u8]) -> Option<Result<(), SendError>> {
    let control = open_fifo(AT_FDCWD, &in_dir(path, control::PATH)?).ok()?;
    Some(write_commands(&control, commands))
}

/// A file of a service directory; `None` for an empty path, which names no directory.
fn in_dir(path: &CStr, file: &CStr) -> Option<CString> {
    let path = Some(path.to_bytes()).filter(|path| !path.is_empty())?;
    CString::new([path, b"/", file.to_bytes()].concat()).ok()
}
