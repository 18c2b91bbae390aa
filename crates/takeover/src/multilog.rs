//! A multilog of 0.76 is told to end: it finishes its line, and its supervise starts it again, ours if that is what its run
//! script finds now. What the service writes meanwhile waits in the pipe, which svscan holds open.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::proc_reader::{read_process, read_service_files};
use crate::process::Process;
use crate::recognise;
use crate::refusal::Refusal;

/// A multilog of 0.76 that was looked at.
#[derive(Clone, Debug)]
pub struct Multilog(Process);

impl Multilog {
    /// Looks at a process, which does not notice.
    pub fn look(pid: Pid) -> Result<Multilog, Refusal> {
        let process = read_process(pid)?;
        let supervise = read_process(process.parent)?;
        recognise::multilog(&process, &supervise, &read_service_files(supervise.pid))?;
        Ok(Multilog(process))
    }

    /// Tells it to end.
    pub fn end(&self) -> Result<(), Refusal> {
        let now = Multilog::look(self.0.pid)?;
        if now.0.started != self.0.started {
            return Err(Refusal::Gone);
        }
        match kill(now.0.pid, Signal::SIGTERM) {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => Err(Refusal::Gone),
            Err(errno) => Err(Refusal::Denied("signal it", errno)),
        }
    }
}
