//! What a service asks for about its end, with real processes: how it is stopped, what runs then, when it is started again.

use std::time::Duration;

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{exits, proc, until};

use crate::supervise_details::{detail, until_detail};
use crate::supervise_settings::{svc, tree, until_first_end, until_lines, with};

/// A service that says which signals it gets and ends by none but KILL.
const STUBBORN: &str = "for s in HUP INT TERM USR1; do trap \"echo $s >>got\" $s; done; echo ready >>got
while :; do sleep 0.05; done";

#[test]
fn the_stop_signal_and_kill_after_its_time() {
    let (tree, supervise) = with(STUBBORN, &[("stop-signal", "SIGINT"), ("stop-timeout", "1500ms")]);
    until_lines(&tree, "sv/got", &["ready"]);
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "INT"]);
    until_first_end(&tree, "signal KILL");
    until_detail(&tree, "state", "down");
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

#[test]
fn a_setting_that_changes_counts_at_the_next_stop() {
    let (tree, _supervise) = with(STUBBORN, &[]);
    until_lines(&tree, "sv/got", &["ready"]);
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "TERM"]);
    let tree = tree.file("sv/supervise.d/stop-signal", "HUP\n").file("sv/supervise.d/stop-timeout", "200ms\n");
    svc(&tree, "-u");
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", "TERM", "HUP"]);
    until_down(&tree, "sv");
}

#[test]
fn the_program_stop_comes_before_the_signal() {
    let (tree, _supervise) = with(STUBBORN, &[("stop-timeout", "1s")]);
    let tree = tree.script("sv/supervise.d/stop", "echo stop $1 >>got; sleep 1000");
    until_lines(&tree, "sv/got", &["ready"]);
    let pid = until_up(&tree, "sv");
    svc(&tree, "-d");
    until_lines(&tree, "sv/got", &["ready", &format!("stop {pid}"), "TERM"]);
    until_down(&tree, "sv");
    until_first_end(&tree, "signal KILL");
}

#[test]
fn restart_delay_and_limit() {
    let (tree, supervise) = with("echo start >>starts; exit 7", &[("restart-limit", "2/60s")]);
    until_detail(&tree, "state", "failed");
    assert_eq!(detail(&tree, "reason").as_deref(), Some("3 ends in 60 s"));
    assert_eq!(tree.lines("sv/starts").len(), 3);
    until_status(&tree, "sv", "given up", |status| !status.up() && status.want == 'd');
    svc(&tree, "-o");
    until("it starts anew", || tree.lines("sv/starts").len() == 4);
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));

    let (tree, _supervise) = with("cut -d' ' -f22 /proc/$$/stat >>starts", &[("restart-delay", "2s..4s")]);
    until("three starts", || tree.lines("sv/starts").len() == 3);
    let ticks: Vec<i64> = tree.lines("sv/starts").iter().map(|line| line.parse().expect("ticks")).collect();
    assert!(ticks[1] - ticks[0] >= 199 && ticks[2] - ticks[1] >= 399, "{ticks:?}");
}

#[test]
fn an_end_that_is_final() {
    let (tree, _supervise) = with("echo start >>starts; exit 3", &[("no-restart", "0 3-5 TERM")]);
    until_detail(&tree, "state", "done");
    all_the_while("no other start", Duration::from_secs(2), || tree.lines("sv/starts").len() == 1);
    until_status(&tree, "sv", "done", |status| !status.up() && status.want == 'd');
    svc(&tree, "-u");
    until("another start", || tree.lines("sv/starts").len() == 2);
}

#[test]
fn finish_gets_how_it_ended_and_comes_before_the_next_start() {
    let tree = tree("echo run >>order; exit 7").script("sv/supervise.d/finish", "echo finish $1 $2 >>order");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("two runs and more", || tree.lines("sv/order").len() >= 4);
    assert_eq!(tree.lines("sv/order")[..4], ["run", "finish 7 0", "run", "finish 7 0"]);
}

#[test]
fn finish_runs_when_the_service_is_stopped_and_supervise_waits_for_it() {
    let finish = "until [ -e go ]; do sleep 0.02; done; echo $1 $2 $3 $4 >>done";
    let tree = tree("exec sleep 987").script("sv/supervise.d/finish-s6", finish);
    let tree = tree.file("sv/supervise.d/finish-timeout", "20m");
    let supervise = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    svc(&tree, "-d");
    until_detail(&tree, "state", "finishing");
    until_down(&tree, "sv");
    let late = "svwait: timed out after 100 milliseconds: sv: ending\n";
    assert_eq!(tree.run("svwait", ["-t", "100", "-d", "sv"]), exits(99, "", late));
    let tree = tree.file("sv/go", "");
    assert_eq!(tree.run("svwait", ["-d", "sv"]), exits(0, "", ""));
    assert_eq!(detail(&tree, "state").as_deref(), Some("down"));
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));
    assert_eq!(tree.lines("sv/done"), [format!("256 15 sv {pid}")]);
}

#[test]
fn finish_gives_up_or_is_killed() {
    let gives_up = tree("exit 1").script("sv/supervise.d/finish", "exit 125");
    let _supervise = gives_up.spawn("supervise", ["sv"]);
    until_detail(&gives_up, "state", "failed");
    assert_eq!(detail(&gives_up, "reason").as_deref(), Some("finish exited with 125"));

    let run = "echo run >>order; exit 1";
    let hangs = tree(run).script("sv/supervise.d/finish", "sleep 987 & echo $! >>child; wait");
    let hangs = hangs.file("sv/supervise.d/finish-timeout", "300ms");
    let _supervise = hangs.spawn("supervise", ["sv"]);
    until("another run", || hangs.lines("sv/order").len() >= 2);
    let child = hangs.lines("sv/child")[0].parse().expect("a process");
    until("what it started is killed too", || !proc::alive(child));

    let stays = tree(run).script("sv/supervise.d/finish", "exec sleep 987");
    let _supervise = stays.spawn("supervise", ["sv"]);
    until_detail(&stays, "state", "finishing");
    svc(&stays, "-k");
    until("another run", || stays.lines("sv/order").len() >= 2);
}

#[test]
fn a_group_of_its_own_is_ended_as_a_whole() {
    // A child that TERM does not end, nor the end of its parent.
    let run = "sh -c 'trap : TERM HUP; echo $$ >>child; while :; do sleep 0.1; done' &
until [ -s child ]; do sleep 0.02; done
ps -o pgid= -p $$ >group; exec sleep 987";
    let (tree, _supervise) = with(run, &[("group", "on"), ("stop-timeout", "500ms")]);
    let pid = until_up(&tree, "sv");
    until("the child", || !tree.lines("sv/group").is_empty());
    assert_eq!(tree.lines("sv/group")[0].trim(), pid.to_string());
    let child = tree.lines("sv/child")[0].parse().expect("a process");
    svc(&tree, "-k");
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    assert!(!proc::alive(child));

    // With `main`, a signal goes to the service alone.
    let run = "trap 'echo main >>got' HUP
sh -c 'trap \"echo hup >>got\" HUP; echo ready >>got; while :; do sleep 0.1; done' &
while :; do sleep 0.1; done";
    for (value, expected) in [("main", &["ready", "main"][..]), ("on", &["ready", "hup", "main"])] {
        let (tree, _supervise) = with(run, &[("group", value)]);
        until_lines(&tree, "sv/got", &["ready"]);
        svc(&tree, "-h");
        until(value, || {
            let mut got = tree.lines("sv/got");
            got[1..].sort();
            got == expected
        });
    }
}
