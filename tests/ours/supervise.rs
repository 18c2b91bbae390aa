//! supervise: never deaf, and other things that the original does not do.
//!
//! Not tested: the start 60 seconds after a failed fork.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::time::{Duration, Instant};

use daemontools_tests::random::Random;
use daemontools_tests::status::{Status, now, until_down, until_status, until_up};
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{End, Process, Programs, Tree, exits, needs_root, proc, spare_user, until};

fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

fn supervised(run: &str) -> (Tree, Process) {
    let tree = Tree::of(Programs::ours()).script("sv/run", run);
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    (tree, supervise)
}

/// A script that writes down when supervise forked it, in the kernel's ticks: exact, however late the shell is.
const NOTE_THE_START: &str = "cut -d' ' -f22 /proc/$$/stat >>starts";

fn assert_a_second_apart(tree: &Tree) {
    let starts: Vec<i64> = tree.lines("sv/starts").iter().map(|line| line.parse().expect("ticks")).collect();
    // 100 ticks are a second; the kernel rounds each of them down.
    assert!(starts.windows(2).all(|pair| pair[1] - pair[0] >= 99), "{starts:?}");
}

/// docs/differences.md: "a command in the second after a start takes effect at once": in most of ten rounds, since the
/// machine may be busy; the original needs a second in each.
#[test]
fn a_command_right_after_a_start_takes_effect_at_once() {
    let (tree, _supervise) = supervised("exec sleep 1000");
    let round = |_| {
        svc(&tree, "-d");
        until_down(&tree, "sv");
        svc(&tree, "-u");
        let up = until_status(&tree, "sv", "up", |s| s.up());
        svc(&tree, "-d");
        let down = until_down(&tree, "sv");
        (down.since - up.since) / 1_000_000
    };
    let took: Vec<i128> = (0..10).map(round).collect();
    assert!(took.iter().filter(|milliseconds| **milliseconds < 900).count() >= 8, "in milliseconds: {took:?}");
}

/// docs/differences.md: "Starts stay at least a second apart", whatever is asked for meanwhile.
#[test]
fn starts_stay_a_second_apart() {
    let (tree, _supervise) = supervised(NOTE_THE_START);
    let mut random = Random::new(2);
    until("five starts", || {
        let letters: &&str = random.one(&["-u", "-du", "-t", "-k", "-ku", "-o", "-ou", "-dou", "-cu"]);
        svc(&tree, letters);
        svc(&tree, "-u");
        tree.lines("sv/starts").len() >= 5
    });
    assert_a_second_apart(&tree);
}

/// The same for one that lives and is killed again and again.
#[test]
fn starts_stay_a_second_apart_also_for_what_is_killed() {
    let (tree, _supervise) = supervised(&format!("{NOTE_THE_START}; exec sleep 1000"));
    until("five starts", || {
        svc(&tree, "-k");
        tree.lines("sv/starts").len() >= 5
    });
    assert_a_second_apart(&tree);
}

/// docs/differences.md: `svc -d` directly followed by `svc -u`, or the reverse, ends in the state last asked for.
#[test]
fn the_last_wish_counts() {
    for run in ["exec sleep 1000", "trap 'sleep 0.1; exit' TERM; while :; do sleep 0.05; done"] {
        let (tree, _supervise) = supervised(run);
        let mut random = Random::new(3);
        for round in 0..40 {
            let up = random.once_in(2);
            let letters = if up { ["-d", "-u"] } else { ["-u", "-d"] };
            if random.once_in(3) {
                svc(&tree, &format!("-{}{}", &letters[0][1..], &letters[1][1..]));
            } else {
                svc(&tree, letters[0]);
                svc(&tree, letters[1]);
            }
            if random.once_in(4) {
                // Some follow the others while these are still at work.
                continue;
            }
            if up {
                until_status(&tree, "sv", &format!("up in round {round}"), |s| s.want == 'u' && s.up());
            } else {
                until_status(&tree, "sv", &format!("down in round {round}"), |s| s.want == 'd' && !s.up());
            }
        }
        svc(&tree, "-u");
        svc(&tree, "-d");
        until_status(&tree, "sv", "down", |s| s.want == 'd' && !s.up());
        all_the_while("down", Duration::from_secs(2), || Status::of(&tree, "sv").is_some_and(|s| !s.up()));
        svc(&tree, "-d");
        svc(&tree, "-u");
        let process = until_up(&tree, "sv");
        all_the_while("up", Duration::from_secs(2), || Status::of(&tree, "sv").is_some_and(|s| s.pid == process));
        assert!(proc::alive(process));
    }
}

