//! `supervise/starts`, read by the suite's own hand: written by our supervise, by no other, and in nobody's way.
//!
//! Not tested here: the sums over a minute and an hour, which are pure (`crates/core/src/restarts.rs`).

use std::fs;

use daemontools_tests::status::{until_down, until_up};
use daemontools_tests::{Programs, Tree, exits, until, value};

/// How often the service was started again, and the packed time of its last start.
fn starts(tree: &Tree, service: &str) -> Option<(u32, Vec<u8>)> {
    let bytes = tree.read(format!("{service}/supervise/starts"));
    (bytes.len() == 144 && bytes.starts_with(b"starts 1"))
        .then(|| (u32::from_be_bytes(bytes[20..24].try_into().expect("four bytes")), bytes[8..20].to_vec()))
}

#[test]
fn each_start_after_an_end_is_counted() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exit 1");
    let _supervise = tree.spawn("supervise", ["sv"]);
    value("two starts again", || starts(&tree, "sv").filter(|(again, _)| *again >= 2));
}

#[test]
fn a_start_that_was_asked_for_is_not_counted_and_has_the_time_of_the_status() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    tree.run("svc", ["-d", "sv"]);
    until_down(&tree, "sv");
    tree.run("svc", ["-u", "sv"]);
    until_up(&tree, "sv");
    let (again, last) = starts(&tree, "sv").expect("the file");
    assert_eq!((again, &last[..]), (0, &tree.read("sv/supervise/status")[..12]));
    let mut files: Vec<_> =
        fs::read_dir(tree.path("sv/supervise")).expect("read").flatten().map(|e| e.file_name()).collect();
    files.sort();
    assert_eq!(files, ["control", "lock", "ok", "starts", "status"]);
}

#[test]
fn a_new_supervise_begins_to_count_anew() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exit 1");
    let supervise = tree.spawn("supervise", ["sv"]);
    value("a start again", || starts(&tree, "sv").filter(|(again, _)| *again >= 1));
    drop(supervise);
    tree.put_script("sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["sv"]);
    // Until then the file is that of the one that was killed, and so is the status.
    until("the count begins anew", || starts(&tree, "sv").map(|(again, _)| again) == Some(0));
}

#[test]
fn it_goes_with_its_supervise() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    assert!(starts(&tree, "sv").is_some());
    tree.run("svc", ["-dx", "sv"]);
    assert_eq!(supervise.wait(), exits(0, "", ""));
    assert!(!tree.path("sv/supervise/starts").exists());
}

#[test]
fn where_it_cannot_be_written_the_service_runs_and_nobody_is_told() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987").dir("sv/supervise/starts");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    assert!(tree.path("sv/supervise/starts").is_dir());
    assert_eq!(supervise.stderr(), b"");
}

#[test]
fn a_supervise_of_the_original_makes_none() {
    let Some(original) = Programs::original("the original without supervise/starts") else { return };
    let tree = Tree::of(original).script("sv/run", "echo again >>count; exit 1");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("two starts again", || tree.lines("sv/count").len() >= 3);
    drop(supervise);
    assert!(!tree.path("sv/supervise/starts").exists());
}
