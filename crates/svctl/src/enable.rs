//! `enable`: makes the link to a service in the scan directory, once svlint has found no error, and waits until svscan has
//! started what it leads to.

use std::ffi::{CStr, CString, OsString};
use std::fs::canonicalize;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::time::Duration;

use daemontools_core::status::Want;
use daemontools_program::clock::Instant;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::file_kind::{Kind, is_same};
use daemontools_program::printable::printable;
use daemontools_service::report::{Condition, Normally, ServiceReport};
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::open_private;
use daemontools_sys::process::Ending;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, readlinkat, renameat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};

use crate::act::patience;
use crate::event_loop::{Moment, Task, Tasks};
use crate::job::{Job, Look, Verdict};
use crate::names::{Named, nearest_in};
use crate::options::{Act, Options};
use crate::{our_programs, scanner};

/// svlint's exit code for errors.
const LINT_ERRORS: u8 = 2;
/// svlint's exit code for warnings.
const LINT_WARNINGS: u8 = 1;
/// For how long no svscan is seen where none is.
const LONG_ENOUGH: Duration = Duration::from_secs(1);
/// How many names are tried for the link before it is renamed.
const MOST_TRIES: u32 = 100;

/// A service whose link is made.
struct Enabling<'a> {
    scan_dir: &'a CStr,
    named: &'a Named,
    job: Job,
    state: String,
    /// Since when no svscan was seen.
    unseen: Option<Instant>,
}

impl Task for Enabling<'_> {
    fn look(&mut self, moment: Moment) -> Verdict {
        let Ok(dir) = ServiceDir::open(&self.named.path) else {
            return Verdict::Failed("the link leads nowhere".into());
        };
        let report = ServiceReport::look(&dir, moment.now);
        let log = dir.log().ok().flatten().map(|log| ServiceReport::look(&log, moment.now));
        let unsupervised = |report: &ServiceReport| matches!(report.condition, Condition::Unsupervised);
        if unsupervised(&report) || log.as_ref().is_some_and(unsupervised) {
            self.state = "no supervise runs".into();
            return self.wait_for_svscan(moment);
        }
        if let Some(log) =
            log.filter(|log| log.normally == Normally::Up && log.status().is_some_and(|log| log.pid.is_none()))
        {
            self.state = format!("its logger is {}", log.state().word());
            return Verdict::Wait(None);
        }
        self.state = report.state().word().into();
        if report.status().is_some_and(|status| status.pid.is_none() && status.want != Want::Up) {
            return Verdict::Reached(format!("enabled, {}", report.state().word()));
        }
        match self.job.step(Look { report: &report, now: moment.now, clock: moment.clock }) {
            Verdict::Reached(words) => Verdict::Reached(format!("enabled, {words}")),
            Verdict::Failed(reason) => Verdict::Failed(format!("enabled, but it {reason}")),
            wait @ Verdict::Wait(_) => wait,
        }
    }

    fn state(&self) -> String {
        format!("enabled, but {}", self.state)
    }
}

impl Enabling<'_> {
    /// Waits for svscan to see the link, unless there is none. One that was started just now may not be there yet.
    fn wait_for_svscan(&mut self, moment: Moment) -> Verdict {
        if scanner::looks_at(self.scan_dir) != Some(false) {
            // Where that cannot be seen, it is waited for, too.
            self.unseen = None;
            return Verdict::Wait(None);
        }
        let deadline = *self.unseen.get_or_insert(moment.clock) + LONG_ENOUGH;
        match moment.clock >= deadline {
            true => Verdict::Failed("enabled, but no svscan looks at the scan directory".into()),
            false => Verdict::Wait(Some(deadline)),
        }
    }
}

/// Makes the links, and waits until what they lead to runs.
pub fn enable(options: &Options) -> Outcome {
    let targets = options.names.iter().map(|word| target(word, &options.from)).collect::<Result<Vec<_>, _>>()?;
    let named = targets.iter().map(|target| named(target, &options.dir)).collect::<Result<Vec<_>, _>>()?;
    let scan_dir = open_private(options.dir.as_c_str(), OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty());
    let scan_dir = scan_dir.unable([b"open directory ", options.dir.to_bytes()])?;
    let mut tasks = Tasks::new(options)?;
    for (named, target) in named.iter().zip(&targets) {
        tasks.watch(named.path.to_bytes());
        match link(&scan_dir, named, target) {
            Ok(()) if options.wait => {
                let patience = options.timeout.unwrap_or_else(|| patience(Act::Start, named));
                let before = ServiceReport::new(Condition::Unsupervised, Normally::Up);
                let job = Job::new(Act::Start, &before);
                tasks.add(
                    named,
                    patience,
                    Enabling { scan_dir: &options.dir, named, job, state: String::new(), unseen: None },
                );
            }
            Ok(()) => tasks.done(named, "enabled")?,
            Err(failure) => tasks.refuse(named, &printable(failure.text()))?,
        }
    }
    tasks.wait()
}