/// docs/differences.md: "A fork that failed is tried again after 60 seconds by a timer, or when `svc -u` or `svc -o` asks
/// for it"; other commands are obeyed meanwhile.
#[test]
fn commands_are_obeyed_after_a_failed_fork() {
    if !needs_root("supervise without a second process") {
        return;
    }
    let user = spare_user();
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000");
    chown(tree.path("sv"), Some(user), Some(user)).expect("chown");
    // Two processes are allowed, and one of them is not supervise.
    let mut other = tree.invocation("/bin/sleep").arg("1000").user(user, user).spawn();
    assert_eq!(other.ended(), None);
    let supervise = tree.public("supervise").arg("sv").user(user, user).limit(libc::RLIMIT_NPROC, 2, 2).spawn();
    let warning = b"supervise: warning: unable to fork for sv, sleeping 60 seconds: temporary failure\n";
    until("the warning", || supervise.stderr() == warning);
    svc(&tree, "-d");
    until_status(&tree, "sv", "wanted down", |s| s.want == 'd');
    let failed = Instant::now();
    svc(&tree, "-u");
    until("a second warning", || supervise.stderr() == [&warning[..], warning].concat());
    drop(other);
    svc(&tree, "-o");
    let up = until_status(&tree, "sv", "up", |s| s.up());
    let waited = now().as_nanos() as i128 - up.since;
    assert!(failed.elapsed().as_nanos() as i128 - waited < 60_000_000_000, "or it was the timer");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait().end, End::Code(0));
}

/// docs/differences.md: a signal "for a service that waits for its next start goes to nobody". A round in which the machine
/// was so slow that the next process was there already counts for nothing.
#[test]
fn a_signal_while_it_waits_for_its_next_start_goes_to_nobody() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "echo start >>starts; exit 1");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("a round in which no process was paused", || {
        until("a start", || !tree.lines("sv/starts").is_empty());
        until_down(&tree, "sv");
        let before = tree.lines("sv/starts").len();
        svc(&tree, "-p");
        let paused = || Status::of(&tree, "sv").is_some_and(|status| status.paused == 1);
        until("two more starts, or a pause", || paused() || tree.lines("sv/starts").len() >= before + 2);
        let ignored = !paused();
        svc(&tree, "-c");
        ignored
    });
}

