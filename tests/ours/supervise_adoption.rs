//! A supervise that was killed leaves its service running: the next one takes it over and starts no second copy.
//!
//! What the settings of the service come to is in `supervise_adoption_settings`. Not tested: a reused number, which a record
//! of another start stands for here.

use std::fs;
use std::os::unix::fs::chown;
use std::time::{Duration, Instant};

use daemontools_tests::fault::can_trace;
use daemontools_tests::status::{Status, until_down, until_status, until_up};
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{Process, Programs, Random, Tree, exits, needs_root, proc, until, until_random_moment, value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::supervise_details::{detail, history, until_detail};
use crate::supervise_readiness::python;

pub(crate) const NOTE: &str = "echo $$ >>pids; exec sleep 987";

pub(crate) fn tree(run: &str) -> Tree {
    Tree::of(Programs::ours()).script("sv/run", run)
}

pub(crate) fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

/// The numbers of all processes that the service had.
pub(crate) fn pids(tree: &Tree) -> Vec<i32> {
    tree.lines("sv/pids").iter().map(|line| line.parse().expect("a number")).collect()
}

pub(crate) fn end(pid: i32) {
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}

/// A tree with the service of a supervise that was killed, and that of the next supervise, which has taken it over.
pub(crate) fn taken_over(tree: Tree) -> (Tree, Process, i32) {
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    drop(killed);
    let next = tree.spawn("supervise", ["sv"]);
    // `ok` comes last.
    until("it is taken over", || detail(&tree, "adopted").is_some() && tree.run("svok", ["sv"]) == exits(0, "", ""));
    (tree, next, pid)
}

#[test]
fn a_service_is_not_started_twice_and_obeys_as_before() {
    let run = "for s in HUP USR1; do trap \"echo $s >>got\" $s; done; echo $$ >>pids; while :; do sleep 0.05; done";
    let tree = tree(run);
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    until("it notes its number", || pids(&tree) == [pid]);
    let status = tree.read("sv/supervise/status");
    drop(killed);
    let next = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "pid", &pid.to_string());
    until("it is taken over", || detail(&tree, "adopted").is_some());
    assert_eq!(tree.read("sv/supervise/status"), status, "the same process and time");
    until("svok", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    for (letter, signal) in [("-h", "HUP"), ("-1", "USR1")] {
        svc(&tree, letter);
        until(signal, || tree.lines("sv/got").last().is_some_and(|last| last == signal));
    }
    svc(&tree, "-p");
    until_status(&tree, "sv", "paused", |status| status.paused == 1 && status.pid == pid);
    svc(&tree, "-c");
    svc(&tree, "-d");
    until_down(&tree, "sv");
    assert!(!proc::alive(pid) && pids(&tree) == [pid]);
    svc(&tree, "-x");
    assert_eq!(next.wait(), exits(0, "", ""));
    assert!(!tree.path("sv/supervise/details").exists(), "svc -x leaves no record");
}

#[test]
fn its_end_leads_to_the_next_start() {
    let (tree, next, pid) = taken_over(tree(NOTE));
    end(pid);
    let second = until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid).pid;
    assert_eq!(proc::parent(second), Some(next.pid()));
    until("the history", || history(&tree).len() == 1);
    // Which of both depends on the kernel, and on when its new parent reaped it (`supervise_adopted_end`).
    let end = history(&tree)[0].clone();
    assert!(end.starts_with("unknown ran-ms ") || end.starts_with("signal KILL ran-ms "), "{end}");
    assert_eq!(detail(&tree, "adopted"), None);
    assert_eq!(next.stderr(), b"");
}

