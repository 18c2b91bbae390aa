//! The pipe from a service's standard output to its logger's standard input.

use std::fs::File;
use std::io::Write;

use daemontools_tests::status::{Status, until_status, until_up};
use daemontools_tests::{Process, Tree, exits, proc, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{scanned, supervises};

/// A service that writes what comes through the FIFO `feed`, and then into `written` that it did; its logger; and the
/// writing end of the FIFO.
fn logged() -> (Tree, Process, File) {
    let tree = Tree::new()
        .fifo("feed")
        .script("scan/sv/run", "while read -r line; do echo \"$line\"; echo \"$line\" >>written; done <>../../feed")
        .script("scan/sv/log/run", "exec cat >>lines");
    let svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until_up(&tree, "scan/sv/log");
    // Read and write: it never waits for the service.
    let feed = File::options().read(true).write(true).open(tree.path("feed")).expect("open a FIFO");
    (tree, svscan, feed)
}

fn until_lines(tree: &Tree, expected: &[&str]) {
    until(&format!("the lines {expected:?} in the log"), || tree.lines("scan/sv/log/lines") == expected);
}

/// Feeds the service a line and waits until it has written it.
fn put(tree: &Tree, feed: &mut File, line: &str) {
    feed.write_all(format!("{line}\n").as_bytes()).expect("feed the service");
    until(&format!("{line} is written"), || tree.lines("scan/sv/written").iter().any(|written| written == line));
}

/// The process that started the service, killed together with it; waits until svscan has started another pair.
fn kill_both(tree: &Tree, service: &str) {
    let process = until_up(tree, service);
    let supervise = proc::parent(process).expect("a parent");
    assert_eq!(proc::arguments(supervise)[0], b"supervise");
    // Supervise first, else it starts another.
    kill(Pid::from_raw(supervise), Signal::SIGKILL).expect("kill supervise");
    kill(Pid::from_raw(process), Signal::SIGKILL).expect("kill the service");
    until_status(tree, service, "another process", |s| s.up() && s.pid != process);
}

/// Spec, svscan: "with a pipe from the first one's standard output to the second one's standard input".
#[test]
fn what_the_service_writes_reaches_the_logger() {
    let (tree, _svscan, mut feed) = logged();
    put(&tree, &mut feed, "one");
    until_lines(&tree, &["one"]);
    assert_eq!(supervises(&tree), ["log", "sv"]);
}

/// Spec, svscan: "svscan holds both pipe ends itself, so neither side's restart loses a byte."
#[test]
fn the_pipe_survives_the_death_of_either_side() {
    let (tree, _svscan, mut feed) = logged();
    put(&tree, &mut feed, "one");
    until_lines(&tree, &["one"]);

    let writer = Status::of(&tree, "scan/sv").expect("a status").pid;
    kill_both(&tree, "scan/sv/log");
    put(&tree, &mut feed, "two");
    until_lines(&tree, &["one", "two"]);
    assert_eq!(until_up(&tree, "scan/sv"), writer, "the service noticed nothing");

    let logger = until_up(&tree, "scan/sv/log");
    kill_both(&tree, "scan/sv");
    put(&tree, &mut feed, "three");
    until_lines(&tree, &["one", "two", "three"]);
    assert_eq!(until_up(&tree, "scan/sv/log"), logger, "the logger has seen no end");
}

/// The same while the logger is down: the lines wait in the pipe.
#[test]
fn lines_wait_for_the_logger() {
    let (tree, _svscan, mut feed) = logged();
    put(&tree, &mut feed, "one");
    until_lines(&tree, &["one"]);
    assert_eq!(tree.run("svc", ["-d", "scan/sv/log"]), exits(0, "", ""));
    until_status(&tree, "scan/sv/log", "down", |s| !s.up());
    put(&tree, &mut feed, "two");
    kill_both(&tree, "scan/sv");
    put(&tree, &mut feed, "three");
    assert_eq!(tree.lines("scan/sv/log/lines"), ["one"]);
    assert_eq!(tree.run("svc", ["-u", "scan/sv/log"]), exits(0, "", ""));
    until_lines(&tree, &["one", "two", "three"]);
}

/// `log` is a service like any other: with its `down` file, and its own supervise.
#[test]
fn the_logger_may_be_down_at_first() {
    let tree =
        Tree::new().script("scan/sv/run", "echo line; exec sleep 1000").script("scan/sv/log/run", "exec cat >>lines");
    tree.put_file("scan/sv/log/down", "");
    let _svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until("the logger's supervise", || tree.run("svok", ["scan/sv/log"]) == exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-u", "scan/sv/log"]), exits(0, "", ""));
    until_lines(&tree, &["line"]);
}
