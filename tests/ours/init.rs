//! svscan as the init of its processes: told so by `--init`, or as process 1 of a pid namespace.
//!
//! Not tested: a machine's real process 1; a namespace without /proc.

use std::fs;

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Process, Programs, Tree, exits, left_out, needs_root, proc, until, value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Writes numbered lines as fast as it can, and seven more after TERM; leaves the number of the last in `count`. Once `begun`
/// is there, TERM no longer just ends it.
///
/// The lines are long: a pipe does not hold so many that a slow logger on a busy machine would need more than the grace.
const WRITES_TO_THE_LAST: &str = r#"n=0
trap 'stop=1' TERM
echo >begun
long=$(printf '%200s' '' | tr ' ' .)
while [ -z "$stop" ]; do n=$((n+1)); echo "line $n $long"; done
for more in 1 2 3 4 5 6 7; do n=$((n+1)); echo "line $n $long"; done
echo $n >count"#;

/// A tree whose service `a` writes until the last moment, into a logger of this body.
fn tree_with_logger(logger: &str) -> Tree {
    Tree::of(Programs::ours()).script("sv/a/run", WRITES_TO_THE_LAST).script("sv/a/log/run", logger)
}

/// svscan as process 1 of a pid namespace, with these arguments; and its number outside.
fn process_1(tree: &Tree, arguments: &[&str]) -> (Process, Pid) {
    let svscan = tree.programs().path("svscan");
    let unshare = tree.invocation("/usr/bin/unshare").args(["--pid", "--fork", "--mount-proc"]).arg(svscan);
    let process = unshare.args(arguments).spawn();
    let pid = value("svscan in its namespace", || children_of(process.pid()).into_iter().next());
    (process, Pid::from_raw(pid))
}

fn can_unshare() -> bool {
    let what = "svscan as process 1 of a pid namespace";
    if !needs_root(what) {
        return false;
    }
    let can = Tree::of(Programs::ours()).shell("exec unshare --pid --fork --mount-proc true") == exits(0, "", "");
    if !can {
        left_out(what, "no pid namespace is to be had");
    }
    can
}

fn svscan_init(tree: &Tree, grace: &str) -> (Process, Pid) {
    let process = tree.spawn("svscan", ["--init", "--grace", grace, "sv"]);
    let pid = Pid::from_raw(process.pid());
    (process, pid)
}

fn stop(process: Process, pid: Pid) {
    kill(pid, Signal::SIGTERM).expect("send TERM");
    assert_eq!(process.wait().end, End::Code(0));
}

/// The numbers in a log of `WRITES_TO_THE_LAST`, a file or a directory of multilog's, are all there, in order, once.
#[track_caller]
fn is_complete(tree: &Tree, log: &str) {
    let count: usize = tree.lines("sv/a/count").first().and_then(|count| count.parse().ok()).expect("a's last number");
    // On a slow machine it writes for long, and multilog begins another file.
    let log = if tree.path(log).is_dir() { tree.logged(log) } else { tree.read(log) };
    assert!(log.ends_with(b"\n"), "the last line is cut");
    let log = String::from_utf8(log).expect("ASCII");
    let lines: Vec<&str> = log.lines().collect();
    let long = ".".repeat(200);
    let wrong = lines.iter().enumerate().find(|(at, line)| **line != format!("line {} {long}", at + 1));
    assert_eq!((wrong, lines.len()), (None, count));
}

fn is_supervised(tree: &Tree, service: &str) -> bool {
    tree.run("svok", [service]).end == End::Code(0)
}

/// How svscan comes to be an init.
#[derive(PartialEq, Eq)]
enum Way {
    Told,
    Process1,
}

/// Starts and stops with each of these ways to be an init, and sees the log complete.
fn loses_nothing(logger: &str, log: &str) {
    for way in [Way::Told, Way::Process1] {
        if way == Way::Process1 && !can_unshare() {
            continue;
        }
        let tree = tree_with_logger(logger);
        let (process, pid) = match way {
            Way::Told => svscan_init(&tree, "50"),
            Way::Process1 => process_1(&tree, &["--init", "--grace", "50", "sv"]),
        };
        until("a's supervise and its logger's", || is_supervised(&tree, "sv/a") && is_supervised(&tree, "sv/a/log"));
        until("a to heed TERM", || tree.path("sv/a/begun").exists());
        stop(process, pid);
        is_complete(&tree, log);
        assert!(tree.processes().is_empty());
    }
}

