//! What goes wrong.

use std::io::Write;

use daemontools_tests::{End, Tree, exits, needs_root, until};
use nix::sys::signal::Signal;

use super::{Running, line, multilog};

/// Spec, multilog: "Trouble at start is fatal, 111."
#[test]
fn trouble_at_the_start_is_fatal() {
    let long = format!("./{}", "a".repeat(256));
    for (tree, script, message) in [
        (Tree::new(), &["./none/d"][..], "unable to open directory ./none/d: file does not exist"),
        (Tree::new().file("d", ""), &["./d"], "unable to open directory ./d: not a directory"),
        (Tree::new(), &["/dev/null/x"], "unable to open directory /dev/null/x: not a directory"),
        (Tree::new(), &[&long], &format!("unable to open directory {long}: file name too long")),
        (Tree::new().dir("d/current"), &["./d"], "unable to append to ./d/current: is a directory"),
        (Tree::new().dir("d/lock"), &["./d"], "unable to lock directory ./d: is a directory"),
        (Tree::new().fifo("d/lock"), &["./d"], "unable to lock directory ./d: device not configured"),
        (Tree::new().dir("d/state"), &["./d"], "unable to write to ./d/state: is a directory"),
        (Tree::new(), &["=none/x"], "unable to create none/x: file does not exist"),
        (Tree::new(), &["="], "unable to create : file does not exist"),
        (Tree::new().dir("x"), &["=x"], "unable to create x: is a directory"),
        (Tree::new().fifo("x"), &["=x"], "unable to create x: device not configured"),
        (Tree::new(), &["./d", "./d"], "unable to lock directory ./d: temporary failure"),
        (Tree::new(), &["./d", "=none/x"], "unable to create none/x: file does not exist"),
    ] {
        assert_eq!(multilog(&tree, script, b"a line\n"), exits(111, "", format!("multilog: fatal: {message}\n")));
    }
}

/// Spec, multilog: "`multilog: fatal: unable to lock directory DIR: temporary failure`, 111".
#[test]
fn a_log_has_one_multilog() {
    let mut running = Running::new(&["./d"]);
    running.give(b"one\n");
    let expected = "multilog: fatal: unable to lock directory ./d: temporary failure\n";
    assert_eq!(multilog(&running.tree, &["./d"], b"two\n"), exits(111, "", expected));
    running.give(b"three\n");
    assert_eq!(running.end().read("d/current"), b"one\nthree\n");
}

#[test]
fn a_user_is_told_what_he_may_not() {
    if !needs_root("multilog as another user") {
        return;
    }
    let tree = Tree::new().dir("d");
    let refused = tree.public("multilog").arg("./d").user(65534, 65534).run();
    assert_eq!(refused, exits(111, "", "multilog: fatal: unable to lock directory ./d: access denied\n"));
    let refused = tree.public("multilog").arg("./new").user(65534, 65534).run();
    assert_eq!(refused, exits(111, "", "multilog: fatal: unable to open directory ./new: file does not exist\n"));
}

/// Spec, corners: "`unable to write to DIR/current, pausing: out of disk space`". No line is lost, TERM waits.
#[test]
fn a_full_disk_is_waited_for() {
    if !needs_root("multilog on a full disk") {
        return;
    }
    let tree = Tree::new();
    if !tree.tmpfs("disk", "size=64k,mode=755") {
        return;
    }
    tree.put_file("disk/other", vec![b'o'; 40 * 1024]);
    let mut process = tree.command("multilog").args(["s1000000", "./disk/d"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    let lines: Vec<u8> = (0..700).flat_map(|n| format!("{n:06} {}\n", "x".repeat(72)).into_bytes()).collect();
    input.write_all(&lines).expect("write");
    let warning = "multilog: warning: unable to write to ./disk/d/current, pausing: out of disk space\n";
    until("a warning", || process.stderr().starts_with(warning.as_bytes()));
    process.signal(Signal::SIGTERM);
    std::fs::remove_file(tree.path("disk/other")).expect("make room");
    // TERM came in the middle of what it had read, or at its end: it may go, once that is written.
    let _ = input.write_all(b"last\n");
    drop(input);
    let out = process.wait();
    assert_eq!(out.end, End::Code(0));
    assert!(out.stderr.chunks(warning.len()).all(|said| said == warning.as_bytes()), "{out:?}");
    let logged = tree.logged("disk/d");
    assert!(lines.starts_with(&logged) || logged == [lines.as_slice(), b"last\n"].concat(), "{} bytes", logged.len());
    assert!(logged.ends_with(b"\n") && logged.len() > 20_000, "{} bytes", logged.len());
    assert_eq!(tree.log_files("disk/d")[0].mode, 0o744);
}

/// Spec, corners: "`unable to write FILE, pausing: …`".
#[test]
fn a_status_file_is_insisted_on() {
    let tree = Tree::new();
    let process = tree.command("multilog").arg("=/dev/full").stdin("x\n").spawn();
    let warning = "multilog: warning: unable to write /dev/full, pausing: out of disk space\n";
    until("two warnings", || process.stderr().starts_with(warning.repeat(2).as_bytes()));
}

/// Spec, corners: "`unable to rename current to previous in directory DIR, pausing: …`".
#[test]
fn a_rotation_is_insisted_on() {
    let tree = Tree::new();
    let mut running = Running::within(tree, &["s4096", "./d"]);
    running.give(b"one\n");
    std::fs::create_dir(running.tree.path("d/previous")).expect("make a directory");
    running.input.write_all(&line(3000)).expect("write");
    let warning = "multilog: warning: unable to rename current to previous in directory ./d, pausing: is a directory\n";
    until("a warning", || running.process.stderr().starts_with(warning.as_bytes()));
    running.process.signal(Signal::SIGTERM);
    std::fs::remove_dir(running.tree.path("d/previous")).expect("remove a directory");
    drop(running.input);
    assert_eq!(running.process.wait().end, End::Code(0));
    assert_eq!(running.tree.log_sizes("d"), [3004, 0]);
}
