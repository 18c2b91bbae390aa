//! An svscan of 0.76 becomes ours: the supervises stay its children, and it keeps both ends of each pipe to a logger.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::time::Duration;

use daemontools_core::resume::{ServiceState, SuperviseProcess, SvscanState};
use daemontools_program::clock::Instant;
use daemontools_program::procfs;
use daemontools_sys::fd::open_private;
use daemontools_sys::pipe::unread;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getpid};

use crate::proc_reader::{may_have, read_process, read_supervisor};
use crate::process::{FileId, Process, Supervisor};
use crate::recognise::{self, OriginalSvscan, Tracer};
use crate::refusal::Refusal;
use crate::replace::replace;
use crate::takeover::{Taken, check_surroundings, plan};

/// An svscan of 0.76 that was looked at.
#[derive(Clone, Debug)]
pub struct Svscan {
    process: Process,
    /// What its successor goes on with.
    pub state: SvscanState,
}

impl Svscan {
    /// Looks at a process, which does not notice.
    pub fn look(pid: Pid) -> Result<Svscan, Refusal> {
        judge(read_process(pid)?, None, None)
    }

    /// Its children that are supervises.
    pub fn supervises(&self) -> Vec<Pid> {
        let services = self.state.services.iter();
        let all = services.flat_map(|service| [Some(service.supervise), service.logger]);
        let pid = |process: SuperviseProcess| match process {
            SuperviseProcess::Running(pid, _) => i32::try_from(pid).ok().map(Pid::from_raw),
            SuperviseProcess::Idle(_) => None,
        };
        all.flatten().filter_map(pid).collect()
    }

    /// Makes it execute `program`.
    pub fn take_over(&self, program: &CStr) -> Result<Taken, Refusal> {
        let paused = replace(self.process.pid, |process| {
            if process.started != self.process.started {
                return Err(Refusal::Gone);
            }
            let now = judge(process.clone(), Some(&self.process), Some(getpid()))?;
            Ok(plan(process, program, now.state.descriptors(), now.state.to_text()))
        })?;
        Taken::confirm(self.process.pid, paused)
    }
}

fn judge(process: Process, before: Option<&Process>, tracer: Tracer) -> Result<Svscan, Refusal> {
    check_surroundings(process.pid)?;
    let found = recognise::svscan(&process, before, tracer)?;
    // Our program reaps those that have ended.
    let children = process.children.iter().filter(|child| !child.ended);
    let children = children.map(|child| match read_supervisor(child.pid) {
        // The child has, not svscan.
        Err(Refusal::Gone) => Err(Refusal::Busy("one of its children has just ended")),
        read => read,
    });
    let children = children.collect::<Result<Vec<_>, _>>()?;
    let is_supervise = |child: &&Supervisor| child.name() == b"supervise" || child.name() == b"svscan";
    let children: Vec<&Supervisor> = children.iter().filter(is_supervise).collect();
    let services = services(&process, &found, &children, Instant::now().0)?;
    Ok(Svscan { state: SvscanState { child_mask: Some(process.blocked), services, ..SvscanState::default() }, process })
}

/// What each supervise among the children is for: a logger reads one of the pipes, the supervise of a service with a logger
/// writes into one.
fn services(
    process: &Process,
    found: &OriginalSvscan,
    children: &[&Supervisor],
    now: Duration,
) -> Result<Vec<ServiceState>, Refusal> {
    let mut loggers = BTreeMap::new();
    let mut services: Vec<(ServiceState, Option<FileId>)> = Vec::new();
    for child in children {
        let number = SuperviseProcess::Running(child.pid.as_raw().unsigned_abs(), now);
        let [input, output] = child.streams.map(|file| file.filter(|file| found.pipes.contains_key(file)));
        if child.directory == process.directory {
            return Err(Refusal::Busy("it has just started a supervise"));
        }
        if let Some(pipe) = input {
            if loggers.insert(pipe, number).is_some() {
                return Err(Refusal::Foreign("two of its children read the same pipe"));
            }
            continue;
        }
        let [_, name] = child.arguments.as_slice() else {
            return Err(Refusal::Foreign("a supervise that is its child has other arguments than 0.76 gives"));
        };
        let FileId { device, number: inode } = child.directory;
        let service = ServiceState { device, inode, supervise: number, logger: None, pipe: None, name: name.clone() };
        services.push((service, output));
    }
    let mut pipes = found.pipes.clone();
    for (service, pipe) in &mut services {
        let Some(pipe) = pipe else { continue };
        service.pipe =
            Some(pipes.remove(pipe).ok_or(Refusal::Foreign("two of its children write into the same pipe"))?);
        service.logger = Some(loggers.remove(pipe).unwrap_or(SuperviseProcess::Idle(Duration::ZERO)));
    }
    pipes.retain(|pipe, (reader, _)| !is_unused(process.pid, *pipe, *reader));
    match pipes.is_empty() && loggers.is_empty() {
        true => Ok(services.into_iter().map(|(service, _)| service).collect()),
        false => Err(Refusal::Busy("the supervise of a service with a logger does not run")),
    }
}

/// Whether a pipe is empty and nobody has it but svscan, so that it need not be kept: that of a service whose supervises an
/// svscan left that was killed, where those that this one starts end at once.
fn is_unused(svscan: Pid, pipe: FileId, reader: i32) -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
    let opened = open_private(format!("/proc/{svscan}/fd/{reader}").as_str(), flags, Mode::empty());
    let is_empty = opened.is_ok_and(|reader| unread(&reader) == Ok(0));
    let is_other = |pid: u32| pid != svscan.as_raw().unsigned_abs();
    is_empty && procfs::pids().is_ok_and(|mut all| !all.any(|pid| is_other(pid) && may_have(pid, pipe)))
}
