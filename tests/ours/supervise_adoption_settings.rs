//! A supervise that was killed leaves its service running: what the settings mean to the next one, in whatever the first one
//! was in the middle of.
//!
//! Not tested here: `finish` and the channels of readiness (`supervise_adoption`).

use std::time::{Duration, Instant};

use daemontools_tests::fault::can_trace;
use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{Programs, Tree, exits, proc, until, value};

use crate::supervise_adoption::{NOTE, end, pids, svc, taken_over, tree};
use crate::supervise_details::{detail, history, until_detail};

/// Another process than this one, once it is the service.
fn until_another(tree: &Tree, pid: i32) -> i32 {
    until_status(tree, "sv", "another process", |status| status.up() && status.pid != pid).pid
}

#[test]
fn a_stop_goes_on_and_kill_comes_after_the_whole_time() {
    let tree = tree("trap 'echo TERM >>got' TERM; echo $$ >>pids; while :; do sleep 0.05; done");
    let tree = tree.file("sv/supervise.d/stop-timeout", "1000s");
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    until("it notes its number", || pids(&tree) == [pid]);
    svc(&tree, "-d");
    until("TERM", || tree.lines("sv/got") == ["TERM"]);
    until_status(&tree, "sv", "the wish is written", |status| status.want == 'd');
    drop(killed);
    tree.put_file("sv/supervise.d/stop-timeout", "2s");
    let begin = Instant::now();
    let next = tree.spawn("supervise", ["sv"]);
    until_status(&tree, "sv", "it is killed", |status| !status.up());
    assert!(begin.elapsed() >= Duration::from_secs(2), "after {:?}", begin.elapsed());
    until_detail(&tree, "state", "down");
    assert!(!proc::alive(pid) && pids(&tree) == [pid] && tree.lines("sv/got") == ["TERM"]);
    assert_eq!(next.stderr(), b"");
}

/// The program `stop` goes on by itself; the signal follows as if it had done what it can.
#[test]
fn a_stop_program_that_is_at_work_is_followed_by_the_signal() {
    let tree = tree("trap 'echo TERM >>got; exit' TERM; echo $$ >>pids; while :; do sleep 0.05; done");
    let tree = tree.script("sv/supervise.d/stop", "echo stop >>stops; exec sleep 987");
    let tree = tree.file("sv/supervise.d/stop-timeout", "1000s");
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    until("it notes its number", || pids(&tree) == [pid]);
    svc(&tree, "-d");
    until("stop", || tree.lines("sv/stops") == ["stop"]);
    until_status(&tree, "sv", "the wish is written", |status| status.want == 'd');
    drop(killed);
    tree.put_file("sv/supervise.d/stop-timeout", "1s");
    let next = tree.spawn("supervise", ["sv"]);
    until_status(&tree, "sv", "it has ended", |status| !status.up());
    assert_eq!((tree.lines("sv/got"), tree.lines("sv/stops")), (vec!["TERM".to_owned()], vec!["stop".to_owned()]));
    until_detail(&tree, "state", "down");
    assert_eq!((pids(&tree), next.stderr()), (vec![pid], vec![]));
}

#[test]
fn checks_go_on() {
    let check = "test -e ../hang && { echo hangs >>hung; exec sleep 987; }; echo >>checks; test -e ../good";
    let tree = tree(NOTE).script("sv/supervise.d/check", check).file("hang", "");
    let tree = tree.file("sv/supervise.d/check-timeout", "1000s");
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    until("a check is at work", || tree.lines("sv/hung") == ["hangs"]);
    drop(killed);
    std::fs::remove_file(tree.path("hang")).expect("remove");
    let next = tree.spawn("supervise", ["sv"]);
    until("others are run", || tree.lines("sv/checks").len() > 1);
    assert_eq!(detail(&tree, "state").as_deref(), Some("starting"));
    tree.put_file("good", "");
    until_detail(&tree, "state", "ready");
    assert_eq!((until_up(&tree, "sv"), next.stderr()), (pid, vec![]));
    assert_eq!(tree.lines("sv/hung"), ["hangs"]);
}

#[test]
fn the_delay_counts_from_the_start_that_another_supervise_made() {
    let (tree, _next, pid) = taken_over(tree(NOTE).file("sv/supervise.d/restart-delay", "6s"));
    // In ticks of a hundredth of a second; the time of day may be slewed a little.
    let first = proc::started(pid).expect("its start");
    end(pid);
    until_detail(&tree, "state", "waiting");
    let second = proc::started(until_another(&tree, pid)).expect("its start");
    assert!(second - first >= 598, "{} ticks", second - first);
}

