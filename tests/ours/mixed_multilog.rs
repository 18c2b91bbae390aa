//! multilog of ours and of the original on one log directory.
//!
//! Left out where the original is not installed. Not tested: a processor's state handed from one to the other.

use std::fs;
use std::io::Write;
use std::path::Path;

use daemontools_tests::{Tree, exits, until};

use crate::mixed::pairs;

/// The numbers in the old files and `current` of the log directory, in order.
fn numbers(tree: &Tree, log: &str) -> Vec<u32> {
    let mut names: Vec<String> = fs::read_dir(tree.path(log))
        .expect("read the log directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII"))
        .filter(|name| name.starts_with('@'))
        .collect();
    names.sort();
    names.push("current".to_owned());
    let lines = names.iter().flat_map(|name| tree.lines(Path::new(log).join(name)));
    lines.map(|line| line.split(' ').nth(1).expect("a stamp and a number").parse().expect("a number")).collect()
}

/// multilog of one goes on in the log of the other, again and again, over rotations.
#[test]
fn multilog_after_multilog() {
    for (first, second) in pairs("multilog in the other's directory") {
        let tree = Tree::of(first);
        let mut next = 0;
        for programs in [first, second, first, second, second, first] {
            let lines: String = (next..next + 300).map(|n| format!("{n} {}\n", "x".repeat(n as usize % 40))).collect();
            next += 300;
            let multilog = tree.command_of(programs, "multilog").args(["t", "s4096", "n1000", "./log"]);
            assert_eq!(multilog.stdin(lines).run(), exits(0, "", ""));
            assert_eq!(numbers(&tree, "log"), (0..next).collect::<Vec<u32>>());
        }
        let unclean = fs::read_dir(tree.path("log")).expect("read").flatten().map(|e| e.file_name());
        assert_eq!(unclean.filter(|name| name.to_string_lossy().ends_with(".u")).count(), 0);
    }
}

/// A log that one left unclean is recovered by the other.
#[test]
fn multilog_after_a_killed_multilog() {
    for (first, second) in pairs("multilog after the other was killed") {
        let tree = Tree::of(first);
        let mut multilog = tree.command("multilog").args(["t", "./log"]).stdin_pipe().spawn();
        let mut pipe = multilog.stdin();
        pipe.write_all(b"0\n1\n").expect("write lines");
        until("both lines", || tree.lines("log/current").len() == 2);
        drop(multilog);
        let multilog = tree.command_of(second, "multilog").args(["t", "./log"]).stdin("2\n3\n");
        assert_eq!(multilog.run(), exits(0, "", ""));
        assert_eq!(numbers(&tree, "log"), [0, 1, 2, 3]);
        assert_eq!(tree.lines("log/current").len(), 2);
    }
}

/// Neither multilog writes where the other does.
#[test]
fn multilog_beside_multilog() {
    for (first, second) in pairs("multilog beside the other") {
        let tree = Tree::of(first);
        let mut multilog = tree.command("multilog").args(["t", "./log"]).stdin_pipe().spawn();
        let mut pipe = multilog.stdin();
        pipe.write_all(b"0\n").expect("write a line");
        until("the line", || tree.lines("log/current").len() == 1);
        let other = tree.command_of(second, "multilog").args(["t", "./log"]).stdin("1\n");
        let refused = "multilog: fatal: unable to lock directory ./log: temporary failure\n";
        assert_eq!(other.run(), exits(111, "", refused));
        drop(pipe);
        assert_eq!(multilog.wait(), exits(0, "", ""));
        assert_eq!(numbers(&tree, "log"), [0]);
    }
}
