//! Whether only root and the process's own user can have written a program: its file and every directory above it.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_program::errno::reason;
use daemontools_program::printable::printable;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag, lstat};
use nix::unistd::geteuid;

/// What belongs to a group or to all may write.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// The path of the program `name` in `directory` without any link in it, if that is a program which only root and this
/// process's user can have written; or why not, as a sentence.
///
/// In a directory with the sticky bit, such as /tmp, others can make entries but cannot replace those of root or of this
/// user: what lies in a directory of such an owner there is not theirs.
pub fn trusted(directory: &[u8], name: &str) -> Result<CString, Vec<u8>> {
    let given = [directory, b"/", name.as_bytes()].concat();
    let say = |path: &[u8], why: &str| [printable(path).as_bytes(), b": ", why.as_bytes()].concat();
    if !given.starts_with(b"/") {
        return Err(say(&given, "not an absolute path"));
    }
    let path = std::fs::canonicalize(OsStr::from_bytes(&given))
        .map_err(|error| say(&given, error.raw_os_error().map_or("not found", |raw| reason(Errno::from_raw(raw)))))?;
    let me = geteuid().as_raw();
    let mut above: Option<FileStat> = None;
    let steps: Vec<&Path> = path.ancestors().collect();
    for step in steps.into_iter().rev() {
        let found = lstat(step).map_err(|errno| say(step.as_os_str().as_bytes(), reason(errno)))?;
        judge(above.as_ref(), &found, me).map_err(|why| say(step.as_os_str().as_bytes(), why))?;
        above = Some(found);
    }
    let program = above.filter(|found| kind(found) == SFlag::S_IFREG && found.st_mode & 0o111 != 0);
    if program.is_none() {
        return Err(say(&given, "not a program"));
    }
    CString::new(path.into_os_string().into_vec()).map_err(|_| say(&given, "not a path"))
}

/// What is wrong with a component of the path, which was found in the directory `above`.
fn judge(above: Option<&FileStat>, found: &FileStat, me: u32) -> Result<(), &'static str> {
    if found.st_uid != 0 && found.st_uid != me {
        return Err("it belongs to another user");
    }
    let is_directory = kind(found) == SFlag::S_IFDIR;
    let others_write = found.st_mode & OTHERS_WRITE != 0;
    if others_write && !(is_directory && found.st_mode & STICKY != 0) {
        return Err("others may write it");
    }
    let in_sticky = above.is_some_and(|above| above.st_mode & OTHERS_WRITE != 0);
    if in_sticky && !is_directory && found.st_nlink != 1 {
        return Err("others may have linked it there");
    }
    Ok(())
}

fn kind(found: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(mode: u32, owner: u32) -> FileStat {
        let mut found = lstat("/").unwrap();
        (found.st_mode, found.st_uid, found.st_nlink) = (mode, owner, 1);
        found
    }

    #[test]
    fn only_root_and_oneself_may_have_written_it() {
        let directory = |mode: u32| file(SFlag::S_IFDIR.bits() | mode, 0);
        let program = |mode: u32, owner: u32| file(SFlag::S_IFREG.bits() | mode, owner);
        let safe = Some(directory(0o755));
        assert_eq!(judge(safe.as_ref(), &program(0o755, 0), 5), Ok(()));
        assert_eq!(judge(safe.as_ref(), &program(0o755, 5), 5), Ok(()));
        assert_eq!(judge(safe.as_ref(), &program(0o755, 6), 5), Err("it belongs to another user"));
        for mode in [0o775, 0o757, 0o777] {
            assert_eq!(judge(safe.as_ref(), &program(mode, 0), 0), Err("others may write it"));
            assert_eq!(judge(None, &directory(mode), 0), Err("others may write it"));
        }
        let sticky = Some(directory(0o1777));
        assert_eq!(judge(None, sticky.as_ref().unwrap(), 0), Ok(()));
        assert_eq!(judge(sticky.as_ref(), &program(0o755, 0), 0), Ok(()));
        let mut linked = program(0o755, 0);
        linked.st_nlink = 2;
        assert_eq!(judge(sticky.as_ref(), &linked, 0), Err("others may have linked it there"));
        assert_eq!(judge(safe.as_ref(), &linked, 0), Ok(()));
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert_eq!(trusted(b"bin", "sh").unwrap_err(), b"bin/sh: not an absolute path");
        assert_eq!(trusted(b"/no-such-directory", "sh").unwrap_err(), b"/no-such-directory/sh: file does not exist");
        assert_eq!(trusted(b"/", "etc").unwrap_err(), b"//etc: not a program");
        assert!(trusted(b"/bin", "sh").unwrap().to_bytes().ends_with(b"sh"));
    }
}
