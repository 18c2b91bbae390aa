//! Whether a file has an access control list (acl(5)), which grants what its mode does not show.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::ptr;

/// Whether there is one; not if that cannot be found out.
pub fn has_access_list(path: &CStr) -> bool {
    let name = c"system.posix_acl_access";
    // SAFETY: both strings end with NUL; where there is no room nothing is written, and the size is told.
    unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), ptr::null_mut(), 0) > 0 }
}
