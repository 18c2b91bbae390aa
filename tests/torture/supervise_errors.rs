//! One error in one system call of a service's life: supervise goes on, or says at its start why it cannot begin.
//!
//! Not tested: a system call that fails for ever (a disk that stays full is in compat), and exit itself.

use daemontools_tests::exits;
use daemontools_tests::fault::{calls, can_trace, errors, try_each};
use daemontools_tests::process::End;
use daemontools_tests::status::{until_status, until_up};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

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

/// A failure to take the end of the service: supervise comes back to it by itself, and needs no command for that.
#[test]
fn an_end_is_not_missed() {
    if !can_trace("a failing wait of supervise") {
        return;
    }
    let faults: Vec<usize> = (1..=6).collect();
    try_each("a failing wait of supervise", &faults, 6, |nth| {
        let tree = life::tree();
        let fault = [format!("inject=wait4:error=EIO:when={nth}")];
        let supervise = tree.traced("trace", &fault, "supervise").arg("sv").spawn();
        for _ in 0..2 {
            let service = until_up(&tree, "sv");
            kill(Pid::from_raw(service), Signal::SIGKILL).expect("kill the service");
            until_status(&tree, "sv", "restarted", |status| status.up() && status.pid != service);
        }
        tree.run("svc", ["-dx", "sv"]);
        assert_eq!(supervise.wait(), exits(0, "", ""));
    });
}
