//! `supervise/details` and `supervise/history`, read by the suite's own hand: written by our supervise, by no other, and in
//! nobody's way.
//!
//! Not tested here: their formats, which are pure (`crates/core/src/details.rs`, `history.rs`).

use std::fs;

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::{Process, Programs, Tree, exits, until, value};

/// The value of a key in `details`.
pub fn detail(tree: &Tree, key: &str) -> Option<String> {
    let text = String::from_utf8(tree.read("sv/supervise/details")).expect("text");
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ').map(str::to_owned))
}

/// Waits until a key has this value.
#[track_caller]
pub fn until_detail(tree: &Tree, key: &str, expected: &str) {
    until(&format!("{key} is {expected}"), || detail(tree, key).as_deref() == Some(expected));
}

/// The lines of `history` without the label that each begins with.
pub fn history(tree: &Tree) -> Vec<String> {
    let lines = tree.lines("sv/supervise/history").into_iter();
    lines.map(|line| line.split_once(' ').map(|(_, rest)| rest.to_owned()).expect("a label and words")).collect()
}

fn supervised(run: &str) -> (Tree, Process) {
    let tree = Tree::of(Programs::ours()).script("sv/run", run);
    let supervise = tree.spawn("supervise", ["sv"]);
    (tree, supervise)
}

fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

/// A moment's label as text, of 12 bytes.
fn text(label: &[u8]) -> String {
    std::iter::once("@".to_owned()).chain(label.iter().map(|byte| format!("{byte:02x}"))).collect()
}

#[test]
fn the_state_and_the_process_are_told() {
    let (tree, supervise) = supervised("exec sleep 987");
    let pid = until_up(&tree, "sv");
    assert_eq!(detail(&tree, "state").as_deref(), Some("up"));
    assert_eq!(detail(&tree, "pid"), Some(pid.to_string()));
    let since = text(&tree.read("sv/supervise/status")[..12]);
    assert_eq!((detail(&tree, "since"), detail(&tree, "last-start")), (Some(since.clone()), Some(since)));
    svc(&tree, "-d");
    until_detail(&tree, "state", "down");
    until_down(&tree, "sv");
    assert_eq!((detail(&tree, "pid"), detail(&tree, "restarts").as_deref()), (None, Some("0")));
    let end = detail(&tree, "last-end").expect("the last end");
    assert!(end.contains(" signal TERM ran-ms ") && end.contains(" cpu-ms ") && end.contains(" peak-kb "), "{end}");
    // It is written last.
    until("the history", || history(&tree).len() == 1);
    let mut files: Vec<_> =
        fs::read_dir(tree.path("sv/supervise")).expect("read").flatten().map(|e| e.file_name()).collect();
    files.sort();
    assert_eq!(files, ["control", "details", "history", "lock", "ok", "status"]);
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));
    assert!(!tree.path("sv/supervise/details").exists(), "it goes with its supervise");
    assert_eq!(history(&tree).len(), 1, "this one stays");
}

#[test]
fn a_service_that_waits_for_its_next_start_says_until_when() {
    let (tree, _supervise) = supervised("exit 7");
    until("it waits", || detail(&tree, "state").as_deref() == Some("waiting") && detail(&tree, "until").is_some());
    value("two starts again", || detail(&tree, "restarts").and_then(|n| n.parse().ok()).filter(|n: &u32| *n >= 2));
    assert!(history(&tree).iter().all(|line| line.starts_with("code 7 ran-ms ")));
}

#[test]
fn a_service_that_does_not_end_when_told_to_is_stopping() {
    let (tree, _supervise) = supervised("trap : TERM; echo ready >ready; while :; do sleep 0.1; done");
    until("the trap is set", || !tree.lines("sv/ready").is_empty());
    svc(&tree, "-d");
    until_detail(&tree, "state", "stopping");
    assert!(detail(&tree, "pid").is_some());
    svc(&tree, "-u");
    until_detail(&tree, "state", "up");
}

#[test]
fn a_new_supervise_begins_to_count_anew() {
    let (tree, supervise) = supervised("exit 1");
    value("a start again", || detail(&tree, "restarts").filter(|count| count != "0"));
    // A process that is left would be adopted, and its end would count.
    svc(&tree, "-d");
    // Between two of its starts it is down as well.
    until_status(&tree, "sv", "the wish to be down", |status| status.want == 'd');
    until_down(&tree, "sv");
    drop(supervise);
    tree.put_script("sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["sv"]);
    // Until then the file is that of the one that was killed, and so is the status.
    until_detail(&tree, "restarts", "0");
}

#[test]
fn the_history_has_the_last_64_ends_whole_and_in_order() {
    let (tree, _supervise) = supervised("exec sleep 987");
    until_up(&tree, "sv");
    let label = |number: u32| format!("@4000000065000000{number:08x}");
    let old: String = (1..=80).map(|number| format!("{} code 0 ran-ms {number}\n", label(number))).collect();
    tree.put_file("sv/supervise/history", old.clone() + "@4000000065000000 torn");
    svc(&tree, "-k");
    until("the end is added", || tree.lines("sv/supervise/history").len() == 64);
    let lines = tree.lines("sv/supervise/history");
    let kept: Vec<&str> = old.lines().skip(80 - 63).collect();
    assert_eq!(lines[..63], kept);
    assert!(history(&tree)[63].starts_with("signal KILL ran-ms "));
}

#[test]
fn what_cannot_be_written_is_in_nobodys_way() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987");
    let tree = tree.dir("sv/supervise/details").dir("sv/supervise/history/x");
    let supervise = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    svc(&tree, "-k");
    until("another process", || until_up(&tree, "sv") != pid);
    assert_eq!(supervise.stderr(), b"");
}

#[test]
fn a_file_of_version_0_1_0_is_removed() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987").file("sv/supervise/starts", "starts 1");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    assert!(!tree.path("sv/supervise/starts").exists());
}

#[test]
fn a_supervise_of_the_original_makes_none() {
    let Some(original) = Programs::original("the original without supervise/details") else { return };
    let tree = Tree::of(original).script("sv/run", "echo again >>count; exit 1");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("two starts again", || tree.lines("sv/count").len() >= 3);
    drop(supervise);
    assert!(!tree.path("sv/supervise/details").exists() && !tree.path("sv/supervise/history").exists());
}