#[test]
fn what_is_not_certain_is_not_believed() {
    let changed = |change: &dyn Fn(&str) -> String| {
        let tree = tree(NOTE);
        let killed = tree.spawn("supervise", ["sv"]);
        let pid = until_up(&tree, "sv");
        drop(killed);
        let text = String::from_utf8(tree.read("sv/supervise/details")).expect("text");
        tree.put_file("sv/supervise/details", change(&text));
        let next = tree.spawn("supervise", ["sv"]);
        let second = until_status(&tree, "sv", "a second process", |status| status.up() && status.pid != pid).pid;
        assert_eq!(proc::parent(second), Some(next.pid()));
        end(pid);
    };
    let identity = |text: &str, number: usize, word: &dyn Fn(&str) -> String| {
        let line = text.lines().find(|line| line.starts_with("identity ")).expect("a record").to_owned();
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        words[number] = word(&words[number]);
        text.replace(&line, &words.join(" "))
    };
    let later = |word: &str| (word.parse::<u64>().expect("a number") + 1).to_string();
    changed(&|text| identity(text, 1, &later));
    changed(&|text| identity(text, 2, &|word| word.replace(['0', '1', '2', '3'], "f")));
    changed(&|text| identity(text, 3, &later));
    changed(&|text| text[..text.find("identity").expect("a record") + 30].to_owned());
    changed(&|_| String::new());
}

#[test]
fn a_record_of_somebody_else_is_not_believed() {
    if !needs_root("a record of another account") {
        return;
    }
    for link in [false, true] {
        let tree = tree(NOTE);
        let killed = tree.spawn("supervise", ["sv"]);
        let pid = until_up(&tree, "sv");
        drop(killed);
        let details = tree.path("sv/supervise/details");
        if link {
            fs::rename(&details, tree.path("sv/elsewhere")).expect("rename");
            std::os::unix::fs::symlink("../elsewhere", &details).expect("link");
        } else {
            chown(&details, Some(65534), None).expect("chown");
        }
        let _next = tree.spawn("supervise", ["sv"]);
        until_status(&tree, "sv", "a second process", |status| status.up() && status.pid != pid);
        end(pid);
    }
}

/// A supervise is killed at a random moment of its start: no service runs that is not recorded, and no child of it goes on
/// that had not yet become the service.
#[test]
fn no_moment_exists_in_which_a_service_runs_unrecorded() {
    let tree = tree(NOTE);
    let mut random = Random::new(7);
    let (mut ran, mut unrecorded) = (0, 0);
    // A start takes as long as it takes here: the moments before its end, and as many after it.
    let begin = Instant::now();
    let first = tree.spawn("supervise", ["sv"]);
    let started = until_up(&tree, "sv");
    let most = (2 * begin.elapsed()).max(Duration::from_millis(12));
    drop(first);
    end(started);
    until("it is gone", || !proc::alive(started));
    for _ in 0..250 {
        let supervise = tree.spawn("supervise", ["sv"]);
        until_random_moment(&mut random, most);
        let number = supervise.pid();
        drop(supervise);
        until("its children are the service or gone", || {
            proc::all().into_iter().all(|pid| {
                let forked = proc::arguments(pid).first().is_some_and(|word| word.ends_with(b"supervise"));
                !(forked
                    && pid != number
                    && proc::arguments(pid).get(1).is_some_and(|dir| dir == b"sv")
                    && in_tree(&tree, pid))
            })
        });
        for pid in tree.processes() {
            let recorded = detail(&tree, "pid") == Some(pid.to_string()) && detail(&tree, "identity").is_some();
            ran += 1;
            unrecorded += usize::from(!recorded);
            end(pid);
            until("it is gone", || !proc::alive(pid));
        }
    }
    assert!(ran > 10, "{ran} services ran");
    assert_eq!(unrecorded, 0, "of {ran}");
}

fn in_tree(tree: &Tree, pid: i32) -> bool {
    tree.processes().contains(&pid)
}

