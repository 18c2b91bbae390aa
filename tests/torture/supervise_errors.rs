//! One error in one system call of a service's life: supervise goes on, or says at its start why it cannot begin.
//!
//! Not tested: a system call that fails for ever (a disk that stays full is in compat), and exit itself.

use daemontools_tests::fault::{Call, all_of_them, calls, can_trace, selection, try_each};
use daemontools_tests::process::End;

use crate::life;

const ERRORS: [&str; 6] = ["EIO", "ENOSPC", "EINTR", "EMFILE", "EAGAIN", "ENOMEM"];

/// Each error at each call; without TORTURE one error at some of them.
fn faults(calls: Vec<Call>) -> Vec<(Call, &'static str)> {
    // The kernel's brk never fails with an errno, and the C library knows that.
    let spared = ["execve", "exit_group", "brk"];
    let calls = calls.into_iter().filter(|call| !spared.contains(&call.name.as_str()));
    let per_call = if all_of_them() { ERRORS.len() } else { 1 };
    let chosen = |(number, call): (usize, Call)| {
        (0..per_call).map(move |more| (call.clone(), ERRORS[(number + more) % ERRORS.len()]))
    };
    selection(calls.enumerate().flat_map(chosen).collect(), 11)
}

/// A fault before the service was first started may end supervise: 111 and a sentence. After that nothing ends it.
#[test]
fn at_each_call() {
    if !can_trace("an error in each system call of supervise") {
        return;
    }
    let tree = life::tree();
    let mut supervise = tree.traced("clean", &[], "supervise").arg("sv").spawn();
    let _ = life::live(&tree, &mut supervise);
    let faults = faults(calls(&tree.read("clean"), "rt_sigprocmask"));
    try_each("an error in each system call of supervise", &faults, 8, |(call, errno)| {
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
