//! Signals to the processes of a service.

use daemontools_core::signal::Signal;
use daemontools_sys::process::send;
use nix::unistd::Pid;

use crate::actions::Target;
use crate::cgroup::Cgroup;

/// The service has not been reaped, so the number is still its own; at worst it has just ended.
pub fn signal_service(target: Target, signal: Signal) {
    let (pid, group) = match target {
        Target::Service(pid) => (pid, pid),
        Target::Group(pid) => (pid, Pid::from_raw(-pid.as_raw())),
    };
    // Between fork and setsid there is no such group yet.
    if send(group, signal.number()).is_err() && group != pid {
        let _ = send(pid, signal.number());
    }
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