#[test]
fn a_logger_that_keeps_up_has_every_line() {
    loses_nothing("exec cat >>../../../log", "log");
}

#[test]
fn a_logger_that_begins_late_has_every_line() {
    loses_nothing("sleep 2\nexec cat >>../../../log", "log");
}

#[test]
fn a_logger_that_is_slow_has_every_line() {
    loses_nothing("while read -r line; do echo \"$line\" >>../../../log; : $(:); done", "log");
}

#[test]
fn a_logger_that_keeps_dying_has_every_line_it_did_not_take() {
    // Takes 100 lines, dies, and is started again a second later. head would take more than it writes.
    loses_nothing(
        "n=0\nwhile [ $n -lt 100 ] && read -r line; do n=$((n+1)); echo \"$line\"; done >>../../../log",
        "log",
    );
}

#[test]
fn multilog_has_every_line() {
    loses_nothing("exec multilog s16777215 n99 ../../../main", "main");
}

/// Six pipes, and two descriptors in turn for signals, for directories and for what is in them.
#[test]
fn with_few_descriptors_every_line_is_logged_too() {
    let logger = "exec cat >>../../../log";
    let tree = ["b", "c", "d", "e", "f"].iter().fold(tree_with_logger(logger), |tree, name| {
        tree.script(format!("sv/{name}/run"), "exec sleep 1000").script(format!("sv/{name}/log/run"), logger)
    });
    let svscan = tree.command("svscan").args(["--init", "--grace", "50", "sv"]);
    let process = svscan.limit(libc::RLIMIT_NOFILE, 17, 17).spawn();
    let pid = Pid::from_raw(process.pid());
    for service in ["sv/a", "sv/b", "sv/c", "sv/d", "sv/e", "sv/f"] {
        until_up(&tree, service);
        until_up(&tree, &format!("{service}/log"));
    }
    let supervise = proc::parent(until_up(&tree, "sv/d")).expect("a parent");
    kill(Pid::from_raw(supervise), Signal::SIGKILL).expect("kill");
    let is_reaped = || !children_of(process.pid()).contains(&supervise);
    until("another supervise", || is_reaped() && is_supervised(&tree, "sv/d"));
    until("a to heed TERM", || tree.path("sv/a/begun").exists());
    stop(process, pid);
    is_complete(&tree, "log");
    assert!(tree.processes().is_empty());
}

#[test]
fn the_logger_of_a_killed_supervise_is_supervised_again_and_has_every_line() {
    // The logger that is killed has read nothing: what a killed cat has read is lost.
    let tree = tree_with_logger("mkdir first 2>/dev/null && exec sleep 1000\nexec cat >>../../../log");
    let (process, pid) = svscan_init(&tree, "50");
    until("a's supervise", || is_supervised(&tree, "sv/a"));
    until("a's logger", || tree.path("sv/a/log/first").exists());
    until("a to heed TERM", || tree.path("sv/a/begun").exists());
    let logger = value("the supervise of the logger", || {
        tree.processes()
            .into_iter()
            .find(|&pid| proc::arguments(pid).ends_with(&[b"supervise".to_vec(), b"log".to_vec()]))
    });
    kill(pid, Signal::SIGTERM).expect("send TERM");
    for end in [logger].into_iter().chain(children_of(logger)) {
        let _ = kill(Pid::from_raw(end), Signal::SIGKILL);
    }
    assert_eq!(process.wait().end, End::Code(0));
    is_complete(&tree, "log");
}

fn children_of(parent: i32) -> Vec<i32> {
    proc::all().into_iter().filter(|&pid| proc::parent(pid) == Some(parent)).collect()
}

/// As a terminal's INT does, or an init's TERM to the whole group: supervises and services get it at the same time.
#[test]
fn a_signal_to_everybody_loses_nothing_either() {
    let tree = tree_with_logger("exec multilog s16777215 n99 ../../../main");
    let process = tree.command("pgrphack").args(["svscan", "--init", "--grace", "50", "sv"]).spawn();
    until("a's supervise and its logger's", || is_supervised(&tree, "sv/a") && is_supervised(&tree, "sv/a/log"));
    until("the first lines", || !tree.lines("main/current").is_empty());
    let everybody = Pid::from_raw(-process.pid());
    kill(everybody, Signal::SIGTERM).expect("send TERM");
    assert_eq!(process.wait().end, End::Code(0));
    is_complete(&tree, "main");
    assert!(tree.processes().is_empty());
}

