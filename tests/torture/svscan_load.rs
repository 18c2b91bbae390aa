//! svscan with many services, many deaths at once, its own death, and a scan directory that never rests.
//!
//! Not tested: more services than the machine has process ids for.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::symlink;

use daemontools_tests::fault::{all_of_them, can_trace};
use daemontools_tests::proc::{self, alive, arguments, descriptors, parent, until_descriptors};
use daemontools_tests::status::{Status, until_up};
use daemontools_tests::{Process, Tree, open_files, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The soft limit of open files that svscan is started with: fewer than it needs for itself.
const OPEN_FILES: u64 = 64;

fn many(usually: usize, with_torture: usize) -> usize {
    if all_of_them() { with_torture } else { usually }
}

/// A tree of logged services outside of the scan directory, and links to them in it.
fn tree(count: usize) -> (Tree, Vec<String>) {
    let mut tree = Tree::new().dir("scan");
    let mut names = Vec::new();
    for number in 0..count {
        let name = format!("s{number}");
        tree = tree
            .script(format!("{name}/run"), "echo $$ >>starts; exec sleep 1000")
            .script(format!("{name}/log/run"), "echo $$ >>starts; exec cat")
            .link(format!("scan/{name}"), format!("../{name}"));
        names.push(format!("{name}/log"));
        names.push(name);
    }
    (tree, names)
}

fn svscan(tree: &Tree) -> Process {
    tree.command("svscan").arg("scan").limit(libc::RLIMIT_NOFILE, OPEN_FILES, open_files(20_000)).spawn()
}

fn until_all_up(tree: &Tree, names: &[String]) {
    // Each in its turn, so that the deadline is for each: a thousand take their time.
    for name in names {
        until_up(tree, name);
    }
}

fn end(pid: i32) {
    kill(Pid::from_raw(pid), Signal::SIGKILL).expect("kill a process of the tree");
}

/// The processes that supervise a service or its logger, by the name of the service directory.
fn supervise_of(tree: &Tree, name: &str) -> i32 {
    parent(until_up(tree, name)).expect("a service has a parent")
}

/// All start, with 0, 1, 2 alone and the limit that svscan was given; hundreds killed at once are back; svscan killed
/// and started again starts nothing twice, and says so in one line.
#[test]
fn many_services() {
    let (tree, names) = tree(many(30, 1500));
    let mut scanner = svscan(&tree);
    until_all_up(&tree, &names);
    for name in &names {
        let pid = until_up(&tree, name);
        until("the service is what run executes", || {
            arguments(pid).first().is_some_and(|word| word == b"sleep" || word == b"cat")
        });
        until_descriptors(pid, &[0, 1, 2]);
        let limits = fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
        let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("open files");
        assert_eq!(files.split_whitespace().nth(3), Some(OPEN_FILES.to_string().as_str()), "{name}");
    }

    let killed: Vec<&String> = names.iter().step_by(2).take(many(10, 300)).collect();
    let before: Vec<i32> = killed.iter().map(|name| supervise_of(&tree, name)).collect();
    for (name, &supervise) in killed.iter().zip(&before) {
        let service = until_up(&tree, name);
        end(supervise);
        end(service);
    }
    for (name, &old) in killed.iter().zip(&before) {
        until("another supervise runs the service", || {
            Status::of(&tree, name).is_some_and(|status| {
                status.up() && alive(status.pid) && proc::supervise_of(status.pid).is_some_and(|now| now != old)
            })
        });
    }
    assert_eq!(scanner.ended(), None);

    let starts = |names: &[String]| -> Vec<usize> {
        names.iter().map(|name| tree.lines(format!("{name}/starts")).len()).collect()
    };
    for name in &names {
        until("the service that runs has said so", || {
            let last = tree.lines(format!("{name}/starts")).last().and_then(|pid| pid.parse().ok());
            last.is_some() && last == Status::of(&tree, name).map(|status| status.pid)
        });
    }
    let before = starts(&names);
    drop(scanner);
    let scanner = svscan(&tree);
    until("the next svscan has looked", || scanner.stderr().ends_with(b"\n"));
    let said = String::from_utf8_lossy(&scanner.stderr()).into_owned();
    assert!(said.starts_with("svscan: warning: supervise runs already for "), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert_eq!(starts(&names), before, "nothing is started twice");
    println!("many services: {} processes supervised, {} killed at once", names.len(), killed.len());
}

/// Both supervises of a logged service are killed again and again; the pipe stays, and with it each line.
#[test]
fn a_killed_pair_comes_back_on_the_same_pipe() {
    let rounds = many(2, 20);
    // A number is written down before it is said: it may be missing at a kill of the service, so that one is asked to go.
    let counter = r#"trap 'exit 0' TERM
n=$(cat n 2>/dev/null || echo 0)
while :; do n=$((n+1)); echo "line $n"; echo $n >n.new; mv n.new n; done"#;
    let tree = Tree::new()
        .dir("scan")
        .script("sv/run", counter)
        .script("sv/log/run", "exec multilog s16777215 ./main")
        .link("scan/sv", "../sv");
    let _scanner = tree.spawn("svscan", ["scan"]);
    let pipe = |pid: i32, number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).ok();
    until_up(&tree, "sv/log");
    let first = value_of_pipe(&tree, &pipe);
    let count = || tree.lines("sv/n").first().and_then(|line| line.parse::<u64>().ok()).unwrap_or(0);
    for _ in 0..rounds {
        let enough = count() + 50;
        until("the service says more", || count() > enough);
        let (service, logger) = (until_up(&tree, "sv"), until_up(&tree, "sv/log"));
        let supervises = [supervise_of(&tree, "sv"), supervise_of(&tree, "sv/log")];
        supervises.into_iter().for_each(end);
        for pid in [service, logger] {
            kill(Pid::from_raw(pid), Signal::SIGTERM).expect("TERM");
        }
        until("both are back", || {
            let back = |name, old: i32| {
                Status::of(&tree, name).is_some_and(|status| {
                    alive(status.pid) && proc::supervise_of(status.pid).is_some_and(|now| now != old)
                })
            };
            back("sv", supervises[0]) && back("sv/log", supervises[1])
        });
        assert_eq!(value_of_pipe(&tree, &pipe), first, "the same pipe");
    }
    let goal = count() + 10;
    until("more lines", || count() > goal);
    let logged = || -> HashSet<String> { tree.lines("sv/log/main/current").into_iter().collect() };
    let last = format!("line {goal}");
    until("they reach the log", || logged().contains(&last));
    let logged = logged();
    let missing: Vec<u64> = (1..=goal).filter(|number| !logged.contains(&format!("line {number}"))).collect();
    assert_eq!(missing, [0; 0], "of {goal} lines");
    println!("a killed pair: {rounds} rounds, {goal} lines");
}

fn value_of_pipe(tree: &Tree, pipe: &dyn Fn(i32, i32) -> Option<std::path::PathBuf>) -> std::path::PathBuf {
    daemontools_tests::value("service and logger share a pipe", || {
        let writer = pipe(Status::of(tree, "sv")?.pid, 1)?;
        let reader = pipe(Status::of(tree, "sv/log")?.pid, 0)?;
        (writer == reader).then_some(writer)
    })
}

/// A link is led elsewhere while the supervise that was started for it is on its way: what runs in the end has its own
/// logger's pipe, and not the other one's.
#[test]
fn a_supervise_that_went_astray() {
    if !can_trace("a supervise that went astray") {
        return;
    }
    let (tree, _) = tree(2);
    fs::remove_file(tree.path("scan/s0")).expect("remove a link");
    fs::remove_file(tree.path("scan/s1")).expect("remove a link");
    symlink("../s0", tree.path("scan/link")).expect("link");
    // Each supervise takes its time before it enters its directory.
    let slowly = ["-f", "-qq", "-o", "trace", "-e", "trace=chdir", "-e", "inject=chdir:delay_enter=3000000"];
    let strace = tree.invocation("/usr/bin/strace").args(slowly);
    let _scanner = strace.arg(tree.programs().path("svscan")).arg("scan").spawn();
    until("a supervise is on its way", || {
        let is_it = |pid: &i32| arguments(*pid) == [b"supervise".to_vec(), b"link".to_vec()];
        tree.processes().iter().any(is_it)
    });
    symlink("../s1", tree.path("scan/new")).expect("link");
    fs::rename(tree.path("scan/new"), tree.path("scan/link")).expect("lead the link elsewhere");
    let stream = |name: &str, number: i32| {
        let pid = Status::of(&tree, name).filter(|status| status.up())?.pid;
        fs::read_link(format!("/proc/{pid}/fd/{number}")).ok()
    };
    until("the service writes to its own logger", || {
        let pipe = stream("s1", 1);
        pipe.is_some() && pipe == stream("s1/log", 0)
    });
}

/// Links come and go by the hundred; in the end what is linked runs, nothing runs twice, and svscan has kept nothing.
#[test]
fn links_that_come_and_go() {
    let (tree, names) = tree(10);
    for name in fs::read_dir(tree.path("scan")).expect("read").flatten() {
        fs::remove_file(name.path()).expect("remove a link");
    }
    let scanner = svscan(&tree);
    let changes = many(2_000, 50_000);
    for change in 0..changes {
        let link = tree.path(format!("scan/link{}", change % 7));
        if change % 2 == 0 {
            let _ = symlink(format!("../s{}", change % 10), link);
        } else {
            let _ = fs::remove_file(link);
        }
    }
    for name in fs::read_dir(tree.path("scan")).expect("read").flatten() {
        fs::remove_file(name.path()).expect("remove a link");
    }
    for number in 0..10 {
        symlink(format!("../s{number}"), tree.path(format!("scan/s{number}"))).expect("link");
    }
    until_all_up(&tree, &names);
    for name in &names {
        until("the service has said that it started", || !tree.lines(format!("{name}/starts")).is_empty());
        // One that was sent elsewhere by a link that changed at that moment is called back and started again.
        until(&format!("{name} runs once"), || {
            let starts = tree.lines(format!("{name}/starts"));
            starts.iter().filter_map(|pid| pid.parse().ok()).filter(|&pid| alive(pid)).count() == 1
        });
    }
    // Standard streams, signals, inotify, the place for the next child's end of its pipe, and two for each pipe; while it
    // looks, the directory too.
    until("svscan has kept nothing", || descriptors(scanner.pid()).len() <= 3 + 3 + 2 * 10);
    println!("links that come and go: {changes} changes");
}
