//! How a service says that it is ready and that it is alive, with real processes: `notification-fd`, `notify-socket`,
//! `watchdog`, `check`, `ready-timeout`.
//!
//! Not tested here: the messages of another account, where the suite does not run as root.

use std::fs;

use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{exits, needs_root, proc, until, value};

use crate::supervise_details::{detail, history, until_detail};
use crate::supervise_settings::{svc, tree, until_first_end, with};

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

pub fn python(what: &str) -> bool {
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
time.sleep(987)
";
    let tree = tree(NOTIFY).file("sv/script", script).file("sv/supervise.d/notify-socket", "on");
    let tree = tree.file("sv/supervise.d/watchdog", "3h");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "status-text", "one\\x1b[2J\\\\");
    assert_eq!(detail(&tree, "state").as_deref(), Some("starting"), "a child's message does not count");
    assert_eq!(tree.read("sv/env"), b"10800000000 True");
    let tree = tree.file("sv/go", "");
    until_detail(&tree, "state", "ready");
    until_detail(&tree, "status-text", "at work");
    assert_eq!(supervise.stderr(), b"");
}

/// Where the machine keeps it from speaking for so long, it is ended rightly, and the next one tries to live for longer.
#[test]
fn a_service_lives_while_it_speaks_and_is_aborted_when_it_is_silent() {
    if !python("a service with a watchdog") {
        return;
    }
    let script = "
notify('READY=1')
end = time.monotonic() + 5
while time.monotonic() < end: notify('WATCHDOG=1'); time.sleep(0.1)
open('lived', 'w').write(str(os.getpid()) + '\\n')
time.sleep(987)
";
    let tree = tree(NOTIFY).file("sv/script", script).file("sv/supervise.d/notify-socket", "");
    let tree = tree.file("sv/supervise.d/watchdog", "2s");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("it lives for longer than it may be silent", || tree.lines("sv/lived").len() == 1);
    let pid: i32 = tree.lines("sv/lived")[0].parse().expect("a process");
    let ran = |line: &str| line.split_once(" ran-ms ")?.1.split(' ').next()?.parse::<u64>().ok();
    let aborted = |line: &String| line.starts_with("signal ABRT") && ran(line).is_some_and(|ran| ran >= 5000);
    until("it is aborted once it is silent", || history(&tree).iter().any(aborted));
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    assert_eq!(supervise.stderr(), b"");
}

/// A service without rights that writes down, where it is aborted, for how long it had not tried to speak.
const SPEAKS: &str = "
import signal
late = open('late', 'w')
open('address', 'w').write(os.environ['NOTIFY_SOCKET'])
os.setgid(65534); os.setuid(65534)
began, sending, longest = time.monotonic(), False, 0
def aborted(*ignored):
    late.write(str(max(longest, 0 if sending else time.monotonic() - began)) + '\\n'); late.flush(); os._exit(7)
signal.signal(signal.SIGABRT, aborted)
notify('READY=1')
while True:
    longest = max(longest, time.monotonic() - began)
    began, sending = time.monotonic(), True
    notify('WATCHDOG=1')
    sending = False
    time.sleep(0.1)
";

/// An account without rights reaches the socket, and is not believed; a flood delays neither commands nor the watchdog.
#[test]
fn a_flood_of_strange_messages_changes_nothing() {
    if !python("a flood of messages") || !needs_root("a service of another account") {
        return;
    }
    // A machine that keeps the service itself from speaking says nothing about the flood.
    assert!((0..5).any(|_| lives_through_a_flood()), "the service never runs for three seconds");
}

/// Whether the service tried to speak in time.
fn lives_through_a_flood() -> bool {
    let tree = tree(NOTIFY).file("sv/script", SPEAKS).file("sv/supervise.d/notify-socket", "");
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
    assert_eq!(detail(&tree, "status-text"), None);
    assert_eq!(supervise.stderr(), b"");
    if until_up(&tree, "sv") == pid && history(&tree).is_empty() {
        assert_eq!(detail(&tree, "state").as_deref(), Some("ready"));
        return true;
    }
    let late = value("how late it was", || tree.lines("sv/late").first()?.parse::<f64>().ok());
    assert!(late >= 3.0, "aborted though it tried to speak after {late} seconds");
    false
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
