//! Services may be named as they are called in the scan directory, or by their paths.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;
use nix::sys::stat::lstat;

use crate::default_scan_dir::default_scan_dir;

/// The path of the service that is meant: what was given, or, where nothing is called so here, the service of that name in
/// the scan directory. What begins with a slash or a dot is always a path.
pub fn service_path(given: &CStr) -> CString {
    let bytes = given.to_bytes();
    let is_path = bytes.is_empty() || bytes.starts_with(b"/") || bytes.starts_with(b".");
    if is_path || lstat(given) != Err(Errno::ENOENT) {
        return given.to_owned();
    }
    let path = CString::new(default_scan_dir().join(OsStr::from_bytes(bytes)).into_os_string().into_vec());
    path.ok().filter(|path| lstat(path.as_c_str()).is_ok()).unwrap_or_else(|| given.to_owned())
}
