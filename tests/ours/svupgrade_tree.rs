//! Whole trees that svupgrade brings to other programs while they work: lines, commands, readiness, the ordered stop.
//!
//! Not tested: more than a few services at once, and a log on a full disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use daemontools_tests::cyclog::is_drained;
use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::{End, Random, Tree, exits, proc, until, until_random_moment, value};
use nix::sys::signal::Signal;

use crate::supervise_details::until_detail;
use crate::svupgrade::{runs, scan, tree, upgrade, verdicts};

/// Writes 1, 2, 3 and so on.
const COUNTS: &str = "i=0; while :; do i=$((i+1)); echo $i; done";

/// svupgrade to the programs in a directory; all is well afterwards.
fn upgraded(tree: &Tree, to: &str) {
    let out = tree.command("svupgrade").arg("--bin").arg(tree.path(to)).arg(tree.path("service")).run();
    assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]), "{out:?}");
}

/// The multilog of the tree.
fn multilog(tree: &Tree) -> i32 {
    until_up(tree, "sv/log")
}

/// Ends the service and its logger, so that everything is in the log.
fn end(tree: &Tree) {
    std::fs::remove_file(tree.path("service/sv")).expect("remove the link");
    assert_eq!(tree.run("svc", ["-dx", "sv"]), exits(0, "", ""));
    until("the service's supervise has ended", || tree.run("svok", ["sv"]).end == End::Code(100));
    assert_eq!(tree.run("svc", ["-dx", "sv/log"]), exits(0, "", ""));
    until("the logger's supervise has ended", || tree.run("svok", ["sv/log"]).end == End::Code(100));
}

#[test]
fn no_line_is_lost_and_no_process_changes() {
    let tree = tree(COUNTS);
    let logger = format!("exec {} s1000000 n1000 ./main", tree.path("old/multilog").display());
    tree.put_script("sv/log/run", &logger);
    let svscan = scan(&tree);
    let processes = || [until_up(&tree, "sv"), multilog(&tree)];
    let before = processes();
    let supervises = before.map(|pid| proc::parent(pid).expect("its supervise"));
    let all = [before, supervises].concat();
    let began: Vec<_> = all.iter().chain([&svscan.pid()]).map(|&pid| proc::started(pid)).collect();
    for to in ["new", "old", "new"] {
        upgraded(&tree, to);
        assert!(supervises.iter().all(|&pid| runs(&tree, pid, &format!("{to}/supervise"))));
        assert!(
            runs(&tree, before[1], &format!("{to}/multilog")) && runs(&tree, svscan.pid(), &format!("{to}/svscan"))
        );
    }
    assert_eq!(processes(), before);
    assert_eq!(all.iter().chain([&svscan.pid()]).map(|&pid| proc::started(pid)).collect::<Vec<_>>(), began);
    assert!(supervises.iter().all(|&pid| proc::parent(pid) == Some(svscan.pid())));
    end(&tree);
    let text = String::from_utf8(tree.logged("sv/log/main")).expect("digits");
    let wrong = text.lines().zip(1_u64..).find(|(line, number)| *line != number.to_string());
    assert_eq!(wrong, None);
    assert!(text.ends_with('\n') && text.lines().count() > 1000);
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn commands_that_come_all_the_while_are_obeyed_once_and_in_order() {
    let tree = tree(
        "for s in HUP USR1 ALRM; do trap \"echo $s >>got\" $s; done; echo ready >>got; while :; do sleep 0.02; done",
    );
    let _svscan = scan(&tree);
    until("the service is ready", || tree.lines("sv/got").len() == 1);
    let done = AtomicBool::new(false);
    let mut sent = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            for to in ["new", "old", "new", "old"] {
                upgraded(&tree, to);
            }
            done.store(true, Ordering::Relaxed);
        });
        let names = [("-h", "HUP"), ("-1", "USR1"), ("-a", "ALRM")];
        while !done.load(Ordering::Relaxed) || sent.len() < 10 {
            let (letter, name) = names[sent.len() % 3];
            assert_eq!(tree.run("svc", [letter, "sv"]), exits(0, "", ""));
            sent.push(name);
            until("it is obeyed", || tree.lines("sv/got").len() == 1 + sent.len());
        }
    });
    assert_eq!(tree.lines("sv/got")[1..], sent);
}