/// A range goes on where it was: the third short run is followed by four times the shortest delay.
#[test]
fn a_range_of_delays_goes_on() {
    let run = format!("[ $(wc -l <pids) -ge 2 ] || {{ echo $$ >>pids; exit 1; }}; {NOTE}");
    let tree = tree(&run).file("sv/pids", "").file("sv/supervise.d/restart-delay", "1s..1000s");
    let killed = tree.spawn("supervise", ["sv"]);
    until("a third one", || pids(&tree).len() == 3);
    let pid = pids(&tree)[2];
    until_detail(&tree, "pid", &pid.to_string());
    drop(killed);
    let _next = tree.spawn("supervise", ["sv"]);
    until("it is taken over", || detail(&tree, "adopted").is_some());
    // In ticks of a hundredth of a second; the time of day may be slewed a little.
    let first = proc::started(pid).expect("its start");
    end(pid);
    let second = proc::started(until_another(&tree, pid)).expect("its start");
    assert!(second - first >= 398, "{} ticks", second - first);
}

#[test]
fn ends_that_were_counted_count_on() {
    let run = format!("[ $(wc -l <pids) -ge 2 ] || {{ echo $$ >>pids; exit 1; }}; {NOTE}");
    let tree = tree(&run).file("sv/pids", "").file("sv/supervise.d/restart-limit", "2/10h");
    let killed = tree.spawn("supervise", ["sv"]);
    until("a third one", || pids(&tree).len() == 3);
    let pid = pids(&tree)[2];
    until_detail(&tree, "pid", &pid.to_string());
    drop(killed);
    let next = tree.spawn("supervise", ["sv"]);
    until("it is taken over", || detail(&tree, "adopted").is_some());
    end(pid);
    until_detail(&tree, "state", "failed");
    assert_eq!((pids(&tree).len(), next.stderr()), (3, vec![]));
}

/// An end that is not known is none of those that are named.
#[test]
fn an_end_is_final_where_it_is_known_or_any_is() {
    for all in [false, true] {
        let run = format!("trap 'exit 0' USR1; {}", NOTE.replace("exec sleep 987", "while :; do sleep 0.05; done"));
        let ends = if all { "any" } else { "0 KILL 100-199" };
        let (tree, next, pid) = taken_over(tree(&run).file("sv/supervise.d/no-restart", ends));
        until("it notes its number", || pids(&tree) == [pid]);
        svc(&tree, "-1");
        let end = value("its end", || history(&tree).first().cloned());
        assert!(end.starts_with("unknown ") || end.starts_with("code 0 "), "{end}");
        if all || !end.starts_with("unknown ") {
            until_detail(&tree, "state", "done");
            assert_eq!(pids(&tree), [pid]);
        } else {
            until_another(&tree, pid);
        }
        assert_eq!(next.stderr(), b"");
    }
}

/// One that is stopped between fork and exec would have the lock for as long as it is stopped.
#[test]
fn a_service_that_is_paused_as_it_starts_keeps_no_other_supervise_away() {
    if !can_trace("a service that is paused before it is executed") {
        return;
    }
    let tree = tree(NOTE);
    let delayed = ["-f", "-qq", "-o", "trace", "-e", "inject=execve:delay_enter=700000"];
    let supervise = Programs::ours().path("supervise");
    let killed = tree.invocation("/usr/bin/strace").arg0("strace").args(delayed).arg(supervise).arg("sv").spawn();
    let pid = until_up(&tree, "sv");
    let number = proc::parent(pid).expect("its supervise");
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |status| status.paused == 1);
    end(number);
    drop(killed);
    until("it is gone", || !proc::alive(number));
    let _next = tree.spawn("supervise", ["sv"]);
    until("another one supervises", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    until_status(&tree, "sv", "it is up", |status| status.up());
    svc(&tree, "-c");
    until("it notes its number", || !pids(&tree).is_empty());
}

/// Where no process is left there is nothing to take over.
#[test]
fn a_delay_ends_with_its_supervise() {
    let tree = tree("echo $$ >>pids; exit 1").file("sv/supervise.d/restart-delay", "10h");
    let killed = tree.spawn("supervise", ["sv"]);
    until("its end", || history(&tree).len() == 1);
    until_detail(&tree, "state", "waiting");
    drop(killed);
    let next = tree.spawn("supervise", ["sv"]);
    until("it is started at once", || pids(&tree).len() == 2);
    until("both ends", || history(&tree).len() == 2);
    until_detail(&tree, "state", "waiting");
    assert_eq!((pids(&tree).len(), next.stderr()), (2, vec![]));
}
