//! Paths as C strings.

use std::ffi::{CStr, CString};

/// `rest` appended to `path`, for a `rest` without a NUL (with one, the result is empty, and no file has that path).
pub fn append(path: &CStr, rest: &str) -> CString {
    CString::new([path.to_bytes(), rest.as_bytes()].concat()).unwrap_or_default()
}
