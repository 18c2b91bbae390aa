//! Where the log of a service is: in its logger's hands, else in `log/main`, else where `log/run` says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use daemontools_program::failure::{Failure, Unable};
use daemontools_service::default_scan_dir::default_scan_dir;
use nix::errno::Errno;
use nix::sys::stat::{SFlag, stat};

use crate::directory;
use crate::logger;

/// The log directory that is meant by `given`: itself, or that of the service there, or of the service of that name in the
/// tree.
pub fn log_directory(given: &Path) -> Result<PathBuf, Failure> {
    let name = given.as_os_str().as_bytes();
    let service = default_scan_dir().join(given);
    let is_name = !name.contains(&b'/') && stat(given) == Err(Errno::ENOENT) && stat(&service).is_ok();
    let given = if is_name { &service } else { given };
    if !is_directory(given).unable([b"look at ", name])? {
        return Err(Errno::ENOTDIR).unable([b"read ", name]);
    }
    // A log directory has files of a log in it, a service has none.
    if !directory::list(given).unable([b"read ", name])?.is_empty() {
        return Ok(given.to_owned());
    }
    // The service's logger; or a logger was named itself.
    let log = given.join("log");
    let logger = if is_directory(&log).unwrap_or(false) { log } else { given.to_owned() };
    let held = || logger::process(&logger).map(logger::directories).and_then(main_one);
    let main = || Some(logger.join("main")).filter(|main| is_directory(main).unwrap_or(false));
    let named = || main_one(named(&logger::read(&logger.join("run")).ok()?)).map(|dir| logger.join(dir));
    held().or_else(main).or_else(named).ok_or_else(|| {
        let reason = b": its logger holds none, and there is neither log/main nor a log/run that names one";
        Failure::fatal([b"unable to find the log of ", name, reason])
    })
}

/// Of several directories the one called `main`, else the first.
fn main_one(directories: Vec<PathBuf>) -> Option<PathBuf> {
    let main = directories.iter().position(|dir| dir.file_name().is_some_and(|name| name == "main"));
    directories.into_iter().nth(main.unwrap_or(0))
}

/// The directories that a run script gives to multilog: words after its name that begin with a dot or a slash. Words
/// that a shell would change say nothing.
fn named(run: &[u8]) -> Vec<PathBuf> {
    let line = run.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii_start().starts_with(b"#"));
    let text = line.map(|line| line.strip_suffix(b"\\").unwrap_or(line)).collect::<Vec<_>>().join(&b' ');
    let words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_multilog = |word: &&[u8]| word.rsplit(|&byte| byte == b'/').next() == Some(b"multilog");
    let script = words.skip_while(|word| !is_multilog(word)).skip(1);
    let plain = script
        .map(|word| word.trim_ascii().strip_prefix(b"'").and_then(|word| word.strip_suffix(b"'")).unwrap_or(word));
    let plain = plain.map(|word| word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word));
    let directory = |word: &&[u8]| word.starts_with(b".") || word.starts_with(b"/");
    let changed = |word: &[u8]| word.iter().any(|byte| b"$`*?[\\\"'".contains(byte));
    plain.filter(directory).filter(|word| !changed(word)).map(|word| PathBuf::from(OsStr::from_bytes(word))).collect()
}

/// Whether a directory is there; an error if something else is the matter than that it is not.
fn is_directory(path: &Path) -> nix::Result<bool> {
    let kind = stat(path)?.st_mode & SFlag::S_IFMT.bits();
    Ok(kind == SFlag::S_IFDIR.bits())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dirs(run: &str) -> Vec<String> {
        named(run.as_bytes()).into_iter().map(|dir| dir.into_os_string().into_string().unwrap()).collect()
    }

    #[test]
    fn a_run_script_names_the_directories_after_multilog() {
        assert_eq!(dirs("#!/bin/sh\nexec setuidgid log multilog t ./main\n"), ["./main"]);
        assert_eq!(
            dirs("#!/bin/sh\nexec ./x /usr/bin/multilog t n5 \\\n  '-*' ./err /var/log/x\n"),
            ["./err", "/var/log/x"]
        );
        assert_eq!(dirs("exec multilog t \"./quoted\" './too'"), ["./quoted", "./too"]);
        assert!(dirs("#!/bin/sh\n# exec multilog t ./no\nexec logger ./no\n").is_empty());
        assert!(dirs("exec multilog t $DIR ./$NAME").is_empty());
    }

    #[test]
    fn main_is_preferred() {
        let dirs = |names: &[&str]| main_one(names.iter().map(PathBuf::from).collect());
        assert_eq!(dirs(&["./errors", "./main"]), Some("./main".into()));
        assert_eq!(dirs(&["/a", "/b"]), Some("/a".into()));
        assert_eq!(dirs(&[]), None);
    }
}