/// 100 000 random bytes, all commands but `x` among them: it goes on, and the last wish counts.
#[test]
fn random_commands() {
    let (tree, supervise) = supervised("exec sleep 1000");
    let mut random = Random::new(4);
    let bytes = std::iter::repeat_with(|| random.number().to_le_bytes()[1]);
    let bytes: Vec<u8> = bytes.filter(|byte| *byte != b'x').take(100_000).collect();
    let mut control = File::options().write(true).open(tree.path("sv/supervise/control")).expect("open control");
    control.write_all(&bytes).expect("write");
    control.write_all(b"d").expect("write");
    until_status(&tree, "sv", "down", |s| s.want == 'd' && !s.up());
    svc(&tree, "-uc");
    until_up(&tree, "sv");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

/// docs/differences.md: "`-q`, `-1`, `-2`, `-w`" send QUIT, USR1, USR2, WINCH.
#[test]
fn four_more_signals() {
    let traps = "for s in QUIT USR1 USR2 WINCH; do trap \"echo $s >>got\" $s; done";
    let (tree, _supervise) = supervised(&format!("{traps}; sleep 1000 & echo ready >>got; while :; do wait; done"));
    let mut expected = vec!["ready"];
    until("the service listens", || tree.lines("sv/got") == expected);
    for (letter, signal) in [("-q", "QUIT"), ("-1", "USR1"), ("-2", "USR2"), ("-w", "WINCH")] {
        svc(&tree, letter);
        expected.push(signal);
        until(signal, || tree.lines("sv/got") == expected);
    }
}

/// docs/differences.md: "never lead to a message of ours written into a file that happened to get the number 2".
#[test]
fn messages_do_not_end_up_in_the_lock() {
    let tree = Tree::of(Programs::ours()).dir("sv");
    let supervise = tree.command("supervise").arg("sv").closed(0).closed(1).closed(2).spawn();
    let mut tries = std::collections::HashSet::new();
    until("three tries to start what cannot be started", || {
        tries.extend(Status::of(&tree, "sv").map(|s| s.since));
        tries.len() >= 6
    });
    for name in ["lock", "status", "details", "history"] {
        let text = tree.read(format!("sv/supervise/{name}"));
        assert!(!text.windows(9).any(|part| part == b"supervise"), "{name}: {}", text.escape_ascii());
    }
    assert_eq!(tree.read("sv/supervise/lock"), b"");
    drop(supervise);
}

/// docs/differences.md: "A `control` that is a plain file does not make it spin."
#[test]
fn a_plain_control_file_costs_nothing() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000").file("sv/supervise/control", "");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let wakes = || proc::field(supervise.pid(), "voluntary_ctxt_switches").expect("supervise is there");
    until("supervise has settled", || {
        let before = wakes();
        all_the_while("supervise is there", Duration::from_millis(300), || proc::alive(supervise.pid()));
        before == wakes()
    });
}

/// docs/differences.md: "Where a FIFO cannot be made, the reason is told".
#[test]
fn a_fifo_that_cannot_be_made() {
    if !needs_root("supervise of a user who may not write") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000").file("sv/supervise/lock", "");
    chown(tree.path("sv/supervise/lock"), Some(65534), Some(65534)).expect("chown");
    let supervise = tree.public("supervise").arg("sv").user(65534, 65534).run();
    let message = "supervise: fatal: unable to create sv/supervise/control: access denied\n";
    assert_eq!(supervise, exits(111, "", message));
}

/// docs/differences.md: "Where `supervise/` cannot be made, the reason is told".
#[test]
fn a_directory_that_cannot_be_made() {
    if !needs_root("supervise of a user who may not write") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000");
    let supervise = tree.public("supervise").arg("sv").user(65534, 65534).run();
    assert_eq!(supervise, exits(111, "", "supervise: fatal: unable to create sv/supervise: access denied\n"));
    let tree = tree.link("sv/supervise", "../run/state/sv");
    let supervise = tree.public("supervise").arg("sv").user(65534, 65534).run();
    let message = "supervise: fatal: unable to create ../run/state/sv for sv/supervise: access denied\n";
    assert_eq!(supervise, exits(111, "", message));
    // What it needs is there, though it could not make it.
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000").dir("sv/supervise");
    chown(tree.path("sv/supervise"), Some(65534), Some(65534)).expect("chown");
    let supervise = tree.public("supervise").arg("sv").user(65534, 65534).spawn();
    until_up(&tree, "sv");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

/// docs/differences.md: "Where the link `supervise` leads to nothing, the directories on the way are made too".
#[test]
fn a_link_into_a_directory_that_is_missing() {
    for (target, parents) in [("../run/state/sv", &["run", "run/state"][..]), ("deep/sv", &["sv/deep"]), ("s", &[])] {
        let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000").link("sv/supervise", target);
        let _supervise = tree.spawn("supervise", ["sv"]);
        until_up(&tree, "sv");
        let mode = |path: &str| fs::metadata(tree.path(path)).expect("stat").mode() & 0o7777;
        assert_eq!(mode("sv/supervise"), 0o700, "{target}");
        assert!(parents.iter().all(|parent| mode(parent) == 0o700), "{target}");
    }
    let absolute = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000");
    let target = absolute.path("var/run/sv");
    let absolute = absolute.link("sv/supervise", target.display().to_string());
    let _supervise = absolute.spawn("supervise", ["sv"]);
    until_up(&absolute, "sv");
    assert!(target.join("status").exists());
}
