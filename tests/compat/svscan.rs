//! `svscan [DIR]`: arguments, which entries are services, how they come, move and go.
//!
//! In the modules: `log` the pipe between a service and its logger; `service` what svscan hands on; `trouble` what it warns of.
//!
//! Not tested: 1000 services and more (see `ours`); a change of the scan directory's mode or place while it runs;
//! that a scan comes within five seconds (0.76 sleeps, the machine may be busy).

mod log;
mod service;
mod trouble;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{End, Process, Tree, exits, proc, until};
use nix::sys::signal::Signal;

const SLEEP: &str = "exec sleep 1000";

/// svscan on the directory `scan`, which the tree must have.
fn scanned(tree: &Tree) -> Process {
    tree.spawn("svscan", ["scan"])
}

/// The names in the command lines of the tree's supervises, in order.
fn supervises(tree: &Tree) -> Vec<String> {
    let processes = tree.processes().into_iter().filter(|&process| !proc::is_forked_only(process));
    let words = processes.map(proc::arguments).filter(|words| words.len() == 2);
    let names = words.filter(|words| words[0] == b"supervise").map(|words| words[1].clone());
    let mut names: Vec<String> = names.map(|name| name.escape_ascii().to_string()).collect();
    names.sort();
    names
}

/// Waits until svscan has looked at all entries after this call: a new one is started by the same scan, or a later one.
pub fn until_next_scan(tree: &Tree, scan: &str) {
    let scan = Path::new(scan);
    let name = (0..).map(|n| format!("probe{n}")).find(|name| !tree.path(scan.join(name)).exists()).expect("a name");
    // Made elsewhere and moved, so that no program meets half of it.
    let tmp = format!("made/{name}");
    tree.put_script(format!("{tmp}/run"), SLEEP);
    fs::rename(tree.path(tmp), tree.path(scan.join(&name))).expect("move a service into the scan directory");
    until_up(tree, scan.join(&name).to_str().expect("text"));
}

/// Spec, svscan: "It exits 111 if it cannot change to DIR (`svscan: fatal: unable to chdir to DIR: REASON`)."
#[test]
fn arguments() {
    let tree = Tree::new().file("file", "").link("loop", "loop");
    for (name, reason) in [
        ("missing", "file does not exist"),
        ("file", "not a directory"),
        ("loop", "symbolic link loop"),
        ("", "file does not exist"),
        ("--", "file does not exist"),
        ("-x", "file does not exist"),
    ] {
        let message = format!("svscan: fatal: unable to chdir to {name}: {reason}\n");
        assert_eq!(tree.run("svscan", [name]), exits(111, "", message));
    }
}

/// Spec, svscan: "DIR (default: the current directory) is the scan directory." Measured: further words are not looked at.
#[test]
fn the_directory() {
    for words in [&[][..], &["."], &["../scan/"], &[".", "missing"]] {
        let tree = Tree::new().script("scan/sv/run", SLEEP);
        let svscan = tree.command("svscan").current_dir("scan").args(words).spawn();
        until_up(&tree, "scan/sv");
        assert_eq!(svscan.stderr(), b"");
    }
}

/// Spec, svscan: "An empty directory is no reason to exit."
#[test]
fn an_empty_directory() {
    let tree = Tree::new().dir("scan");
    let mut svscan = scanned(&tree);
    until_next_scan(&tree, "scan");
    assert_eq!(svscan.ended(), None);
}

/// Spec, svscan: "For each entry whose name does not start with `.` and that is a directory (links followed)".
#[test]
fn which_entries_are_services() {
    let tree = Tree::new()
        .script("scan/sv/run", SLEEP)
        .script("scan/.hidden/run", SLEEP)
        .script("scan/run", SLEEP)
        .file("scan/file", "")
        .script("elsewhere/run", SLEEP)
        .link("scan/linked", "../elsewhere")
        .fifo("scan/fifo")
        .link("scan/to-a-file", "file");
    let svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until_up(&tree, "elsewhere");
    until_next_scan(&tree, "scan");
    assert_eq!(supervises(&tree), ["linked", "probe0", "sv"]);
    assert_eq!(svscan.stderr(), b"");
}

