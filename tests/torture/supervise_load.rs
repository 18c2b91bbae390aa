//! supervise under load: a storm of signals, hundreds of thousands of commands, a fork that fails.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daemontools_tests::fault::{all_of_them, can_trace};
use daemontools_tests::status::{Status, until_down, until_status, until_up};
use daemontools_tests::wait::value_after;
use daemontools_tests::{Tree, exits, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::footprint::Footprint;
use crate::life;

/// SIGCHLD without a dead child and SIGCONT without a pause, as fast as they go, change nothing.
#[test]
fn a_storm_of_signals() {
    let tree = life::tree();
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let pid = Pid::from_raw(supervise.pid());
    let done = AtomicBool::new(false);
    let mut sent = 0_u64;
    thread::scope(|scope| {
        let storm = scope.spawn(|| {
            let mut sent = 0_u64;
            while !done.load(Ordering::Relaxed) {
                kill(pid, Signal::SIGCHLD).expect("send SIGCHLD");
                kill(pid, Signal::SIGCONT).expect("send SIGCONT");
                sent += 2;
            }
            sent
        });
        let end = life::EndOnDrop(&done);
        for _ in 0..if all_of_them() { 20 } else { 3 } {
            tree.run("svc", ["-d", "sv"]);
            until_down(&tree, "sv");
            tree.run("svc", ["-pu", "sv"]);
            let service = until_up(&tree, "sv");
            tree.run("svc", ["-p", "sv"]);
            until_status(&tree, "sv", "paused", |status| status.paused == 1);
            tree.run("svc", ["-c", "sv"]);
            until_status(&tree, "sv", "continued", |status| status.paused == 0);
            kill(Pid::from_raw(service), Signal::SIGKILL).expect("kill the service");
            until_status(&tree, "sv", "restarted", |status| status.up() && status.pid != service);
        }
        drop(end);
        sent = storm.join().expect("the storm");
    });
    println!("a storm of signals: {sent} signals sent");
    assert_eq!(tree.run("svc", ["-dx", "sv"]), exits(0, "", ""));
    assert_eq!(supervise.wait(), exits(0, "", ""));
    life::nothing_doubled_nothing_strayed(&tree);
}

/// Many supervises are started on one service at the same time: one has it, the others say why they have not.
#[test]
fn a_crowd_of_supervises() {
    let tree = Tree::new().script("sv/run", "echo $$ >>starts; exec sleep 1000");
    let mut crowd: Vec<_> = (0..20).map(|_| tree.spawn("supervise", ["sv"])).collect();
    until("all but one have ended", || {
        crowd.iter_mut().map(|one| usize::from(one.ended().is_some())).sum::<usize>() == 19
    });
    until_up(&tree, "sv");
    let (refused, mut left): (Vec<_>, Vec<_>) = crowd.into_iter().partition(|one| !one.stderr().is_empty());
    let sentence = "supervise: fatal: unable to acquire sv/supervise/lock: temporary failure\n";
    for one in refused {
        assert_eq!(one.wait(), exits(111, "", sentence));
    }
    until("the service has said that it started", || !tree.lines("sv/starts").is_empty());
    assert_eq!(tree.lines("sv/starts").len(), 1, "it was started once");
    tree.run("svc", ["-dx", "sv"]);
    assert_eq!(left.remove(0).wait(), exits(0, "", ""));
    assert_eq!(left.len(), 0);
}

/// A million commands (without TORTURE: fewer) cost no memory and no descriptor.
#[test]
fn a_million_commands() {
    let total = if all_of_them() { 1_000_000 } else { 30_000 };
    let tree = Tree::new().script("sv/run", "trap '' HUP ALRM; while :; do sleep 1000; done");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let give = |count: usize| {
        let mut control = OpenOptions::new().write(true).open(tree.path("sv/supervise/control")).expect("control");
        for batch in vec![b"upc?hau".repeat(100); count.div_ceil(700)] {
            control.write_all(&batch).expect("write commands");
        }
        control.write_all(b"d").expect("write the last command");
        until_down(&tree, "sv");
        control.write_all(b"u").expect("and up again");
        until_up(&tree, "sv");
    };
    give(700);
    let before = Footprint::of_supervise(supervise.pid());
    give(total);
    Footprint::of_supervise(supervise.pid()).has_not_grown_since(before, &format!("{total} commands"));
    println!("a million commands: {total} given");
}

/// While no process can be made, commands are obeyed; `u` tries at once, and nobody else is asked for a minute.
#[test]
fn a_fork_that_fails() {
    if !can_trace("a failing fork") {
        return;
    }
    let tree = life::tree().file("sv/down", "");
    let fault = ["inject=clone,clone3,fork,vfork:error=EAGAIN:when=1..3".to_owned()];
    let supervise = tree.traced("trace", &fault, "supervise").arg("sv").spawn();
    until_status(&tree, "sv", "down", |status| status.want == 'd');
    let warning = b"supervise: warning: unable to fork for sv, sleeping 60 seconds: temporary failure\n";
    let begin = Instant::now();
    for tries in 1..=3 {
        tree.run("svc", ["-u", "sv"]);
        until("the warning", || supervise.stderr() == warning.repeat(tries));
        tree.run("svc", ["-d", "sv"]);
        until_status(&tree, "sv", "the wish is noted at once", |status| status.want == 'd' && !status.up());
    }
    tree.run("svc", ["-u", "sv"]);
    until_up(&tree, "sv");
    // A supervise that slept a minute each time would not have obeyed yet.
    assert!(begin.elapsed() < Duration::from_secs(120), "{:?}", begin.elapsed());
    tree.run("svc", ["-dx", "sv"]);
    assert_eq!(supervise.wait(), exits(0, "", warning.repeat(3)));
    if all_of_them() {
        retried_by_itself();
    }
}

/// The minute passes, and supervise tries again without being asked.
fn retried_by_itself() {
    let tree = life::tree();
    let fault = ["inject=clone,clone3,fork,vfork:error=ENOMEM:when=1".to_owned()];
    let supervise = tree.traced("trace", &fault, "supervise").arg("sv").spawn();
    until("the warning", || !supervise.stderr().is_empty());
    assert!(Status::of(&tree, "sv").is_some_and(|status| !status.up()));
    let warned = Instant::now();
    value_after(Duration::from_secs(60), "a start after the minute", || {
        let up = Status::of(&tree, "sv").is_some_and(|status| status.up());
        assert!(!up || warned.elapsed() > Duration::from_secs(50), "before the minute is over");
        up.then_some(())
    });
}
