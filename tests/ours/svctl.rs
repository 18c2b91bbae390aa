//! `svctl`, on supervises of ours and of the original.
//!
//! Not tested: how the screen looks in a terminal; that is `svps` and `svlog`.

use daemontools_tests::status::{Status, until_down, until_up};
use daemontools_tests::{End, Output, Programs, Tree, exits, proc, until};

/// What svctl says and how it ends, without how long that took.
pub fn svctl(tree: &Tree, arguments: &[&str]) -> Output {
    let output = tree.command_of(Programs::ours(), "svctl").args(["--dir", "scan"]).args(arguments).run();
    without_spans(output)
}

/// An output without ` after 1.2 s` at the ends of its lines: that is there where something took longer than a moment.
pub fn without_spans(output: Output) -> Output {
    let is_span = |words: &str| words.strip_suffix(" s").is_some_and(|number| number.parse::<f64>().is_ok());
    let shorter = |line: &str| match line.rsplit_once(" after ") {
        Some((before, words)) if is_span(words) => before.to_owned(),
        _ => line.to_owned(),
    };
    let lines = text(&output.stdout).split('\n').map(shorter).collect::<Vec<_>>().join("\n");
    Output { stdout: lines.into_bytes(), ..output }
}

/// Waits until a supervise of this service can be found; its status is there a moment before.
pub fn until_supervised(tree: &Tree, dir: &str) {
    daemontools_tests::until("it is supervised", || tree.run("svok", [dir]) == exits(0, "", ""));
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A service that stays, and one that is down and ends with 3 at once when it is started.
fn services(programs: &'static Programs) -> Tree {
    Tree::of(programs)
        .script("scan/web/run", "exec sleep 987")
        .script("scan/job/run", "exit 3")
        .file("scan/job/down", "")
        .script("scan/.hidden/run", "")
        .file("scan/note", "")
}

/// Each verb that changes something, on the supervises of these programs.
fn hold_acts(programs: &'static Programs) {
    let tree = services(programs);
    let supervises = [tree.spawn("supervise", ["scan/web"]), tree.spawn("supervise", ["scan/job"])];
    let first = until_up(&tree, "scan/web");
    until_supervised(&tree, "scan/job");

    let restarted = svctl(&tree, &["restart", "web"]);
    let second = until_up(&tree, "scan/web");
    assert_eq!(restarted.end, End::Code(0), "{restarted:?}");
    assert!(text(&restarted.stdout) == format!("web: up (pid {second})\n"), "{restarted:?}");
    assert_ne!(first, second);

    let paused = svctl(&tree, &["pause", "web"]);
    assert_eq!(paused.end, End::Code(0), "{paused:?}");
    assert!(text(&paused.stdout).starts_with(&format!("web: paused (pid {second})")), "{paused:?}");
    assert!(Status::of(&tree, "scan/web").is_some_and(|status| status.paused != 0));
    assert_eq!(svctl(&tree, &["resume", "web"]).end, End::Code(0));

    let stopped = svctl(&tree, &["stop", "w*"]);
    assert_eq!(stopped.end, End::Code(0), "{stopped:?}");
    assert!(text(&stopped.stdout).starts_with("web: down"), "{stopped:?}");
    assert!(!until_down(&tree, "scan/web").up());
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(1, "web: it is down\n", ""));

    let started = svctl(&tree, &["start", "-t", "30s", "web"]);
    assert_eq!(started.end, End::Code(0), "{started:?}");
    let third = until_up(&tree, "scan/web");
    assert_eq!(svctl(&tree, &["kill", "-s", "KILL", "web"]), exits(0, "", ""));
    daemontools_tests::until("another process", || {
        Status::of(&tree, "scan/web").is_some_and(|status| status.up() && status.pid != third)
    });
    drop(supervises);
}

#[test]
fn acts_are_done_and_awaited() {
    hold_acts(Programs::ours());
}

#[test]
fn acts_are_done_and_awaited_on_the_original() {
    if let Some(original) = Programs::original("svctl on the original's supervise") {
        hold_acts(original);
    }
}

#[test]
fn a_service_that_cannot_run_is_told_with_its_end() {
    let tree = services(Programs::ours());
    let _supervise = tree.spawn("supervise", ["scan/job"]);
    until_supervised(&tree, "scan/job");
    let once = svctl(&tree, &["once", "job"]);
    assert_eq!(once, exits(1, "job: ended (exit 3)\n", ""));
    let started = svctl(&tree, &["start", "job"]);
    assert_eq!(started, exits(1, "job: ends again and again (exit 3)\n", ""));
    let history = || text(&svctl(&tree, &["history", "job"]).stdout);
    daemontools_tests::until("one end of once and three of start", || history().lines().count() >= 4);
    assert!(history().lines().all(|line| line.contains("  exit 3 after ")), "{}", history());
}