#[test]
fn what_a_service_writes_after_both_supervises_were_killed_is_logged() {
    let body = "trap 'echo last; exit' TERM\necho first\nwhile :; do sleep 0.1; done";
    let tree = Tree::of(Programs::ours()).script("sv/a/run", body).script("sv/a/log/run", "exec cat >>../../../log");
    let (process, pid) = svscan_init(&tree, "3600");
    until("the first line", || tree.lines("log") == ["first"]);
    // svscan has to see all of it at once: the supervises and the logger have ended, the pipe is empty, TERM is there.
    kill(pid, Signal::SIGSTOP).expect("stop svscan");
    kill(pid, Signal::SIGTERM).expect("send TERM");
    let is_logger = |pid: i32| proc::arguments(pid).first().is_some_and(|name| name == b"cat");
    let supervises = children_of(process.pid());
    let loggers = supervises.iter().flat_map(|&supervise| children_of(supervise)).filter(|&pid| is_logger(pid));
    let loggers: Vec<i32> = loggers.collect();
    assert_eq!((supervises.len(), loggers.len()), (2, 1));
    for killed in supervises.into_iter().chain(loggers) {
        kill(Pid::from_raw(killed), Signal::SIGKILL).expect("kill");
        // On a busy machine cat could otherwise still take the last line out of the pipe, which ends with it.
        until("the killed process has ended", || !proc::alive(killed));
    }
    kill(pid, Signal::SIGCONT).expect("continue svscan");
    assert_eq!(process.wait().end, End::Code(0));
    assert_eq!(tree.lines("log"), ["first", "last"]);
    assert!(tree.processes().is_empty());
}

#[test]
fn a_service_that_ignores_term_is_killed_and_what_it_wrote_is_in_its_log() {
    let body = "trap '' TERM\nn=0\nwhile :; do n=$((n+1)); echo $n >before; echo $n; done";
    let tree = Tree::of(Programs::ours()).script("sv/a/run", body).script("sv/a/log/run", "exec cat >>../../../log");
    let (process, pid) = svscan_init(&tree, "1");
    until("the first lines", || tree.lines("log").len() > 10);
    kill(pid, Signal::SIGTERM).expect("send TERM");
    let output = process.wait();
    assert_eq!(output.end, End::Code(0));
    assert_eq!(output.stderr, b"svscan: warning: killing a: it did not end in time\n");
    let lines = tree.lines("log");
    assert!(lines.iter().enumerate().all(|(at, line)| *line == (at + 1).to_string()));
    // The file names a line that was about to be written.
    let before: usize = tree.lines("sv/a/before").first().map_or(lines.len(), |line| line.parse().expect("a number"));
    assert!(lines.len() + 1 >= before, "{} lines of {before}", lines.len());
    assert!(tree.processes().is_empty());
}

#[test]
fn what_services_left_behind_is_asked_then_killed() {
    // One orphan holds the pipe and ends at TERM; one ignores TERM. Both have sessions of their own.
    let body = "setsid sh -c 'trap \"echo farewell; exit\" TERM; echo up; while :; do sleep 0.1; done' &
setsid sh -c 'trap \"\" TERM; : >../../stubborn; while :; do sleep 0.1; done' >/dev/null &
wait";
    let tree = Tree::of(Programs::ours()).script("sv/a/run", body).script("sv/a/log/run", "exec cat >>../../../log");
    let (process, pid) = svscan_init(&tree, "3600");
    until("both orphans-to-be", || tree.lines("log") == ["up"] && tree.path("stubborn").exists());
    kill(pid, Signal::SIGTERM).expect("send TERM");
    until("the farewell", || tree.lines("log") == ["up", "farewell"]);
    // The grace is over.
    stop(process, pid);
    assert_eq!(tree.lines("log"), ["up", "farewell"]);
    assert!(tree.processes().is_empty());
}

