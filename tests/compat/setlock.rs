//! `setlock [-nNxX] FILE PROG…`: a program under a lock. What else it inherits is in `transparency.rs`.
//!
//! Not tested: file systems that cannot lock.

use std::fs::{File, Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{NONE, Output, Tree, exits, needs_root, until};

const USAGE: &str = "setlock: usage: setlock [ -nNxX ] file program [ arg ... ]\n";

fn fatal(message: &str) -> Output {
    exits(111, "", format!("setlock: fatal: {message}\n"))
}

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("setlock", NONE), exits(100, "", USAGE));
    for words in [&["f"][..], &["-n"], &["-n", "f"], &["--", "f"], &["-x"], &["-nx", "--"], &[""]] {
        assert_eq!(tree.run("setlock", words), exits(100, "", USAGE), "{words:?}");
    }
    for (word, letter) in [("-z", "z"), ("-nz", "z"), ("-n-", "-"), ("-nxf", "f"), ("-:", ":"), ("-?", "?")] {
        let message = format!("setlock: illegal option -- {letter}\n{USAGE}");
        assert_eq!(tree.run("setlock", [word, "f", "true"]), exits(100, "", message), "{word}");
    }
}

/// Spec: "opens FILE for append (created, not truncated)", corners: "made 0600".
#[test]
fn the_file_is_made_and_never_emptied() {
    let tree = Tree::new().file("old", "content");
    assert_eq!(tree.command("setlock").umask(0).args(["new", "echo", "x"]).run(), exits(0, "x\n", ""));
    let new = tree.path("new").metadata().expect("the file is there");
    assert_eq!((new.permissions().mode() & 0o7777, new.len()), (0o600, 0));
    assert_eq!(tree.run("setlock", ["old", "sh", "-c", "echo more >&3"]), exits(0, "", ""));
    assert_eq!(tree.read("old"), b"contentmore\n");
}

/// Spec: "takes flock(LOCK_EX)", "PROG inherits the descriptor": the lock lasts as long as anybody has it.
#[test]
fn the_lock_lasts_as_long_as_the_descriptor() {
    let tree = Tree::new();
    let holder = tree.spawn("setlock", ["f", "sh", "-c", "echo locked; sleep 1000 & echo $! >pid"]);
    until("the lock is held", || holder.stdout() == b"locked\n");
    until("only the grandchild has it", || tree.lines("pid").len() == 1);
    assert_eq!(holder.wait(), exits(0, "locked\n", ""));
    let busy = fatal("unable to lock f: temporary failure");
    assert_eq!(tree.run("setlock", ["-n", "f", "echo", "x"]), busy);
    let mut waiting = tree.spawn("setlock", ["f", "echo", "at last"]);
    until("another waits for it", || waits(waiting.pid()));
    assert_eq!(waiting.ended(), None);
    tree.shell("kill `cat pid`");
    assert_eq!(waiting.wait(), exits(0, "at last\n", ""));
}

#[test]
fn the_lock_is_gone_where_the_program_closes_it() {
    let tree = Tree::new();
    let script = "exec 3>&-; exec setlock -n f echo again";
    assert_eq!(tree.run("setlock", ["f", "sh", "-c", script]), exits(0, "again\n", ""));
}

/// Spec: "`-n` fails at once instead of waiting, `-x` exits 0 silently on failure"; the last of two opposites counts.
#[test]
fn options_that_undo_each_other() {
    let tree = Tree::new();
    let locked = File::options().create(true).append(true).open(tree.path("f")).expect("make a file");
    let _locked = nix::fcntl::Flock::lock(locked, nix::fcntl::FlockArg::LockExclusive).expect("lock");
    let busy = fatal("unable to lock f: temporary failure");
    for silent in [&["-nx"][..], &["-xn"], &["-x", "-n"], &["-Nn", "-Xx"], &["-nXx", "--"]] {
        assert_eq!(tree.command("setlock").args(silent).args(["f", "echo", "x"]).run(), exits(0, "", ""), "{silent:?}");
    }
    for loud in [&["-n"][..], &["-nX"], &["-nxX"], &["-xNnX", "--"]] {
        assert_eq!(tree.command("setlock").args(loud).args(["f", "echo", "x"]).run(), busy, "{loud:?}");
    }
    for patient in [&["-N"][..], &["-nN"], &["-xn", "-N"]] {
        let mut waiting = tree.command("setlock").args(patient).args(["f", "true"]).spawn();
        until("it waits for the lock", || waits(waiting.pid()));
        assert_eq!(waiting.ended(), None, "{patient:?}");
    }
}

/// Whether the kernel has the process in its list of those who wait for a lock: `1: -> FLOCK ADVISORY WRITE PID …`.
fn waits(pid: i32) -> bool {
    let locks = std::fs::read_to_string("/proc/locks").expect("read /proc/locks");
    let waiting = |line: &str| line.split_whitespace().nth(1) == Some("->") && line.contains(&format!(" {pid} "));
    locks.lines().any(waiting)
}

/// Spec, corners: "`setlock -x` is silent also where the file cannot be opened".
#[test]
fn a_file_that_cannot_be_opened() {
    let tree = Tree::new().fifo("fifo").dir("dir").link("loop", "loop");
    for (file, reason) in [
        ("none/f", "file does not exist"),
        ("dir", "is a directory"),
        ("fifo", "device not configured"),
        ("loop", "symbolic link loop"),
        ("", "file does not exist"),
    ] {
        let unable = fatal(&format!("unable to open {file}: {reason}"));
        assert_eq!(tree.run("setlock", [file, "echo", "x"]), unable);
        assert_eq!(tree.run("setlock", ["-n", file, "echo", "x"]), unable);
        assert_eq!(tree.run("setlock", ["-x", file, "echo", "x"]), exits(0, "", ""));
    }
}

#[test]
fn a_file_that_may_not_be_written() {
    if !needs_root("setlock as another user") {
        return;
    }
    let tree = Tree::new().file("f", "");
    set_permissions(tree.path("f"), Permissions::from_mode(0o444)).expect("change a mode");
    let denied = fatal("unable to open f: access denied");
    assert_eq!(tree.public("setlock").user(65534, 65534).args(["f", "true"]).run(), denied);
}

/// `-x` is about the lock alone.
#[test]
fn a_program_that_cannot_be_run_is_told_in_any_case() {
    let tree = Tree::new();
    let unable = fatal("unable to run ./none: file does not exist");
    for options in ["-n", "-x", "-nx", "--"] {
        assert_eq!(tree.run("setlock", [options, "f", "./none"]), unable, "{options}");
    }
    assert_eq!(tree.run("setlock", ["f", "-n"]), fatal("unable to run -n: file does not exist"));
}

/// A lone `-` is a file's name, and so is what comes after `--`.
#[test]
fn odd_names() {
    let tree = Tree::new();
    assert_eq!(tree.run("setlock", ["-", "true"]), exits(0, "", ""));
    assert_eq!(tree.run("setlock", ["--", "-f", "true"]), exits(0, "", ""));
    assert!(tree.path("-").exists() && tree.path("-f").exists());
}
