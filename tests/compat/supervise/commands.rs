//! What each byte in `control` does.

use std::fs::File;
use std::io::Write;

use daemontools_tests::random::Random;
use daemontools_tests::scrub::scrub;
use daemontools_tests::status::{Status, until_down, until_old, until_status, until_up};
use daemontools_tests::{Process, Tree, exits, proc, until};

use super::{supervised, svc};

/// It has been down for 2 seconds, in which it would have been started again.
#[track_caller]
fn stays_down(tree: &Tree, line: &str) {
    until_old(tree, "sv", 2);
    assert_eq!(scrub(&tree.run("svstat", ["sv"]).stdout), line.as_bytes());
}

/// A service that writes down the signals it gets, and so does a child of its own in `child`.
fn listening() -> (Tree, Process) {
    let traps = "for s in HUP ALRM INT TERM CONT; do trap \"echo $s >>$to\" $s; done; sleep 1000 &";
    let child = format!("to=child; {traps} echo ready >>child; while :; do wait; done");
    let main = format!("to=got; {traps} sh ./second & echo ready >>got; while :; do wait; done");
    let tree = Tree::new().script("sv/run", &main).file("sv/second", child);
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    until("both listen", || tree.lines("sv/got").len() == 1 && tree.lines("sv/child").len() == 1);
    (tree, supervise)
}

/// Spec, supervise: "`h` HUP `a` ALRM `i` INT `t` TERM … to the process. Signals go to the process alone, not to its group."
#[test]
fn signals_reach_the_process_alone() {
    let (tree, _supervise) = listening();
    let status = Status::of(&tree, "sv");
    let mut expected = vec!["ready"];
    for (letter, signal) in [("-h", "HUP"), ("-a", "ALRM"), ("-i", "INT"), ("-t", "TERM"), ("-c", "CONT")] {
        svc(&tree, letter);
        expected.push(signal);
        until(signal, || tree.lines("sv/got") == expected);
    }
    assert_eq!(tree.lines("sv/child"), ["ready"]);
    assert_eq!(Status::of(&tree, "sv"), status, "the process, its time and the wish are as before");
}

/// Spec, supervise: "`k` KILL"; the wish stays.
#[test]
fn kill() {
    let (tree, _supervise) = listening();
    let process = until_up(&tree, "sv");
    svc(&tree, "-k");
    let next = until_status(&tree, "sv", "another process", |s| s.up() && s.pid != process);
    assert_eq!(next.want, 'u');
}

/// Spec, supervise: "`d` wish down: TERM then CONT to the process, no restart".
#[test]
fn down_sends_term_and_cont() {
    let (tree, _supervise) = listening();
    svc(&tree, "-d");
    until("TERM and CONT", || {
        let got = tree.lines("sv/got");
        got.contains(&"TERM".to_owned()) && got.contains(&"CONT".to_owned())
    });
    let status = until_status(&tree, "sv", "wanted down", |s| s.want == 'd');
    assert!(proc::alive(status.pid), "it ignores both");
    assert_eq!(tree.lines("sv/child"), ["ready"]);
    svc(&tree, "-k");
    until_down(&tree, "sv");
    stays_down(&tree, "sv: down N seconds, normally up\n");
    assert_eq!(tree.lines("sv/got").iter().filter(|line| *line == "ready").count(), 1, "not started again");
}

/// Spec, supervise: "`p` STOP, `c` CONT (with the paused flag)".
#[test]
fn pause_and_continue() {
    let (tree, _supervise) = supervised();
    let process = until_up(&tree, "sv");
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |s| s.paused == 1);
    until("stopped", || proc::state(process) == Some('T'));
    svc(&tree, "-c");
    until_status(&tree, "sv", "not paused", |s| s.paused == 0);
    until("running", || proc::state(process) == Some('S'));
}

/// Spec, supervise: a stopped process hears `d` too, because of the CONT; once down, nothing is paused.
#[test]
fn a_paused_service_goes_down() {
    let (tree, _supervise) = supervised();
    let process = until_up(&tree, "sv");
    svc(&tree, "-p");
    until("stopped", || proc::state(process) == Some('T'));
    svc(&tree, "-d");
    let down = until_down(&tree, "sv");
    assert_eq!((down.paused, down.want), (0, 'd'));
    // A pause of nothing is nothing.
    svc(&tree, "-pc");
    svc(&tree, "-p");
    svc(&tree, "-u");
    let up = until_status(&tree, "sv", "up", |s| s.up());
    assert_eq!((up.paused, up.want), (0, 'u'));
}

