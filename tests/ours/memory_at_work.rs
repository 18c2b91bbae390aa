//! Daemons at work for which no memory is left: they wait or do without, and do what was asked when there is some again.
//!
//! The limit of data (`RLIMIT_DATA`) is lowered from outside to a byte, so that a daemon keeps what it has and gets no more; a
//! limit of 0 means something else to Linux. Not tested: a stack that cannot grow, for which the kernel kills a process.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::thread;

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::{End, Programs, Tree, exits, left_out, proc, until};

/// A tree; `None`: prlimit is not installed.
fn tree(what: &str) -> Option<Tree> {
    let tree = Tree::of(Programs::ours());
    if tree.shell("exec prlimit --version >prlimit") != exits(0, "", "") {
        left_out(what, "prlimit is not installed");
        return None;
    }
    Some(tree)
}

/// Sets the soft limit of data of a process, in bytes or `unlimited`.
fn limit(tree: &Tree, pid: i32, data: &str) {
    assert_eq!(tree.shell(&format!("prlimit --pid {pid} --data={data}:")), exits(0, "", ""));
}

/// A number in `/proc/PID/status`.
fn number(pid: i32, name: &str) -> u64 {
    let text = proc::field(pid, name).expect("a running process");
    text.trim_end_matches(" kB").parse().expect("a number")
}

/// Waits until a process has been at work and has come to wait again.
fn until_noticed(pid: i32, before: u64) {
    until("it has noticed", || number(pid, "voluntary_ctxt_switches") > before);
}

/// Names that take more room than svscan has; nothing is started for them, nor said about them.
#[test]
fn svscan_finds_what_came_meanwhile() {
    let Some(tree) = tree("svscan without memory") else { return };
    let run = "exec sleep 1000";
    let tree = tree.script("first/run", run).script("second/run", run).file("file", "").link("scan/a", "../first");
    let mut svscan = tree.spawn("svscan", ["scan"]);
    let first = until_up(&tree, "scan/a");
    let (kilobytes, switches) = (number(svscan.pid(), "VmData"), number(svscan.pid(), "voluntary_ctxt_switches"));
    limit(&tree, svscan.pid(), "1");
    let long = "x".repeat(200);
    for number in 0..3000 {
        symlink("../file", tree.path(format!("scan/b{number}{long}"))).expect("link");
    }
    symlink("../second", tree.path("scan/c")).expect("link");
    until_noticed(svscan.pid(), switches);
    limit(&tree, svscan.pid(), "unlimited");
    until_up(&tree, "scan/c");
    assert!(number(svscan.pid(), "VmData") > kilobytes, "it had memory enough");
    assert_eq!((svscan.ended(), until_up(&tree, "scan/a")), (None, first));
}

/// What supervise starts has the same limit, and no room for its environment; it is started again until it has.
#[test]
fn supervise_obeys_afterwards() {
    let Some(tree) = tree("supervise without memory") else { return };
    let tree = tree.script("sv/run", "exec sleep 1000").script("sv/supervise.d/finish", "echo >>ended");
    let tree = tree.file("sv/supervise.d/notify-socket", "on\n");
    let many = (0..40_000).map(|number| format!("V{number}=")).chain(["PATH=/usr/bin:/bin".to_owned()]);
    let mut supervise = tree.command("supervise").environ(many).arg("sv").spawn();
    let first = until_up(&tree, "sv");
    limit(&tree, supervise.pid(), "1");
    assert_eq!(tree.run("svc", ["-k", "sv"]), exits(0, "", ""));
    until_status(&tree, "sv", "ended", |status| status.pid != first);
    let report = b"supervise: fatal: out of memory\n";
    until("what it starts ends", || supervise.stderr().windows(report.len()).filter(|said| said == report).count() > 2);
    limit(&tree, supervise.pid(), "unlimited");
    let sleeps = |process: i32| proc::arguments(process).first().is_some_and(|word| word == b"sleep");
    until_status(&tree, "sv", "it runs again", |status| status.up() && sleeps(status.pid));
    assert_eq!(tree.run("svc", ["-d", "sv"]), exits(0, "", ""));
    until_down(&tree, "sv");
    until("finish", || !tree.lines("sv/ended").is_empty());
    assert_eq!(tree.run("svc", ["-u", "sv"]), exits(0, "", ""));
    until_status(&tree, "sv", "it runs once more", |status| status.up() && sleeps(status.pid));
    assert_eq!(supervise.ended(), None);
}

/// Its processor has the same limit and cannot run.
#[test]
fn multilog_has_every_line() {
    let Some(tree) = tree("multilog without memory") else { return };
    let mut multilog = tree.command("multilog").args(["s40960", "n9999", "!cat", "./main"]).stdin_pipe().spawn();
    let mut stdin = multilog.stdin();
    writeln!(stdin, "line").expect("write");
    until("the first line", || tree.logged("main") == b"line\n");
    let (pid, switches) = (multilog.pid(), number(multilog.pid(), "voluntary_ctxt_switches"));
    limit(&tree, pid, "1");
    let lines: String = (0..50_000).map(|number| format!("line {number} and some more text\n")).collect();
    let (written, expected) = (lines.clone(), format!("line\n{lines}"));
    let writer = thread::spawn(move || stdin.write_all(written.as_bytes()));
    until_noticed(pid, switches);
    limit(&tree, pid, "unlimited");
    writer.join().expect("the writer").expect("write");
    assert_eq!(multilog.wait().end, End::Code(0));
    assert!(tree.logged("main") == expected.as_bytes(), "lines are lost");
}
