//! A service by its path, with fewer system calls than a `ServiceDir` needs: for svstat and svc, which look at hundreds of
//! services once. Where anything is not as usual the answer is `None`, and a `ServiceDir` finds out what it is.

use std::ffi::CStr;

use daemontools_core::control;
use daemontools_core::status::{self, Status};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::stat;

use crate::report::Normally;
use crate::service_dir::{DOWN, OK, SendError, open_fifo, read_file, write_commands};

/// Room for a slash, the name of a file, and its NUL.
const ROOM: usize = 32;

/// The status of a service that is supervised, and what it does when its supervise starts.
pub fn status(path: &CStr) -> Option<(Status, Normally)> {
    let mut files = Files::of(path)?;
    // An `ok` that opens shows that the directory is there and may be searched.
    drop(open_fifo(AT_FDCWD, files.path(OK)?).ok()?);
    let normally = match stat(files.path(DOWN)?) {
        Ok(_) => Normally::Down,
        Err(Errno::ENOENT) => Normally::Up,
        Err(_) => return None,
    };
    let mut bytes = [0; Status::SIZE];
    let read = read_file(AT_FDCWD, files.path(status::PATH)?, &mut bytes).ok()?.len();
    (read == Status::SIZE).then(|| (Status::from_bytes(bytes), normally))
}

/// Sends commands to the supervise of a service, as `ServiceDir::send` does.
pub fn send(path: &CStr, commands: &[u8]) -> Option<Result<(), SendError>> {
    let control = open_fifo(AT_FDCWD, Files::of(path)?.path(control::PATH)?).ok()?;
    Some(write_commands(&control, commands))
}

/// The paths of a service directory's files, one after the other in the same memory.
struct Files {
    path: Vec<u8>,
    /// How much of it is the directory, with its slash.
    directory: usize,
}

impl Files {
    /// Those of the directory at `path`; `None` for an empty path, which names none.
    fn of(path: &CStr) -> Option<Files> {
        let directory = Some(path.to_bytes()).filter(|path| !path.is_empty())?;
        let mut path = Vec::with_capacity(directory.len() + ROOM);
        path.extend_from_slice(directory);
        path.push(b'/');
        Some(Files { directory: path.len(), path })
    }

    /// The path of one of them.
    fn path(&mut self, file: &CStr) -> Option<&CStr> {
        self.path.truncate(self.directory);
        self.path.extend_from_slice(file.to_bytes_with_nul());
        CStr::from_bytes_with_nul(&self.path).ok()
    }
}
