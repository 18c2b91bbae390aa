//! multilog on a disk that is full: `:when-full`, `:tell-waits`.
//!
//! What `block` and all of 0.76's words do there is in `tests/torture/multilog_disk.rs`. Not tested: a quota of an account.

use std::fs;
use std::io::Write;

use daemontools_tests::{Process, Programs, Tree, exits, needs_root, until};

/// A tree with a small disk, of which a part is taken.
fn disk(options: &str, taken: usize) -> Option<Tree> {
    if !needs_root("a full disk") {
        return None;
    }
    let tree = Tree::of(Programs::ours());
    if !tree.tmpfs("disk", options) {
        return None;
    }
    tree.put_file("disk/taken", vec![b'x'; taken]);
    Some(tree)
}

/// Line number `number`: 100 bytes.
fn line(number: usize) -> String {
    format!("{number:099}\n")
}

fn said(process: &Process, text: &str) -> bool {
    String::from_utf8_lossy(&process.stderr()).contains(text)
}

/// The numbers in a line that tells what was dropped.
fn counts(line: &str) -> Option<(usize, usize)> {
    let (_, rest) = line.split_once("multilog: dropped ")?;
    let (lines, rest) = rest.split_once(" line")?;
    let (_, rest) = rest.split_once(", ")?;
    let (bytes, rest) = rest.split_once(" byte")?;
    let moments: Vec<&str> = rest.split(", ").skip(1).collect();
    let is_moment =
        |text: &str, word: &str| text.strip_prefix(word).is_some_and(|time| time.len() == 20 && time.ends_with('Z'));
    assert!(moments.len() == 2 && is_moment(moments[0], "from ") && is_moment(moments[1], "to "), "{line}");
    Some((lines.parse().expect("a number"), bytes.parse().expect("a number")))
}

/// Exactly the lines that are counted are missing, each that is there is whole, and each gap is told where it is.
fn judge(logged: &[u8], all: usize, stamp: usize) {
    let text = String::from_utf8(logged.to_vec()).expect("text");
    let (mut next, mut gaps) = (0, 0);
    for found in text.lines() {
        let found = &found[stamp..];
        if let Some((lines, bytes)) = counts(found) {
            assert_eq!(bytes, lines * (100 + stamp), "{found}");
            next += lines;
            gaps += 1;
        } else {
            assert_eq!(format!("{found}\n"), line(next));
            next += 1;
        }
    }
    assert_eq!(next, all);
    assert!(gaps > 0, "nothing was dropped");
}

const WARNING: &str = "multilog: warning: no room in ./disk/d, dropping lines: out of disk space\n";

/// The writer never waits, and what is missing is counted.
#[test]
fn lines_are_dropped_while_there_is_no_room() {
    for (words, stamp) in [(&[":when-full=drop"][..], 0), (&["t", ":when-full=drop"], 26)] {
        let Some(tree) = disk("size=160k", 100 * 1024) else { return };
        let script = words.iter().chain(&["s16777215", "./disk/d"]);
        let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
        let mut input = process.stdin();
        for number in 0..5000 {
            input.write_all(line(number).as_bytes()).expect("write");
        }
        until("lines are dropped", || said(&process, WARNING));
        fs::remove_file(tree.path("disk/taken")).expect("make room");
        until("it is told", || tree.logged("disk/d").windows(9).any(|text| text == b" dropped "));
        input.write_all(line(5000).as_bytes()).expect("write");
        drop(input);
        assert_eq!(process.wait(), exits(0, "", WARNING));
        judge(&tree.logged("disk/d"), 5001, stamp);
    }
}

/// The file of the next rotation cannot be made.
#[test]
fn lines_are_dropped_while_there_is_no_inode() {
    // The root, d, lock, state, current, taken.
    let Some(tree) = disk("nr_inodes=6", 1) else { return };
    let script = [":when-full=drop", "s4096", "n99", "./disk/d"];
    let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
    let mut input = process.stdin();
    for number in 0..300 {
        input.write_all(line(number).as_bytes()).expect("write");
    }
    until("lines are dropped", || said(&process, WARNING));
    fs::remove_file(tree.path("disk/taken")).expect("make room");
    until("it is told", || tree.logged("disk/d").windows(9).any(|text| text == b" dropped "));
    drop(input);
    let out = process.wait();
    judge(&tree.logged("disk/d"), 300, 0);
    assert_eq!(out, exits(0, "", WARNING));
}

/// It ends while there is no room: the count goes to standard error.
#[test]
fn what_the_log_cannot_be_told_is_told_at_the_end() {
    let Some(tree) = disk("size=64k", 40 * 1024) else { return };
    let text: String = (0..2000).map(line).collect();
    let out = tree.command("multilog").args([":when-full=drop", "s16777215", "./disk/d"]).stdin(&text).run();
    let there = tree.logged("disk/d");
    assert!(there.ends_with(b"\n") && text.as_bytes().starts_with(&there));
    let (lines, bytes) = (2000 - there.len() / 100, text.len() - there.len());
    let told = String::from_utf8(out.stderr).expect("text");
    let expected = format!("{WARNING}multilog: warning: ./disk/d: dropped {lines} lines, {bytes} bytes, from ");
    assert!(told.starts_with(&expected) && told.lines().count() == 2, "{told}");
}

