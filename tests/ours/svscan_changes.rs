//! svscan: changes that come while it is at work, or that it cannot hear of, are not lost.
//!
//! Not tested: a full queue of inotify; network file systems; storms of changes (a unit test of `pace` is about them).

use std::fs;
use std::os::unix::fs::symlink;

use daemontools_tests::fault::can_trace;
use daemontools_tests::status::until_up;
use daemontools_tests::{Programs, Tree, until};

const SLEEP: &str = "exec sleep 1000";

/// Each scan is held up when it has read the last entry. What is made just then is not in its list: a link is started by
/// the next scan, and a directory still gets its grace.
#[test]
fn what_is_made_during_a_scan() {
    if !can_trace("changes during a scan") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("made/run", SLEEP).dir("scan");
    // A list takes two calls: one that gives the entries, and one that gives the end.
    let slow = ["trace=getdents64,clone,?fork", "inject=getdents64:delay_exit=3000000:when=2+2"].map(String::from);
    let _svscan = tree.traced("trace", &slow, "svscan").arg("scan").spawn();
    let scans = || tree.lines("trace").iter().filter(|line| line.contains("DELAYED")).count();
    until("the first scan", || scans() == 1);
    symlink("../made", tree.path("scan/link")).expect("link");
    fs::create_dir(tree.path("scan/sv")).expect("mkdir");
    until_up(&tree, "scan/link");
    until("a third scan", || scans() == 3);
    tree.put_script("scan/sv/run", SLEEP);
    until_up(&tree, "scan/sv");
    let trace = tree.lines("trace").join("\n");
    let second = trace.split("DELAYED").nth(2).expect("a second scan");
    // Each C library forks in its own way.
    let forks = second.matches("clone(").count() + second.matches("fork(").count();
    assert_eq!(forks, 1, "the link alone is started by the second scan: {trace}");
}

/// docs/differences.md: "it looks every 5 seconds as well: no inotify to be had".
#[test]
fn without_inotify_it_looks_from_time_to_time() {
    if !can_trace("svscan without inotify") {
        return;
    }
    for missing in ["inotify_init1:error=EMFILE", "inotify_add_watch:error=ENOSPC"] {
        let tree = Tree::of(Programs::ours()).script("scan/probe/run", SLEEP).script("made/run", SLEEP);
        let svscan = tree.traced("trace", &[format!("inject={missing}")], "svscan").arg("scan").spawn();
        until_up(&tree, "scan/probe");
        symlink("../made", tree.path("scan/link")).expect("link");
        until_up(&tree, "scan/link");
        assert_eq!(svscan.stderr(), b"", "{missing}");
    }
}
