//! multilog on disks that are full, or have no inodes left: it says so, waits, and goes on when there is room. Nothing is
//! lost, and nothing comes twice.

use std::fs;
use std::time::{Duration, Instant};

use daemontools_tests::{End, Process, Tree, needs_root, until};
use nix::sys::signal::Signal;

use crate::multilog::{Feed, Scene, judge};

/// A scene in a directory of its own disk.
const fn scene(name: &'static str, script: &'static [&'static str]) -> Scene {
    Scene { name, script, logs: &["disk/d"], head: "", keep: 99, lengths: (80, 80), lines: 1500 }
}

/// Begins a scene on a small disk, of which a part is taken.
fn begin(scene: &Scene, options: &str, taken: usize) -> Option<(Tree, Feed, Process)> {
    if !needs_root(scene.name) {
        return None;
    }
    let tree = Tree::new();
    if !tree.tmpfs("disk", options) {
        return None;
    }
    if taken > 0 {
        tree.put_file("disk/taken", vec![b'x'; taken]);
    }
    let feed = Feed::new(scene);
    let process = feed.to(tree.command("multilog"), scene).spawn();
    Some((tree, feed, process))
}

/// Waits for this warning, sends TERM to see that it waits, and makes room.
fn until_it_waits(tree: &Tree, process: &Process, warning: &str) {
    let warning = format!("multilog: warning: {warning}\n");
    until(&warning, || String::from_utf8_lossy(&process.stderr()).contains(&warning));
    let _ = fs::remove_file(tree.path("disk/taken"));
}

/// All is well in the end.
fn end(tree: &Tree, scene: &Scene, process: Process) {
    let out = process.wait();
    assert_eq!(out.end, End::Code(0), "{}: {out:?}", scene.name);
    judge(tree, scene, 0);
}

#[test]
fn a_full_disk() {
    let scene = scene("a full disk", &["s16777215", "./disk/d"]);
    let Some((tree, _feed, process)) = begin(&scene, "size=160k", 100 * 1024) else { return };
    until_it_waits(&tree, &process, "unable to write to ./disk/d/current, pausing: out of disk space");
    let room = Instant::now();
    end(&tree, &scene, process);
    // Within the 5 seconds of the pause, and what a busy machine adds.
    assert!(room.elapsed() < Duration::from_secs(30), "{:?}", room.elapsed());
}

/// TERM while it pauses: what was begun is finished, the rest is for the next one.
#[test]
fn term_on_a_full_disk() {
    let scene = scene("TERM on a full disk", &["s16777215", "./disk/d"]);
    let Some((tree, feed, process)) = begin(&scene, "size=160k", 100 * 1024) else { return };
    let warning = "unable to write to ./disk/d/current, pausing: out of disk space";
    until("a warning", || process.stderr().ends_with(format!("{warning}\n").as_bytes()));
    process.signal(Signal::SIGTERM);
    until_it_waits(&tree, &process, warning);
    assert_eq!(process.wait().end, End::Code(0));
    assert_eq!(tree.log_files("disk/d")[0].mode, 0o744);
    let next = feed.to(tree.command("multilog"), &scene).spawn();
    end(&tree, &scene, next);
}

/// The same, killed while it pauses.
#[test]
fn a_kill_on_a_full_disk() {
    let scene = scene("a kill on a full disk", &["s16777215", "n99", "./disk/d"]);
    let Some((tree, feed, process)) = begin(&scene, "size=320k", 240 * 1024) else { return };
    let warning = "multilog: warning: unable to write to ./disk/d/current, pausing: out of disk space\n";
    until("a warning", || process.stderr().ends_with(warning.as_bytes()));
    process.signal(Signal::SIGKILL);
    assert_eq!(process.wait().end, End::Signal(9));
    fs::remove_file(tree.path("disk/taken")).expect("make room");
    let out = feed.to(tree.command("multilog"), &scene).run();
    assert_eq!(out.end, End::Code(0), "{out:?}");
    judge(&tree, &scene, 1);
}

#[test]
fn no_inode_for_the_next_current() {
    let scene = scene("no inodes", &["s16384", "n99", "./disk/d"]);
    // The root, d, lock, state, current, and one old file.
    let Some((tree, _feed, process)) = begin(&scene, "nr_inodes=6", 0) else { return };
    let warning = "multilog: warning: unable to create ./disk/d/current, pausing: out of disk space\n";
    until("a warning", || process.stderr().ends_with(warning.as_bytes()));
    // As many as it needs from here on.
    let grown = tree.shell("mount -o remount,nr_inodes=100 disk");
    assert_eq!(grown.end, End::Code(0), "{grown:?}");
    end(&tree, &scene, process);
}

#[test]
fn no_room_for_what_a_processor_makes() {
    let scene = scene("a processor on a full disk", &["s65536", "n99", "!cat && cat <&4 >&5", "./disk/d"]);
    let Some((tree, _feed, process)) = begin(&scene, "size=320k", 240 * 1024) else { return };
    until_it_waits(&tree, &process, "processor failed in ./disk/d, pausing");
    end(&tree, &scene, process);
}

#[test]
fn no_room_for_a_status_file() {
    let scene = scene("a status file on a full disk", &["=disk/st", "s16777215", "./disk/d"]);
    let Some((tree, _feed, process)) = begin(&scene, "size=160k", 160 * 1024) else { return };
    until_it_waits(&tree, &process, "unable to write disk/st, pausing: out of disk space");
    end(&tree, &scene, process);
    let mut expected = scene.line(scene.lines - 1);
    expected.resize(1001, b'\n');
    assert!(tree.read("disk/st") == expected);
}

/// A directory that may not be changed in the middle of a rotation.
#[test]
fn a_read_only_disk() {
    let scene = scene("a read-only disk", &["s16384", "n99", "./disk/d"]);
    if !needs_root(scene.name) {
        return;
    }
    let tree = Tree::new();
    if !tree.tmpfs("disk", "size=1m") {
        return;
    }
    let feed = Feed::new(&Scene { lines: 10, ..scene });
    drop(feed.to(tree.command("multilog"), &scene).run());
    let read_only = tree.shell("mount -o remount,ro disk");
    assert_eq!(read_only.end, End::Code(0), "{read_only:?}");
    let out = tree.command("multilog").args(scene.script).stdin("x\n").run();
    let expected = "multilog: fatal: unable to lock directory ./disk/d: read-only file system\n";
    assert_eq!((out.end, String::from_utf8_lossy(&out.stderr).as_ref()), (End::Code(111), expected));
}
