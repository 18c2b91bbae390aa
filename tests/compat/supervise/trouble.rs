//! What goes wrong around a service: a `run` that cannot be executed, disks, users, missing descriptors.

use std::fs;
use std::os::unix::fs::chown;

use daemontools_tests::status::{Status, until_down, until_up};
use daemontools_tests::{End, Tree, exits, needs_root, proc, spare_user, until};

use super::svc;

/// Spec, corners: "`run` missing, not executable, a directory, or without `#!` (`exec format error`): one try a second,
/// for ever"; supervise: "the child prints `supervise: fatal: unable to start DIR/run: REASON`, exits 111".
#[test]
fn a_run_that_cannot_be_executed() {
    for (tree, reason) in [
        (Tree::new().dir("sv"), "file does not exist"),
        (Tree::new().link("sv/run", "nowhere"), "file does not exist"),
        (Tree::new().exec("sv/run", "#!/nonexistent/sh\n"), "file does not exist"),
        (Tree::new().link("sv/run", "run"), "symbolic link loop"),
        (Tree::new().file("sv/run", "#!/bin/sh\n"), "access denied"),
        (Tree::new().dir("sv/run"), "access denied"),
        (Tree::new().exec("sv/run", "echo no first line\n"), "exec format error"),
        (Tree::new().exec("sv/run", ""), "exec format error"),
    ] {
        let supervise = tree.spawn("supervise", ["sv"]);
        let line = format!("supervise: fatal: unable to start sv/run: {reason}\n");
        until("a second try", || supervise.stderr().len() >= 2 * line.len());
        let said = String::from_utf8(supervise.stderr()).expect("ASCII");
        assert_eq!(said.replace(&line, ""), "");
        assert_eq!(tree.run("svok", ["sv"]), exits(0, "", ""));
    }
}

/// The same, repaired while supervise tries.
#[test]
fn a_run_that_comes_later() {
    let tree = Tree::new().dir("sv");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("the first try", || !supervise.stderr().is_empty());
    tree.put_script("new", "echo started >>starts; exec sleep 1000");
    fs::rename(tree.path("new"), tree.path("sv/run")).expect("put run in its place");
    until("a start", || tree.lines("sv/starts").len() == 1);
    svc(&tree, "-dx");
    assert_eq!(supervise.wait().end, daemontools_tests::End::Code(0));
}

/// Spec, supervise: "fork fails: `supervise: warning: unable to fork for DIR, sleeping 60 seconds: REASON`".
#[test]
fn a_fork_that_fails() {
    if !needs_root("supervise without a second process") {
        return;
    }
    let user = spare_user();
    let tree = Tree::new().script("sv/run", "echo started >>starts");
    chown(tree.path("sv"), Some(user), Some(user)).expect("chown");
    let command = tree.public("supervise").arg("sv").user(user, user).limit(libc::RLIMIT_NPROC, 1, 1);
    let supervise = command.spawn();
    let line = b"supervise: warning: unable to fork for sv, sleeping 60 seconds: temporary failure\n";
    until("the warning", || supervise.stderr() == line);
    assert_eq!(tree.run("svok", ["sv"]), exits(0, "", ""));
    let status = Status::of(&tree, "sv").expect("a status");
    assert_eq!((status.pid, status.want), (0, 'u'));
    assert!(tree.lines("sv/starts").is_empty());
}

