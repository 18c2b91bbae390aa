//! The files of an environment directory, in the order that the directory has them.

use std::ffi::CStr;

use daemontools_program::directory;
use daemontools_program::exec::Environment;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio;
use daemontools_sys::fd::open_private;
use daemontools_sys::heap::try_reserve;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::change::Change;

/// Makes the changes that the files of the current directory ask for; messages call it `dir`.
pub fn apply(environment: &mut Environment, dir: &[u8]) -> Result<(), Failure> {
    let mut entries = directory::open(c".").unable([b"read directory ", dir])?;
    for entry in entries.iter() {
        let entry = entry.unable([b"read directory ", dir])?;
        let name = entry.file_name();
        if name.to_bytes().starts_with(b".") {
            continue;
        }
        let content = first_line(name).unable([b"read ", dir, b"/", name.to_bytes()])?;
        match Change::of(name.to_bytes(), &content) {
            Change::Set(variable, value) => environment.set(&variable, &value),
            Change::Unset(variable) => environment.unset(&variable),
        }
    }
    Ok(())
}

/// The file up to its first newline at least. One that is not there any more, or a link to nothing, counts as empty.
fn first_line(name: &CStr) -> nix::Result<Vec<u8>> {
    let file = match open_private(name, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()) {
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        opened => opened?,
    };
    let (mut content, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let read = stdio::read(&file, &mut buffer)?;
        let read = buffer.get(..read).unwrap_or_default();
        if !try_reserve(&mut content, read.len()) {
            return Err(Errno::ENOMEM);
        }
        content.extend_from_slice(read);
        if read.is_empty() || read.contains(&b'\n') {
            return Ok(content);
        }
    }
}
