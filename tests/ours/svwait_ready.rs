//! `svwait`: ready, done and given up, as a supervise of ours tells them.

use std::fs;

use daemontools_tests::status::record;
use daemontools_tests::{End, Programs, Tree, exits};

use crate::svwait::{reader, start, svwait, until_waiting};

/// Replaces the details of a supervise that is only pretended.
fn put_details(tree: &Tree, text: &str) {
    tree.put_file("sv/supervise/details.new", text);
    fs::rename(tree.path("sv/supervise/details.new"), tree.path("sv/supervise/details")).expect("rename");
}

/// A moment that is later than every status.
const LATER: &str = "@4fffffff0000000000000000";

#[test]
fn ready_is_what_the_service_says() {
    let tree = Tree::of(Programs::ours()).fifo("sv/supervise/ok");
    let _ok = reader(&tree, "sv/supervise/ok");
    tree.put_file("sv/supervise/status", record(10, 7, 0, b'u'));
    assert_eq!(svwait(&tree, &["-r", "sv"]), exits(0, "", ""), "up is ready where nothing says more");
    put_details(&tree, &format!("state up\nsince {LATER}\npid 7\nlast-start {LATER}\n"));
    assert_eq!(svwait(&tree, &["--ready", "sv"]), exits(0, "", ""));
    put_details(&tree, &format!("state starting\nsince {LATER}\npid 7\nlast-start {LATER}\n"));
    assert_eq!(svwait(&tree, &["-u", "sv"]), exits(0, "", ""));
    let late = svwait(&tree, &["-rt0", "sv"]);
    assert!(late.end == End::Code(99) && late.stderr.ends_with(b" seconds, not ready\n"), "{late:?}");
    let mut process = start(&tree, &["-r", "sv"]);
    until_waiting(&mut process);
    put_details(&tree, &format!("state ready\nsince {LATER}\npid 7\nready-since {LATER}\nlast-start {LATER}\n"));
    assert_eq!(process.wait(), exits(0, "", ""));
}

#[test]
fn what_cannot_come_any_more_is_not_waited_for() {
    let tree = Tree::of(Programs::ours()).fifo("sv/supervise/ok").dir("other");
    let _ok = reader(&tree, "sv/supervise/ok");
    tree.put_file("sv/supervise/status", record(10, 0, 0, b'd'));
    for (state, told) in [
        ("failed", "given up, because it ended too often; it will not be started again"),
        ("done", "done; it will not be started again"),
    ] {
        put_details(&tree, &format!("state {state}\nsince {LATER}\n"));
        for option in ["-u", "-r"] {
            assert_eq!(svwait(&tree, &[option, "sv", "other"]), exits(1, "", format!("svwait: sv: {told}\n")));
        }
        assert_eq!(svwait(&tree, &["-d", "sv"]), exits(0, "", ""));
        // Another one may still come.
        assert_eq!(svwait(&tree, &["-ot", "1500", "sv", "other"]).end, End::Code(99));
    }
}

/// A job is down between its runs, but done only when its setting says so.
#[test]
fn a_job_is_done_when_it_has_ended_for_good() {
    let tree = Tree::of(Programs::ours())
        .script("job/run", "echo run >>../runs\n[ $(wc -l <../runs) -ge 3 ]")
        .file("job/supervise.d/no-restart", "0\n")
        .script("never/run", "exit 1")
        .file("never/supervise.d/no-restart", "0\n")
        .file("never/supervise.d/restart-limit", "1/1h\n");
    let wait = start(&tree, &["--done", "job"]);
    let _supervises = (tree.spawn("supervise", ["job"]), tree.spawn("supervise", ["never"]));
    assert_eq!(wait.wait(), exits(0, "", ""));
    assert_eq!(tree.lines("runs").len(), 3);
    let given_up = "svwait: never: given up, because it ended too often; it will not be started again\n";
    assert_eq!(svwait(&tree, &["--done", "never"]), exits(1, "", given_up));
    assert_eq!(svwait(&tree, &["--done", "--for", "1s", "job"]).end, End::Code(100));
}
