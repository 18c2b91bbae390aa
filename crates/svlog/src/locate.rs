//! Where the log of a service is: where its running logger writes, else in `log/main`, else where `log/run` says.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use daemontools_program::failure::{Failure, Unable};
use daemontools_service::name::in_scan_dir;
use daemontools_untrusted::{Directory, Error};
use nix::errno::Errno;

use crate::{directory, logger};

/// How much of a run script is read, in bytes.
const LONGEST_SCRIPT: usize = 1 << 20;

/// Where a log directory is.
#[derive(Clone, Debug)]
pub struct Log {
    /// Where the path to it begins, and who may have chosen that path.
    base: Rc<Directory>,
    /// The path from there.
    from_base: PathBuf,
    /// The path from the current directory, to be shown and to be watched.
    pub path: PathBuf,
}

impl Log {
    fn new(base: Directory, path: PathBuf) -> Log {
        Log { base: Rc::new(base), from_base: path.clone(), path }
    }

    /// A log directory in the root directory that a process has, which may be another one than ours.
    pub fn under(process: u32, root: Directory, from_root: &Path) -> Log {
        let inside = from_root.strip_prefix("/").unwrap_or(from_root);
        let path = PathBuf::from(format!("/proc/{process}/root")).join(inside);
        Log { base: Rc::new(root), from_base: from_root.into(), path }
    }

    /// A log directory that is named from the current directory.
    pub fn here(path: PathBuf) -> nix::Result<Log> {
        Ok(Log::new(Directory::current()?, path))
    }

    /// The directory that is there now.
    pub fn open(&self) -> Result<Directory, Error> {
        self.base.directory(&self.from_base)
    }
}

/// The log that is meant by `given`: that directory, or the log of the service there, or of the service of that name in
/// the tree.
pub fn find(given: &Path) -> Result<Log, Failure> {
    let current = Directory::current().unable([b"open current directory"])?;
    let name = given.as_os_str().as_bytes();
    let missing = |path: &Path| current.stat(path).is_err_and(|error| error == Error::System(Errno::ENOENT));
    let service = in_scan_dir(name).filter(|service| missing(given) && current.stat(service).is_ok());
    let given = service.as_deref().unwrap_or(given);
    let failed = |what: &str, error: Error| {
        Failure::fatal([b"unable to ", what.as_bytes(), b" ", name, b": ", error.reason().as_bytes()])
    };
    current.stat(given).map_err(|error| failed("look at", error))?;
    let dir = current.directory(given).map_err(|error| failed("read", error))?;
    // A log directory has files of a log in it, a service has none.
    if !directory::list(&dir).map_err(|error| failed("read", error))?.is_empty() {
        return Ok(Log::new(current, given.to_owned()));
    }
    // The service's logger; or a logger was named itself.
    let (logger, path) = match dir.directory(Path::new("log")) {
        Ok(logger) => (logger, given.join("log")),
        Err(Error::System(Errno::ENOENT | Errno::ENOTDIR)) => (dir, given.to_owned()),
        Err(error) => return Err(failed("find the log of", error)),
    };
    if let Some(log) = logger::process(&logger).map(logger::logs).and_then(main_one) {
        return Ok(log);
    }
    match logger.directory(Path::new("main")) {
        Ok(_) => return Ok(Log::new(current, path.join("main"))),
        Err(Error::System(Errno::ENOENT | Errno::ENOTDIR)) => {}
        Err(error) => return Err(failed("find the log of", error)),
    }
    let named = by_script(&logger, current, &path).map_err(|error| failed("find the log of", error))?;
    named.ok_or_else(|| {
        let reason = b": its logger holds none, and there is neither log/main nor a log/run that names one";
        Failure::fatal([b"unable to find the log of ", name, reason])
    })
}

/// The log that the script of a logger names, whose directory is `path`. Who may write the script has chosen it.
fn by_script(logger: &Directory, current: Directory, path: &Path) -> Result<Option<Log>, Error> {
    let script = match logger.file(Path::new("run")) {
        Ok(script) => script,
        Err(Error::System(Errno::ENOENT)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let (text, _) = script.read_up_to(LONGEST_SCRIPT)?;
    let base = current.chosen_by(script.writers())?;
    Ok(main_of(named(&text)).map(|dir| Log::new(base, path.join(dir))))
}

/// Of several logs the one called `main`, else the first.
fn main_one(logs: Vec<Log>) -> Option<Log> {
    let chosen = main_of(logs.iter().map(|log| log.path.clone()).collect())?;
    logs.into_iter().find(|log| log.path == chosen)
}

/// Of several directories the one called `main`, else the first.
fn main_of(directories: Vec<PathBuf>) -> Option<PathBuf> {
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
        let dirs = |names: &[&str]| main_of(names.iter().map(PathBuf::from).collect());
        assert_eq!(dirs(&["./errors", "./main"]), Some("./main".into()));
        assert_eq!(dirs(&["/a", "/b"]), Some("/a".into()));
        assert_eq!(dirs(&[]), None);
    }
}
