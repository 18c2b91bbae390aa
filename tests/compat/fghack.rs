//! `fghack PROG…`: a foreground for what goes into the background. What else it inherits is in `transparency.rs`.
//!
//! Not tested: a fork or a pipe that fails; fewer descriptors where the limit leaves no room for all.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use daemontools_tests::{NONE, Tree, exits, until};

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("fghack", NONE), exits(100, "", "fghack: usage: fghack child\n"));
}

/// Spec: "exits with PROG's code; 111 `child crashed`".
#[test]
fn the_program_s_code_is_its_own() {
    let tree = Tree::new();
    for code in [0, 1, 100, 111, 255] {
        assert_eq!(tree.run("fghack", ["sh", "-c", &format!("echo x; exit {code}")]), exits(code, "x\n", ""));
    }
    for signal in [1, 9, 15, 34, 64] {
        let crashed = exits(111, "", "fghack: fatal: child crashed\n");
        assert_eq!(tree.run("fghack", ["sh", "-c", &format!("kill -{signal} $$")]), crashed, "{signal}");
    }
}

#[test]
fn a_program_that_cannot_be_run() {
    let tree = Tree::new();
    let unable = exits(111, "", "fghack: fatal: unable to run ./none: file does not exist\n");
    assert_eq!(tree.run("fghack", ["./none"]), unable);
}

/// Spec: "waits until all are closed": as long as any process has one of the many, though the program has ended.
#[test]
fn it_stays_until_the_background_has_ended() {
    let tree = Tree::new();
    let (mut ours, theirs) = UnixStream::pair().expect("a socket pair");
    // What is left in the background has closed all it knows of, as daemons do, and ends when the test says so.
    let script = "(exec <&9 >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&-; echo back >&9; read word) & exit 7";
    let mut process = tree.command("fghack").args(["bash", "-c", script]).descriptor(9, theirs).spawn();
    let mut said = [0; 5];
    ours.read_exact(&mut said).expect("the background speaks");
    until("the program itself has ended", || tree.processes().len() == 2);
    assert_eq!(process.ended(), None);
    ours.write_all(b"end\n").expect("tell the background to end");
    assert_eq!(process.wait(), exits(7, "", ""));
}

/// What is written into the pipe is thrown away, much as it may be.
#[test]
fn data_in_the_pipe_is_discarded() {
    let tree = Tree::new();
    let script = "yes | head -c 300000 >&20; echo done; exit 3";
    assert_eq!(tree.run("fghack", ["bash", "-c", script]), exits(3, "done\n", ""));
}

/// Spec, corners: "passes 31 pipe descriptors on (one and 30 copies)".
#[test]
fn the_program_gets_thirty_one_descriptors() {
    let tree = Tree::new();
    let count = "ls -l /proc/$$/fd >list; grep -c pipe: list";
    assert_eq!(tree.run("fghack", ["sh", "-c", count]), exits(0, "31\n", ""));
}

/// Spec, corners: "`fghack` with SIGCHLD ignored: `wait failed`, 111".
#[test]
fn without_sigchld_nobody_can_wait() {
    let tree = Tree::new();
    let failed = exits(111, "", "fghack: fatal: wait failed: no child processes\n");
    assert_eq!(tree.command("fghack").ignored(&[libc::SIGCHLD]).arg("true").run(), failed);
}

#[test]
fn standard_input_is_the_program_s() {
    let tree = Tree::new();
    assert_eq!(tree.command("fghack").arg("cat").stdin("input").run(), exits(0, "input", ""));
}
