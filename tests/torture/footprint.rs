//! What a process takes of the machine: memory and descriptors, for those that must not grow.

use daemontools_tests::proc::{descriptors, field, waits_for_events};
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
    /// What supervise takes when it has done what it was told. It writes more files than the status that was waited for,
    /// the history last.
    pub fn of_supervise(pid: i32) -> Footprint {
        until("supervise waits for events", || waits_for_events(pid));
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