/// Spec, corners: "svscan takes names with newlines, spaces, leading dashes, 255 bytes, invalid UTF-8".
#[test]
fn any_name_will_do() {
    let long = "n".repeat(255);
    let names = [&b"a\nb"[..], b"-d", b"--x", b"\xff\xfe", b"with space", b"$HOME", long.as_bytes()];
    let tree = names.iter().fold(Tree::new(), |tree, name| {
        let path = Path::new("scan").join(OsStr::from_bytes(name));
        tree.script(path.join("run"), "echo line; exec sleep 1000").script(path.join("log/run"), "exec cat >lines")
    });
    let svscan = scanned(&tree);
    for name in names {
        let lines = Path::new("scan").join(OsStr::from_bytes(name)).join("log/lines");
        until("the line in the log", || tree.lines(&lines) == ["line"]);
    }
    assert_eq!(svscan.stderr(), b"");
}

/// Spec, svscan: "`supervise` is found through PATH; argv is `supervise NAME`, the working directory the scan directory";
/// "also `supervise log` inside NAME".
#[test]
fn how_supervise_is_started() {
    let tree = Tree::new().dir("scan/sv/log").script(
        "bin/supervise",
        "printf '%s|%s|%s\\n' \"$#\" \"$*\" \"$(pwd -P)\" >>\"$TMPDIR/started\"; exec sleep 1000",
    );
    tree.put_script("scan/sv/run", SLEEP);
    let path = format!("/nonexistent:{}:/bin:/usr/bin", tree.path("bin").display());
    let _svscan = tree.command("svscan").arg("scan").env("PATH", path).spawn();
    until("two starts", || tree.lines("started").len() == 2);
    let mut lines = tree.lines("started");
    lines.sort();
    let scan = tree.path("scan").display().to_string();
    assert_eq!(lines, [format!("1|log|{scan}/sv"), format!("1|sv|{scan}")]);
    until("two that sleep", || {
        let words = tree.processes().into_iter().map(proc::arguments);
        words.filter(|words| words.first().is_some_and(|word| word == b"sleep")).count() == 2
    });
}

/// Spec, svscan: "if NAME/log exists when the entry is first seen": a logger that comes later is for the next life.
#[test]
fn a_log_that_comes_later_is_not_looked_for() {
    let tree = Tree::new().script("scan/sv/run", SLEEP);
    let _svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    tree.put_script("made/log/run", SLEEP);
    fs::rename(tree.path("made/log"), tree.path("scan/sv/log")).expect("move log into the service");
    until_next_scan(&tree, "scan");
    until_next_scan(&tree, "scan");
    assert_eq!(supervises(&tree), ["probe0", "probe1", "sv"]);
}

/// Spec, svscan: "Identity is device and inode, not name: renaming an entry starts nothing new."
#[test]
fn a_renamed_entry_is_the_same() {
    let tree = Tree::new().script("scan/sv/run", SLEEP);
    let _svscan = scanned(&tree);
    let process = until_up(&tree, "scan/sv");
    fs::rename(tree.path("scan/sv"), tree.path("scan/other")).expect("rename");
    until_next_scan(&tree, "scan");
    until_next_scan(&tree, "scan");
    assert_eq!(until_up(&tree, "scan/other"), process);
    assert_eq!(supervises(&tree), ["probe0", "probe1", "sv"]);
}

/// The same for two names of one directory.
#[test]
fn two_names_are_one_service() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).link("scan/alias", "sv");
    let svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until_next_scan(&tree, "scan");
    assert_eq!(supervises(&tree).iter().filter(|name| !name.starts_with("probe")).count(), 1);
    assert_eq!(svscan.stderr(), b"");
}

/// Spec, svscan: "new entries are started": a directory that is moved in, and a link.
#[test]
fn new_entries_are_started() {
    let tree = Tree::new().dir("scan");
    let _svscan = scanned(&tree);
    until_next_scan(&tree, "scan");
    tree.put_script("elsewhere/run", SLEEP);
    tree.put_script("elsewhere/log/run", SLEEP);
    std::os::unix::fs::symlink("../elsewhere", tree.path("scan/linked")).expect("make a link");
    until_up(&tree, "elsewhere");
    until_up(&tree, "elsewhere/log");
    assert_eq!(supervises(&tree), ["linked", "log", "probe0"]);
}

/// Spec, svscan: "a supervise that ended is started again as long as its entry exists".
#[test]
fn a_supervise_that_ended_is_started_again() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).script("scan/sv/log/run", SLEEP);
    let _svscan = scanned(&tree);
    for service in ["scan/sv", "scan/sv/log"] {
        let process = until_up(&tree, service);
        assert_eq!(tree.run("svc", ["-dx", service]), exits(0, "", ""));
        until_status(&tree, service, "up again", |s| s.up() && s.pid != process);
    }
    assert_eq!(supervises(&tree), ["log", "sv"]);
}

