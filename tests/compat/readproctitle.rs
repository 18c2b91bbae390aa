//! `readproctitle … TEXT`: the end of its input in its own command line.
//!
//! Not tested: command lines of megabytes.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use daemontools_tests::{NONE, Process, Tree, exits, left_out, proc, until};

fn last(process: &Process) -> Vec<u8> {
    proc::arguments(process.pid()).pop().unwrap_or_default()
}

/// Spec: "No argument, or a last one under 5 bytes: exit 100, silently."
#[test]
fn misuse_is_silent() {
    let tree = Tree::new();
    assert_eq!(tree.run("readproctitle", NONE), exits(100, "", ""));
    for words in [&["...."][..], &["service errors:", "...."], &["........", ""], &["-x"], &["--", "-"]] {
        assert_eq!(tree.run("readproctitle", words), exits(100, "", ""), "{words:?}");
    }
}

/// Spec: "Exit 0 at end of input."
#[test]
fn the_end_of_input_is_the_end() {
    let tree = Tree::new();
    for words in [&["....."][..], &["service", "errors:", ".........."], &["-x", "-----"]] {
        assert_eq!(tree.command("readproctitle").args(words).stdin("text\n").run(), exits(0, "", ""), "{words:?}");
    }
}

#[test]
fn trouble_with_the_input_is_111() {
    let tree = Tree::new();
    let directory = File::open("/").expect("open");
    assert_eq!(tree.command("readproctitle").arg(".....").descriptor(0, directory).run(), exits(111, "", ""));
    assert_eq!(tree.command("readproctitle").arg(".....").closed(0).run(), exits(111, "", ""));
}

/// Spec: "Keeps the last len(TEXT) bytes of what it reads […] begins as dots, scrolls left; byte NUL is skipped."
#[test]
fn the_title_follows_the_input() {
    let tree = Tree::new();
    let mut process = tree.command("readproctitle").args(["some", "words", "x23456789 12"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    until("dots in place of the text", || last(&process) == b"............");
    for (piece, shown) in [
        (&b"a"[..], &b"...........a"[..]),
        (b"bc", b".........abc"),
        (b"d\ne\n", b".....abcd\ne\n"),
        (b"\0f\0\0", b"....abcd\ne\nf"),
        (b"ghi", b"...cd\ne\nfghi"),
        (b"a line that is far too long", b"... too long"),
        (b" ", b"...too long "),
        (b"\xff", b"...oo long \xff"),
    ] {
        input.write_all(piece).expect("write");
        until("what was written is shown", || last(&process) == shown);
        let words = proc::arguments(process.pid());
        assert_eq!(words[..3], [&b"readproctitle"[..], b"some", b"words"], "the other words stay");
    }
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}

#[test]
fn the_least_title_shows_two_bytes() {
    let tree = Tree::new();
    let mut process = tree.command("readproctitle").arg(".....").stdin_pipe().spawn();
    let mut input = process.stdin();
    input.write_all(b"abc").expect("write");
    until("the end of it", || last(&process) == b"...bc");
}

/// `ps` is who it is for.
#[test]
fn ps_shows_it() {
    if !Path::new("/bin/ps").exists() {
        return left_out("readproctitle in the eyes of ps", "there is no /bin/ps");
    }
    let tree = Tree::new();
    let dots = ".".repeat(41);
    let mut process = tree.command("readproctitle").args(["service", "errors:", &dots]).stdin_pipe().spawn();
    let mut input = process.stdin();
    input.write_all(b"supervise: fatal: unable to start x/run").expect("write");
    let pid = process.pid().to_string();
    let ps = || tree.invocation("/bin/ps").args(["-ww", "-o", "args=", "-p", &pid]).run().stdout;
    until("ps shows the message", || {
        ps() == b"readproctitle service errors: ...upervise: fatal: unable to start x/run\n"
    });
}
