//! Packing of finished files beside everything else, `:compress`: one at a time, whichever logs they are of, by a child,
//! the program `multilog-pack`, which lies beside our own.
//!
//! Nothing waits for it. What fails is tried again; a child that is at work when multilog ends is ended, and the next
//! multilog begins with its file anew.

use std::ffi::{CStr, CString, OsString};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::path::append;
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::place_inherited;
use daemontools_sys::process::{Ending, fork, leave};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::fcntl::readlink;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{AccessFlags, Pid, access};

use crate::PROGRAM;
use crate::actions::logs;
use crate::cyclog::{Cyclog, Job, pausing};
use crate::log::Log;
use crate::script::{Action, Plan};
use crate::status_file::StatusFile;

/// The program that packs.
const NAME: &CStr = c"multilog-pack";

/// How long to wait after a failure: a disk that is full stays so for a while, and each attempt costs time.
const PAUSE: Duration = Duration::from_secs(60);

/// What packs, and how far it is.
pub struct Packer {
    program: CString,
    state: State,
    /// The log whose turn it is.
    turn: usize,
}

enum State {
    Idle,
    Running { child: Pid, job: Job },
    Paused(Instant),
    Stopped,
}

impl Packer {
    /// What packs, if some log asks for that. Fails if the program is not there.
    pub fn wanted<S>(actions: &[Action<S, Plan>]) -> Result<Option<Packer>, Failure> {
        let packs = |action: &Action<S, Plan>| matches!(action, Action::Log(plan) if plan.settings.compress.is_some());
        if actions.iter().any(packs) { Packer::find().map(Some) } else { Ok(None) }
    }

    fn find() -> Result<Packer, Failure> {
        // Where there is no /proc, PATH has to lead to it.
        let program = beside_our_own(readlink(c"/proc/self/exe")).unwrap_or_else(|| NAME.to_owned());
        if program.as_c_str() != NAME {
            access(program.as_c_str(), AccessFlags::X_OK).unable([b"run ", program.to_bytes()])?;
        }
        Ok(Packer { program, state: State::Idle, turn: 0 })
    }

    /// Begins with the next file if nothing is being packed.
    pub fn advance(&mut self, actions: &mut [Action<StatusFile, Log>], now: Instant, signals: &Signals) {
        match self.state {
            State::Paused(moment) if now >= moment => self.state = State::Idle,
            State::Idle => {}
            State::Running { .. } | State::Paused(_) | State::Stopped => return,
        }
        let mut logs = cyclogs(actions);
        for _ in 0..logs.len() {
            self.turn = if self.turn < logs.len() { self.turn } else { 0 };
            let log = logs.get_mut(self.turn).filter(|log| log.has_unpacked());
            match log.map_or(Ok(None), |log| self.begin(log, signals)) {
                Ok(Some((child, job))) => {
                    self.state = State::Running { child, job };
                    return;
                }
                Ok(None) => self.turn += 1,
                Err(failure) => {
                    self.turn += 1;
                    return self.failed(&failure, now);
                }
            }
        }
    }

    fn begin(&self, log: &mut Cyclog, signals: &Signals) -> Result<Option<(Pid, Job)>, Failure> {
        let Some(job) = log.next_job()? else { return Ok(None) };
        match uninterrupted(fork) {
            Ok(Some(child)) => Ok(Some((child, job))),
            Ok(None) => {
                let errno = become_it(&self.program, &job, signals);
                Failure::because([b"unable to run ", self.program.to_bytes()], errno).tell(&PROGRAM);
                leave(Exit::TROUBLE.0);
            }
            Err(errno) => Err(pausing([b"fork for compression in ", log.name()], errno)),
        }
    }

    /// Takes note of the end of a process, if it is the one that packs.
    pub fn child_ended(&mut self, actions: &mut [Action<StatusFile, Log>], ended: Pid, ending: Ending, now: Instant) {
        let State::Running { child, job } = &self.state else { return };
        let mut logs = cyclogs(actions);
        let Some(log) = logs.get_mut(self.turn).filter(|_| *child == ended) else { return };
        let done = judge(log.name(), ending).and_then(|()| log.finish_job(job));
        if done.is_err() {
            log.abandon_job();
        }
        self.state = State::Idle;
        self.turn += 1;
        if let Err(failure) = done {
            self.failed(&failure, now);
        }
    }

    fn failed(&mut self, failure: &Failure, now: Instant) {
        failure.warn(&PROGRAM);
        self.state = State::Paused(now + PAUSE);
    }

    /// When to try again after a failure.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Paused(moment) => Some(moment),
            State::Idle | State::Running { .. } | State::Stopped => None,
        }
    }

    /// Ends what is at work, for the next multilog to begin anew.
    pub fn stop(&mut self, actions: &mut [Action<StatusFile, Log>]) {
        if let State::Running { child, .. } = self.state {
            let _ = kill(child, Signal::SIGKILL);
            if let Some(log) = cyclogs(actions).get(self.turn) {
                log.abandon_job();
            }
        }
        self.state = State::Stopped;
    }
}

/// The directories of the logs.
fn cyclogs(actions: &mut [Action<StatusFile, Log>]) -> Vec<&mut Cyclog> {
    logs(actions).map(|log| &mut log.cyclog).collect()
}

/// The path of the program in the directory of our own.
fn beside_our_own(own: nix::Result<OsString>) -> Option<CString> {
    let own = own.ok()?;
    let end = own.as_bytes().iter().rposition(|&byte| byte == b'/')?;
    let directory = CString::new(own.as_bytes().get(..=end)?).ok()?;
    Some(append(&directory, NAME.to_str().ok()?))
}

/// What it means for the log of this name that what packs its file ended so.
fn judge(log: &[u8], ending: Ending) -> Result<(), Failure> {
    match ending {
        Ending::Code(0) => Ok(()),
        Ending::Code(_) => Err(Failure::fatal([b"compression failed in ", log, b", pausing"])),
        Ending::Signal(_) => Err(Failure::fatal([b"compression crashed in ", log, b", pausing"])),
    }
}

/// In the child: becomes the program, or says why not.
fn become_it(program: &CStr, job: &Job, signals: &Signals) -> Errno {
    let prepared = || {
        signals.hand_over()?;
        // Without multilog, nobody takes what it makes.
        set_pdeathsig(Signal::SIGKILL)?;
        place(&job.from, 0)?;
        place(&job.to, 1)
    };
    if let Err(errno) = prepared() {
        return errno;
    }
    let words = std::iter::once(NAME).chain(job.compress.words());
    Prepared::new(words, &Environment::inherited()).attempt_at(program)
}

/// Puts a descriptor at a number, for the program.
fn place(fd: &OwnedFd, number: RawFd) -> nix::Result<()> {
    place_inherited(fd.as_fd(), number)
}
