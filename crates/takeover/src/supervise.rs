//! A supervise of 0.76 becomes ours: the service stays its child, `ok` keeps its reader, the lock is never free.

use std::ffi::CStr;
use std::time::Duration;

use daemontools_core::restarts::StartReason;
use daemontools_core::resume::{Life, Rest, Running, SuperviseState};
use daemontools_core::status::Want;
use nix::unistd::{Pid, getpid};

use crate::proc_reader::{read_process, read_service_files};
use crate::process::Process;
use crate::recognise::{self, CHLD, OriginalSupervise, Tracer};
use crate::refusal::Refusal;
use crate::replace::replace;
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
            let now = judge(process.clone(), Some(getpid()))?;
            Ok(plan(process, program, now.state.descriptors(), now.state.to_text()))
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