#[test]
fn a_second_request_ends_the_grace() {
    let tree = Tree::of(Programs::ours())
        .script("sv/a/run", "trap ': >../../asked' TERM\n: >../../up\nwhile :; do sleep 0.1; done");
    let (process, pid) = svscan_init(&tree, "3600");
    until("a to run", || tree.path("up").exists());
    kill(pid, Signal::SIGTERM).expect("send TERM");
    until("a to be asked", || tree.path("asked").exists());
    kill(pid, Signal::SIGINT).expect("send INT");
    assert_eq!(process.wait().end, End::Code(0));
}

#[test]
fn int_and_pwr_stop_too_and_a_tree_without_services_ends_at_once() {
    for signal in [Signal::SIGINT, Signal::SIGPWR, Signal::SIGTERM] {
        let tree = Tree::of(Programs::ours()).script("sv/a/run", "exec sleep 1000");
        let (process, pid) = svscan_init(&tree, "3600");
        until("a", || is_supervised(&tree, "sv/a"));
        kill(pid, signal).expect("send a signal");
        assert_eq!(process.wait().end, End::Code(0), "{signal}");
    }
}

#[test]
fn a_service_whose_entry_has_gone_is_ended_too() {
    let tree = Tree::of(Programs::ours()).script("a/run", "exec sleep 1000").dir("sv").link("sv/a", "../a");
    let (process, pid) = svscan_init(&tree, "3600");
    until("a", || is_supervised(&tree, "a"));
    fs::remove_file(tree.path("sv/a")).expect("remove the link");
    stop(process, pid);
    assert!(tree.processes().is_empty());
}

#[test]
fn orphans_are_reaped_at_once() {
    if !can_unshare() {
        return;
    }
    let body = "n=0\nwhile [ $n -lt 300 ]; do n=$((n+1)); (sh -c 'exit' & ); done\n: >../../done\nexec sleep 1000";
    let tree = Tree::of(Programs::ours()).script("sv/a/run", body);
    let (process, pid) = process_1(&tree, &["sv"]);
    until("the orphans", || tree.path("done").exists());
    until("no zombie is left", || !children_of(pid.as_raw()).iter().any(|&child| proc::state(child) == Some('Z')));
    until("supervise alone is left", || children_of(pid.as_raw()).len() == 1);
    stop(process, pid);
}

#[test]
fn hup_scans_again() {
    let what = "svscan: HUP after a mount, of which inotify says nothing";
    if !needs_root(what) {
        return;
    }
    let tree = Tree::of(Programs::ours())
        .script("d1/s/run", "exec sleep 1000")
        .script("d2/s/run", "exec sleep 1000")
        .dir("sv")
        .link("sv/s", "../d1/s");
    if tree.shell("exec unshare --mount true") != exits(0, "", "") {
        return left_out(what, "no mount namespace is to be had");
    }
    let unshare = tree.invocation("/usr/bin/unshare").arg("--mount").arg(tree.programs().path("svscan"));
    let process = unshare.args(["--init", "--grace", "20", "sv"]).spawn();
    until("the first", || is_supervised(&tree, "d1/s"));
    let mount = format!("nsenter --target {} --mount --wd=. mount --bind d2/s d1/s", process.pid());
    assert_eq!(tree.shell(&mount), exits(0, "", ""));
    process.signal(Signal::SIGHUP);
    until("the second", || is_supervised(&tree, "d2/s"));
    let pid = Pid::from_raw(process.pid());
    stop(process, pid);
    assert!(tree.processes().is_empty());
}

#[test]
fn without_init_term_ends_svscan_alone() {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", "exec sleep 1000");
    let process = tree.spawn("svscan", ["sv"]);
    until("a", || is_supervised(&tree, "sv/a"));
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait().end, End::Signal(Signal::SIGTERM as i32));
    assert!(is_supervised(&tree, "sv/a"));
    assert_eq!(tree.run("svc", ["-dx", "sv/a"]).end, End::Code(0));
    until("its end", || !is_supervised(&tree, "sv/a"));
}

#[test]
fn init_is_an_option_only_in_front() {
    let tree = Tree::of(Programs::ours()).script("--init/a/run", "exec sleep 1000");
    let bad = tree.run("svscan", ["--init", "--grace", "soon", "sv"]);
    assert_eq!(bad.end, End::Code(100));
    assert!(bad.stderr.starts_with(b"svscan: --grace needs a time such as 25s, not soon\n"), "{bad:?}");
    let process = tree.spawn("svscan", ["./--init"]);
    until("a", || is_supervised(&tree, "./--init/a"));
    drop(process);
}
