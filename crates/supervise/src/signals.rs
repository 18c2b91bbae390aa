//! Signals to the processes of a service.

use std::thread::sleep;
use std::time::Duration;

use daemontools_core::signal::Signal;
use daemontools_program::procfs::{self, STAT_SIZE};
use daemontools_sys::process::send;
use nix::unistd::{Pid, getpid};

use crate::actions::Target;
use crate::cgroup::Cgroup;

/// How often STOP looks whether the service's process has become `run`, and how long after each look it waits.
const LOOKS: u32 = 100;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// The service has not been reaped, so the number is still its own; at worst it has just ended.
pub fn signal_service(target: Target, signal: Signal) {
    let (pid, group) = match target {
        Target::Service(pid) => (pid, pid),
        Target::Group(pid) => (pid, Pid::from_raw(-pid.as_raw())),
    };
    if signal == Signal::STOP {
        wait_until_executed(pid);
    }
    // Between fork and setsid there is no such group yet.
    if send(group, signal.number()).is_err() && group != pid {
        let _ = send(pid, signal.number());
    }
}

/// Waits until a child has become another program, a second at most. One that is stopped before that has copies of our
/// descriptors: if we were killed then, no other supervise could take the lock.
#[inline(never)] // its buffers are on the stack of those only that need them
fn wait_until_executed(pid: Pid) {
    let ours = name_of(getpid());
    for _ in 0..LOOKS {
        if ours.is_none() || name_of(pid) != ours {
            return;
        }
        sleep(LOOK_AGAIN_AFTER);
    }
}

/// The name of the program that a process is, 15 bytes of it.
fn name_of(pid: Pid) -> Option<[u8; 16]> {
    let mut buffer = [0; STAT_SIZE];
    let stat = procfs::stat(u32::try_from(pid.as_raw()).ok()?, &mut buffer)?;
    let mut name = [0; 16];
    name.iter_mut().zip(stat.name).for_each(|(to, from)| *to = *from);
    Some(name)
}

/// Signals what is left of a service: of its process group and, where it has one, of its control group. Whether anything
/// is, as far as we may reach it.
pub fn signal_rest(group: Pid, cgroup: Option<&Cgroup>, signal: Option<Signal>) -> bool {
    let group = Pid::from_raw(-group.as_raw());
    let left = send(group, signal.map_or(0, Signal::number)).is_ok();
    if left && signal == Some(Signal::TERM) {
        let _ = send(group, Signal::CONT.number());
    }
    let left_in_cgroup = cgroup.is_some_and(|cgroup| {
        let left = cgroup.signal(signal);
        if left && signal == Some(Signal::TERM) {
            cgroup.signal(Some(Signal::CONT));
        }
        left
    });
    left || left_in_cgroup
}
