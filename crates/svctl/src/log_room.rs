//! Where a running logger writes, how much is there, how much it may become, and how full the file system is.

use std::path::Path;

use daemontools_observe::logger::{LogDirectory, Room, written_by};
use daemontools_program::printable::printable;
use daemontools_untrusted::Directory;
use nix::fcntl::AtFlags;
use nix::sys::stat::fstatat;
use std::os::unix::ffi::OsStrExt;

use crate::process_tree::read;

/// How many files of a log directory are counted.
const MOST_FILES: usize = 10_000;
/// multilog's limits where its script says nothing: bytes of a file, files.
const MULTILOG: (u64, u64) = (99_999, 10);

/// A log directory and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRoom {
    /// Its path as the logger sees it, fit for a terminal.
    pub dir: String,
    /// How many files there are, and their bytes together; `None` where that cannot be seen.
    pub contents: Option<(u64, u64)>,
    /// How many bytes there may be, if the logger is a multilog.
    pub limit: Option<u64>,
    /// The size of the file system in bytes, and what is free for all.
    pub file_system: (u64, u64),
}

impl LogRoom {
    /// The directories that the logger with this process writes to.
    pub fn of(logger: u32) -> Vec<LogRoom> {
        let (writer, directories) = written_by(logger);
        let script = read(&format!("/proc/{writer}/cmdline")).unwrap_or_default();
        directories.iter().map(|directory| LogRoom::look(writer, directory, &script)).collect()
    }

    fn look(writer: u32, directory: &LogDirectory, script: &[u8]) -> LogRoom {
        let Room { size, free_for_all, .. } = directory.room;
        LogRoom {
            dir: printable(directory.path.as_os_str().as_bytes()),
            contents: contents(writer, &directory.path),
            limit: limit(script, directory.path.as_os_str().as_bytes()),
            file_system: (size, free_for_all),
        }
    }

    /// In words: `/var/log/web: 3 files, 212 kB of 1.0 MB; file system 43 % full, 12 GB free`.
    pub fn text(&self) -> String {
        let mut text = self.dir.clone();
        if let Some((files, bytes)) = self.contents {
            let files = if files == 1 { "1 file".into() } else { format!("{files} files") };
            text += &format!(": {files}, {}", size(bytes));
        }
        if let Some(limit) = self.limit {
            text += &format!(" of {}", size(limit));
        }
        let (all, free) = self.file_system;
        let percent = all.saturating_sub(free).saturating_mul(100).checked_div(all);
        text + &percent
            .map(|percent| format!("; file system {percent} % full, {} free", size(free)))
            .unwrap_or_default()
    }
}

/// The files in a log directory and their bytes, in the root directory that the logger has.
fn contents(writer: u32, path: &Path) -> Option<(u64, u64)> {
    let directory = Directory::root_of(writer).ok()?.directory(path).ok()?;
    let names = directory.names().ok()?;
    let size = |name: &std::ffi::OsString| {
        let found = fstatat(&directory, name.as_os_str(), AtFlags::AT_SYMLINK_NOFOLLOW);
        found.ok().and_then(|found| u64::try_from(found.st_size).ok())
    };
    let sizes = names.iter().take(MOST_FILES).filter_map(|name| size(&name.name));
    let is_log = |name: &[u8]| name == b"current" || name == b"previous" || name.starts_with(b"@");
    let files = names.iter().filter(|name| is_log(name.name.as_bytes())).count();
    Some((u64::try_from(files).ok()?, sizes.sum()))
}

/// How many bytes a multilog with this command line lets be in a directory: size times number, by the last `s` and `n`
/// before it. `None`: it is no multilog, or does not name the directory so that this is known.
fn limit(script: &[u8], path: &[u8]) -> Option<u64> {
    let mut words = script.split(|&byte| byte == 0);
    if words.next()?.rsplit(|&byte| byte == b'/').next()? != b"multilog" {
        return None;
    }
    let (mut bytes, mut files) = MULTILOG;
    let mut found = None;
    let number = |digits: &[u8]| std::str::from_utf8(digits).ok()?.parse::<u64>().ok();
    for word in words {
        match word {
            [b's', digits @ ..] => bytes = number(digits)?,
            [b'n', digits @ ..] => files = number(digits)?.max(2),
            [b'.' | b'/', ..] if path.ends_with(word.strip_prefix(b".").unwrap_or(word)) => {
                found = Some(bytes.saturating_mul(files));
            }
            _ => {}
        }
    }
    found
}

/// A number of bytes with its unit: `986 B`, `12 kB`, `1.2 MB`.
pub fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1000 => return format!("{bytes} B"),
        1000..1_000_000 => (1000, "kB"),
        1_000_000..1_000_000_000 => (1_000_000, "MB"),
        1_000_000_000.. => (1_000_000_000, "GB"),
    };
    match bytes / unit {
        0..10 => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        whole => format!("{whole} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_multilog_says_how_much_it_keeps() {
        let path = b"/service/web/log/main";
        for (script, expected) in [
            (&b"multilog\0t\0./main\0"[..], Some(999_990)),
            (b"/usr/bin/multilog\0s1000\0n5\0./main\0s7\0./other\0", Some(5000)),
            (b"multilog\0n1\0s100\0/service/web/log/main\0", Some(200)),
            (b"multilog\0t\0./elsewhere\0", None),
            (b"svlogd\0-tt\0./main\0", None),
            (b"", None),
        ] {
            assert_eq!(limit(script, path), expected, "{script:?}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (12_345, "12 kB"),
            (1_299_999, "1.2 MB"),
            (u64::MAX, "18446744073 GB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let room =
            LogRoom { dir: "/x".into(), contents: Some((1, 2000)), limit: Some(5000), file_system: (4000, 1000) };
        assert_eq!(room.text(), "/x: 1 file, 2.0 kB of 5.0 kB; file system 75 % full, 1.0 kB free");
        assert_eq!(LogRoom { contents: None, limit: None, file_system: (0, 0), ..room }.text(), "/x");
    }
}