/// Spec, supervise: "`o` once: start if down, no restart".
#[test]
fn once() {
    let tree = Tree::new().file("sv/down", "").script("sv/run", "echo start >>starts; exec sleep 1000");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("supervise runs", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    svc(&tree, "-o");
    let up = until_status(&tree, "sv", "up", |s| s.up());
    assert_eq!(up.want, '\0');
    until("the start", || tree.lines("sv/starts") == ["start"]);
    svc(&tree, "-k");
    let down = until_down(&tree, "sv");
    assert_eq!(down.want, '\0');
    stays_down(&tree, "sv: down N seconds\n");
    assert_eq!(tree.lines("sv/starts"), ["start"]);
    assert_eq!(supervise.stderr(), b"");
}

/// The same while it is up: what runs stays, and is the last.
#[test]
fn once_while_up() {
    let (tree, _supervise) = supervised();
    let process = until_up(&tree, "sv");
    svc(&tree, "-o");
    let status = until_status(&tree, "sv", "no wish", |s| s.want == '\0');
    assert_eq!(status.pid, process);
    svc(&tree, "-t");
    assert_eq!(until_down(&tree, "sv").want, '\0');
    svc(&tree, "-u");
    assert_eq!(until_status(&tree, "sv", "up", |s| s.up()).want, 'u');
}

/// Spec, supervise: "`u` wish up, start if down": nothing changes for a service that is up.
#[test]
fn up_while_up() {
    let (tree, _supervise) = supervised();
    let before = Status::of(&tree, "sv");
    svc(&tree, "-u");
    // A second command shows that the first is done.
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |s| s.paused == 1);
    svc(&tree, "-c");
    until("as before", || Status::of(&tree, "sv") == before);
}

/// Spec, supervise: "`x` exit as soon as the service is down (not before: with `d` or when it ends)".
#[test]
fn exit_waits_for_the_service() {
    let (tree, mut supervise) = supervised();
    let process = until_up(&tree, "sv");
    svc(&tree, "-x");
    svc(&tree, "-p");
    until("the command after it", || proc::state(process) == Some('T'));
    assert_eq!(supervise.ended(), None);
    svc(&tree, "-c");
    // Ends by itself, wanted up: not started again.
    svc(&tree, "-k");
    assert_eq!(supervise.wait(), exits(0, "", ""));
    let last = Status::of(&tree, "sv").expect("a status");
    assert_eq!((last.pid, last.want), (0, 'u'), "the last status, with the wish kept");
}

/// Spec, supervise: "After `x`, once down, supervise writes status a last time (wish kept) and exits 0; lock, control and
/// ok then tell 'not running'."
#[test]
fn down_and_exit() {
    let (tree, supervise) = supervised();
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
    let last = Status::of(&tree, "sv").expect("a status");
    assert_eq!((last.pid, last.paused, last.want), (0, 0, 'd'));
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""));
    let warning = "svc: warning: unable to control sv: supervise not running\n";
    assert_eq!(tree.run("svc", ["-u", "sv"]), exits(0, "", warning));
    assert_eq!(tree.run("svstat", ["sv"]), exits(0, "sv: supervise not running\n", ""));
    assert_eq!(tree.shell("flock -n sv/supervise/lock true").end, daemontools_tests::End::Code(0));
    // And it can be supervised again.
    let _next = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
}

/// `x` alone, to a service that is down.
#[test]
fn exit_while_down_is_at_once() {
    let tree = Tree::new().file("sv/down", "").script("sv/run", "");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("supervise runs", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    svc(&tree, "-x");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

/// Spec, supervise: "Commands (bytes in `control`; others are ignored)".
#[test]
fn unknown_bytes_are_ignored() {
    let (tree, supervise) = supervised();
    let before = Status::of(&tree, "sv");
    let mut control = File::options().write(true).open(tree.path("sv/supervise/control")).expect("open control");
    // Also without the four that ours knows besides: `q`, `1`, `2`, `w`.
    let unknown: Vec<u8> = (0..=255).filter(|byte| !b"udopchaitkxq12w".contains(byte)).collect();
    for _ in 0..100 {
        control.write_all(&unknown).expect("write");
    }
    control.write_all(b"p").expect("write");
    let paused = until_status(&tree, "sv", "paused", |s| s.paused == 1);
    assert_eq!(Some(paused.since), before.map(|s| s.since));
    assert_eq!(supervise.stderr(), b"");
}

/// 100 000 random bytes, but no command that starts or ends a process: that would take 0.76 a second each.
#[test]
fn random_bytes_do_no_harm() {
    let tree = Tree::new().file("sv/down", "").script("sv/run", "exec sleep 1000");
    let supervise = tree.spawn("supervise", ["sv"]);
    until("supervise runs", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    let mut random = Random::new(76);
    let random = std::iter::repeat_with(|| random.number().to_le_bytes()[3]);
    let bytes: Vec<u8> = random.filter(|byte| !b"uox".contains(byte)).take(100_000).collect();
    let mut control = File::options().write(true).open(tree.path("sv/supervise/control")).expect("open control");
    control.write_all(&bytes).expect("write");
    svc(&tree, "-u");
    until_up(&tree, "sv");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

/// Two commands in one write, and in two: both are obeyed, in order.
#[test]
fn commands_in_a_row() {
    let (tree, _supervise) = supervised();
    // 0.76 is deaf in the first second, and so `d` may find the service down already and `u` start another.
    until_old(&tree, "sv", 2);
    let process = until_up(&tree, "sv");
    svc(&tree, "-pd");
    until_down(&tree, "sv");
    svc(&tree, "-up");
    let up = until_status(&tree, "sv", "paused", |s| s.up() && s.paused == 1);
    assert_ne!(up.pid, process);
}
