//! Numbers that do not fit into 32 bits, which a program for a machine of 32 bits could cut: numbers of inodes, times after
//! 2038, sizes. Every machine passes; `make cross` runs this for i686.
//!
//! Not tested: a clock that shows a time after 2038; stamps of such times (in `tai64nlocal`).

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use daemontools_tests::status::{now, raw_record, until_down, until_up};
use daemontools_tests::{End, Tree, exits, left_out, until};

use crate::fake::reads;

const LOGGED: &str = "echo line; exec sleep 1000";
const LOGGER: &str = "exec multilog t ./main";

/// svscan tells services apart by their inodes. Those of two file systems below one overlay differ in the upper half only.
#[test]
fn inodes() {
    let tree = Tree::new();
    if !["one", "two", "three"].iter().all(|disk| tree.tmpfs(disk, "size=1m")) {
        return;
    }
    let tree = tree.script("one/a/run", LOGGED).script("two/b/run", LOGGED).dir("three/upper").dir("three/work");
    tree.put_script("one/a/log/run", LOGGER);
    tree.put_script("two/b/log/run", LOGGER);
    if !tree.overlay("scan", "lowerdir=one:two,upperdir=three/upper,workdir=three/work,xino=on") {
        return;
    }
    let place = |name: &str| fs::metadata(tree.path(name)).map(|found| (found.dev(), found.ino())).expect("stat");
    let (a, b) = (place("scan/a"), place("scan/b"));
    if a.0 != b.0 || a.1 == b.1 || a.1 as u32 != b.1 as u32 {
        return left_out("inodes of 64 bits", "overlayfs numbers its files otherwise here");
    }
    let _svscan = tree.spawn("svscan", ["scan"]);
    for service in ["scan/a", "scan/b"] {
        until_up(&tree, service);
        until("its line is logged", || tree.lines(format!("{service}/log/main/current")).len() == 1);
    }
    assert_eq!(tree.run("svok", ["scan/a"]), exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-d", "scan/a", "scan/b"]), exits(0, "", ""));
    until_down(&tree, "scan/a");
    until_down(&tree, "scan/b");
}

/// Gives all files of a tree a time after 2038; false, and says so, where the file system has no such times.
fn dated(tree: &Tree) -> bool {
    assert_eq!(tree.shell("find . -exec touch -h -d 2100-01-01T00:00Z {} +").end, End::Code(0));
    let done = fs::metadata(tree.path("")).is_ok_and(|found| found.mtime() == 4_102_444_800);
    if !done {
        left_out("files of 2100", "the file system has no such times");
    }
    done
}

/// A tree whose files are all of 2100 works as any other: services, `down`, a log that is continued.
#[test]
fn times_of_files() {
    let tree = Tree::new().script("scan/sv/run", LOGGED).script("scan/sv/log/run", LOGGER);
    let tree = tree.script("scan/rests/run", LOGGED).file("scan/rests/down", "").file("env/A", "value");
    tree.put_file("scan/sv/log/main/current", "old\n");
    tree.put_file("scan/sv/log/main/@400000000000000000000000.s", "older\n");
    fs::set_permissions(tree.path("scan/sv/log/main/current"), fs::Permissions::from_mode(0o744)).expect("chmod");
    if !dated(&tree) {
        return;
    }
    let _svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/sv");
    until_down(&tree, "scan/rests");
    until("the line is logged after the old one", || tree.lines("scan/sv/log/main/current").len() == 2);
    let told = String::from_utf8(tree.run("svstat", ["scan/rests", "scan/sv"]).stdout).expect("ASCII");
    let (rests, runs) = told.split_once('\n').expect("two lines");
    assert!(rests.starts_with("scan/rests: down ") && rests.ends_with(" seconds"), "{told}");
    assert!(runs.starts_with("scan/sv: up "), "{told}");
    assert_eq!(tree.run("envdir", ["env", "sh", "-c", "echo $A"]), exits(0, "value\n", ""));
    assert_eq!(tree.run("setlock", ["env/A", "echo", "locked"]), exits(0, "locked\n", ""));
}

/// The seconds since a change long before 1970, and none since one after 2038.
#[test]
fn times_of_changes() {
    let tree = Tree::new().fifo("sv/supervise/ok");
    let _ok = reads(&tree, "sv/supervise/ok");
    let unix = (1 << 62) + 10;
    tree.put_file("sv/supervise/status", raw_record(unix - (1 << 33), 7, 0, b'u'));
    let before = now().as_secs() + (1 << 33);
    let told = String::from_utf8(tree.run("svstat", ["sv"]).stdout).expect("ASCII");
    let seconds = told.strip_prefix("sv: up (pid 7) ").and_then(|rest| rest.strip_suffix(" seconds\n"));
    let seconds: u64 = seconds.and_then(|number| number.parse().ok()).expect("a number");
    assert!((before..=now().as_secs() + (1 << 33)).contains(&seconds), "{told}");
    tree.put_file("sv/supervise/status", raw_record(unix + 4_102_444_800, 7, 0, b'u'));
    assert_eq!(tree.run("svstat", ["sv"]), exits(0, "sv: up (pid 7) 0 seconds\n", ""));
}

/// A current file of more than 4 GiB is a full one: the next line goes into a new file.
#[test]
fn sizes() {
    const SIZE: u64 = 5 << 30;
    let tree = Tree::new().file("d/current", "first\n");
    let current = tree.path("d/current");
    File::options().write(true).open(&current).and_then(|file| file.set_len(SIZE)).expect("make a hole");
    fs::set_permissions(&current, fs::Permissions::from_mode(0o744)).expect("chmod");
    assert_eq!(tree.command("multilog").arg("./d").stdin("line\n").run(), exits(0, "", ""));
    let names = fs::read_dir(tree.path("d")).expect("read").flatten();
    let mut sizes: Vec<u64> = names.filter_map(|entry| Some(entry.metadata().ok()?.len())).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [0, 5, SIZE], "lock, current, and the full one");
}
