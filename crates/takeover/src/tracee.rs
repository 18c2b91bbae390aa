//! A process that we trace, stopped and continued. When it is dropped the process goes on by itself, as it does when we
//! are killed: nothing here asks the kernel for the opposite.

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::arch::{self, Registers};
use crate::refusal::Refusal;

/// Where a traced process has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Because we interrupted it.
    Interrupted,
    /// At the entry or the exit of a call.
    Call,
    /// It has executed a program.
    Executed,
    /// This signal is about to be delivered.
    Signal(Signal),
}

/// A process that we trace.
pub struct Tracee {
    pid: Pid,
    is_stopped: bool,
    /// A signal that it gets when it goes on.
    owed: Option<Signal>,
    has_ended: bool,
}

impl Tracee {
    /// Begins to trace a process; it does not notice.
    pub fn seize(pid: Pid) -> Result<Tracee, Refusal> {
        let options = Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_TRACEEXEC;
        ptrace::seize(pid, options).map_err(|errno| match errno {
            Errno::ESRCH => Refusal::Gone,
            errno => Refusal::Denied("trace it", errno),
        })?;
        Ok(Tracee { pid, is_stopped: false, owed: None, has_ended: false })
    }

    /// Stops it where it is.
    pub fn interrupt(&mut self) -> Result<Stop, Refusal> {
        ptrace::interrupt(self.pid).map_err(|errno| self.failed("interrupt it", errno))?;
        self.wait()
    }

    /// Lets it go on until its next call begins, or the one that it is in ends, or something else stops it.
    pub fn advance(&mut self) -> Result<Stop, Refusal> {
        self.is_stopped = false;
        ptrace::syscall(self.pid, self.owed.take()).map_err(|errno| self.failed("let it go on", errno))?;
        self.wait()
    }

    /// Lets it go on until it executes a program or gets a signal.
    pub fn resume(&mut self) -> Result<Stop, Refusal> {
        self.is_stopped = false;
        ptrace::cont(self.pid, self.owed.take()).map_err(|errno| self.failed("let it go on", errno))?;
        self.wait()
    }

    /// Keeps the signal from it that was about to be delivered.
    pub fn swallow_signal(&mut self) {
        self.owed = None;
    }

    /// Its registers.
    pub fn registers(&mut self) -> Result<Registers, Refusal> {
        arch::registers(self.pid).map_err(|errno| self.failed("read its registers", errno))
    }

    /// Lets it go on, no longer traced.
    pub fn release(self) {}

    /// The sentence for a failed request.
    pub fn failed(&mut self, what: &'static str, errno: Errno) -> Refusal {
        match errno {
            // It was killed.
            Errno::ESRCH => {
                self.has_ended = true;
                Refusal::Gone
            }
            errno => Refusal::Denied(what, errno),
        }
    }

    fn wait(&mut self) -> Result<Stop, Refusal> {
        loop {
            let status = match waitpid(self.pid, Some(WaitPidFlag::__WALL)) {
                Err(Errno::EINTR) => continue,
                // A real-time signal, for which nix has no name: it kills what runs here.
                Err(Errno::EINVAL) => return Err(Refusal::Busy("it got a signal")),
                Err(errno) => return Err(self.failed("wait for it", errno)),
                Ok(status) => status,
            };
            self.is_stopped = true;
            match status {
                WaitStatus::PtraceSyscall(_) => return Ok(Stop::Call),
                WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC) => return Ok(Stop::Executed),
                WaitStatus::PtraceEvent(_, Signal::SIGTRAP, libc::PTRACE_EVENT_STOP) => return Ok(Stop::Interrupted),
                // It was stopped by SIGSTOP or the like, and stays so without us.
                WaitStatus::PtraceEvent(..) => return Err(Refusal::Stopped),
                WaitStatus::Stopped(_, signal) => {
                    self.owed = Some(signal);
                    return Ok(Stop::Signal(signal));
                }
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => {
                    self.has_ended = true;
                    return Err(Refusal::Gone);
                }
                WaitStatus::Continued(_) | WaitStatus::StillAlive => self.is_stopped = false,
            }
        }
    }
}

impl Drop for Tracee {
    fn drop(&mut self) {
        // Only a stopped process can be detached from.
        if !self.has_ended && !self.is_stopped && self.interrupt().is_err() {
            return;
        }
        if !self.has_ended {
            let _ = ptrace::detach(self.pid, self.owed.take());
        }
    }
}
