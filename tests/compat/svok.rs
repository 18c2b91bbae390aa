//! `svok DIR`.
//!
//! Not tested: an error of the system other than those that a directory tree can show (ENFILE, EIO).

use std::fs::File;

use daemontools_tests::{NONE, Tree, close, exits, needs_root, until};

use crate::fake;

/// Spec, svok: "Exit 0 if supervise runs in DIR, 100 silently if not (no `ok`, or nobody reads it)".
#[test]
fn tells_whether_supervise_runs() {
    let tree = Tree::new().dir("sv");
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""), "no supervise/");
    let tree = tree.dir("sv/supervise");
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""), "no ok");
    let tree = tree.fifo("sv/supervise/ok");
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""), "nobody reads ok");
    let reader = fake::reads(&tree, "sv/supervise/ok");
    assert_eq!(tree.run("svok", ["sv"]), exits(0, "", ""));
    close(reader);
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""), "the reader has gone");
}

/// The same with a supervise in the place of the reader, ended by force: the kernel tells, no file has to be cleaned up.
#[test]
fn a_killed_supervise_does_not_run() {
    let tree = Tree::new().file("sv/down", "").script("sv/run", "");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("supervise runs", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    drop(supervise);
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""));
}

/// Spec, svok: "111 with a message on other trouble"; conventions: "Exit codes: 100 wrong usage".
#[test]
fn trouble_is_told() {
    let tree = Tree::new().file("file", "").link("loop", "loop").dir("sv/supervise/ok");
    assert_eq!(tree.run("svok", NONE), exits(100, "", "svok: usage: svok dir\n"));
    for (name, reason) in [
        ("missing", "file does not exist"),
        ("file", "not a directory"),
        ("loop", "symbolic link loop"),
        ("", "file does not exist"),
        ("-x", "file does not exist"),
        ("--", "file does not exist"),
    ] {
        let message = format!("svok: fatal: unable to chdir to {name}: {reason}\n");
        assert_eq!(tree.run("svok", [name]), exits(111, "", message));
    }
    let message = "svok: fatal: unable to open sv/supervise/ok: is a directory\n";
    assert_eq!(tree.run("svok", ["sv"]), exits(111, "", message));
}

/// Measured: only the first argument counts, as it is typed.
#[test]
fn odd_arguments() {
    let tree = Tree::new().dir("sv/supervise").fifo("-x\n/supervise/ok");
    let _reader = fake::reads(&tree, "-x\n/supervise/ok");
    assert_eq!(tree.run("svok", ["sv", "-x\n"]), exits(100, "", ""));
    assert_eq!(tree.run("svok", ["-x\n"]), exits(0, "", ""));
    assert_eq!(tree.run("svok", ["-x\n/.//"]), exits(0, "", ""));
}

/// Spec, corners: "A user who is not root: … svok 111".
#[test]
fn another_user_may_not_ask() {
    if !needs_root("svok as another user") {
        return;
    }
    let tree = Tree::new().fifo("sv/supervise/ok");
    fake::private(&tree, "sv/supervise");
    let _reader = fake::reads(&tree, "sv/supervise/ok");
    let message = "svok: fatal: unable to open sv/supervise/ok: access denied\n";
    assert_eq!(tree.public("svok").arg("sv").user(65534, 65534).run(), exits(111, "", message));
}

/// Conventions: a message that nobody can read is lost; the exit code is not.
#[test]
fn closed_standard_streams() {
    let tree = Tree::new().fifo("sv/supervise/ok");
    let all_closed = |dir: &str| tree.command("svok").arg(dir).closed(0).closed(1).closed(2).run();
    assert_eq!(all_closed("sv"), exits(100, "", ""));
    assert_eq!(all_closed("missing"), exits(111, "", ""));
    let _reader = fake::reads(&tree, "sv/supervise/ok");
    assert_eq!(all_closed("sv"), exits(0, "", ""));
    let full = File::options().write(true).open("/dev/full").expect("open /dev/full");
    assert_eq!(tree.command("svok").arg("missing").descriptor(2, full).run(), exits(111, "", ""));
}
