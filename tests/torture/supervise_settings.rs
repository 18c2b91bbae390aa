//! supervise with settings: it is killed at each system call, each call fails once, and the settings change all the while.
//!
//! Not tested: `cgroup/`, which needs a hierarchy of its own (`tests/ours/supervise_cgroup.rs`).

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use daemontools_tests::fault::{can_trace, selection, try_each};
use daemontools_tests::process::End;
use daemontools_tests::random::Random;
use daemontools_tests::{Tree, until};

use nix::fcntl::{Flock, FlockArg};

use crate::life::{self, EndOnDrop};

/// A service that asks for everything at once.
fn tree() -> Tree {
    life::tree()
        .file("sv/supervise.d/notification-fd", "7\n")
        .file("sv/supervise.d/notify-socket", "")
        .file("sv/supervise.d/watchdog", "1h\n")
        .script("sv/supervise.d/check", "exit 0")
        .file("sv/supervise.d/check-always", "")
        .file("sv/supervise.d/check-interval", "200ms\n")
        .file("sv/supervise.d/group", "")
        .script("sv/supervise.d/stop", "kill -TERM $1")
        .file("sv/supervise.d/stop-timeout", "20s\n")
        .file("sv/supervise.d/restart-delay", "1s..2s\n")
        .script("sv/supervise.d/finish", "exit 0")
}

/// A program of the settings that was forked just before the kill has the lock until it is executed. Under svscan the next
/// supervise would try again a second later.
fn until_unlocked(tree: &Tree) {
    until("the lock is free", || match fs::File::open(tree.path("sv/supervise/lock")) {
        Ok(file) => Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok(),
        Err(_) => true,
    });
}

#[test]
fn killed_at_each_call() {
    let what = "supervise with settings killed at each system call";
    if !can_trace(what) {
        return;
    }
    let faults = selection(life::calls_of_a_life(&tree()), 40);
    try_each(what, &faults, 8, |call| {
        let tree = tree();
        life::live_until_killed(&tree, call);
        until_unlocked(&tree);
        life::next_takes_over(&tree);
    });
}

#[test]
fn an_error_in_each_call() {
    life::live_with_each_error("an error in each system call of supervise with settings", 8, tree);
}

/// What somebody may put in the place of a setting.
fn change(random: &mut Random, directory: &Path) {
    const NAMES: [&str; 14] = [
        "notification-fd",
        "notify-socket",
        "watchdog",
        "check",
        "check-always",
        "group",
        "stop",
        "stop-timeout",
        "stop-signal",
        "restart-delay",
        "finish",
        "finish-s6",
        "status",
        "ready-timeout",
    ];
    let path = directory.join(random.one(&NAMES));
    let _ = fs::remove_file(&path);
    let _ = fs::remove_dir(&path);
    // Whatever is refused was not there in time; the next change comes at once.
    let values: [&[u8]; 9] =
        [b"", b"on", b"off", b"300ms", b"7", b"HUP", b"1s..2s", b"#!/bin/sh\nexit 0\n", &[0xff; 5000]];
    let _ = match random.below(5) {
        0 => Ok(()),
        1 => fs::create_dir(&path),
        2 => symlink("/bin/true", &path),
        _ => fs::write(&path, random.one(&values))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(*random.one(&[0o644, 0o755])))),
    };
}

#[test]
fn while_all_settings_change() {
    let lives: Vec<u64> = selection((1..=40).collect(), 10);
    try_each("lives of a supervise whose settings change all the while", &lives, 4, |seed| {
        let tree = tree();
        let done = AtomicBool::new(false);
        let mut supervise = tree.spawn("supervise", ["sv"]);
        let directory = tree.path("sv/supervise.d");
        thread::scope(|scope| {
            let end = EndOnDrop(&done);
            scope.spawn(|| {
                let mut random = Random::new(*seed);
                while !done.load(Ordering::Relaxed) {
                    change(&mut random, &directory);
                    thread::yield_now();
                }
            });
            let _ = life::live(&tree, &mut supervise);
            drop(end);
        });
        assert_eq!(supervise.wait().end, End::Code(0));
        let _ = fs::remove_dir_all(tree.path("sv/supervise.d"));
        life::next_takes_over(&tree);
    });
}