/// The directory that a word means: a path, or a name in `from`. It is absolute, since a link is read from elsewhere.
fn target(word: &CString, from: &CStr) -> Result<CString, Failure> {
    let name = word.to_bytes();
    let path = match name {
        [b'/' | b'.', ..] => name.to_vec(),
        _ if name.contains(&b'/') => {
            return Err(Failure::misused([b"neither a name nor a path that begins with / or . : ", name]));
        }
        _ => [from.to_bytes(), b"/", name].concat(),
    };
    let found = fstatat(AT_FDCWD, path.as_slice(), AtFlags::empty());
    match found {
        Ok(found) if Kind::of(&found) == Kind::Directory => {}
        Err(Errno::ENOENT) if !name.contains(&b'/') => return Err(nearest_in(from, name)),
        Ok(_) => return Err(Failure::because([b"unable to enable ", &path], Errno::ENOTDIR)),
        Err(errno) => return Err(Failure::because([b"unable to find ", &path], errno)),
    }
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let plain = path.get(..end).unwrap_or_default();
    // A path that is absolute stays as it was typed: its links may be meant to lead elsewhere one day.
    let is_plain = plain.starts_with(b"/") && !plain.ends_with(b"/..") && !plain.ends_with(b"/.");
    let whole = match is_plain {
        true => OsString::from_vec(plain.to_vec()),
        false => canonicalize(Path::new(std::ffi::OsStr::from_bytes(&path)))
            .map_err(|error| {
                Failure::because([b"unable to find ", &path], Errno::from_raw(error.raw_os_error().unwrap_or_default()))
            })?
            .into_os_string(),
    };
    Ok(CString::new(whole.into_vec()).unwrap_or_default())
}

/// The service in the scan directory that the link will be.
fn named(target: &CString, scan_dir: &CStr) -> Result<Named, Failure> {
    let path = target.to_bytes();
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    match name {
        b"" => Err(Failure::fatal([b"the root directory cannot be a service"])),
        [b'.', ..] => Err(Failure::fatal([b"svscan passes over names that begin with a dot: ", name])),
        _ => Ok(Named::new(scan_dir, name)),
    }
}

/// Makes the link, unless it is there. What is there and leads elsewhere stays.
fn link(scan_dir: &OwnedFd, named: &Named, target: &CStr) -> Result<(), Failure> {
    let wanted = fstatat(AT_FDCWD, target, AtFlags::empty()).unable([b"find ", target.to_bytes()])?;
    let name = CString::new(named.name.as_slice()).unwrap_or_default();
    match fstatat(scan_dir, name.as_c_str(), AtFlags::empty()) {
        Ok(found) if is_same(&found, &wanted) => return Ok(()),
        Ok(_) => {
            let leads = readlinkat(scan_dir, name.as_c_str()).map(OsString::into_vec);
            let what = leads.map_or(b"is not a link".to_vec(), |leads| [b"leads to ", &leads[..]].concat());
            return Err(Failure::fatal([b"not enabled: ", named.path.to_bytes(), b" is there already and ", &what]));
        }
        // Nothing is there, or a link that leads nowhere, which is replaced.
        Err(Errno::ENOENT) => {}
        Err(errno) => return Err(Failure::because([b"unable to find ", named.path.to_bytes()], errno)),
    }
    check(target)?;
    let temporary = make_link(scan_dir, target).unable([b"make a link in ", named.path.to_bytes()])?;
    renameat(scan_dir, temporary.as_c_str(), scan_dir, name.as_c_str()).map_err(|errno| {
        let _ = unlinkat(scan_dir, temporary.as_c_str(), UnlinkatFlags::NoRemoveDir);
        Failure::because([b"unable to make the link ", named.path.to_bytes()], errno)
    })
}

/// Asks svlint, which prints what it finds. Errors are a failure.
fn check(target: &CStr) -> Result<(), Failure> {
    match our_programs::run(c"svlint", &[target.to_owned()])? {
        Ending::Code(0 | LINT_WARNINGS) => Ok(()),
        Ending::Code(LINT_ERRORS) => Err(Failure::fatal([b"not enabled: svlint finds errors in ", target.to_bytes()])),
        _ => Err(Failure::fatal([b"not enabled: svlint cannot check ", target.to_bytes()])),
    }
}

/// A link under a name that svscan passes over.
fn make_link(scan_dir: impl AsFd, target: &CStr) -> nix::Result<CString> {
    let pid = std::process::id();
    for attempt in 0..MOST_TRIES {
        let name = CString::new(format!(".svctl-{pid}-{attempt}")).unwrap_or_default();
        match symlinkat(target, &scan_dir, name.as_c_str()) {
            Err(Errno::EEXIST) => {}
            result => return result.map(|()| name),
        }
    }
    Err(Errno::EEXIST)
}
