//! `supervise.d`: how settings are read, which are believed, and whose they are. Values and decisions are pure and tested
//! beside them (`crates/core/src/settings`, `crates/supervise/src/machine`); what the settings do is in
//! `supervise_readiness` and `supervise_ending`, real daemons are in `real_services`.
//!
//! Not tested here: the programs that need root to try another account, where the suite does not run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};

use daemontools_tests::{Process, Programs, Tree, exits, needs_root, until};

use crate::supervise_details::{history, until_detail};

pub(crate) fn tree(run: &str) -> Tree {
    Tree::of(Programs::ours()).script("sv/run", run)
}

pub(crate) fn with(run: &str, settings: &[(&str, &str)]) -> (Tree, Process) {
    let mut tree = tree(run);
    for (name, value) in settings {
        tree = tree.file(format!("sv/supervise.d/{name}"), format!("{value}\n"));
    }
    let supervise = tree.spawn("supervise", ["sv"]);
    (tree, supervise)
}

pub(crate) fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}
pub(crate) fn until_lines(tree: &Tree, file: &str, expected: &[&str]) {
    until(&format!("{file} has {expected:?}"), || tree.lines(file) == expected);
}

/// Waits for the first end, which is written down after everything else, and looks how it was.
#[track_caller]
pub(crate) fn until_first_end(tree: &Tree, expected: &str) {
    until(expected, || history(tree).first().is_some_and(|end| end.starts_with(expected)));
}

#[test]
fn runits_status_has_20_bytes() {
    let (tree, _supervise) = with("exec sleep 987", &[("status", "runit")]);
    let tail = || tree.read("sv/supervise/status").get(16..).map(<[u8]>::to_vec);
    until("the status", || tail().as_deref() == Some(b"\0u\0\x01"));
    assert!(String::from_utf8_lossy(&tree.run("svstat", ["sv"]).stdout).starts_with("sv: up (pid "));
    svc(&tree, "-d");
    until("the status", || tail().as_deref() == Some(b"\0d\0\0"));
}

