//! A process that a supervise before this one started: not our child, so that its end is heard of in another way, and how
//! it ended only where the kernel tells others than its parent, once that one has reaped it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use daemontools_core::identity::Identity;
use daemontools_program::clock::Instant;
use daemontools_program::procfs;
use daemontools_program::wait::{only_errors, readable, wait};
use daemontools_sys::process::Ending;
use daemontools_sys::{pidfd, process};
use nix::poll::{PollFd, PollFlags};
use nix::unistd::Pid;

use crate::config::Config;
use crate::machine::Role;

/// How often a process is looked at of which the kernel does not tell the end.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long a process that has ended may wait for its parent to reap it, where it makes a difference how it ended, and
/// where only the history tells it.
const MOST_PATIENCE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_millis(100);

/// A process that a supervise before this one started.
pub struct Adopted {
    pub pid: Pid,
    pub identity: Identity,
    pub watch: Watch,
    /// It has ended, and until this moment it may be reaped, so that the kernel tells how.
    pub reaped_by: Option<Instant>,
}

/// How the end of a process is heard of that is not our child.
pub enum Watch {
    /// Its descriptor is readable then.
    Descriptor(OwnedFd),
    /// The kernel knows no such descriptors: somebody has to look.
    Looks,
}

/// What is seen of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It has not ended.
    Running,
    /// It has ended, and its parent has not reaped it.
    Unreaped,
    /// It has ended like this, with a core or without; `None`: the kernel will not tell.
    Ended(Option<(Ending, bool)>),
}

/// How long it may take until it is known how such a process has ended: longer where that decides something. Until then
/// the service is not started again.
pub fn patience(role: Option<Role>, config: &Config) -> Duration {
    let decides = role == Some(Role::Hook) || config.values.no_restart.is_some();
    let tells = config.finish.is_some() || config.finish_s6.is_some();
    if decides || tells { MOST_PATIENCE } else { PATIENCE }
}

impl Adopted {
    /// One that has not ended as far as is known.
    pub fn new(pid: Pid, identity: Identity, watch: Watch) -> Adopted {
        Adopted { pid, identity, watch, reaped_by: None }
    }

    /// Looks at it. One that its parent does not reap counts as reaped after `patience`, or at `latest` if that is sooner.
    pub fn look(&mut self, patience: Duration, latest: Option<Instant>) -> Seen {
        let seen = self.watch.look(self.pid, &self.identity);
        if seen != Seen::Unreaped {
            return seen;
        }
        let now = Instant::now();
        let until = self.reaped_by.unwrap_or(now + patience);
        let until = latest.map_or(until, |latest| latest.min(until));
        self.reaped_by = Some(until);
        if until <= now { Seen::Ended(None) } else { seen }
    }

    /// What to wait for.
    pub fn to_wait_for(&self) -> Option<PollFd<'_>> {
        let process = self.watch.descriptor()?;
        // Readable it is from its end on; when it is reaped, it is hung up as well.
        Some(if self.reaped_by.is_some() { only_errors(process) } else { PollFd::new(process, PollFlags::POLLIN) })
    }

    /// When to look whatever happens.
    pub fn deadline(&self) -> Option<Instant> {
        self.reaped_by.or_else(|| matches!(self.watch, Watch::Looks).then(|| Instant::now() + LOOK_EVERY))
    }
}

impl Watch {
    /// What is readable when the process has ended.
    pub fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Watch::Descriptor(process) => Some(process.as_fd()),
            Watch::Looks => None,
        }
    }

    /// The descriptor that this process has open already.
    pub fn open_already(process: OwnedFd) -> Watch {
        Watch::Descriptor(process)
    }

    /// Looks at the process.
    pub fn look(&self, pid: Pid, identity: &Identity) -> Seen {
        let process = match self {
            Watch::Descriptor(process) => process,
            Watch::Looks if started(pid) == Some(identity.started) => return Seen::Running,
            Watch::Looks => return Seen::Ended(None),
        };
        let mut fds = [readable(process)];
        wait(&mut fds, Some(Instant::default()));
        let found = fds.first().and_then(PollFd::revents).unwrap_or(PollFlags::empty());
        if found.is_empty() {
            return Seen::Running;
        }
        match pidfd::ended(process.as_fd()) {
            Ok(None) if !found.contains(PollFlags::POLLHUP) => Seen::Unreaped,
            told => Seen::Ended(told.unwrap_or_default()),
        }
    }

    /// Sends a signal to the process, and to no other that has got its number since.
    pub fn send(&self, pid: Pid, identity: &Identity, signal: i32) {
        let _ = match self {
            Watch::Descriptor(process) => pidfd::send(process.as_fd(), signal),
            Watch::Looks if started(pid) == Some(identity.started) => process::send(pid, signal),
            Watch::Looks => Ok(()),
        };
    }
}

/// When a process was started, in ticks since the boot. `None` for one that has ended, whether or not its parent, which need
/// not be us, has reaped it. A function of its own, so that its buffer is on the stack of nobody else.
#[inline(never)]
pub fn started(pid: Pid) -> Option<u64> {
    let mut buffer = [0; procfs::STAT_SIZE];
    let stat = procfs::stat(u32::try_from(pid.as_raw()).ok()?, &mut buffer)?;
    (!matches!(stat.state, b'Z' | b'X')).then_some(stat.started)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a child of a test inherits does not matter")]
    fn an_end_is_known_when_the_process_is_reaped_and_not_waited_for_too_long() {
        let mut child = std::process::Command::new("sh").args(["-c", "exit 7"]).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32);
        // An emulator (qemu-user) may not know the call.
        let Ok(process) = pidfd::open(pid) else { return child.wait().map(drop).unwrap() };
        let identity = Identity { started: 0, boot: [0; Identity::BOOT_SIZE], namespace: 0 };
        let mut adopted = Adopted::new(pid, identity, Watch::Descriptor(process));
        wait(&mut [adopted.to_wait_for().unwrap()], None);
        let kernel_tells = pidfd::ended(adopted.watch.descriptor().unwrap()) == Ok(None);
        let hour = Duration::from_secs(3600);
        if kernel_tells {
            assert_eq!(adopted.look(hour, None), Seen::Unreaped);
            let (until, sooner) = (adopted.deadline(), Instant::now() + hour / 2);
            assert_eq!(adopted.look(2 * hour, None), Seen::Unreaped);
            assert_eq!(adopted.deadline(), until, "the first look counts");
            assert_eq!(adopted.look(hour, Some(sooner)), Seen::Unreaped);
            assert_eq!(adopted.deadline(), Some(sooner));
        }
        assert_eq!(adopted.look(hour, Some(Instant::default())), Seen::Ended(None));
        child.wait().unwrap();
        let told = adopted.look(hour, None);
        assert!(matches!(told, Seen::Ended(Some((Ending::Code(7), false)) | None)), "{told:?}");
    }
}
