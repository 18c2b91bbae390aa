//! supervise is killed at each system call of a service's life.
//!
//! Not tested: a kill between two system calls, which no file and no other process can tell from one at the next call.

use daemontools_tests::fault::{calls, can_trace, selection, try_each};
use daemontools_tests::process::End;

use crate::life;

/// The next supervise takes over; readers never see a torn or senseless status; no supervise runs two copies; nothing
/// but `status.new` is left behind.
#[test]
fn at_each_call() {
    if !can_trace("supervise killed at each system call") {
        return;
    }
    let tree = life::tree();
    let mut supervise = tree.traced("clean", &[], "supervise").arg("sv").spawn();
    let _ = life::live(&tree, &mut supervise);
    let calls = calls(&tree.read("clean"), "rt_sigprocmask");
    assert!(calls.len() > 100, "only {} calls in a life", calls.len());
    let faults = selection(calls, 16);
    try_each("supervise killed at each system call", &faults, 8, |call| {
        let tree = life::tree();
        let mut supervise = tree.traced("trace", &[call.killed()], "supervise").arg("sv").spawn();
        life::while_read(&tree, || {
            let _ = life::live(&tree, &mut supervise);
        });
        let end = supervise.wait().end;
        // A life is not the same twice: the last calls of the clean run may not come.
        assert!(end == End::Signal(9) || end == End::Code(0), "{call:?}: {end:?}");
        life::next_takes_over(&tree);
    });
}
