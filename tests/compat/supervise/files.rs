//! What stands in `supervise/`, how it is made, and what is made of what stands there already.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::{Tree, exits, until};

use super::{supervised, svc};

fn service() -> Tree {
    Tree::new().script("sv/run", "exec sleep 1000")
}

/// Spec, a service directory: the table of files and modes.
#[test]
fn files_and_modes() {
    for (umask, expected) in [(0o000, 0o644), (0o022, 0o644), (0o077, 0o600)] {
        let tree = service();
        let _supervise = tree.command("supervise").arg("sv").umask(umask).spawn();
        until_up(&tree, "sv");
        let meta = |name: &str| fs::metadata(tree.path("sv/supervise").join(name)).expect("stat");
        let mode = |name: &str| meta(name).mode() & 0o7777;
        assert_eq!((mode(""), mode("lock"), mode("control"), mode("ok")), (0o700, 0o600, 0o600, 0o600), "{umask:o}");
        assert_eq!(mode("status"), expected, "{umask:o}");
        assert!(meta("control").file_type().is_fifo() && meta("ok").file_type().is_fifo());
        assert_eq!((meta("lock").len(), meta("status").len()), (0, 18));
        // 0.76 writes the status once more when the second after the start is over.
        until("nothing is half written", || !tree.path("sv/supervise/status.new").exists());
    }
}

/// Spec, a service directory: "held with flock(LOCK_EX) as long as a supervise runs here".
#[test]
fn the_lock_is_held() {
    let (tree, supervise) = supervised();
    assert_eq!(tree.shell("flock -n sv/supervise/lock true").end, daemontools_tests::End::Code(1));
    drop(supervise);
    // Also while the service, which the dead supervise left, still runs: it holds none of supervise's descriptors.
    assert_eq!(tree.shell("flock -n sv/supervise/lock true").end, daemontools_tests::End::Code(0));
}

/// Spec, a service directory: "replaced atomically (written to `status.new`, renamed)".
#[test]
fn the_status_is_replaced() {
    let (tree, _supervise) = supervised();
    let inode = || fs::metadata(tree.path("sv/supervise/status")).map(|meta| meta.ino()).ok();
    let before = inode();
    let held = fs::File::open(tree.path("sv/supervise/status")).expect("keep the old one");
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |s| s.paused == 1);
    assert_ne!(inode(), before);
    assert_eq!(held.metadata().expect("stat").len(), 18);
    assert!(!tree.path("sv/supervise/status.new").exists());
}

/// Spec, a service directory: "`supervise` may be a symbolic link; where it dangles, supervise makes the directory it
/// points to (0700)".
#[test]
fn supervise_may_be_a_link() {
    let tree = service().link("sv/supervise", "../state");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    assert_eq!(fs::metadata(tree.path("state")).expect("stat").mode() & 0o7777, 0o700);
    assert_eq!(tree.read("state/status").len(), 18);

    let tree = service().dir("state").link("sv/supervise", "../state");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    assert_eq!(fs::metadata(tree.path("state")).expect("stat").mode() & 0o7777, 0o755, "made before");
}

/// Measured: a chain of links is not followed. (0.76 makes one directory, not the way to it; ours makes both.)
#[test]
fn a_link_that_cannot_be_filled() {
    for (tree, reason) in [
        (service().link("sv/supervise", "second").link("sv/second", "nowhere"), "file does not exist"),
        (service().link("sv/supervise", "supervise"), "symbolic link loop"),
        (service().file("sv/supervise", ""), "not a directory"),
    ] {
        let message = format!("supervise: fatal: unable to acquire sv/supervise/lock: {reason}\n");
        assert_eq!(tree.run("supervise", ["sv"]), exits(111, "", message));
    }
}

/// Spec, corners: "`control` a regular file: runs; a directory: 111. `ok` a directory: runs. `supervise` a file: 111."
#[test]
fn what_stands_there_already_may_do() {
    for name in ["lock", "control", "ok", "status", "status.new"] {
        let tree = service().file(format!("sv/supervise/{name}"), "");
        let supervise = tree.spawn("supervise", ["sv"]);
        until_up(&tree, "sv");
        assert_eq!(supervise.stderr(), b"", "{name} a regular file");
    }
    for name in ["control", "ok", "status"] {
        let tree = service().fifo(format!("sv/supervise/{name}"));
        let supervise = tree.spawn("supervise", ["sv"]);
        until_up(&tree, "sv");
        svc(&tree, "-d");
        until_down(&tree, "sv");
        assert_eq!(supervise.stderr(), b"", "{name} a FIFO");
    }
    let tree = service().dir("sv/supervise/ok");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""), "ok a directory");
}

/// Measured: what a regular file `control` holds is read as commands.
#[test]
fn commands_may_stand_in_a_file() {
    let tree = service().file("sv/supervise/control", "dx").file("sv/down", "");
    assert_eq!(tree.run("supervise", ["sv"]), exits(0, "", ""));
}

/// The messages about those that will not do; measured.
#[test]
fn what_stands_there_already_may_not_do() {
    for (tree, message) in [
        (service().dir("sv/supervise/lock"), "unable to acquire sv/supervise/lock: is a directory"),
        (service().fifo("sv/supervise/lock"), "unable to acquire sv/supervise/lock: device not configured"),
        (service().link("sv/supervise/lock", "lock"), "unable to acquire sv/supervise/lock: symbolic link loop"),
        (service().dir("sv/supervise/control"), "unable to write sv/supervise/control: is a directory"),
        (service().link("sv/supervise/control", "control"), "unable to read sv/supervise/control: symbolic link loop"),
        (service().link("sv/supervise/ok", "ok"), "unable to read sv/supervise/ok: symbolic link loop"),
    ] {
        assert_eq!(tree.run("supervise", ["sv"]), exits(111, "", format!("supervise: fatal: {message}\n")));
    }
}

/// Spec, supervise: "status cannot be written: a warning (…), supervision goes on."
#[test]
fn a_status_that_cannot_be_written() {
    for (tree, message) in [
        (service().dir("sv/supervise/status"), "rename sv/supervise/status.new to status: is a directory"),
        (service().dir("sv/supervise/status.new"), "open sv/supervise/status.new: is a directory"),
        (service().link("sv/supervise/status.new", "status.new"), "open sv/supervise/status.new: symbolic link loop"),
        (service().fifo("sv/supervise/status.new"), "open sv/supervise/status.new: device not configured"),
    ] {
        tree.put_script("sv/run", "echo start >>starts; exec sleep 1000");
        let supervise = tree.spawn("supervise", ["sv"]);
        until("the service runs", || tree.lines("sv/starts").len() == 1);
        svc(&tree, "-k");
        until("and is started again", || tree.lines("sv/starts").len() == 2);
        svc(&tree, "-dx");
        let out = supervise.wait();
        let line = format!("supervise: warning: unable to {message}\n");
        let text = String::from_utf8(out.stderr).expect("ASCII");
        assert!(text.len() > 3 * line.len() && text.replace(&line, "").is_empty(), "{text}");
    }
}
