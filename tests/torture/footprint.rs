//! What a process takes of the machine: memory and descriptors, for those that must not grow.

use std::path::PathBuf;

use daemontools_tests::proc::{descriptors, field};
use daemontools_tests::until;

/// What a process takes, in kB and in numbers.
#[derive(Clone, Copy, Debug)]
pub struct Footprint {
    /// Heap, stack and variables that were written to: exact, the kernel walks the pages. Not every kernel tells.
    anonymous: Option<u64>,
    /// What the process has asked for: the heap as large as it ever was.
    data: u64,
    /// How many descriptors are open.
    descriptors: usize,
}

impl Footprint {
    /// What supervise takes when it has done what it was told. The status that was waited for is in place; the descriptor
    /// that it was written through may not be closed yet.
    pub fn of_supervise(pid: i32) -> Footprint {
        let opened = |fd: i32| std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap_or_default();
        // By the name that it has by then.
        let is_status = |file: PathBuf| file.ends_with("supervise/status.new") || file.ends_with("supervise/status");
        until("supervise has closed what it wrote", || !descriptors(pid).into_iter().any(|fd| is_status(opened(fd))));
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
        let kilobytes = |figure: &str| figure.split_whitespace().next().and_then(|number| number.parse().ok());
        let anonymous = |text: String| text.lines().find_map(|line| kilobytes(line.strip_prefix("Anonymous:")?));
        Footprint {
            anonymous: rollup.ok().and_then(anonymous),
            data: field(pid, "VmData").and_then(|figure| kilobytes(&figure)).expect("VmData"),
            descriptors: descriptors(pid).len(),
        }
    }

    /// It is no more than it was: not a descriptor, and but a few pages that were never written to before, whatever the
    /// number of events in between.
    #[track_caller]
    pub fn has_not_grown_since(self, before: Footprint, what: &str) {
        let some_pages = before.anonymous.map(|kilobytes| kilobytes + 16);
        let grown = self.anonymous > some_pages || self.data > before.data;
        assert!(!grown && self.descriptors == before.descriptors, "before and after {what}: {before:?}, {self:?}");
    }
}
