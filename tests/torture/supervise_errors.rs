//! One error in one system call of a service's life: supervise goes on, or says at its start why it cannot begin.
//!
//! Not tested: a system call that fails for ever (a disk that stays full is in compat), and exit itself.

use daemontools_tests::exits;
use daemontools_tests::fault::{can_trace, try_each};
use daemontools_tests::status::{until_status, until_up};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::life;

#[test]
fn at_each_call() {
    life::live_with_each_error("an error in each system call of supervise", 16, life::tree);
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
