//! A supervise of 0.76 becomes ours: the service stays its child, `ok` keeps its reader, the lock is never free.

use std::ffi::{CStr, CString};
use std::time::Duration;

use daemontools_core::restarts::StartReason;
use daemontools_core::resume::{Life, Rest, Running, SuperviseState};
use daemontools_core::status::Want;
use nix::sys::stat::stat;
use nix::unistd::{Pid, getpid};

use crate::proc_reader::{id, read_process, read_service_files};
use crate::process::Process;
use crate::recognise::{self, CHLD, OriginalSupervise, Tracer};
use crate::refusal::Refusal;
use crate::replace::replace;
use crate::stub::Plan;
use crate::takeover::{Taken, check_surroundings, plan};

/// A supervise of 0.76 that was looked at.
#[derive(Clone, Debug)]
pub struct Supervise {
    process: Process,
    /// What its successor goes on with.
    pub state: SuperviseState,
}

impl Supervise {
    /// Looks at a process, which does not notice.
    pub fn look(pid: Pid) -> Result<Supervise, Refusal> {
        judge(read_process(pid)?, None)
    }

    /// Makes it execute `program`.
    pub fn take_over(&self, program: &CStr) -> Result<Taken, Refusal> {
        let paused = replace(self.process.pid, |process| {
            if process.started != self.process.started {
                return Err(Refusal::Gone);
            }
            let mut state = judge(process.clone(), Some(getpid()))?.state;
            let opened = scan_dir(process);
            state.tree = opened.as_ref().map(|(_, number)| *number);
            state.logger = opened.is_some() && is_logger(process);
            Ok(Plan { opened, ..plan(process, program, state.descriptors(), state.to_text()) })
        })?;
        Taken::confirm(self.process.pid, paused)
    }
}

fn judge(process: Process, tracer: Tracer) -> Result<Supervise, Refusal> {
    check_surroundings(process.pid)?;
    let files = read_service_files(process.pid);
    let found = recognise::supervise(&process, &files, tracer)?;
    Ok(Supervise { state: state(&process, &found), process })
}

/// The scan directory, which may hold settings, and the number that it gets: behind that of the state. It is where the
/// svscan works that is the parent. It is done without where the process could perhaps not open it.
fn scan_dir(process: &Process) -> Option<(CString, i32)> {
    let svscan = read_process(process.parent).ok()?;
    let can_open = svscan.name() == b"svscan" && (svscan.user == process.user || process.user == 0);
    let state = process.free_descriptor(3);
    if !can_open || process.free_descriptor(0) != state {
        return None;
    }
    let path = CString::new(format!("/proc/{}/cwd", process.parent)).ok()?;
    Some((path, process.free_descriptor(state + 1)))
}

/// Whether svscan started it for the logger of a service, which is no service of its own.
fn is_logger(process: &Process) -> bool {
    let is_called_log = process.arguments.get(1).is_some_and(|name| name == b"log");
    let service = stat(format!("/proc/{}/cwd/log", process.parent).as_str());
    is_called_log && service.map(|found| id(&found)) != Ok(process.directory)
}

/// What its successor goes on with.
fn state(process: &Process, found: &OriginalSupervise) -> SuperviseState {
    let OriginalSupervise { lock, control_reader, control_writer, ok, status } = *found;
    let life = match status.pid {
        Some(pid) => Life::Running(Running { paused: status.paused, ..Running::new(pid.get()) }),
        // It was not able to fork.
        None if status.want == Want::Up => Life::Waiting(Duration::ZERO, StartReason::Exited),
        None => Life::Down(Rest::AsTold),
    };
    SuperviseState {
        life,
        child_mask: Some(process.blocked & !CHLD),
        ..SuperviseState::new(lock, [control_reader, control_writer], ok, status.want, status.since)
    }
}