#[test]
fn what_cannot_be_used_is_said_once_a_change() {
    let tree = tree("echo start >>starts; exit 1").file("sv/supervise.d/stop-timeout", "10\n");
    let tree = tree.file("sv/supervise.d/finish", "echo no >>no").file("sv/supervise.d/nonsense", "x");
    let tree = tree.file("sv/supervise.d/stop", "off\n").dir("sv/supervise.d/stop-signal");
    let tree = tree.fifo("sv/supervise.d/watchdog").file("sv/supervise.d/group", vec![b'\n'; 4097]);
    let supervise = tree.spawn("supervise", ["sv"]);
    until("three starts", || tree.lines("sv/starts").len() >= 3);
    let said = || {
        let text = String::from_utf8(supervise.stderr()).expect("text");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let line = |name: &str, why: &str| format!("supervise: warning: unable to use sv/supervise.d/{name}: {why}");
    let expected = [
        line("finish", "not executable"),
        line("group", "larger than 4096 bytes"),
        line("stop-signal", "not a regular file"),
        line("stop-timeout", "not a time: its unit is missing (ms, s, m or h)"),
        line("watchdog", "not a regular file"),
    ];
    assert_eq!(said(), expected);
    fs::write(tree.path("sv/supervise.d/stop-timeout"), "soon").expect("write");
    until("it is said again", || said().contains(&line("stop-timeout", "not a time")));
    assert!(tree.lines("sv/no").is_empty());
}

#[test]
fn settings_that_others_may_write_are_not_believed() {
    if !needs_root("settings of another account") {
        return;
    }
    let said = |tree: &Tree| {
        let supervise = tree.spawn("supervise", ["sv"]);
        until_detail(tree, "state", "up");
        String::from_utf8(supervise.stderr()).expect("text")
    };
    let service = || tree("exec sleep 987").file("sv/supervise.d/notification-fd", "7");
    let warning = |what: &str, why: &str| format!("supervise: warning: unable to use {what}: {why}\n");
    let (other, write) = ("it belongs to another account", "others than its owner may write it");
    let own = |tree: &Tree, path: &str| chown(tree.path(path), Some(65534), Some(65534)).expect("chown");
    let mode = |tree: &Tree, path: &str, mode: u32| {
        fs::set_permissions(tree.path(path), Permissions::from_mode(mode)).expect("chmod");
    };
    let one = service();
    own(&one, "sv/supervise.d/notification-fd");
    assert_eq!(said(&one), warning("sv/supervise.d/notification-fd", other));
    let one = service();
    mode(&one, "sv/supervise.d", 0o777);
    assert_eq!(said(&one), warning("sv/supervise.d", write));
    let one = tree("exec sleep 987").file("fd", "7").link("sv/supervise.d/notification-fd", "../../fd");
    mode(&one, "fd", 0o664);
    assert_eq!(said(&one), warning("sv/supervise.d/notification-fd", write));
    let one = tree("exec sleep 987").file(".supervise.d/notification-fd", "7");
    own(&one, ".supervise.d");
    assert_eq!(said(&one), warning(".supervise.d", other));
    // The owner of `run` may say how it is run.
    let one = service();
    own(&one, "sv/supervise.d/notification-fd");
    own(&one, "sv/run");
    let supervise = one.spawn("supervise", ["sv"]);
    until_detail(&one, "state", "starting");
    assert_eq!(supervise.stderr(), b"");
}

#[test]
fn a_tree_has_settings_for_all_and_a_service_its_own() {
    let tree = tree("exec sleep 987").script("other/run", "exec sleep 987").script("sv/log/run", "exec sleep 987");
    let tree = tree.file(".supervise.d/notification-fd", "7").script(".supervise.d/finish", "pwd >>finished");
    let tree = tree.file(".supervise.d/log/notify-socket", "on").file("other/supervise.d/notification-fd", "off");
    let _supervise = ["sv", "other", "sv/log"].map(|name| tree.spawn("supervise", [name]));
    let state = |name: &str| {
        let text = String::from_utf8(tree.read(format!("{name}/supervise/details"))).expect("text");
        text.lines().find_map(|line| line.strip_prefix("state ").map(str::to_owned))
    };
    for (name, expected) in [("sv", "starting"), ("other", "up"), ("sv/log", "starting")] {
        until(name, || state(name).as_deref() == Some(expected));
    }
    svc(&tree, "-d");
    until("the tree's finish", || tree.lines("sv/finished") == [tree.path("sv").display().to_string()]);
    tree.run("svc", ["-d", "sv/log"]);
    until("the logger is down", || state("sv/log").as_deref() == Some("down"));
    assert!(!tree.path("sv/log/finished").exists());
}

/// svscan starts a logger in its service directory, which need not be below the scan directory.
#[test]
fn a_logger_that_svscan_starts_has_the_settings_of_its_tree() {
    let run = "exec sleep 987";
    let tree = tree(run).script("sv/log/run", run).script("at/log/run", run).link("at/sv", "../sv");
    let tree =
        tree.file("at/.supervise.d/log/notification-fd", "7").script("at/.supervise.d/log/finish", "pwd >>finished");
    // A service directory is no scan directory.
    let tree = tree.script("sv/.supervise.d/finish", "pwd >>refused").file("at/log/supervise.d/status", "runit");
    let _svscan = tree.spawn("svscan", ["at"]);
    let state = |name: &str| {
        let text = String::from_utf8(tree.read(format!("{name}/supervise/details"))).expect("text");
        text.lines().find_map(|line| line.strip_prefix("state ").map(str::to_owned))
    };
    for (name, expected) in [("sv", "up"), ("sv/log", "starting"), ("at/log", "up")] {
        until(name, || state(name).as_deref() == Some(expected));
    }
    assert_eq!(tree.run("svc", ["-d", "sv/log"]), exits(0, "", ""));
    until("the tree's finish", || tree.lines("sv/log/finished") == [tree.path("sv/log").display().to_string()]);
    assert!(!tree.path("sv/log/refused").exists() && !tree.path("at/log/finished").exists());
}

/// Files of other supervisors beside `run` are never honoured by themselves.
#[test]
fn files_beside_run_mean_nothing() {
    let body = "echo ran >>ran";
    let tree = tree("exit 1").script("sv/finish", body).script("sv/check", body).script("sv/control/t", body);
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("two ends", || history(&tree).len() >= 2);
    assert!(!tree.path("sv/ran").exists());
}

/// Where there are no settings, a start costs two system calls for them.
#[test]
fn absent_settings_cost_two_system_calls_a_start() {
    if !daemontools_tests::fault::can_trace("the system calls for settings") {
        return;
    }
    let tree = tree("echo start >>starts; exit 1");
    let mut supervise = tree.traced("trace", &["trace=all".into()], "supervise").arg("sv").spawn();
    until("five starts", || tree.lines("sv/starts").len() >= 5);
    svc(&tree, "-dx");
    until("it ends", || supervise.ended().is_some());
    let trace = String::from_utf8(tree.read("trace")).expect("text");
    let looks = trace.lines().filter(|line| line.contains("supervise.d\"")).count();
    let starts = tree.lines("sv/starts").len();
    // Those at its own start, and at the command `d`.
    assert!(looks <= 2 * starts + 2 + 2 + 2, "{looks} for {starts} starts");
}
