//! supervise is killed at each system call of a service's life.
//!
//! Not tested: a kill between two system calls, which no file and no other process can tell from one at the next call.

use daemontools_tests::fault::{can_trace, selection, try_each};

use crate::life;

/// The next supervise takes over; readers never see a torn or senseless status; no supervise runs two copies; nothing
/// but `status.new` is left behind.
#[test]
fn at_each_call() {
    if !can_trace("supervise killed at each system call") {
        return;
    }
    let calls = life::calls_of_a_life(&life::tree());
    assert!(calls.len() > 100, "only {} calls in a life", calls.len());
    let faults = selection(calls, 16);
    try_each("supervise killed at each system call", &faults, 8, |call| {
        let tree = life::tree();
        life::live_until_killed(&tree, call);
        life::next_takes_over(&tree);
    });
}
