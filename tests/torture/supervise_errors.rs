//! One error in one system call of a service's life: supervise goes on, or says at its start why it cannot begin.
//!
//! Not tested: a system call that fails for ever (a disk that stays full is in compat), and exit itself.

use daemontools_tests::fault::{calls, can_trace, errors, try_each};
use daemontools_tests::process::End;

use crate::life;

/// A fault before the service was first started may end supervise: 111 and a sentence. After that nothing ends it.
#[test]
fn at_each_call() {
    if !can_trace("an error in each system call of supervise") {
        return;
    }
    let tree = life::tree();
    let mut supervise = tree.traced("clean", &[], "supervise").arg("sv").spawn();
    let _ = life::live(&tree, &mut supervise);
    let faults = errors(calls(&tree.read("clean"), "rt_sigprocmask"));
    try_each("an error in each system call of supervise", &faults, 16, |(call, errno)| {
        let tree = life::tree();
        let mut supervise = tree.traced("trace", &[call.failed(errno)], "supervise").arg("sv").spawn();
        life::while_read(&tree, || {
            let _ = life::live(&tree, &mut supervise);
        });
        let output = supervise.wait();
        let began = !tree.lines("sv/starts").is_empty();
        let refused = output.end == End::Code(111) && output.stderr.starts_with(b"supervise: fatal: unable to ");
        assert!(output.end == End::Code(0) || (refused && !began), "{call:?} {errno}: {output:?}");
        life::next_takes_over(&tree);
    });
}
