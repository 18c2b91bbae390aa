//! The state in memory: a file without a name, which nobody can change any more.

use std::os::fd::OwnedFd;

use daemontools_program::stdio::{read, write_all};
use daemontools_sys::fd::above_standard;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Whence, lseek};

/// Against every change.
pub const SEALS: SealFlag =
    SealFlag::F_SEAL_SEAL.union(SealFlag::F_SEAL_SHRINK).union(SealFlag::F_SEAL_GROW).union(SealFlag::F_SEAL_WRITE);

/// A file with this text, sealed, and closed at exec.
pub fn sealed(text: &[u8]) -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = above_standard(memfd_create(c"daemontools-resume", flags)?)?;
    write_all(&file, text)?;
    fcntl(&file, FcntlArg::F_ADD_SEALS(SEALS))?;
    Ok(file)
}

/// The whole text.
pub fn text(file: &OwnedFd) -> nix::Result<Vec<u8>> {
    let size = usize::try_from(lseek(file, 0, Whence::SeekEnd)?).map_err(|_| Errno::EFBIG)?;
    lseek(file, 0, Whence::SeekSet)?;
    let mut text = vec![0; size];
    let mut length = 0;
    while let Some(room) = text.get_mut(length..).filter(|room| !room.is_empty()) {
        match read(file, room)? {
            0 => break,
            count => length += count,
        }
    }
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_sys::fd::seals;
    use std::os::fd::AsRawFd;

    #[test]
    fn the_text_is_there_and_cannot_be_changed() {
        let file = sealed(b"supervise 1\nend\n").unwrap();
        assert_eq!(seals(file.as_raw_fd()), SEALS.bits());
        assert_eq!(text(&file).unwrap(), b"supervise 1\nend\n");
        assert_eq!(write_all(&file, b"x"), Err(Errno::EPERM));
        let open = memfd_create(c"test", MFdFlags::MFD_ALLOW_SEALING).unwrap();
        assert_eq!((seals(open.as_raw_fd()), seals(0)), (0, 0));
    }
}
