//! `reload`: runs the program of the setting `reload` in the service directory, its argument the process id, or sends HUP
//! where there is no such setting.
//!
//! The program runs with our rights, so it is believed under stricter rules than supervise has: supervise has to run under
//! our account, and nobody but root, that account and the owner of `run` may be able to write it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use daemontools_core::end::End;
use daemontools_core::settings::{DIRECTORY, Setting, value};
use daemontools_core::signal::Signal;
use daemontools_program::clock::time_of_day;
use daemontools_program::errno::reason;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::file_kind::Kind;
use daemontools_program::path::append;
use daemontools_program::wait::{readable, wait};
use daemontools_service::report::ServiceReport;
use daemontools_service::service_dir::{SUPERVISE, ServiceDir};
use daemontools_sys::fd::duplicate_private;
use daemontools_sys::pidfd;
use daemontools_sys::process::{Ending, send, wait_for};
use daemontools_untrusted::{Directory, Error};
use nix::errno::Errno;
use nix::fcntl::AtFlags;
use nix::sys::stat::{FileStat, fstatat};
use nix::unistd::{Pid, fchdir, getcwd, geteuid};

use crate::act::{PATIENCE, begin, open, text};
use crate::event_loop::{Moment, Task, Tasks};
use crate::job::Verdict;
use crate::names::Named;
use crate::options::{Act, Options};
use crate::our_programs::start;
use crate::settings::tree_directory;

/// The signal that ends a program that takes too long.
const TERM: i32 = 15;

/// A program that is running.
struct Reloading {
    child: Pid,
    /// Readable when it has ended.
    process: OwnedFd,
    service: u32,
    has_ended: bool,
}

impl Task for Reloading {
    fn look(&mut self, _: Moment) -> Verdict {
        let mut fds = [readable(&self.process)];
        wait(&mut fds, Some(daemontools_program::clock::Instant::now()));
        if fds.iter().all(|fd| fd.any() != Some(true)) {
            return Verdict::Wait(None);
        }
        self.has_ended = true;
        match wait_for(self.child).map(end) {
            Ok(End::Code(0)) => Verdict::Reached(format!("reloaded (pid {})", self.service)),
            Ok(end) => Verdict::Failed(format!("supervise.d/reload failed ({})", end.words())),
            Err(errno) => Verdict::Failed(format!("unable to wait for supervise.d/reload: {}", reason(errno))),
        }
    }

    fn state(&self) -> String {
        "supervise.d/reload was ended".into()
    }

    fn wakes(&self) -> Option<BorrowedFd<'_>> {
        Some(self.process.as_fd())
    }
}

impl Drop for Reloading {
    fn drop(&mut self) {
        if !self.has_ended {
            let _ = send(self.child, TERM);
        }
    }
}

/// Lets each service read its configuration again.
pub fn reload(services: &[Named], options: &Options) -> Outcome {
    let mut tasks = Tasks::new(options)?;
    for named in services {
        tasks.watch(named.path.to_bytes());
        let patience = options.timeout.unwrap_or(PATIENCE);
        let program = open(named).and_then(|dir| program(&dir, named).map(|program| (dir, program)));
        match program {
            Err(reason) => tasks.refuse(named, &reason)?,
            Ok((dir, Some(program))) => match run(&dir, &program) {
                Ok(mut running) if !options.wait => running.has_ended = true,
                Ok(running) => tasks.add(named, patience, running),
                Err(reason) => tasks.refuse(named, &reason)?,
            },
            Ok((_, None)) => match begin(Act::Reload, named) {
                Ok(acting) if options.wait => tasks.add(named, patience, acting),
                Ok(_) => {}
                Err(reason) => tasks.refuse(named, &reason)?,
            },
        }
    }
    tasks.wait()
}

