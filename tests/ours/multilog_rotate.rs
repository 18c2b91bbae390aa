//! multilog's setting `:rotate`: files that are finished because of their age.
//!
//! Not tested: a real midnight (the unit tests of `schedule` go through days, hours and weeks of several zones), and a
//! clock that is set while it runs.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{Programs, Tree, exits, until};

/// A log whose last multilog was stopped, and left this.
fn log_with(line: &str) -> Tree {
    let tree = Tree::of(Programs::ours()).file("d/current", line);
    fs::set_permissions(tree.path("d/current"), Permissions::from_mode(0o744)).expect("set its mode");
    tree
}

/// The same with a first line of this Unix time.
fn log_since(unix: u64) -> Tree {
    log_with(&format!("@{:016x}00000000 a line\n", (1_u64 << 62) + 10 + unix))
}

fn now() -> u64 {
    std::time::UNIX_EPOCH.elapsed().expect("a clock").as_secs()
}

fn kinds(tree: &Tree) -> Vec<(String, usize)> {
    let files = tree.log_files("d").into_iter().filter(|file| file.is_old() || file.name == "current");
    files.map(|file| (file.kind(), file.content.len())).collect()
}

/// A log with a file of 33 bytes that is finished, and an empty one.
fn is_rotated(tree: &Tree) -> bool {
    kinds(tree) == [("@.s".to_owned(), 33), ("current".to_owned(), 0)]
}

/// What an earlier multilog wrote counts, by its stamp; nothing has to be written for it.
#[test]
fn a_file_of_another_day_is_finished_at_once() {
    for rotate in [":rotate=1d", ":rotate=hourly", ":rotate=daily", ":rotate=weekly"] {
        let tree = log_since(now() - 8 * 86_400);
        let mut process = tree.command("multilog").args(["t", rotate, "./d"]).stdin_pipe().spawn();
        let input = process.stdin();
        until("the file is finished", || is_rotated(&tree));
        drop(input);
        assert_eq!(process.wait(), exits(0, "", ""));
        // An empty file has no age.
        assert!(is_rotated(&tree), "{:?}", kinds(&tree));
    }
}

#[test]
fn a_file_is_finished_when_its_first_line_is_so_old() {
    let tree = Tree::of(Programs::ours());
    let mut process = tree.command("multilog").args([":rotate=1s", "./d"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    for finished in 1..=2 {
        input.write_all(b"a line\n").expect("write");
        until("the file is finished", || kinds(&tree).len() == finished + 1 && tree.log_sizes("d").ends_with(&[0]));
    }
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(tree.log_sizes("d"), [7, 7, 0]);
}

#[test]
fn a_younger_file_is_written_on() {
    let tree = log_since(now() - 20 * 3600);
    let run = |words: &[&str]| {
        assert_eq!(tree.command("multilog").args(words).stdin("more\n").run(), exits(0, "", ""));
    };
    run(&[":rotate=1d", "./d"]);
    assert_eq!(kinds(&tree), [("current".to_owned(), 38)]);
    // Each log has its own.
    run(&[":rotate=4w", "./d", ":rotate=2h", "./e"]);
    assert_eq!(kinds(&tree), [("current".to_owned(), 43)]);
    // The line comes into a file of its own.
    run(&[":rotate=1h", "./d"]);
    assert_eq!(kinds(&tree), [("@.s".to_owned(), 43), ("current".to_owned(), 5)]);
}

/// Where a line has no stamp, the age of the file counts.
#[test]
fn a_file_without_stamps_is_as_old_as_it_was_made() {
    let tree = log_with("a line\n");
    let mut process = tree.command("multilog").args([":rotate=1s", "./d"]).stdin_pipe().spawn();
    let input = process.stdin();
    until("the file is finished", || tree.log_sizes("d") == [7, 0]);
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}

#[test]
fn what_is_no_schedule_is_fatal() {
    for value in ["", "24", "monthly", "Daily", "0h"] {
        let tree = Tree::of(Programs::ours());
        let expected = exits(111, "", format!("multilog: fatal: malformed setting :rotate={value}\n"));
        assert_eq!(tree.command("multilog").args([format!(":rotate={value}").as_str(), "./d"]).run(), expected);
    }
}

/// No age to look at: it waits without a time limit, so nothing wakes it up.
#[test]
fn nothing_wakes_a_log_that_has_no_age() {
    for words in [&["t", "./d"][..], &["t", ":rotate=daily", "./d"]] {
        let tree = Tree::of(Programs::ours());
        let mut process = tree.command("multilog").args(words).stdin_pipe().spawn();
        let input = process.stdin();
        let file = format!("/proc/{}/syscall", process.pid());
        if std::fs::read(&file).is_err() {
            daemontools_tests::left_out("multilog waits without a time limit", "/proc/PID/syscall cannot be read");
            return;
        }
        // ppoll(descriptors, 2, no time limit, …)
        until("it waits without a time limit", || {
            let call = std::fs::read_to_string(&file).unwrap_or_default();
            let words: Vec<&str> = call.split(' ').collect();
            words.get(2..4) == Some(&["0x2", "0x0"][..])
        });
        drop(input);
        assert_eq!(process.wait(), exits(0, "", ""));
    }
}
