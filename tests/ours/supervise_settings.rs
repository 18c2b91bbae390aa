//! `supervise.d`: what a service may ask for, tried with real processes. Values and decisions are pure and tested beside
//! them (`crates/core/src/settings`, `crates/supervise/src/machine`).
//!
//! Not tested here: the programs that need root to try another account, where the suite does not run as root.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::time::Duration;

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{Process, Programs, Tree, exits, needs_root, proc, until};

use crate::supervise_details::{detail, history, until_detail};

fn tree(run: &str) -> Tree {
    Tree::of(Programs::ours()).script("sv/run", run)
}

fn with(run: &str, settings: &[(&str, &str)]) -> (Tree, Process) {
    let mut tree = tree(run);
    for (name, value) in settings {
        tree = tree.file(format!("sv/supervise.d/{name}"), format!("{value}\n"));
    }
    let supervise = tree.spawn("supervise", ["sv"]);
    (tree, supervise)
}

fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

/// A service that says which signals it gets and ends by none but KILL.
const STUBBORN: &str = "for s in HUP INT TERM USR1; do trap \"echo $s >>got\" $s; done; echo ready >>got
while :; do sleep 0.05; done";

fn until_lines(tree: &Tree, file: &str, expected: &[&str]) {
    until(&format!("{file} has {expected:?}"), || tree.lines(file) == expected);
}

/// Waits for the first end, which is written down after everything else, and looks how it was.
#[track_caller]
fn until_first_end(tree: &Tree, expected: &str) {
    until(expected, || history(tree).first().is_some_and(|end| end.starts_with(expected)));
}

#[test]
fn the_stop_signal_and_kill_after_its_time() {
    let (tree, supervise) = with(STUBBORN, &[("stop-signal", "SIGINT"), ("stop-timeout", "1500ms")]);
    until_lines(&tree, "sv/got", &["ready"]);
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "INT"]);
    until_first_end(&tree, "signal KILL");
    until_detail(&tree, "state", "down");
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

#[test]
fn a_setting_that_changes_counts_at_the_next_stop() {
    let (tree, _supervise) = with(STUBBORN, &[]);
    until_lines(&tree, "sv/got", &["ready"]);
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "TERM"]);
    let tree = tree.file("sv/supervise.d/stop-signal", "HUP\n").file("sv/supervise.d/stop-timeout", "200ms\n");
    svc(&tree, "-u");
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "TERM", "HUP"]);
    until_down(&tree, "sv");
}

#[test]
fn the_program_stop_comes_before_the_signal() {
    let (tree, _supervise) = with(STUBBORN, &[("stop-timeout", "1s")]);
    let tree = tree.script("sv/supervise.d/stop", "echo stop $1 >>got; sleep 1000");
    until_lines(&tree, "sv/got", &["ready"]);
    let pid = until_up(&tree, "sv");
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", &format!("stop {pid}"), "TERM"]);
    until_down(&tree, "sv");
    until_first_end(&tree, "signal KILL");
}

#[test]
fn restart_delay_and_limit() {
    let (tree, supervise) = with("echo start >>starts; exit 7", &[("restart-limit", "2/60s")]);
    until_detail(&tree, "state", "failed");
    assert_eq!(detail(&tree, "reason").as_deref(), Some("3 ends in 60 s"));
    assert_eq!(tree.lines("sv/starts").len(), 3);
    until_status(&tree, "sv", "given up", |status| !status.up() && status.want == 'd');
    svc(&tree, "-o");
    until("it starts anew", || tree.lines("sv/starts").len() == 4);
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));

    let (tree, _supervise) = with("cut -d' ' -f22 /proc/$$/stat >>starts", &[("restart-delay", "2s..4s")]);
    until("three starts", || tree.lines("sv/starts").len() == 3);
    let ticks: Vec<i64> = tree.lines("sv/starts").iter().map(|line| line.parse().expect("ticks")).collect();
    assert!(ticks[1] - ticks[0] >= 199 && ticks[2] - ticks[1] >= 399, "{ticks:?}");
}

#[test]
fn an_end_that_is_final() {
    let (tree, _supervise) = with("echo start >>starts; exit 3", &[("no-restart", "0 3-5 TERM")]);
    until_detail(&tree, "state", "done");
    all_the_while("no other start", Duration::from_secs(2), || tree.lines("sv/starts").len() == 1);
    until_status(&tree, "sv", "done", |status| !status.up() && status.want == 'd');
    svc(&tree, "-u");
    until("another start", || tree.lines("sv/starts").len() == 2);
}

#[test]
fn finish_gets_how_it_ended_and_comes_before_the_next_start() {
    let tree = tree("echo run >>order; exit 7").script("sv/supervise.d/finish", "echo finish $1 $2 >>order");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("two runs and more", || tree.lines("sv/order").len() >= 4);
    assert_eq!(tree.lines("sv/order")[..4], ["run", "finish 7 0", "run", "finish 7 0"]);
}

