//! The access control list of a file (acl(5)), which grants what its mode does not show.
#![allow(unsafe_code)]

use std::ffi::CStr;

use nix::errno::Errno;

/// Whether there is one; not if that cannot be found out.
pub fn has_access_list(path: &CStr) -> bool {
    access_list(path, &mut []).is_ok_and(|size| size > 0)
}

/// Reads the list as the kernel stores it; its size, which is all that is told where `buffer` is empty. ENODATA: there is
/// none. EOPNOTSUPP: the file system has none. ERANGE: it does not fit.
pub fn access_list(path: &CStr, buffer: &mut [u8]) -> nix::Result<usize> {
    let name = c"system.posix_acl_access";
    // SAFETY: both strings end with NUL, and the kernel writes to `buffer` alone.
    let size = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) };
    Errno::result(size).map(|size| usize::try_from(size).unwrap_or(0))
}
