//! Whether an account may write a log directory, by owners and modes. What an access control list denies, or a read-only
//! file system, is not looked at.

use std::ffi::CString;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use daemontools_sys::access_list::has_access_list;

use crate::file::{Origin, Seen};

/// Whose rights are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The user id.
    pub uid: u32,
    /// The group id, where there is no other one. `None`: the groups are not known, and any may be among them.
    pub gid: Option<u32>,
}

/// What prevents it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// This does not exist, and the logger does not or cannot make it.
    Missing(PathBuf),
    /// This may not be entered or written.
    Denied(PathBuf),
    /// This is no directory.
    NotDirectory(PathBuf),
}

const READ_WRITE: u32 = 0o6;
const WRITE_SEARCH: u32 = 0o3;
const SEARCH: u32 = 0o1;

impl Who {
    /// Whether these bits (read 4, write 2, execute or search 1) are all granted, or may be by an access control list.
    fn may(self, path: &Path, file: &Seen, bits: u32) -> bool {
        let granted = match () {
            () if self.uid == 0 => 0o7,
            () if file.owner() == self.uid => file.mode() >> 6,
            () if self.gid == Some(file.group()) => file.mode() >> 3,
            () if self.gid.is_none() => file.mode() | file.mode() >> 3,
            () => file.mode(),
        };
        let listed = || CString::new(path.as_os_str().as_bytes()).is_ok_and(|path| has_access_list(&path));
        granted & bits == bits || listed()
    }
}

/// Whether a logger that works in `here` can write to its directory `dir`, which its script names; `makes` says whether it
/// would make it.
pub fn obstacle(who: Who, origin: &Origin, here: &Path, dir: &Path, makes: bool) -> Option<Obstacle> {
    let whole = here.join(dir);
    for above in above(here, dir) {
        match origin.look(&above) {
            Ok(found) if !found.is_directory() => return Some(Obstacle::NotDirectory(above)),
            Ok(found) if !who.may(&above, &found, SEARCH) => return Some(Obstacle::Denied(above)),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Some(Obstacle::Missing(above)),
            // It may not be looked at by us, which says nothing about others.
            Err(_) => return None,
        }
    }
    match origin.look(&whole) {
        Ok(found) if !found.is_directory() => Some(Obstacle::NotDirectory(whole)),
        Ok(found) if !who.may(&whole, &found, WRITE_SEARCH) => Some(Obstacle::Denied(whole)),
        // Files that another account made when it ran the logger.
        Ok(_) => ["lock", "current", "state"].iter().find_map(|name| {
            let file = whole.join(name);
            let denied = origin.look(&file).is_ok_and(|found| found.is_file() && !who.may(&file, &found, READ_WRITE));
            denied.then_some(Obstacle::Denied(file))
        }),
        Err(error) if error.kind() != ErrorKind::NotFound => None,
        Err(_) => {
            let may_write = |dir: &Path| origin.look(dir).map_or(true, |found| who.may(dir, &found, WRITE_SEARCH));
            let can_make = makes && whole.parent().is_some_and(may_write);
            (!can_make).then_some(Obstacle::Missing(whole))
        }
    }
}

/// The directories that are passed on the way to `dir`, the outermost first.
fn above(here: &Path, dir: &Path) -> Vec<PathBuf> {
    let whole = here.join(dir);
    let mut above: Vec<PathBuf> = whole.ancestors().skip(1).map(Path::to_path_buf).collect();
    // A process that is in a directory already needs no rights to those around it.
    above.retain(|path| !path.as_os_str().is_empty() && (dir.is_absolute() || path.starts_with(here)));
    above.reverse();
    above
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_passed_is_asked_for() {
        let paths = |here: &str, dir: &str| above(Path::new(here), Path::new(dir));
        assert_eq!(paths("/service/x/log", "./main"), [PathBuf::from("/service/x/log")]);
        assert_eq!(paths("x/log", "a/b"), [PathBuf::from("x/log"), PathBuf::from("x/log/a")]);
        assert_eq!(paths("x/log", "/var/log"), [PathBuf::from("/"), PathBuf::from("/var")]);
    }

    #[test]
    fn root_may_and_others_may_not_write_in_the_root() {
        let (root, nobody) = (Who { uid: 0, gid: Some(0) }, Who { uid: 65534, gid: Some(65534) });
        let here = Path::new("/");
        let origin = &Origin::script(Path::new("Cargo.toml"));
        assert_eq!(obstacle(root, origin, here, Path::new("/not there"), true), None);
        let missing = Some(Obstacle::Missing("/not there".into()));
        assert_eq!(obstacle(root, origin, here, Path::new("/not there"), false), missing);
        assert_eq!(obstacle(nobody, origin, here, Path::new("/not there"), true), missing);
        assert_eq!(obstacle(nobody, origin, here, Path::new("/etc"), true), Some(Obstacle::Denied("/etc".into())));
        let unknown_groups = Who { uid: 65534, gid: None };
        assert_eq!(
            obstacle(unknown_groups, origin, here, Path::new("/etc"), true),
            Some(Obstacle::Denied("/etc".into()))
        );
        assert_eq!(
            obstacle(nobody, origin, here, Path::new("/etc/passwd/x"), true),
            Some(Obstacle::NotDirectory("/etc/passwd".into()))
        );
    }
}
