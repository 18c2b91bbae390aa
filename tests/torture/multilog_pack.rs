//! multilog with `:compress`, killed at each system call of the part in which files are packed, and with an error in each:
//! no line is lost, none comes twice, and in the end every finished file is packed.
//!
//! Not tested: faults in the program that packs. It ends well only when it has read what it made and compared it.

use std::io::Write;
use std::time::Duration;

use daemontools_tests::fault::{Call, calls, can_trace, errors, selection, try_each};
use daemontools_tests::{End, Process, Tree, until};

const SCRIPT: [&str; 5] = [":compress=gzip", ":max-total=1g", "s4096", "!cat", "./d"];

/// Five files' worth of lines.
fn lines() -> Vec<u8> {
    (0..170).flat_map(|number| format!("{number:062}\n").into_bytes()).collect()
}

/// A log with five finished files, none of them packed.
fn log() -> Tree {
    let tree = Tree::new();
    let plain = tree.command("multilog").args(&SCRIPT[1..]).stdin(lines()).run();
    assert_eq!((plain.end, tree.log_sizes("d").len()), (End::Code(0), 6));
    tree
}

/// Whether the five files are packed, and nothing else is there.
fn is_packed(tree: &Tree) -> bool {
    let files = tree.log_files("d");
    files.iter().filter(|file| file.kind() == "@.s.gz").count() == 5
        && files.iter().all(|file| ["@.s.gz", "current", "lock", "state"].contains(&file.kind().as_str()))
}

/// Lets it run until all is packed, or it has ended, and ends it.
fn run(tree: &Tree, mut process: Process) -> End {
    let input = process.stdin();
    until("all is packed, or it has ended", || is_packed(tree) || process.ended().is_some());
    drop(input);
    process.wait().end
}

fn undisturbed(tree: &Tree) {
    let end = run(tree, tree.command("multilog").args(SCRIPT).stdin_pipe().spawn());
    assert_eq!((end, is_packed(tree)), (End::Code(0), true), "{:?}", tree.log_shape("d"));
    let whole = tree.shell("gzip -dc d/@*; cat d/current");
    assert_eq!(whole.end, End::Code(0), "{whole:?}");
    assert!(whole.stdout == lines(), "{:?}", tree.log_shape("d"));
}

/// The calls of a run that is not disturbed.
fn clean_run() -> Vec<Call> {
    let tree = log();
    let process = tree.traced("trace", &[], "multilog").args(SCRIPT).stdin_pipe().spawn();
    assert_eq!(run(&tree, process), End::Code(0));
    calls(&tree.read("trace"), "umask")
}

#[test]
fn killed_at_each_call_and_again() {
    if !can_trace("multilog killed while it packs") {
        return;
    }
    let calls = clean_run();
    // The second kill is somewhere else in the next run.
    let pairs: Vec<(Call, Call)> =
        calls.iter().enumerate().map(|(at, call)| (call.clone(), calls[at * 7 % calls.len()].clone())).collect();
    try_each("multilog killed while it packs", &selection(pairs, 9), 8, |(first, second)| {
        let tree = log();
        for call in [first, second] {
            let traced = tree.traced("trace", &[call.killed()], "multilog").args(SCRIPT);
            let end = run(&tree, traced.stdin_pipe().spawn());
            assert!(end == End::Signal(9) || end == End::Code(0), "{call:?}: {end:?}");
        }
        undisturbed(&tree);
    });
}

#[test]
fn an_error_in_each_call() {
    if !can_trace("an error in multilog while it packs") {
        return;
    }
    try_each("an error in multilog while it packs", &errors(clean_run()), 16, |(call, errno)| {
        let tree = log();
        let traced = tree.traced("trace", &[call.failed(errno)], "multilog").args(SCRIPT);
        let mut process = traced.stdin_pipe().spawn();
        let mut input = process.stdin();
        // After a failure it pauses for a minute, which nobody waits for here.
        until("all is packed, it pauses, or it has ended", || {
            is_packed(&tree) || !process.stderr().is_empty() || process.ended().is_some()
        });
        let _ = input.write_all(b"");
        drop(input);
        let out = process.wait_after(Duration::from_secs(600));
        assert!(matches!(out.end, End::Code(0 | 111)), "{call:?} {errno}: {out:?}");
        undisturbed(&tree);
    });
}