#[test]
fn finish_runs_when_the_service_is_stopped_and_supervise_waits_for_it() {
    let tree = tree("exec sleep 987").script("sv/supervise.d/finish-s6", "echo $1 $2 $3 $4 >>done; sleep 0.3");
    let supervise = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    svc(&tree, "-dx");
    until_detail(&tree, "state", "finishing");
    until_down(&tree, "sv");
    assert_eq!(supervise.wait(), exits(0, "", ""));
    assert_eq!(tree.lines("sv/done"), [format!("256 15 sv {pid}")]);
}

#[test]
fn finish_gives_up_or_is_killed() {
    let gives_up = tree("exit 1").script("sv/supervise.d/finish", "exit 125");
    let _supervise = gives_up.spawn("supervise", ["sv"]);
    until_detail(&gives_up, "state", "failed");
    assert_eq!(detail(&gives_up, "reason").as_deref(), Some("finish exited with 125"));

    let run = "echo run >>order; exit 1";
    let hangs = tree(run).script("sv/supervise.d/finish", "sleep 987 & echo $! >>child; wait");
    let hangs = hangs.file("sv/supervise.d/finish-timeout", "300ms");
    let _supervise = hangs.spawn("supervise", ["sv"]);
    until("another run", || hangs.lines("sv/order").len() >= 2);
    let child = hangs.lines("sv/child")[0].parse().expect("a process");
    until("what it started is killed too", || !proc::alive(child));

    let stays = tree(run).script("sv/supervise.d/finish", "exec sleep 987");
    let _supervise = stays.spawn("supervise", ["sv"]);
    until_detail(&stays, "state", "finishing");
    svc(&stays, "-k");
    until("another run", || stays.lines("sv/order").len() >= 2);
}

#[test]
fn a_group_of_its_own_is_ended_as_a_whole() {
    // A child that TERM does not end, nor the end of its parent.
    let run = "sh -c 'trap : TERM HUP; echo $$ >>child; while :; do sleep 0.1; done' &
until [ -s child ]; do sleep 0.02; done
ps -o pgid= -p $$ >group; exec sleep 987";
    let (tree, _supervise) = with(run, &[("group", "on"), ("stop-timeout", "500ms")]);
    let pid = until_up(&tree, "sv");
    until("the child", || !tree.lines("sv/group").is_empty());
    assert_eq!(tree.lines("sv/group")[0].trim(), pid.to_string());
    let child = tree.lines("sv/child")[0].parse().expect("a process");
    svc(&tree, "-k");
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    assert!(!proc::alive(child));

    // With `main`, a signal goes to the service alone.
    let run = "sh -c 'trap \"echo hup >>got\" HUP; echo ready >>got; while :; do sleep 0.1; done' &
trap 'echo main >>got' HUP; while :; do sleep 0.1; done";
    for (value, expected) in [("main", &["ready", "main"][..]), ("on", &["ready", "hup", "main"])] {
        let (tree, _supervise) = with(run, &[("group", value)]);
        until_lines(&tree, "sv/got", &["ready"]);
        svc(&tree, "-h");
        until(value, || {
            let mut got = tree.lines("sv/got");
            got[1..].sort();
            got == expected
        });
    }
}