#[test]
fn the_beginning_of_a_line_is_not_torn_from_its_end() {
    let tree = tree("printf 'first\\nbegin'; until test -e ../go; do sleep 0.05; done; echo ' end'; exec sleep 1000");
    let _svscan = scan(&tree);
    let logger = multilog(&tree);
    upgraded(&tree, "new");
    // multilog takes the beginning out of the pipe after a second.
    let pipe = std::fs::File::open(format!("/proc/{logger}/fd/0")).expect("its pipe");
    until("the beginning is out of the pipe", || is_drained(&pipe));
    drop(pipe);
    for to in ["old", "new"] {
        upgraded(&tree, to);
    }
    tree.put_file("go", "");
    until("the line is whole", || tree.logged("sv/log/main") == b"first\nbegin end\n");
    assert_eq!(multilog(&tree), logger);
}

#[test]
fn svscan_notices_changes_and_restarts_as_before() {
    let tree = tree("exec sleep 1000").script("other/run", "exec sleep 1000");
    let svscan = scan(&tree);
    upgraded(&tree, "new");
    std::os::unix::fs::symlink("../other", tree.path("service/other")).expect("make a link");
    let other = until_up(&tree, "other");
    assert_eq!(proc::supervise_of(other).and_then(proc::parent), Some(svscan.pid()));
    let logger = until_up(&tree, "sv/log");
    let supervise = proc::parent(logger).expect("its supervise");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(supervise), Signal::SIGKILL).expect("kill");
    until("another supervise takes the logger over", || {
        proc::all().into_iter().any(|pid| {
            pid != supervise
                && proc::parent(pid) == Some(svscan.pid())
                && proc::arguments(pid).last().is_some_and(|last| last == b"log")
        })
    });
    upgraded(&tree, "old");
    assert_eq!(until_up(&tree, "sv/log"), logger);
}

#[test]
fn an_init_stops_its_tree_in_order_after_an_upgrade() {
    let tree = tree("trap 'echo last; exit' TERM; : >ready; while :; do sleep 0.05; done");
    let path = format!("{}:{}", tree.path("old").display(), std::env::var("PATH").expect("PATH"));
    let svscan = tree.invocation(tree.path("old/svscan")).arg("--init").arg(tree.path("service")).env("PATH", path);
    let svscan = svscan.spawn();
    until("its trap is set", || tree.path("sv/ready").exists());
    until("multilog is at work", || tree.path("sv/log/main/current").exists());
    upgraded(&tree, "new");
    upgraded(&tree, "old");
    svscan.signal(Signal::SIGTERM);
    assert_eq!(svscan.wait(), exits(0, "", ""));
    assert_eq!(tree.logged("sv/log/main"), b"last\n");
}

#[test]
fn an_init_ends_with_the_service_that_it_was_told_to_end_with() {
    let tree = tree("until test -e go; do sleep 0.05; done; exit 7");
    let path = format!("{}:{}", tree.path("old").display(), std::env::var("PATH").expect("PATH"));
    let svscan = tree.invocation(tree.path("old/svscan")).args(["--init", "--exit-with", "sv"]);
    let svscan = svscan.arg(tree.path("service")).env("PATH", path).spawn();
    until_up(&tree, "sv");
    until("multilog is at work", || tree.path("sv/log/main/current").exists());
    upgraded(&tree, "new");
    tree.put_file("sv/go", "");
    assert_eq!(svscan.wait(), exits(7, "", ""));
}

#[test]
fn a_service_says_that_it_is_ready_to_the_new_supervise() {
    for (setting, value, says) in [
        ("notification-fd", "7", "echo >&7"),
        (
            "notify-socket",
            "",
            "python3 -c 'import os, socket; s = os.environ[\"NOTIFY_SOCKET\"]; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"READY=1\", \"\\0\" + s[1:])'",
        ),
    ] {
        let tree = tree(&format!("until test -e go; do sleep 0.05; done; {says}; exec sleep 1000"))
            .file(format!("sv/supervise.d/{setting}"), value);
        if setting == "notify-socket" {
            // Messages of other processes do not count: the service itself has to speak.
            tree.put_script("sv/run", "exec python3 -c 'import os, socket, time\nwhile not os.path.exists(\"go\"): time.sleep(0.05)\ns = os.environ[\"NOTIFY_SOCKET\"]\nsocket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b\"READY=1\", \"\\0\" + s[1:])\ntime.sleep(1000)'");
        }
        let _svscan = scan(&tree);
        until_detail(&tree, "state", "starting");
        upgraded(&tree, "new");
        until_detail(&tree, "state", "starting");
        tree.put_file("sv/go", "");
        until_detail(&tree, "state", "ready");
    }
}