/// Spec, svscan: "when an entry has gone (or now starts with a dot) and its supervises have ended, its pipe is closed and
/// it is forgotten." Both ways of the manual: remove the link, or rename the directory.
#[test]
fn a_removed_entry_is_forgotten() {
    for dot in [false, true] {
        let tree = Tree::new().script("sv/run", SLEEP).script("sv/log/run", SLEEP);
        let tree = if dot {
            fs::create_dir(tree.path("scan")).expect("make a directory");
            fs::rename(tree.path("sv"), tree.path("scan/sv")).expect("move");
            tree
        } else {
            tree.link("scan/sv", "../sv")
        };
        let svscan = scanned(&tree);
        until_up(&tree, "scan/sv");
        until_up(&tree, "scan/sv/log");
        until_next_scan(&tree, "scan");
        let open = proc::descriptors(svscan.pid()).len();
        let at = if dot {
            fs::rename(tree.path("scan/sv"), tree.path("scan/.sv")).expect("rename");
            "scan/.sv"
        } else {
            fs::remove_file(tree.path("scan/sv")).expect("remove the link");
            "sv"
        };
        until_next_scan(&tree, "scan");
        assert!(until_up(&tree, at) > 0 && until_up(&tree, &format!("{at}/log")) > 0, "both go on");
        let out = tree.run("svc", ["-dx", at, &format!("{at}/log")]);
        assert_eq!(out, exits(0, "", ""));
        until("both supervises have ended", || supervises(&tree).iter().all(|name| name.starts_with("probe")));
        until_next_scan(&tree, "scan");
        until_next_scan(&tree, "scan");
        assert!(supervises(&tree).iter().all(|name| name.starts_with("probe")), "nothing is started again");
        until("the pipe is closed", || proc::descriptors(svscan.pid()).len() + 2 <= open);
        let gone = format!("{at}: supervise not running\n");
        assert_eq!(tree.run("svstat", [at]), exits(0, gone, ""));
    }
}

/// A directory that went and comes back is a service again.
#[test]
fn a_removed_entry_may_come_back() {
    let tree = Tree::new().script("sv/run", SLEEP).script("sv/log/run", SLEEP).link("scan/sv", "../sv");
    let _svscan = scanned(&tree);
    let process = until_up(&tree, "sv");
    until_up(&tree, "sv/log");
    fs::remove_file(tree.path("scan/sv")).expect("remove the link");
    assert_eq!(tree.run("svc", ["-dx", "sv", "sv/log"]), exits(0, "", ""));
    until("both have ended", || tree.run("svok", ["sv"]).end == End::Code(100) && supervises(&tree).is_empty());
    until_next_scan(&tree, "scan");
    std::os::unix::fs::symlink("../sv", tree.path("scan/again")).expect("make a link");
    until_status(&tree, "sv", "up again", |s| s.up() && s.pid != process);
    until_up(&tree, "sv/log");
    assert_eq!(supervises(&tree), ["again", "log", "probe0"]);
}

/// Spec, svscan: "It ends only by a signal; the supervises then go on." The next svscan leaves them alone.
#[test]
fn svscan_may_be_killed_and_started_again() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL, Signal::SIGHUP, Signal::SIGINT] {
        let tree = Tree::new().script("scan/sv/run", SLEEP).script("scan/sv/log/run", SLEEP);
        let svscan = scanned(&tree);
        let processes = [until_up(&tree, "scan/sv"), until_up(&tree, "scan/sv/log")];
        svscan.signal(signal);
        assert_eq!(svscan.wait().end, End::Signal(signal as i32));
        let _next = scanned(&tree);
        until_next_scan(&tree, "scan");
        assert_eq!([until_up(&tree, "scan/sv"), until_up(&tree, "scan/sv/log")], processes);
        assert!(processes.iter().all(|&process| proc::alive(process)));
    }
}

/// Children that are not its supervises are reaped.
#[test]
fn strange_children_are_reaped() {
    let tree = Tree::new().dir("scan");
    let line = "sh -c 'until test -e gone; do sleep 0.1; done' & echo $! >child; exec svscan scan";
    let _svscan = tree.invocation("/bin/sh").args(["-c", line]).spawn();
    until_next_scan(&tree, "scan");
    let child: i32 = tree.lines("child")[0].parse().expect("a process id");
    tree.put_file("gone", "");
    until("the strange child is reaped", || proc::state(child).is_none());
}
