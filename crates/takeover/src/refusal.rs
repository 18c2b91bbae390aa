//! The refusals of a takeover: why a process of 0.76 is left as it is, in words.

use std::fmt;

use nix::errno::Errno;
use nix::unistd::Pid;

/// Why a process is not taken over; `Display` gives what follows `PID is `, `PID ` or the like in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is doing something: looking again in a moment may find it quiet.
    Busy(&'static str),
    /// It is not what it would have to be.
    Foreign(&'static str),
    /// It is no 64-bit program of this machine.
    Machine,
    /// Another process traces it, a debugger for example.
    Traced(Pid),
    /// It has another root directory or is in another namespace of files or processes.
    Elsewhere,
    /// It was stopped by a signal.
    Stopped,
    /// It has ended.
    Gone,
    /// The kernel does not let us do this.
    Denied(&'static str, Errno),
    /// This was tried inside the process and failed there; it goes on as before.
    Inside(&'static str, Errno),
}

impl Refusal {
    /// Whether it may be otherwise in a moment.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Refusal::Busy(_))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Busy(what) => f.write_str(what),
            Refusal::Foreign(what) => write!(f, "neither daemontools 0.76 nor ours: {what}"),
            Refusal::Machine => f.write_str("not a program of this machine's kind"),
            Refusal::Traced(pid) => write!(f, "traced by process {pid}"),
            Refusal::Elsewhere => f.write_str("in another namespace or with another root directory"),
            Refusal::Stopped => f.write_str("stopped by a signal"),
            Refusal::Gone => f.write_str("no longer there"),
            Refusal::Denied(what, errno) => {
                write!(f, "unable to {what}: {}", daemontools_program::errno::reason(*errno))
            }
            Refusal::Inside(what, errno) => {
                write!(f, "unable to {what} in its place: {}", daemontools_program::errno::reason(*errno))
            }
        }
    }
}