#[test]
fn what_cannot_be_reached_ends_the_wait() {
    let tree = services(Programs::ours());
    let told = svctl(&tree, &["start", "web", "job"]);
    let expected = "web: unable to control web: supervise not running\n\
                    job: unable to control job: supervise not running\n";
    // A directory that no supervise has seen has no FIFO at all.
    let expected = expected.replace("supervise not running", "file does not exist");
    assert_eq!(told, exits(1, expected, ""));
    let tree = services(Programs::ours()).script("scan/deaf/run", "trap '' TERM; echo > deaf; exec sleep 987");
    let _supervise = tree.spawn("supervise", ["scan/deaf"]);
    let pid = until_up(&tree, "scan/deaf");
    daemontools_tests::until("the service ignores TERM", || tree.path("scan/deaf/deaf").exists());
    let stopped = svctl(&tree, &["stop", "-t", "1s", "deaf"]);
    assert_eq!(stopped.end, End::Code(99), "{stopped:?}");
    assert!(text(&stopped.stdout).starts_with("deaf: timed out after "), "{stopped:?}");
    assert_eq!(until_up(&tree, "scan/deaf"), pid);
}

#[test]
fn a_name_that_is_none_is_told_before_anything_is_done() {
    let tree = services(Programs::ours());
    let _supervise = tree.spawn("supervise", ["scan/web"]);
    let pid = until_up(&tree, "scan/web");
    for (name, reason) in [
        ("wbe", "no service wbe in scan; the nearest name is web"),
        ("postgres", "no service postgres in scan"),
        ("x*", "no service matches x* in scan"),
        ("web/log", "the service web has no logger"),
        ("a\u{1b}[2J", "no service a\\x1b[2J in scan"),
        ("./nowhere", "unable to find ./nowhere: file does not exist"),
    ] {
        let told = svctl(&tree, &["stop", "web", name]);
        assert_eq!(told, exits(111, "", format!("svctl: fatal: {reason}\n")), "{name}");
    }
    assert_eq!(until_up(&tree, "scan/web"), pid, "nothing was done");
    assert_eq!(svctl(&tree, &["list"]), exits(0, "job\nweb\n", ""));
    assert_eq!(svctl(&tree, &["list", "./scan/web"]), exits(0, "./scan/web\n", ""));
}

#[test]
fn status_shows_all_of_a_service_and_its_code() {
    let tree = services(Programs::ours()).script("scan/web/log/run", "exec multilog t ./main");
    tree.put_file("scan/web/supervise.d/stop-timeout", "10s\n");
    let _supervises = [tree.spawn("supervise", ["scan/web"]), tree.spawn("supervise", ["scan/job"])];
    let pid = until_up(&tree, "scan/web");
    until_supervised(&tree, "scan/job");
    until("its script has executed sleep", || proc::arguments(pid) == [&b"sleep"[..], b"987"]);
    let status = svctl(&tree, &["status", "web"]);
    let shown = text(&status.stdout);
    assert_eq!(status.end, End::Code(0), "{status:?}");
    for expected in [
        format!("web: up (pid {pid}) for "),
        "\n  directory  scan/web\n".into(),
        "\n  logger     unsupervised\n".into(),
        "\n  setting    stop-timeout 10s\n".into(),
        format!("\n  processes  {pid}  "),
        "kB  sleep 987\n".into(),
    ] {
        assert!(shown.contains(&expected), "{expected:?} is not in {shown}");
    }
    assert_eq!(svctl(&tree, &["status", "job"]).end, End::Code(3), "it is down");
    assert_eq!(svctl(&tree, &["status", "web", "job"]).end, End::Code(3), "the highest code counts");
}

#[test]
fn why_names_what_is_not_as_wanted() {
    let tree = services(Programs::ours());
    let _supervises = [tree.spawn("supervise", ["scan/web"]), tree.spawn("supervise", ["scan/job"])];
    until_up(&tree, "scan/web");
    until_supervised(&tree, "scan/job");
    assert_eq!(svctl(&tree, &["why"]), exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-u", "scan/job"]), exits(0, "", ""));
    daemontools_tests::until("job fails", || {
        let why = svctl(&tree, &["why"]);
        let said = text(&why.stdout);
        why.end == End::Code(1) && said.starts_with("job: failing (exit 3)") && said.contains("  exit 3 after ")
    });
}
