//! The ordered stop of `svscan --init` and the settings of its services: each is stopped in its own way within the grace, and
//! `finish` runs.

use daemontools_tests::status::until_up;
use daemontools_tests::{Process, Programs, Tree, exits, proc, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn svscan(tree: &Tree, grace: &str) -> Process {
    tree.spawn("svscan", ["--init", "--grace", grace, "scan"])
}

fn term(svscan: &Process) {
    kill(Pid::from_raw(svscan.pid()), Signal::SIGTERM).expect("send TERM");
}

/// The last end of a service, without its moment.
fn last_end(tree: &Tree, service: &str) -> String {
    let lines = tree.lines(format!("scan/{service}/supervise/history"));
    lines.last().and_then(|line| line.split_once(' ')).map(|(_, end)| end.to_owned()).unwrap_or_default()
}

/// The grace is longer than a test waits: nothing may need it.
#[test]
fn each_service_is_stopped_as_its_settings_say_and_finish_runs() {
    let ignores = "trap : TERM HUP INT USR1; touch up; while :; do sleep 0.1; done";
    let tree = Tree::of(Programs::ours())
        .script("scan/by-signal/run", "trap : TERM; trap 'exit 3' INT; touch up; while :; do sleep 0.1; done")
        .file("scan/by-signal/supervise.d/stop-signal", "INT\n")
        .script("scan/by-signal/supervise.d/finish", "echo $1 $2 >>finished")
        .script("scan/by-time/run", ignores)
        .file("scan/by-time/supervise.d/stop-timeout", "300ms\n")
        .script("scan/by-time/supervise.d/finish-s6", "echo $1 $2 $3 >>finished")
        .script("scan/by-program/run", "trap : TERM; trap 'exit 4' USR1; touch up; while :; do sleep 0.1; done")
        .script("scan/by-program/supervise.d/stop", "kill -USR1 $1")
        .script("scan/by-program/log/run", "exec cat >>lines")
        .script("scan/by-program/supervise.d/finish", "echo the last line");
    let scanner = svscan(&tree, "10000");
    for service in ["by-signal", "by-time", "by-program"] {
        until_up(&tree, &format!("scan/{service}"));
        until("its traps are set", || tree.path(format!("scan/{service}/up")).exists());
    }
    term(&scanner);
    assert_eq!(scanner.wait(), exits(0, "", ""));
    assert!(last_end(&tree, "by-signal").starts_with("code 3 "), "{}", last_end(&tree, "by-signal"));
    assert!(last_end(&tree, "by-time").starts_with("signal KILL "), "{}", last_end(&tree, "by-time"));
    assert!(last_end(&tree, "by-program").starts_with("code 4 "), "{}", last_end(&tree, "by-program"));
    assert_eq!(tree.lines("scan/by-signal/finished"), ["3 0"]);
    assert_eq!(tree.lines("scan/by-time/finished"), ["256 9 by-time"]);
    assert_eq!(tree.lines("scan/by-program/log/lines"), ["the last line"]);
}

/// What hangs is ended by the grace.
#[test]
fn a_finish_or_a_stop_that_hangs_is_ended_with_the_grace() {
    let hangs = "echo $$ >hangs; exec sleep 987";
    let tree = Tree::of(Programs::ours())
        .script("scan/finish/run", "exec sleep 987")
        .script("scan/finish/supervise.d/finish", hangs)
        .script("scan/stop/run", "exec sleep 987")
        .script("scan/stop/supervise.d/stop", hangs);
    let scanner = svscan(&tree, "2");
    let services = ["finish", "stop"].map(|service| until_up(&tree, &format!("scan/{service}")));
    term(&scanner);
    assert_eq!(scanner.wait().end, daemontools_tests::End::Code(0));
    for service in ["finish", "stop"] {
        let hangs = tree.lines(format!("scan/{service}/hangs"))[0].parse().expect("a process");
        assert!(!proc::alive(hangs), "{service} hangs on");
    }
    assert!(services.iter().all(|&pid| !proc::alive(pid)));
}
