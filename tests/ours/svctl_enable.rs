//! `svctl enable` and `svctl disable`, in trees of ours and of the original.
//!
//! Not tested: a name without `--from`, which is looked for in /etc/sv.

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Programs, Tree, exits, until};

use crate::svctl::{svctl, text};

/// The entries of the scan directory, those with a dot too.
fn entries(tree: &Tree) -> Vec<String> {
    let entries = std::fs::read_dir(tree.path("scan")).expect("read scan").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A service whose last lines come when it ends, and a logger that reads them slowly.
fn kept(programs: &'static Programs) -> Tree {
    Tree::of(programs)
        .script("sv/web/run", "trap 'seq 1000; exit' TERM; echo begun; : >trapped; while :; do read x <fifo; done")
        .fifo("sv/web/fifo")
        .script(
            "sv/web/log/run",
            "trap 'ends=1' TERM; while [ -z \"$ends\" ] && read line; do echo \"$line\" >>lines; done",
        )
        .script("sv/first/run", "exec sleep 987")
        .link("scan/first", "../sv/first")
}

fn hold_there_and_back(programs: &'static Programs) {
    let tree = kept(programs);
    let _svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/first");
    let web = tree.path("sv/web").display().to_string();
    let enabled = svctl(&tree, &["enable", "./sv/web/"]);
    assert_eq!(enabled.end, End::Code(0), "{enabled:?}");
    let pid = until_up(&tree, "scan/web");
    assert!(text(&enabled.stdout).starts_with(&format!("web: enabled, up (pid {pid})")), "{enabled:?}");
    assert_eq!(std::fs::read_link(tree.path("scan/web")).expect("a link").display().to_string(), web);
    assert_eq!(entries(&tree), ["first", "web"], "no other name stays");
    // Once more changes nothing.
    let again = svctl(&tree, &["enable", "--now", "--from", "sv", "web"]);
    assert_eq!(again.end, End::Code(0), "{again:?}");
    assert_eq!(until_up(&tree, "scan/web"), pid);
    until("the service takes TERM", || tree.path("sv/web/trapped").exists());

    let disabled = svctl(&tree, &["disable", "web"]);
    assert_eq!(disabled.end, End::Code(0), "{disabled:?}");
    assert!(text(&disabled.stdout).starts_with("web: disabled"), "{disabled:?}");
    assert_eq!(entries(&tree), ["first"]);
    for part in ["sv/web", "sv/web/log"] {
        assert_eq!(tree.run("svok", [part]).end, End::Code(100), "{part} is not supervised");
    }
    let logged = tree.lines("sv/web/log/lines");
    assert_eq!(logged.len(), 1001, "its last lines are in the log: {:?}", logged.last());
    assert_eq!(svctl(&tree, &["disable", "web"]), exits(111, "", "svctl: fatal: no service web in scan\n"));
}

#[test]
fn a_service_comes_and_goes_with_its_logger() {
    hold_there_and_back(Programs::ours());
}

#[test]
fn a_service_comes_and_goes_with_its_logger_on_the_original() {
    if let Some(original) = Programs::original("svctl enable and disable under the original's svscan") {
        hold_there_and_back(original);
    }
}

#[test]
fn errors_of_svlint_and_names_that_are_taken_keep_it_out() {
    let tree = Tree::of(Programs::ours()).file("sv/bad/run", "#!/bin/sh\nexec true\n").dir("scan/taken");
    tree.put_script("sv/taken/run", "exec sleep 987");
    tree.put_script("sv/.dot/run", "exec sleep 987");
    let bad = tree.path("sv/bad").display().to_string();
    let refused = svctl(&tree, &["enable", "./sv/bad"]);
    assert_eq!(refused.end, End::Code(1), "{refused:?}");
    assert!(text(&refused.stdout).contains("/run: error SL002: "), "{refused:?}");
    let expected = format!("bad: not enabled: svlint finds errors in {bad}\n");
    assert!(text(&refused.stdout).ends_with(&expected), "{refused:?}");
    let taken = exits(1, "taken: not enabled: scan/taken is there already and is not a link\n", "");
    assert_eq!(svctl(&tree, &["enable", "./sv/taken"]), taken);
    for (word, reason) in [
        ("./sv/none", "unable to find ./sv/none: file does not exist"),
        ("./sv/bad/run", "unable to enable ./sv/bad/run: not a directory"),
        ("./sv/.dot", "svscan passes over names that begin with a dot: .dot"),
        ("/", "the root directory cannot be a service"),
    ] {
        let told = svctl(&tree, &["enable", word]);
        assert_eq!(told, exits(111, "", format!("svctl: fatal: {reason}\n")), "{word}");
    }
    let told = svctl(&tree, &["enable", "--from", "sv", "baad"]);
    assert_eq!(told, exits(111, "", "svctl: fatal: no service baad in sv; the nearest name is bad\n"));
    assert_eq!(entries(&tree), ["taken"], "nothing was made");
}

#[test]
fn without_an_svscan_the_link_is_made_and_nothing_is_waited_for() {
    let tree = Tree::of(Programs::ours()).script("sv/web/run", "exec sleep 987").dir("scan");
    let told = "web: enabled, but no svscan looks at the scan directory\n";
    let enabled = svctl(&tree, &["enable", "./sv/web"]);
    assert_eq!(enabled, exits(1, told, ""));
    assert_eq!(entries(&tree), ["web"]);
    assert_eq!(svctl(&tree, &["disable", "--now", "web"]), exits(0, "web: disabled\n", ""));
    assert_eq!(svctl(&tree, &["enable", "--no-wait", "./sv/web"]), exits(0, "web: enabled\n", ""));
    // A link that leads nowhere is replaced, and taken away like any other.
    std::fs::rename(tree.path("sv/web"), tree.path("sv/moved")).expect("rename");
    let led = tree.path("sv/web").display().to_string();
    let disabled = svctl(&tree, &["disable", "web"]);
    assert_eq!(disabled, exits(0, format!("web: disabled; it led to {led}, where nothing is\n"), ""));
    assert_eq!(entries(&tree), [""; 0]);
}

#[test]
fn a_service_may_run_on_and_a_command_that_was_given_up_goes_on() {
    let tree = Tree::of(Programs::ours()).script("sv/first/run", "exec sleep 987").link("scan/first", "../sv/first");
    tree.put_script("sv/deaf/run", "trap '' TERM; echo >deaf; exec sleep 987");
    let svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/first");
    assert_eq!(svctl(&tree, &["enable", "./sv/deaf"]).end, End::Code(0));
    let pid = until_up(&tree, "sv/deaf");
    until("the service ignores TERM", || tree.path("sv/deaf/deaf").exists());
    let gone = svctl(&tree, &["disable", "--keep-running", "deaf"]);
    let led = tree.path("sv/deaf").display().to_string();
    assert_eq!(gone, exits(0, format!("deaf: disabled; what runs in {led} goes on\n"), ""));
    assert_eq!((until_up(&tree, "sv/deaf"), entries(&tree).len()), (pid, 1));

    assert_eq!(svctl(&tree, &["enable", "./sv/deaf"]).end, End::Code(0));
    assert_eq!(until_up(&tree, "sv/deaf"), pid, "it is the same one");
    let late = svctl(&tree, &["disable", "-t", "1s", "deaf"]);
    assert_eq!(late.end, End::Code(99), "{late:?}");
    assert!(text(&late.stdout).contains(": it has not ended; the same command goes on"), "{late:?}");
    assert_eq!(svctl(&tree, &["kill", "-s", "KILL", "./sv/deaf"]), exits(0, "", ""));
    assert_eq!(svctl(&tree, &["disable", "deaf"]).end, End::Code(0));
    assert_eq!(tree.run("svok", ["sv/deaf"]).end, End::Code(100));
    assert_eq!(entries(&tree), ["first"]);
    drop(svscan);
}

#[test]
fn only_links_are_taken_away() {
    let tree = Tree::of(Programs::ours()).script("scan/web/run", "exec sleep 987");
    let reason = "is no link, so that it cannot be taken away; move it elsewhere, or create a file down in it";
    assert_eq!(svctl(&tree, &["disable", "web"]), exits(1, format!("web: not disabled: scan/web {reason}\n"), ""));
    let usage = svctl(&tree, &["disable", "./scan/web"]);
    assert_eq!(usage.end, End::Code(100), "{usage:?}");
    assert_eq!(entries(&tree), ["web"]);
}
