//! Whose messages are those of a service.

use nix::unistd::{Pid, getpgid};

use crate::cgroup::Cgroup;

/// The processes of a service.
pub struct Members<'a> {
    /// The one that supervise started.
    pub pid: Pid,
    /// Whether all of the process group that it leads belong to it.
    pub group: bool,
    /// The control group whose processes belong to it.
    pub cgroup: Option<&'a Cgroup>,
}

impl Members<'_> {
    /// Whether a process is one of them.
    pub fn include(&self, process: Pid) -> bool {
        process == self.pid
            || (self.group && getpgid(Some(process)).is_ok_and(|leader| leader == self.pid))
            || self.cgroup.is_some_and(|cgroup| cgroup.has(process))
    }
}
