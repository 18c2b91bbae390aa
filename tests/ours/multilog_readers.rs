//! Several readers of one pipe. Two multilogs lose nothing and write nothing twice: one of them reads, the other waits.
//!
//! Not tested: what gets lost to a reader that is no multilog of ours, before it is noticed (docs/differences.md).

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;

use daemontools_tests::{End, Process, Programs, Tree, exits, pipe, until};
use nix::libc;
use nix::sys::signal::Signal;

const WAITS: &str = "multilog: warning: another multilog reads this input, waiting for its end\n";

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

fn reader_of(tree: &Tree, input: &OwnedFd, script: &[&str]) -> Process {
    let input = input.try_clone().expect("copy a descriptor");
    tree.command("multilog").args(script).descriptor(0, input).spawn()
}

/// One that reads, and one that has told that it waits.
fn two(tree: &Tree, input: &OwnedFd) -> (Process, Process) {
    let first = reader_of(tree, input, &["s16777215", "./a"]);
    until("the first one is at work", || tree.path("a/current").exists());
    // It may look into the pipe only after it has opened its log.
    until("it has its lock", || locks(first.pid()));
    let second = reader_of(tree, input, &["s16777215", "./b"]);
    until("the second one waits", || second.stderr() == WAITS.as_bytes());
    (first, second)
}

/// Whether a process has a lock for reading, as multilog takes it.
fn locks(pid: i32) -> bool {
    let all = std::fs::read_to_string("/proc/locks").expect("read /proc/locks");
    all.lines().any(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.get(1..5).is_some_and(|words| words[0] == "POSIX" && words[2] == "READ" && words[3] == pid.to_string())
    })
}

fn lines(from: usize, to: usize) -> String {
    (from..to).map(|number| format!("line {number:06}\n")).collect()
}

#[test]
fn two_multilogs_write_each_line_once() {
    let tree = tree();
    let (input, output) = pipe();
    let (first, second) = two(&tree, &input);
    let mut output = File::from(output);
    for start in (0..20_000).step_by(500) {
        output.write_all(lines(start, start + 500).as_bytes()).expect("write");
    }
    // Neither ends by itself while somebody may write.
    tree.until_logged("a", 20_000 * 12);
    output.write_all(b"last\n").expect("write");
    tree.until_logged("a", 20_000 * 12 + 5);
    drop((input, output));
    assert_eq!((first.wait(), second.wait()), (exits(0, "", ""), exits(0, "", WAITS)));
    assert_eq!(tree.logged("a"), (lines(0, 20_000) + "last\n").as_bytes());
    assert_eq!(tree.logged("b"), b"");
}

/// All that wait at once: one of them gets it, however many there are.
#[test]
fn of_several_that_begin_at_once_one_reads() {
    let tree = tree();
    let (input, output) = pipe();
    let all: Vec<Process> = (0..5).map(|number| reader_of(&tree, &input, &[&format!("./{number}")])).collect();
    let mut output = File::from(output);
    output.write_all(lines(0, 3000).as_bytes()).expect("write");
    drop((input, output));
    for process in all {
        assert_eq!(process.wait().end, End::Code(0));
    }
    let logs: Vec<Vec<u8>> = (0..5).map(|number| tree.logged(&number.to_string())).collect();
    assert_eq!(logs.iter().filter(|log| !log.is_empty()).count(), 1);
    assert_eq!(logs.concat(), lines(0, 3000).as_bytes());
}

/// A lock ends with its process. What the first one had not written is for the second.
#[test]
fn the_one_that_waits_goes_on_where_the_other_was_killed() {
    let tree = tree();
    let (input, output) = pipe();
    let (first, second) = two(&tree, &input);
    let mut output = File::from(output);
    output.write_all(lines(0, 100).as_bytes()).expect("write");
    tree.until_logged("a", 1200);
    until("the pipe is empty", || daemontools_tests::cyclog::is_drained(&input));
    first.signal(Signal::SIGSTOP);
    output.write_all(lines(100, 200).as_bytes()).expect("write");
    first.signal(Signal::SIGKILL);
    assert_eq!(first.wait().end, End::Signal(9));
    tree.until_logged("b", 1200);
    drop((input, output));
    assert_eq!(second.wait(), exits(0, "", WAITS));
    assert_eq!((tree.logged("a"), tree.logged("b")), (lines(0, 100).into_bytes(), lines(100, 200).into_bytes()));
}

#[test]
fn the_one_that_waits_obeys_signals() {
    let tree = tree();
    let (input, output) = pipe();
    let (first, second) = two(&tree, &input);
    File::from(output.try_clone().expect("copy a descriptor")).write_all(b"x\n").expect("write");
    second.signal(Signal::SIGTERM);
    assert_eq!(second.wait(), exits(0, "", WAITS));
    drop((input, output));
    assert_eq!(first.wait(), exits(0, "", ""));
    assert_eq!((tree.logged("a"), tree.logged("b")), (b"x\n".to_vec(), vec![]));
}

/// Nobody has to wait for a multilog that reads another pipe, or has read its own to the end.
#[test]
fn pipes_have_locks_of_their_own() {
    let tree = tree();
    let mut processes = Vec::new();
    for number in 0..3 {
        let process = tree.command("multilog").arg(format!("./{number}")).stdin_pipe().spawn();
        processes.push((number, process));
    }
    for (number, mut process) in processes {
        process.stdin().write_all(b"x\n").expect("write");
        assert_eq!(process.wait(), exits(0, "", ""));
        assert_eq!(tree.logged(&number.to_string()), b"x\n");
    }
}

/// Somebody else takes the beginning of a line that has not ended: it is theirs, and the rest is ours.
#[test]
fn what_another_reader_has_taken_is_not_written() {
    let stolen = || {
        let tree = tree();
        let (input, output) = pipe();
        let process = reader_of(&tree, &input, &["./d"]);
        let path = format!("/proc/self/fd/{}", input.as_raw_fd());
        let mut thief = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path).expect("open a pipe");
        let mut output = File::from(output);
        output.write_all(b"theirs ").expect("write");
        until("multilog is at work", || tree.path("d/current").exists());
        let mut taken = [0; 100];
        // After a second, multilog takes it out: then it has been faster than we are.
        let is_ours = thief.read(&mut taken).is_ok_and(|count| taken.starts_with(b"theirs ") && count == 7);
        output.write_all(b"xyz\n").expect("write");
        drop((input, output, thief));
        let out = process.wait();
        let warns: &[&[u8]] = &[b"", b"multilog: warning: another process reads this input, and takes lines from it\n"];
        assert!(out.end == End::Code(0) && warns.contains(&out.stderr.as_slice()), "{out:?}");
        let expected: &[u8] = if is_ours { b"xyz\n" } else { b"theirs xyz\n" };
        assert_eq!(tree.logged("d"), expected, "{out:?}");
        is_ours
    };
    until("it is taken before multilog does", stolen);
}
