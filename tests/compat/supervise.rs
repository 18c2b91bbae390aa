//! `supervise DIR`: starting and starting again, exit codes, arguments.
//!
//! In the modules: `commands` what each byte in `control` does; `files` what stands in `supervise/`;
//! `service` what the service's process inherits; `trouble` what goes wrong around it.
//!
//! Not tested: that the start after a failed fork comes 60 seconds later (it would take that long);
//! what happens when the clock is set; a crash of the machine.

mod commands;
mod files;
mod service;
mod trouble;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_tests::status::{Status, now, until_down, until_status, until_up};
use daemontools_tests::{End, NONE, Process, Tree, exits, proc, until};
use nix::sys::signal::Signal;

/// A service that runs until it is told to end, under a supervise.
fn supervised() -> (Tree, Process) {
    let tree = Tree::new().script("sv/run", "exec sleep 1000");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    (tree, supervise)
}

/// Sends commands.
fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

/// The times in a file of lines.
fn times(tree: &Tree, path: &str) -> Vec<f64> {
    tree.lines(path).iter().map(|line| line.parse().expect("a time")).collect()
}

/// Spec, conventions: "Exit codes: 100 wrong usage, 111 a temporary or system failure".
#[test]
fn arguments() {
    let tree = Tree::new().dir("sv").dir("other").file("file", "").link("loop", "loop");
    let usage = exits(100, "", "supervise: usage: supervise dir\n");
    assert_eq!(tree.run("supervise", NONE), usage);
    assert_eq!(tree.run("supervise", ["sv", "other"]), usage);
    for (name, reason) in [
        ("missing", "file does not exist"),
        ("file", "not a directory"),
        ("loop", "symbolic link loop"),
        ("-x", "file does not exist"),
        ("", "file does not exist"),
    ] {
        let message = format!("supervise: fatal: unable to chdir to {name}: {reason}\n");
        assert_eq!(tree.run("supervise", [name]), exits(111, "", message));
    }
}

/// Spec, conventions: paths are bytes; corners: "names with newlines, spaces, leading dashes, 255 bytes, invalid UTF-8".
#[test]
fn any_name_will_do() {
    let long = "n".repeat(255);
    for name in [&b"a\nb"[..], b"-d", b"\xff\xfe", b"with space", b"sv/", b".", b".hidden", long.as_bytes()] {
        let path = Path::new(OsStr::from_bytes(name));
        let tree = Tree::new().script(path.join("run"), "pwd >where; exec sleep 1000").dir("sv");
        let supervise = tree.spawn("supervise", [path]);
        until("the service tells where it runs", || !tree.lines(path.join("where")).is_empty());
        let at = std::fs::canonicalize(tree.path(path)).expect("a real path");
        assert_eq!(tree.read(path.join("where")), [at.as_os_str().as_bytes(), b"\n"].concat());
        assert_eq!(supervise.stderr(), b"");
    }
}

/// Spec, supervise: "then starts `./run` … unless `down` exists".
#[test]
fn down_keeps_it_from_starting() {
    for down in ["file", "directory"] {
        let tree = Tree::new().script("sv/run", "echo started >>starts; exec sleep 1000");
        let tree = if down == "file" { tree.file("sv/down", "") } else { tree.dir("sv/down") };
        let _supervise = tree.spawn("supervise", ["sv"]);
        until("supervise runs", || tree.run("svok", ["sv"]).end == End::Code(0));
        let status = Status::of(&tree, "sv").expect("a status");
        assert_eq!((status.pid, status.paused, status.want), (0, 0, 'd'));
        // It is the first wish only: the second command finds it as any other.
        svc(&tree, "-u");
        until("one start", || tree.lines("sv/starts") == ["started"]);
    }
}

/// A dangling link `down` is no file; one that cannot be looked at is trouble.
#[test]
fn down_may_be_a_link() {
    let tree = Tree::new().script("sv/run", "exec sleep 1000").link("sv/down", "nowhere");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let tree = Tree::new().script("sv/run", "exec sleep 1000").link("sv/down", "down");
    let message = "supervise: fatal: unable to stat sv/down: symbolic link loop\n";
    assert_eq!(tree.run("supervise", ["sv"]), exits(111, "", message));
}

/// Spec, supervise: "When `run` exits and the wish is up, it is started again: … else as soon as a second has passed
/// since the last start."
#[test]
fn starts_are_a_second_apart() {
    // When supervise forked the process, in the kernel's ticks: exact, however late the shell is.
    let tree = Tree::new().script("sv/run", "cut -d' ' -f22 /proc/$$/stat >>starts");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("four starts", || tree.lines("sv/starts").len() >= 4);
    let starts = times(&tree, "sv/starts");
    // 100 ticks are a second; the kernel rounds each of them down.
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 99.0), "{starts:?}");
    assert_eq!(supervise.stderr(), b"");
}

