//! Reading where a symbolic link leads, into memory of the caller's: nix's `readlinkat` takes 4096 bytes from the heap each
//! time, which makes svstat on 500 links take twice as long.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;

/// Where the link of this name in a directory leads, as far as `buffer` has room: if it is full, there may be more. EINVAL:
/// it is no link.
pub fn read_link<'a>(directory: impl AsFd, name: &CStr, buffer: &'a mut [u8]) -> nix::Result<&'a [u8]> {
    let (to, room) = (buffer.as_mut_ptr(), buffer.len());
    let directory = directory.as_fd();
    // SAFETY: a C string, and a buffer with its length, which the kernel does not write beyond.
    let length = unsafe { libc::readlinkat(directory.as_raw_fd(), name.as_ptr(), to.cast(), room) };
    let length = usize::try_from(Errno::result(length)?).unwrap_or_default();
    Ok(buffer.get(..length).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::fcntl::AT_FDCWD;

    #[test]
    fn what_fits_is_read() {
        let mut buffer = [0; 64];
        assert!(read_link(AT_FDCWD, c"/proc/self", &mut buffer).unwrap().iter().all(u8::is_ascii_digit));
        assert_eq!(read_link(AT_FDCWD, c"/proc/self/cwd", &mut buffer[..1]), Ok(&b"/"[..]));
        assert_eq!(read_link(AT_FDCWD, c"/", &mut buffer), Err(Errno::EINVAL));
    }
}
