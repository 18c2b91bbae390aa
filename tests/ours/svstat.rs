//! svstat: what it shows where the original is wrong.
//!
//! Not tested: a clock that is changed while it runs.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;

use daemontools_tests::status::{now, raw_record, until_up};
use daemontools_tests::{Programs, Tree, exits, until};

/// docs/differences.md: "Spans beyond 2^53 seconds … are exact."
#[test]
fn spans_beyond_the_exact_numbers_of_floating_point() {
    let tree = Tree::of(Programs::ours()).fifo("sv/supervise/ok").file("sv/down", "");
    let reader = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path("sv/supervise/ok"));
    for seconds in [0, 1, 12345, 1 << 61, (1 << 61) + 3] {
        tree.put_file("sv/supervise/status", raw_record(seconds, 0, 0, b'd'));
        let span = || (1_u64 << 62) + 10 + now().as_secs() - seconds;
        let before = span();
        let said = tree.run("svstat", ["sv"]);
        let lines: Vec<_> = (before..=span()).map(|span| exits(0, format!("sv: down {span} seconds\n"), "")).collect();
        assert!(lines.contains(&said), "{said:?} is none of {lines:?}");
    }
    drop(reader);
}

/// docs/differences.md: a `status` that cannot be read is no status.
#[test]
fn svstat_does_not_show_what_it_read_before() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000").dir("bad/supervise/status");
    let supervises = ["sv", "bad"].map(|name| tree.spawn("supervise", [name]));
    until_up(&tree, "sv");
    until("the other runs", || tree.run("svok", ["bad"]) == exits(0, "", ""));
    let out = tree.run("svstat", ["sv", "bad"]);
    assert!(out.stdout.ends_with(b"\nbad: unable to read supervise/status: is a directory\n"), "{out:?}");
    drop(supervises);
}