#[test]
fn settings_go_on_and_what_cannot_is_told() {
    let tree =
        tree(&format!("trap : TERM; sleep 987 & {}", NOTE.replace("exec sleep 987", "while :; do sleep 0.1; done")));
    let tree = tree.file("sv/supervise.d/notification-fd", "5").file("sv/supervise.d/group", "on");
    let tree =
        tree.file("sv/supervise.d/stop-timeout", "300ms").script("sv/supervise.d/finish", "echo $1 $2 >>finished");
    let (tree, next, pid) = taken_over(tree);
    assert_eq!(detail(&tree, "lost").as_deref(), Some("notification-fd"));
    until("it notes its number", || pids(&tree) == [pid]);
    svc(&tree, "-d");
    until("finish", || !tree.lines("sv/finished").is_empty());
    // It may be known how the service ended.
    assert!(["-1 0", "-1 9"].contains(&tree.lines("sv/finished")[0].as_str()));
    until("the whole group is gone", || tree.processes() == [next.pid()]);
    assert_eq!(pids(&tree), [pid]);
}

/// A kernel without pidfd_open(2): it is said once, and the process is looked at once a second.
#[test]
fn where_the_kernel_does_not_tell_of_an_end_it_is_looked_for() {
    if !can_trace("supervise where there is no pidfd_open") {
        return;
    }
    let tree = tree(NOTE);
    let killed = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    until("it notes its number", || pids(&tree) == [pid]);
    drop(killed);
    let fault = ["inject=pidfd_open:error=ENOSYS".to_owned()];
    let next = tree.traced("trace", &fault, "supervise").arg("sv").spawn();
    until("it is taken over", || detail(&tree, "adopted").is_some() && tree.run("svok", ["sv"]) == exits(0, "", ""));
    let looks = || {
        let look = format!("\"/proc/{pid}/stat\"");
        String::from_utf8_lossy(&tree.read("trace")).matches(&look).count()
    };
    let first = looks();
    until("it looks again and again", || looks() > first + 2);
    for (letter, paused) in [("-p", 1), ("-c", 0)] {
        svc(&tree, letter);
        until_status(&tree, "sv", "it obeys", |status| status.paused == paused && status.pid == pid);
    }
    end(pid);
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    until("it notes its number", || pids(&tree).len() == 2);
    let said = "sv runs already, and this kernel does not tell when it ends: looking once a second";
    assert_eq!(String::from_utf8_lossy(&next.stderr()), format!("supervise: warning: {said}\n"));
}

/// A service whose new parent never reaps it is a zombie for ever: how it ended is not known then, and it is started again,
/// where the kernel has pidfd_open(2) and where it has not.
#[test]
fn a_service_that_is_not_reaped_has_ended_as_well() {
    let what = "a service under a parent that does not reap it";
    if !can_trace(what) || !python(what) {
        return;
    }
    for fault in [&["inject=pidfd_open:error=ENOSYS".to_owned()][..], &[]] {
        let tree = tree(NOTE).file("sv/supervise.d/no-restart", "9");
        let parent = "import ctypes, os, time; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if os.fork() == 0: os.execvp('supervise', ['supervise', 'sv'])
time.sleep(1000)";
        let parent = tree.invocation("/usr/bin/python3").args(["-c", parent]).spawn();
        let pid = until_up(&tree, "sv");
        until("it notes its number", || pids(&tree) == [pid]);
        end(proc::parent(pid).expect("its supervise"));
        until("it has another parent", || proc::parent(pid) == Some(parent.pid()));
        let _next = tree.traced("trace", fault, "supervise").arg("sv").spawn();
        until("it is taken over", || detail(&tree, "adopted").is_some());
        end(pid);
        until("it is a zombie", || proc::state(pid) == Some('Z'));
        until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
        assert_eq!(proc::state(pid), Some('Z'));
        until("the history", || history(&tree).len() == 1);
        assert!(history(&tree)[0].starts_with("unknown ran-ms "), "{:?}", history(&tree));
    }
}