#[test]
fn a_supervise_is_busy_while_a_program_of_its_settings_runs() {
    let tree = tree("exec sleep 1000");
    tree.put_file("sv/supervise.d/check-always", "");
    tree.put_script("sv/supervise.d/check", "echo >>checks; until test -e go; do sleep 0.05; done");
    let _svscan = scan(&tree);
    until("the check runs", || tree.path("sv/checks").exists());
    let out = upgrade(&tree, ["-t", "0"]);
    assert!(verdicts(&out, "supervise").contains(&"busy: check is running".to_owned()), "{out:?}");
    assert_eq!(out.end, End::Code(111));
    tree.put_file("sv/go", "");
    upgraded(&tree, "new");
}

#[test]
fn svupgrade_killed_at_any_moment_leaves_a_tree_that_works() {
    let tree = tree(COUNTS);
    let svscan = scan(&tree);
    let before = [until_up(&tree, "sv"), until_up(&tree, "sv/log")];
    let mut random = Random::new(14);
    for round in 0..12 {
        let to = ["new", "old"][round % 2];
        let killed = tree.command("svupgrade").arg("--bin").arg(tree.path(to)).arg(tree.path("service")).spawn();
        until_random_moment(&mut random, Duration::from_millis(40));
        drop(killed);
    }
    upgraded(&tree, "new");
    assert_eq!([until_up(&tree, "sv"), until_up(&tree, "sv/log")], before);
    end(&tree);
    let text = String::from_utf8(tree.logged("sv/log/main")).expect("digits");
    let mut lines = text.lines().map(|line| line.parse::<u64>().expect("a number"));
    // The log keeps the last of them only.
    let first = lines.next().expect("a line");
    assert!(lines.zip(first + 1..).all(|(line, number)| line == number));
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn a_service_that_is_to_be_started_or_stopped_goes_on_as_it_was() {
    let tree = tree("trap '' TERM; echo >>ready; exec sleep 1000");
    let _svscan = scan(&tree);
    let pid = until_up(&tree, "sv");
    until("it ignores TERM", || tree.path("sv/ready").exists());
    assert_eq!(tree.run("svc", ["-d", "sv"]), exits(0, "", ""));
    until_status(&tree, "sv", "want down", |status| status.want == 'd');
    upgraded(&tree, "new");
    until_status(&tree, "sv", "still up, want down", |status| status.want == 'd' && status.pid == pid);
    assert_eq!(tree.run("svc", ["-p", "sv"]), exits(0, "", ""));
    until_status(&tree, "sv", "paused", |status| status.paused == 1);
    upgraded(&tree, "old");
    until_status(&tree, "sv", "still paused", |status| status.paused == 1 && status.pid == pid);
    assert_eq!(tree.run("svc", ["-k", "sv"]), exits(0, "", ""));
    until_down(&tree, "sv");
    upgraded(&tree, "new");
    assert_eq!(tree.run("svc", ["-o", "sv"]), exits(0, "", ""));
    let once = until_up(&tree, "sv");
    upgraded(&tree, "old");
    assert_eq!(tree.run("svc", ["-k", "sv"]), exits(0, "", ""));
    until_down(&tree, "sv");
    assert!(!proc::alive(once));
}

#[test]
fn a_supervise_killed_while_it_upgrades_leaves_its_service_to_the_next() {
    let tree = tree("exec sleep 1000");
    let svscan = scan(&tree);
    let service = until_up(&tree, "sv");
    let supervise = || {
        let is_it = |pid: &i32| {
            proc::parent(*pid) == Some(svscan.pid()) && proc::arguments(*pid).last().is_some_and(|last| last == b"sv")
        };
        proc::all().into_iter().find(is_it)
    };
    let mut random = Random::new(15);
    for round in 0..4 {
        let killed = value("its supervise", supervise);
        until("it is supervised", || tree.run("svok", ["sv"]) == exits(0, "", ""));
        let to = ["new", "old"][round % 2];
        let upgrading = tree.command("svupgrade").arg("--bin").arg(tree.path(to)).arg(tree.path("service")).spawn();
        until_random_moment(&mut random, Duration::from_millis(15));
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(killed), Signal::SIGKILL).expect("kill");
        upgrading.wait();
        until("another supervise has it", || supervise().is_some_and(|pid| pid != killed));
    }
    upgraded(&tree, "new");
    assert_eq!(until_up(&tree, "sv"), service);
    assert!(proc::alive(service));
}
