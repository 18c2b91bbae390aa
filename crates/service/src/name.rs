//! Services may be named as they are called in the scan directory, or by their paths: the one rule of all programs that take
//! either. svctl alone looks for names in the scan directory whatever is called so here, since a person types it anywhere.

use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::sys::stat::lstat;

use crate::default_scan_dir::default_scan_dir;

/// Whether a word is always a path: it begins with a slash or a dot, or is empty.
pub fn is_path(word: &[u8]) -> bool {
    matches!(word, [] | [b'/' | b'.', ..])
}

/// Where the service of this name is, if there is one in the scan directory; `None`: the word is always a path.
pub fn in_scan_dir(word: &[u8]) -> Option<PathBuf> {
    (!is_path(word)).then(|| default_scan_dir().join(OsStr::from_bytes(word)))
}

/// The path of the service that is meant: what was given, or, where nothing is called so here, the service of that name in
/// the scan directory.
pub fn service_path(given: &CStr) -> CString {
    let Some(service) = in_scan_dir(given.to_bytes()).filter(|_| lstat(given) == Err(Errno::ENOENT)) else {
        return given.to_owned();
    };
    let path = CString::new(service.into_os_string().into_vec());
    path.ok().filter(|path| lstat(path.as_c_str()).is_ok()).unwrap_or_else(|| given.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_with_neither_slash_nor_dot() {
        for (word, expected) in
            [("web", false), ("web/log", false), ("", true), (".", true), ("./web", true), ("/service/web", true)]
        {
            assert_eq!(is_path(word.as_bytes()), expected, "{word}");
        }
        assert!(in_scan_dir(b"web/log").is_some_and(|path| path.ends_with("web/log")));
        assert_eq!(in_scan_dir(b"./web"), None);
    }
}