/// Spec, corners: "A full disk: `supervise: warning: unable to write DIR/supervise/status.new: out of disk space`, the old
/// status stays, commands are obeyed".
#[test]
fn a_full_disk() {
    if !needs_root("supervise on a full disk") {
        return;
    }
    let tree = Tree::new().script("sv/run", "echo start >>starts; exec sleep 1000").link("sv/supervise", "../disk");
    if !tree.tmpfs("disk", "size=32k,mode=700") {
        return;
    }
    let supervise = tree.spawn("supervise", ["sv"]);
    let process = until_up(&tree, "sv");
    until("the first start", || tree.lines("sv/starts").len() == 1);
    let old = tree.read("disk/status");
    // As much as there is room for; what ours could remove to make room is not there.
    let _ = fs::remove_file(tree.path("disk/details"));
    let _ = fs::write(tree.path("disk/filler"), vec![b'x'; 64 * 1024]);
    svc(&tree, "-d");
    let line = b"supervise: warning: unable to write sv/supervise/status.new: out of disk space\n";
    let said = || supervise.stderr().chunks(line.len()).filter(|said| said == line).count();
    until("the service ends and supervise complains at each change", || !proc::alive(process) && said() >= 2);
    assert_eq!(supervise.stderr().len() % line.len(), 0, "it says nothing else");
    assert_eq!(tree.read("disk/status"), old);
    svc(&tree, "-u");
    until("another start", || tree.lines("sv/starts").len() == 2);
    fs::remove_file(tree.path("disk/filler")).expect("make room");
    svc(&tree, "-d");
    until_down(&tree, "sv");
    svc(&tree, "-x");
    assert_eq!(supervise.wait().end, daemontools_tests::End::Code(0));
}

/// A disk that is read-only at the start; while supervise runs, its open lock keeps the kernel from making it so.
#[test]
fn a_read_only_disk() {
    if !needs_root("supervise on a read-only disk") {
        return;
    }
    let tree = Tree::new().script("sv/run", "exec sleep 1000").link("sv/supervise", "../disk");
    if !tree.tmpfs("disk", "size=64k,mode=700") {
        return;
    }
    let remount = |how: &str| {
        let done = tree.shell(&format!("mount -o remount,{how} disk"));
        assert_eq!(done, exits(0, "", ""));
    };
    remount("ro");
    let message = "supervise: fatal: unable to acquire sv/supervise/lock: read-only file system\n";
    assert_eq!(tree.run("supervise", ["sv"]), exits(111, "", message));
    remount("rw");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
}

/// Spec, corners: "`supervise/` not writable: `unable to open …/status.new: access denied`, obeyed."
#[test]
fn a_directory_of_somebody_else() {
    if !needs_root("supervise as another user") {
        return;
    }
    let (user, group) = (65534, 65534);
    let tree = Tree::new().exec("sv/run", "#!/bin/cat -\n");
    let command = || tree.public("supervise").arg("sv").user(user, group).stdin_pipe();
    // No place for supervise/. (0.76 gives the reason why there is no lock, ours why there is no directory.)
    assert_eq!(command().run().end, End::Code(111));
    let tree_of = |path: &str| chown(tree.path(path), Some(user), Some(group)).expect("chown");
    tree_of("sv");
    let supervise = command().spawn();
    until_up(&tree, "sv");
    drop(supervise);
    // The files are its own, the directory is not.
    chown(tree.path("sv/supervise"), Some(0), Some(0)).expect("chown");
    fs::set_permissions(tree.path("sv/supervise"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
    let old = tree.read("sv/supervise/status");
    let supervise = command().spawn();
    let line = b"supervise: warning: unable to open sv/supervise/status.new: access denied\n";
    until("two warnings, before and after the start", || supervise.stderr() == [&line[..], line].concat());
    svc(&tree, "-dx");
    let out = supervise.wait();
    assert_eq!(out.end, daemontools_tests::End::Code(0));
    assert_eq!(tree.read("sv/supervise/status"), old);
}

/// A service directory that may not be entered.
#[test]
fn a_directory_that_may_not_be_entered() {
    if !needs_root("supervise as another user") {
        return;
    }
    let tree = Tree::new().script("sv/run", "exec sleep 1000");
    crate::fake::private(&tree, "sv");
    let out = tree.public("supervise").arg("sv").user(65534, 65534).run();
    assert_eq!(out, exits(111, "", "supervise: fatal: unable to chdir to sv: access denied\n"));
}

/// Spec, conventions: messages go to standard error; where there is none, supervise works without.
#[test]
fn messages_that_nobody_can_read() {
    let tree = Tree::new().dir("sv");
    let command = || tree.command("supervise").arg("sv").closed(0).closed(1).closed(2);
    let supervise = command().spawn();
    until("supervise runs", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    assert_eq!(command().run(), exits(111, "", ""));
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}