/// The path of the program that reloads this service, seen from its directory; `None`: there is none. The error is what
/// to say about the service.
fn program(dir: &ServiceDir, named: &Named) -> Result<Option<CString>, String> {
    let refused = |why: &str| format!("unable to use supervise.d/reload: {why}");
    let me = geteuid().as_raw();
    let run = fstatat(dir, c"run", AtFlags::empty()).map_or(me, |run| run.st_uid);
    let here = duplicate_private(dir.as_fd()).and_then(Directory::opened).map_err(|errno| refused(reason(errno)))?;
    match hook(&here, Path::new(OsStr::from_bytes(DIRECTORY)), [me, run]).map_err(|why| refused(&why))? {
        Found::Program => {
            supervise_is_ours(dir, me).map_err(refused)?;
            return Ok(Some(append(c"./supervise.d/", Setting::Reload.name())));
        }
        Found::Off => return Ok(None),
        Found::Nothing => {}
    }
    let Some(scan_dir) = &named.scan_dir else { return Ok(None) };
    let path = CString::new([scan_dir.to_bytes(), b"/", &tree_directory(&named.name)].concat()).unwrap_or_default();
    let here = Directory::current().map_err(|errno| refused(reason(errno)))?;
    match hook(&here, Path::new(OsStr::from_bytes(path.to_bytes())), [me, me]).map_err(|why| refused(&why))? {
        Found::Program => supervise_is_ours(dir, me).map_err(refused)?,
        Found::Off | Found::Nothing => return Ok(None),
    }
    // It is run from another directory.
    let path = match path.to_bytes() {
        [b'/', ..] => path,
        relative => {
            let here = getcwd().map(|path| path.into_os_string()).unwrap_or_else(|_| OsString::from("."));
            CString::new([&here.into_vec(), &b"/"[..], relative].concat()).unwrap_or_default()
        }
    };
    Ok(Some(append(&path, "/reload")))
}

/// What a directory of settings says.
enum Found {
    Program,
    Off,
    Nothing,
}

/// Looks for the setting in this directory, under the rules of supervise: it and the directory belong to root or to one of
/// these accounts, and no other may write them. Where a link of another account leads root to what that account cannot see,
/// nothing is said of it but that.
fn hook(from: &Directory, directory: &Path, owners: [u32; 2]) -> Result<Found, String> {
    let name = Path::new(Setting::Reload.name());
    let found = from.directory_by_links(directory).and_then(|directory| Ok((directory.stat(name)?, directory)));
    let (found, directory) = match found {
        Ok(found) => found,
        Err(Error::System(Errno::ENOENT)) => return Ok(Found::Nothing),
        Err(error) => return Err(error.reason().into_owned()),
    };
    trust(directory.metadata(), owners)?;
    trust(&found, owners)?;
    if Kind::of(&found) != Kind::File {
        return Err("not a regular file".into());
    }
    if found.st_mode & 0o111 != 0 {
        return Ok(Found::Program);
    }
    let file = directory.file(name).map_err(|error| error.reason().into_owned())?;
    let (start, _) = file.read_up_to(8).map_err(reason)?;
    match value::line(&start) {
        Some(_) => Err("not executable".into()),
        None => Ok(Found::Off),
    }
}

fn trust(found: &FileStat, owners: [u32; 2]) -> Result<(), &'static str> {
    if found.st_uid != 0 && !owners.contains(&found.st_uid) {
        return Err("it belongs to another account");
    }
    if found.st_mode & 0o022 != 0 {
        return Err("others than its owner may write it");
    }
    Ok(())
}

/// Whether supervise runs under our account, by its directory, which it has made. A link to that directory is believed if
/// root or we have made it.
fn supervise_is_ours(dir: &ServiceDir, me: u32) -> Result<(), &'static str> {
    let link = fstatat(dir, SUPERVISE, AtFlags::AT_SYMLINK_NOFOLLOW).map_err(reason)?;
    let supervise = fstatat(dir, SUPERVISE, AtFlags::empty()).map_err(reason)?;
    let is_believed = [0, me].contains(&link.st_uid) && (Kind::of(&link) != Kind::Link || link.st_nlink == 1);
    if is_believed && supervise.st_uid == me { Ok(()) } else { Err("its supervise runs as another account") }
}

/// Starts the program.
fn run(dir: &ServiceDir, program: &CStr) -> Result<Reloading, String> {
    let report = ServiceReport::look(dir, time_of_day());
    let Some(status) = report.status() else { return Err("no supervise runs".into()) };
    let Some(service) = status.pid else { return Err("it is down".into()) };
    let environment = Environment::inherited();
    let argument = CString::new(service.to_string()).unwrap_or_default();
    let prepared = Prepared::new([program, &argument], &environment);
    let unable = |errno| text(&Failure::because([b"unable to run ", program.to_bytes()], errno));
    let child = start(|| match fchdir(dir) {
        Ok(()) => prepared.run(),
        Err(errno) => Failure::because([b"unable to chdir to the service"], errno),
    });
    let child = child.map_err(|failure| text(&failure))?;
    let process = pidfd::open(child).map_err(|errno| {
        let _ = send(child, TERM);
        unable(errno)
    })?;
    Ok(Reloading { child, process, service: service.get(), has_ended: false })
}

fn end(ending: Ending) -> End {
    match ending {
        Ending::Code(code) => End::Code(code),
        Ending::Signal(number) => Signal::from_number(number).map_or(End::Unknown, End::Signal),
    }
}