#[test]
fn a_newline_on_the_notification_descriptor_says_ready() {
    let run = "echo some text >&7; until [ -e go ]; do sleep 0.02; done; echo >&7; exec 7>&-; exec sleep 987";
    let (tree, supervise) = with(&run.replace("some text", "-n no newline"), &[("notification-fd", "7")]);
    until_up(&tree, "sv");
    assert_eq!(detail(&tree, "state").as_deref(), Some("starting"));
    let tree = tree.file("sv/go", "");
    until_detail(&tree, "state", "ready");
    assert!(detail(&tree, "ready-since").is_some());
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

#[test]
fn a_service_that_is_not_ready_in_time_is_started_again() {
    let settings = [("notification-fd", "3"), ("ready-timeout", "300ms")];
    let (tree, _supervise) = with("echo start >>starts; exec sleep 987", &settings);
    until("two starts", || tree.lines("sv/starts").len() >= 2);
    until_first_end(&tree, "signal TERM");
}

#[test]
fn a_descriptor_that_is_inherited_is_refused_once() {
    let tree = tree("echo start >>starts; echo >&9; exit 1").file("sv/supervise.d/notification-fd", "9");
    let null = fs::File::options().write(true).open("/dev/null").expect("open");
    let supervise = tree.command("supervise").arg("sv").descriptor(9, null).spawn();
    until("two starts", || tree.lines("sv/starts").len() >= 2);
    let why = "the service inherits that descriptor anyway";
    let warning = format!("supervise: warning: unable to use sv/supervise.d/notification-fd: {why}\n");
    assert_eq!(String::from_utf8_lossy(&supervise.stderr()), warning);
}

/// `python3` as a service that speaks sd_notify(3), by hand.
const NOTIFY: &str = r#"exec python3 -u -c '
import os, socket, sys, time
def notify(text):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto(text.encode("latin-1"), os.environ["NOTIFY_SOCKET"].replace("@", "\0", 1))
exec(open("script").read())
'"#;

fn python(what: &str) -> bool {
    let found = std::path::Path::new("/usr/bin/python3").exists();
    if !found {
        daemontools_tests::left_out(what, "python3 is not installed");
    }
    found
}

#[test]
fn a_service_speaks_sd_notify() {
    if !python("a service that speaks sd_notify") {
        return;
    }
    let script = "
open('env', 'w').write(os.environ['WATCHDOG_USEC'] + ' ' + str(os.environ['WATCHDOG_PID'] == str(os.getpid())))
if os.fork() == 0: notify('READY=1'); os._exit(0)
os.wait()
notify('STATUS=one\\x1b[2J\\\\')
while not os.path.exists('go'): time.sleep(0.02)
notify('READY=1\\nSTATUS=at work')
while not os.path.exists('silent'):
    notify('WATCHDOG=1'); time.sleep(0.1)
time.sleep(987)
";
    let settings = [("notify-socket", "on"), ("watchdog", "3s")];
    let (tree, _supervise) = with(NOTIFY, &[]);
    drop(_supervise);
    let mut tree = tree.file("sv/script", script);
    for (name, value) in settings {
        tree = tree.file(format!("sv/supervise.d/{name}"), value);
    }
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "status-text", "one\\x1b[2J\\\\");
    assert_eq!(detail(&tree, "state").as_deref(), Some("starting"), "a child's message does not count");
    assert_eq!(tree.read("sv/env"), b"3000000 True");
    let tree = tree.file("sv/go", "");
    until_detail(&tree, "state", "ready");
    until_detail(&tree, "status-text", "at work");
    let pid = until_up(&tree, "sv");
    all_the_while("it is alive", Duration::from_secs(4), || proc::alive(pid));
    let tree = tree.file("sv/silent", "");
    until("it is aborted", || history(&tree).last().is_some_and(|line| line.starts_with("signal ABRT")));
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    assert_eq!(supervise.stderr(), b"");
}

/// An account without rights reaches the socket, and is not believed; a flood delays neither commands nor the watchdog.
#[test]
fn a_flood_of_strange_messages_changes_nothing() {
    if !python("a flood of messages") || !needs_root("a service of another account") {
        return;
    }
    let script = "
open('address', 'w').write(os.environ['NOTIFY_SOCKET'])
os.setgid(65534); os.setuid(65534)
notify('READY=1')
while True: notify('WATCHDOG=1'); time.sleep(0.1)
";
    let tree = tree(NOTIFY).file("sv/script", script).file("sv/supervise.d/notify-socket", "");
    let tree = tree.file("sv/supervise.d/watchdog", "3s");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "ready");
    let pid = until_up(&tree, "sv");
    let flood = "
import socket, sys, os
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
a = open('sv/address').read().replace('@', '\\0', 1)
for n in range(100000):
    s.sendto([b'STOPPING=1', b'STATUS=evil', os.urandom(40), b'\\n' * 500, b''][n % 5], a)
";
    let mut flood = tree.invocation("/usr/bin/python3").args(["-c", flood]).spawn();
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |status| status.paused == 1);
    svc(&tree, "-c");
    until_status(&tree, "sv", "continued", |status| status.paused == 0);
    until("the flood is over", || flood.ended().is_some());
    assert_eq!(detail(&tree, "state").as_deref(), Some("ready"));
    assert_eq!(detail(&tree, "status-text"), None);
    assert_eq!(until_up(&tree, "sv"), pid);
    assert_eq!(supervise.stderr(), b"");
}

#[test]
fn checks_say_ready_and_take_it_back() {
    let tree = tree("echo start >>starts; exec sleep 987").script("sv/supervise.d/check", "[ -e good ]");
    let tree = tree.file("sv/supervise.d/check-interval", "50ms").file("sv/supervise.d/check-always", "on");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "starting");
    let tree = tree.file("sv/good", "");
    until_detail(&tree, "state", "ready");
    fs::remove_file(tree.path("sv/good")).expect("remove");
    until_detail(&tree, "reason", "check failed, 3 in a row");
    assert_eq!(detail(&tree, "state").as_deref(), Some("starting"));
    assert_eq!(tree.lines("sv/starts").len(), 1);
}

#[test]
fn a_check_that_hangs_is_killed_with_all_it_started() {
    let tree = tree("exec sleep 987").file("sv/supervise.d/check-timeout", "200ms");
    let body = "[ -e hung ] && exit 0; sleep 987 & echo $! >child; touch hung; yes | head -c 200000; wait";
    let tree = tree.script("sv/supervise.d/check", body);
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "ready");
    let child = tree.lines("sv/child")[0].parse().expect("a process");
    assert!(!proc::alive(child));
    assert_eq!(supervise.stderr(), b"");
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
