//! TERM and ALRM.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;

use daemontools_tests::cyclog::is_drained;
use daemontools_tests::{End, Process, Tree, exits, until};
use nix::sys::signal::Signal;

use super::{Running, line, pipe};

/// A multilog that reads a pipe that outlives it.
fn reading(tree: &Tree, script: &[&str]) -> (Process, OwnedFd, std::fs::File) {
    let (reader, writer) = pipe();
    let stdin = reader.try_clone().expect("copy a descriptor");
    let process = tree.command("multilog").args(script).descriptor(0, stdin).spawn();
    until("multilog has begun", || !tree.log_shape("d").is_empty() && tree.path("d/current").exists());
    (process, reader, writer)
}

/// What stands in a pipe that nobody writes to any more.
fn rest(reader: OwnedFd, writer: std::fs::File) -> Vec<u8> {
    drop(writer);
    let mut rest = Vec::new();
    std::fs::File::from(reader).read_to_end(&mut rest).expect("read a pipe");
    rest
}

/// Spec, multilog: "TERM: finishes what it has read, then reads on byte by byte to the next newline and not one byte
/// further, and exits cleanly: the rest of the pipe is for the next multilog".
#[test]
fn term_in_a_line_waits_for_its_end_and_leaves_the_rest() {
    for begun in [b"abc".to_vec(), b"abc\nde".to_vec(), vec![b'x'; 1500], line(200), Vec::new()] {
        let tree = Tree::new();
        let (mut process, reader, mut writer) = reading(&tree, &["./d"]);
        writer.write_all(&begun).expect("write");
        until("multilog has read all", || is_drained(&reader));
        until("its lines are in the log", || {
            tree.logged("d").len() >= begun.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1)
        });
        process.signal(Signal::SIGTERM);
        let whole = begun.is_empty() || begun.ends_with(b"\n");
        if whole {
            until("multilog has ended", || process.ended() == Some(End::Code(0)));
        } else {
            writer.write_all(b"f").expect("write");
            until("multilog has read that", || is_drained(&reader));
            assert_eq!(process.ended(), None, "in the middle of a line");
        }
        writer.write_all(b"g\nhi\nj").expect("write");
        assert_eq!(process.wait(), exits(0, "", ""));
        let (expected, left): (Vec<u8>, &[u8]) =
            if whole { (begun, b"g\nhi\nj") } else { ([begun, b"fg\n".to_vec()].concat(), b"hi\nj") };
        assert!(tree.logged("d") == expected, "{}", tree.logged("d").escape_ascii());
        assert_eq!(tree.log_files("d")[0].mode, 0o744);
        assert_eq!(rest(reader, writer), left);
    }
}

#[test]
fn term_in_a_last_line_without_a_newline_ends_at_the_end_of_input() {
    let tree = Tree::new();
    let (process, reader, mut writer) = reading(&tree, &["./d"]);
    writer.write_all(b"abc").expect("write");
    until("multilog has read it", || is_drained(&reader));
    process.signal(Signal::SIGTERM);
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(tree.read("d/current"), b"abc\n");
}

/// Spec, multilog: "ALRM: rotates every log whose current is not empty."
#[test]
fn alrm_rotates_what_is_not_empty() {
    let tree = Tree::new();
    let mut running = Running::within(tree, &["./e", "-b*", "./d"]);
    running.give(b"a1\n");
    running.input.write_all(b"b1\n").expect("write");
    running.tree.until_logged("e", 6);
    let kinds =
        |running: &Running, log| running.tree.log_shape(log).into_iter().map(|(kind, _, _)| kind).collect::<Vec<_>>();
    running.process.signal(Signal::SIGALRM);
    for log in ["d", "e"] {
        until("a rotation", || kinds(&running, log) == ["@.s", "current", "lock", "state"]);
    }
    running.input.write_all(b"b2\n").expect("write");
    running.tree.until_logged("e", 9);
    running.process.signal(Signal::SIGALRM);
    until("another rotation", || kinds(&running, "e") == ["@.s", "@.s", "current", "lock", "state"]);
    assert_eq!(running.tree.log_sizes("d"), [3, 0]);
    let tree = running.end();
    assert_eq!((tree.log_sizes("e"), tree.log_sizes("d")), (vec![6, 3, 0], vec![3, 0]));
}

/// The unfinished line stays for the new file, unless 1000 bytes of it were in the old one already.
#[test]
fn alrm_in_a_line() {
    let tree = Tree::new();
    let (process, reader, mut writer) = reading(&tree, &["./d"]);
    writer.write_all(b"abc\nde").expect("write");
    until("multilog has read it", || is_drained(&reader));
    tree.until_logged("d", 4);
    process.signal(Signal::SIGALRM);
    until("a rotation", || tree.log_sizes("d") == [4, 0]);
    writer.write_all(b"f\n").expect("write");
    until("the line", || tree.log_sizes("d") == [4, 4]);
    writer.write_all(&[b'x'; 1200]).expect("write");
    until("the beginning of a long line", || tree.log_sizes("d") == [4, 1204]);
    process.signal(Signal::SIGALRM);
    until("a rotation", || tree.log_sizes("d") == [4, 1204, 0]);
    writer.write_all(b"y\n").expect("write");
    until("the end of it", || tree.log_sizes("d") == [4, 1204, 2]);
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// However it was started: a signal that is ignored or blocked works as well.
#[test]
fn signals_count_also_where_they_were_ignored_or_blocked() {
    for (ignored, blocked) in [(&[libc::SIGTERM, libc::SIGALRM][..], &[][..]), (&[], &[libc::SIGTERM, libc::SIGALRM])] {
        let tree = Tree::new();
        let command = tree.command("multilog").arg("./d").ignored(ignored).blocked(blocked);
        let mut process = command.stdin_pipe().spawn();
        let mut input = process.stdin();
        input.write_all(b"abc\n").expect("write");
        tree.until_logged("d", 4);
        process.signal(Signal::SIGALRM);
        until("a rotation", || tree.log_sizes("d") == [4, 0]);
        process.signal(Signal::SIGTERM);
        assert_eq!(process.wait(), exits(0, "", ""));
    }
}