/// Spec, supervise: "started again: at once if it had run for a second or more".
#[test]
fn a_service_that_ran_for_a_while_is_started_again_at_once() {
    let note = "cut -d' ' -f1 /proc/uptime >>times";
    let tree = Tree::new().script("sv/run", &format!("{note}; sleep 2; {note}"));
    let _supervise = tree.spawn("supervise", ["sv"]);
    // From an end to the next start. A busy machine makes some longer; were it always a second, none would be shorter.
    until("a gap of less than a second", || {
        times(&tree, "sv/times").get(1..).is_some_and(|gaps| gaps.chunks_exact(2).any(|gap| gap[1] - gap[0] < 0.9))
    });
}

/// Spec, a service directory: "the time of the last change of the process id".
#[test]
fn the_status_tells_when_the_process_changed() {
    let before = now().as_nanos() as i128;
    let (tree, _supervise) = supervised();
    let up = Status::of(&tree, "sv").expect("a status");
    assert!(proc::alive(up.pid));
    assert_eq!((up.paused, up.want), (0, 'u'));
    let after = now().as_nanos() as i128;
    assert!(before <= up.since && up.since <= after, "{before} {up:?} {after}");

    // A killed process is followed by another, with a time of its own.
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(up.pid), Signal::SIGKILL).expect("kill the service");
    let next = until_status(&tree, "sv", "another process", |s| s.up() && s.pid != up.pid);
    assert!(next.since > after && next.since <= now().as_nanos() as i128, "{after} {next:?}");

    // Commands that leave the process alone leave the time alone.
    svc(&tree, "-p");
    let paused = until_status(&tree, "sv", "paused", |s| s.paused == 1);
    assert_eq!((paused.pid, paused.since), (next.pid, next.since));
    svc(&tree, "-c");
    until_status(&tree, "sv", "not paused", |s| s == next);

    svc(&tree, "-d");
    let down = until_down(&tree, "sv");
    assert_eq!((down.paused, down.want), (0, 'd'));
    assert!(down.since > next.since && down.since <= now().as_nanos() as i128);
}

/// Spec, supervise: "Second supervise on the same directory: …, exit 111."
#[test]
fn a_second_supervise_gives_up_and_disturbs_nothing() {
    let (tree, _supervise) = supervised();
    let status = tree.read("sv/supervise/status");
    for name in ["sv", "./sv/"] {
        let message = format!("supervise: fatal: unable to acquire {name}/supervise/lock: temporary failure\n");
        assert_eq!(tree.run("supervise", [name]), exits(111, "", message));
    }
    assert_eq!(tree.read("sv/supervise/status"), status);
    svc(&tree, "-d");
    until_down(&tree, "sv");
}

/// Spec, the manual: supervise ends only when it is killed or asked to; then the service goes on, and the next supervise
/// takes the directory over. (0.76 starts a second process, ours takes the first one over.)
#[test]
fn a_killed_supervise_leaves_its_service() {
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let (tree, supervise) = supervised();
        let orphan = until_up(&tree, "sv");
        supervise.signal(signal);
        assert_eq!(supervise.wait().end, End::Signal(signal as i32));
        assert!(proc::alive(orphan));
        assert_eq!(tree.run("svstat", ["sv"]), exits(0, "sv: supervise not running\n", ""));
        let _next = tree.spawn("supervise", ["sv"]);
        until("the next supervise", || tree.run("svok", ["sv"]).end == End::Code(0));
        let process = until_status(&tree, "sv", "up", |s| s.up() && proc::alive(s.pid)).pid;
        svc(&tree, "-dx");
        until("it is ended by the next supervise", || !proc::alive(process));
    }
}

/// Children that are not its service (of whatever became supervise by exec) are reaped and change nothing.
#[test]
fn strange_children_are_reaped() {
    let tree = Tree::new().script("sv/run", "exec sleep 1000");
    let line = "sh -c 'until test -e gone; do sleep 0.1; done' & echo $! >child; exec supervise sv";
    let _supervise = tree.invocation("/bin/sh").args(["-c", line]).spawn();
    let process = until_up(&tree, "sv");
    let child: i32 = tree.lines("child")[0].parse().expect("a process id");
    assert!(proc::alive(child));
    tree.put_file("gone", "");
    until("the strange child is reaped", || proc::state(child).is_none());
    assert_eq!(until_up(&tree, "sv"), process);
}