/// A line that has no end yet is dropped as a whole.
#[test]
fn a_long_line_is_dropped_as_a_whole() {
    let Some(tree) = disk("size=64k", 40 * 1024) else { return };
    let mut process = tree.command("multilog").args([":when-full=drop", "s16777215", "./disk/d"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    input.write_all(b"first\n").expect("write");
    for _ in 0..100 {
        input.write_all(&[b'x'; 1000]).expect("write");
    }
    until("lines are dropped", || said(&process, WARNING));
    assert_eq!(tree.logged("disk/d"), b"first\n");
    fs::remove_file(tree.path("disk/taken")).expect("make room");
    input.write_all(b" end\n").expect("write");
    until("it is told", || tree.logged("disk/d").windows(9).any(|text| text == b" dropped "));
    input.write_all(b"last\n").expect("write");
    drop(input);
    assert_eq!(process.wait(), exits(0, "", WARNING));
    let logged = String::from_utf8(tree.logged("disk/d")).expect("text");
    let lines: Vec<&str> = logged.lines().collect();
    assert_eq!((lines.len(), lines[0], counts(lines[1]), lines[2]), (3, "first", Some((1, 100_005)), "last"));
}

/// Another log of the same script goes on, whether its neighbour drops or waits.
#[test]
fn a_log_that_drops_keeps_no_other_waiting() {
    let Some(tree) = disk("size=64k", 40 * 1024) else { return };
    let script = [":when-full=drop", "s16777215", "./disk/d", ":when-full=block", "./other"];
    let text: String = (0..3000).map(line).collect();
    let out = tree.command("multilog").args(script).stdin(&text).run();
    assert!(out.stderr.starts_with(WARNING.as_bytes()), "{out:?}");
    assert_eq!(tree.logged("other"), text.as_bytes());
}

/// With the setting, how long it waited is in the log, between two lines; without, nothing.
#[test]
fn a_wait_is_told_in_the_log() {
    for words in [&[":tell-waits=on"][..], &[":tell-waits=on", ":tell-waits=off"], &[]] {
        let Some(tree) = disk("size=160k", 100 * 1024) else { return };
        let script = words.iter().chain(&["s16777215", "./disk/d"]);
        let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
        let mut input = process.stdin();
        let text: String = (0..900).map(line).collect();
        input.write_all(text.as_bytes()).expect("write");
        let warning = "multilog: warning: unable to write to ./disk/d/current, pausing: out of disk space\n";
        until("it waits", || said(&process, warning));
        fs::remove_file(tree.path("disk/taken")).expect("make room");
        until("it goes on", || tree.logged("disk/d").len() >= text.len());
        input.write_all(b"last\n").expect("write");
        drop(input);
        let out = process.wait();
        assert!(out.stderr.chunks(warning.len()).all(|line| line == warning.as_bytes()), "{out:?}");
        let logged = String::from_utf8(tree.logged("disk/d")).expect("text");
        let (told, lines): (Vec<&str>, Vec<&str>) = logged.lines().partition(|line| line.starts_with("multilog: "));
        assert_eq!(lines.join("\n") + "\n", format!("{text}last\n"));
        if words.len() == 1 {
            let span =
                told[0].strip_prefix("multilog: waited ").and_then(|rest| rest.strip_suffix(" s: out of disk space"));
            assert!(span.and_then(|span| span.parse().ok()).is_some_and(|span: u64| span >= 5), "{told:?}");
        }
        assert_eq!(told.len(), usize::from(words.len() == 1), "{told:?}");
    }
}

/// What ps shows of a process. (Where a title is shorter than the words were, the rest is empty.)
fn title(process: &Process) -> String {
    let text = fs::read(format!("/proc/{}/cmdline", process.pid())).expect("read its command line");
    String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned()
}

/// Where an operator looks first: what it waits for is its title, and afterwards the title is what it was.
#[test]
fn its_title_says_what_it_waits_for() {
    let Some(tree) = disk("size=160k", 100 * 1024) else { return };
    let mut process =
        tree.command("multilog").args(["s16777215", "./disk/d"]).env("LONG", "x".repeat(200)).stdin_pipe().spawn();
    let mut input = process.stdin();
    let before = title(&process);
    assert!(before.ends_with("\0s16777215\0./disk/d"), "{before}");
    let text: String = (0..900).map(line).collect();
    input.write_all(text.as_bytes()).expect("write");
    let expected = "multilog: unable to write to ./disk/d/current, pausing: out of disk space";
    until("its title says so", || title(&process) == expected);
    fs::remove_file(tree.path("disk/taken")).expect("make room");
    until("it goes on, with its own title", || title(&process) == before && tree.logged("disk/d").len() == text.len());
    drop(input);
    assert_eq!(process.wait().end, daemontools_tests::End::Code(0));
}

/// A processor gets the environment as it was.
#[test]
fn a_title_leaves_the_environment_as_it_was() {
    let tree = Tree::of(Programs::ours());
    let processor = "!test -e ../go || exit 1; env >../environment; cat";
    let mut invocation = tree.command("multilog").args(["s4096", processor, "./d"]).stdin_pipe();
    for number in 0..9 {
        invocation = invocation.env(format!("NUMBER{number}"), format!("value {number}"));
    }
    let mut process = invocation.spawn();
    let mut input = process.stdin();
    let text: String = (0..30).map(line).collect();
    input.write_all(text.as_bytes()).expect("write");
    // All of it is shown only where the words and the environment have room for it.
    until("its title says so", || title(&process) == "multilog: processor failed in ./d, pausing");
    tree.put_file("go", "");
    until("the processor has run", || tree.log_sizes("d").len() == 2);
    drop(input);
    let out = process.wait();
    assert_eq!(out.end, daemontools_tests::End::Code(0), "{out:?}");
    let environment = String::from_utf8(tree.read("environment")).expect("text");
    assert!((0..9).all(|number| environment.contains(&format!("NUMBER{number}=value {number}\n"))), "{environment}");
}