/// supervise is killed while `finish` runs: the next one waits for its end, and only then starts the service.
#[test]
fn a_finish_that_runs_is_waited_for_and_not_run_again() {
    for name in ["finish", "finish-s6"] {
        let finish = "echo $$ >>finishes; until test -e ../go; do sleep 0.05; done; echo end >>finishes";
        let tree = tree(NOTE).script(format!("sv/supervise.d/{name}"), finish);
        let tree = tree.file("sv/supervise.d/finish-timeout", "1000s");
        let killed = tree.spawn("supervise", ["sv"]);
        let pid = until_up(&tree, "sv");
        until("it notes its number", || pids(&tree) == [pid]);
        end(pid);
        until("finish runs", || tree.lines("sv/finishes").len() == 1);
        let finish = tree.lines("sv/finishes")[0].clone();
        until_detail(&tree, "finish-pid", &finish);
        drop(killed);
        let next = tree.spawn("supervise", ["sv"]);
        until("svok", || tree.run("svok", ["sv"]) == exits(0, "", ""));
        for (letter, want) in [("-d", 'd'), ("-u", 'u')] {
            svc(&tree, letter);
            until_status(&tree, "sv", "it obeys", |status| status.want == want && !status.up());
        }
        assert_eq!(
            (detail(&tree, "state"), detail(&tree, "finish-pid")),
            (Some("finishing".into()), Some(finish.clone()))
        );
        assert_eq!((pids(&tree), tree.lines("sv/finishes").len()), (vec![pid], 1));
        tree.put_file("go", "");
        let second = until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid).pid;
        until("it notes its number", || pids(&tree) == [pid, second]);
        assert_eq!(tree.lines("sv/finishes"), [finish, "end".to_owned()]);
        assert_eq!((next.stderr(), detail(&tree, "finish-pid")), (vec![], None));
    }
}

/// The same at random moments around the start of `finish`: it never runs twice at once, and never beside the service.
#[test]
fn no_moment_exists_in_which_a_finish_runs_unrecorded() {
    let run = "test -d finishing && echo beside >>wrong; echo $$ >>pids; exec sleep 987";
    let finish = "mkdir finishing || echo twice >>wrong; sleep 0.05; echo >>finishes; rmdir finishing";
    let tree = tree(run).script("sv/supervise.d/finish", finish);
    let mut random = Random::new(9);
    let mut supervise = tree.spawn("supervise", ["sv"]);
    let mut last = 0;
    let mut next = |supervise: &mut Process| {
        last = value("another process", || {
            // A child of the one that was killed may have had its lock for a moment.
            if supervise.ended().is_some() {
                *supervise = tree.spawn("supervise", ["sv"]);
            }
            let status = Status::of(&tree, "sv").filter(|status| status.up() && status.pid != last)?;
            (!proc::is_forked_only(status.pid)).then_some(status.pid)
        });
        last
    };
    for _ in 0..40 {
        end(next(&mut supervise));
        until_random_moment(&mut random, Duration::from_millis(20));
        drop(supervise);
        supervise = tree.spawn("supervise", ["sv"]);
    }
    next(&mut supervise);
    assert_eq!(tree.lines("sv/wrong"), [""; 0]);
    let finishes = tree.lines("sv/finishes").len();
    assert!((1..=40).contains(&finishes), "{finishes} finished");
}

#[test]
fn a_hundred_kills_and_still_one_process() {
    let tree = tree(NOTE);
    let mut random = Random::new(8);
    let mut last = None;
    for _ in 0..100 {
        let supervise = tree.spawn("supervise", ["sv"]);
        if last.is_none() || random.once_in(10) {
            last = Some(until_up(&tree, "sv"));
        } else {
            until_random_moment(&mut random, Duration::from_millis(20));
        }
        drop(supervise);
    }
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "up");
    until("it notes its number", || !pids(&tree).is_empty());
    assert_eq!(pids(&tree).len(), 1);
    let pid = pids(&tree)[0];
    all_the_while("one process", Duration::from_secs(2), || Status::of(&tree, "sv").is_some_and(|s| s.pid == pid));
}
