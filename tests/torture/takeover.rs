//! svupgrade on trees of the original and of ours while they work, and killed at each of its system calls.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use daemontools_tests::fault::{Call, all_of_them, calls, selection, try_each};
use daemontools_tests::scrub::scrub;
use daemontools_tests::status::{until_old, until_up};
use daemontools_tests::takeover::{originals, put_ours_into_bin, runs, scan, supervise_of, upgrade, verdicts};
use daemontools_tests::{End, Output, Programs, Tree, exits, proc, until};
use nix::fcntl::{Flock, FlockArg};

/// Some 2000 numbered lines a second. The signals are noted in the order in which they come.
const WRITER: &str = "for s in HUP ALRM INT; do trap \"echo $s >>got\" $s; done
i=0
while :; do
    n=0
    while [ $n -lt 100 ]; do i=$((i + 1)); n=$((n + 1)); echo \"$i abcdefghijklmnopqrstuvwxyz\"; done
    sleep 0.05
done";

/// The lines of a log that was not rotated while it was read, in the order in which they were written.
fn logged(tree: &Tree, log: &str) -> Vec<u64> {
    let mut names: Vec<String> = fs::read_dir(tree.path(log))
        .expect("a log")
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.starts_with('@'))
        .collect();
    names.sort();
    names.push("current".to_owned());
    let text: Vec<u8> = names.iter().flat_map(|name| tree.read(format!("{log}/{name}"))).collect();
    let text = String::from_utf8(text).expect("text");
    let line = |line: &str| line.strip_suffix(" abcdefghijklmnopqrstuvwxyz").and_then(|number| number.parse().ok());
    text.split_inclusive('\n').filter_map(|text| text.strip_suffix('\n')).map(|text| line(text).expect(text)).collect()
}

/// How long the processes did nothing else, in words.
fn pauses(verdicts: &[String]) -> String {
    let pause = |verdict: &String| verdict.strip_prefix("upgraded in ")?.strip_suffix(" ms")?.parse().ok();
    let mut all: Vec<f64> = verdicts.iter().filter_map(pause).collect();
    all.sort_by(f64::total_cmp);
    match all.last() {
        None => "none upgraded in place".to_owned(),
        Some(longest) => format!("{} paused, {} ms (median), {longest} ms (longest)", all.len(), all[all.len() / 2]),
    }
}

/// Ends what looks at it, also where a test fails.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_busy_tree_is_taken_over() {
    let what = "a busy tree of the original, taken over";
    let Some(original) = originals(what) else { return };
    busy(what, original, if all_of_them() { 20 } else { 6 });
}

#[test]
fn a_busy_tree_of_ours_is_upgraded() {
    busy("a busy tree of ours, upgraded", Programs::ours(), if all_of_them() { 20 } else { 3 });
}

/// A service is up as this process, and its lock is taken.
fn stays_up(tree: &Tree, original: &'static Programs, name: &str, pid: i32) {
    let said = tree.command_of(original, "svstat").arg(name).run();
    let expected = format!("{name}: up (pid {pid}) ");
    assert!(said.stdout.starts_with(expected.as_bytes()), "{said:?}");
    assert_eq!(scrub(&said.stdout), format!("{name}: up (pid N) N seconds\n").as_bytes());
    let lock = fs::File::open(tree.path(format!("{name}/supervise/lock"))).expect("a lock");
    let taken = Flock::lock(lock, FlockArg::LockExclusiveNonblock);
    assert!(taken.is_err(), "{name}: the lock was free");
}

/// Each service gets the signal of this option once, as the one of this number.
fn all_obey(tree: &Tree, original: &'static Programs, names: &[String], (option, signal): (&str, &str), number: usize) {
    for name in names {
        assert_eq!(tree.command_of(original, "svc").args([option, name]).run(), exits(0, "", ""));
    }
    for name in names {
        let got = || tree.lines(format!("{name}/got"));
        until("it obeys once", || got().len() == number);
        assert_eq!(got().last().map(String::as_str), Some(signal));
    }
}

/// The log of a service goes on, and no line is missing when it has ended.
fn goes_on_with_every_line(tree: &Tree, name: &str) {
    let log = format!("{name}/log/main");
    let lines = logged(tree, &log).len() as u64;
    until("the log goes on", || logged(tree, &log).len() as u64 > lines);
    assert_eq!(tree.run("svc", ["-d", name]), exits(0, "", ""));
    let lines = logged(tree, &log);
    let wrong = lines.iter().copied().zip(1..).find(|(found, expected)| found != expected);
    assert_eq!(wrong, None, "{name}: a line is lost, doubled or torn");
}

/// Runs svupgrade while svstat is asked and svc commands, before, meanwhile and after; its output, and how often each was.
fn upgrade_while_busy(
    tree: &Tree,
    original: &'static Programs,
    names: &[String],
    pids: &[i32],
) -> (Output, usize, usize) {
    let (done, asked, sent) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    let mut out = None;
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let _end = SetWhenDropped(&done);
                while !done.load(Ordering::Relaxed) {
                    for (name, &pid) in names.iter().zip(pids) {
                        stays_up(tree, original, name, pid);
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        scope.spawn(|| {
            let _end = SetWhenDropped(&done);
            // Equal signals would become one, so each is waited for.
            while !done.load(Ordering::Relaxed) {
                for (option, signal) in [("-h", "HUP"), ("-a", "ALRM"), ("-i", "INT")] {
                    let number = sent.fetch_add(1, Ordering::Relaxed) + 1;
                    all_obey(tree, original, names, (option, signal), number);
                }
            }
        });
        let end = SetWhenDropped(&done);
        until("all of them were asked", || {
            asked.load(Ordering::Relaxed) > names.len() && sent.load(Ordering::Relaxed) > 1
        });
        let bin = tree.path("bin").display().to_string();
        out = Some(upgrade(tree, &["--bin", &bin]));
        let at_once = (asked.load(Ordering::Relaxed), sent.load(Ordering::Relaxed));
        until("and again", || {
            asked.load(Ordering::Relaxed) > at_once.0 + 4 * names.len() && sent.load(Ordering::Relaxed) > at_once.1 + 1
        });
        drop(end);
    });
    (out.expect("svupgrade ran"), asked.into_inner(), sent.into_inner())
}

/// Services with loggers that write all the time, while svstat is asked and svc commands, and the programs are replaced by
/// ours, as other files, and svupgrade runs.
fn busy(what: &str, original: &'static Programs, count: usize) {
    let tree = Tree::of(original);
    // The tree runs the programs in `bin`, which the package manager replaces.
    original.copy_to(&tree.path("bin"));
    let names: Vec<String> = (1..=count).map(|number| format!("scan/s{number}")).collect();
    for name in &names {
        tree.put_script(format!("{name}/run"), WRITER);
        tree.put_script(format!("{name}/log/run"), "exec multilog s16777215 ./main");
    }
    let path = format!("{}:{}", tree.path("bin").display(), original.search_path().to_string_lossy());
    let svscan = tree.invocation(tree.path("bin/svscan")).arg0("svscan").arg("scan").env("PATH", path).spawn();
    let pids: Vec<i32> = names.iter().map(|name| until_up(&tree, name)).collect();
    let supervises: Vec<i32> = pids.iter().map(|&pid| supervise_of(pid)).collect();
    let loggers = || -> Vec<i32> { names.iter().map(|name| until_up(&tree, &format!("{name}/log"))).collect() };
    let loggers_before = loggers();
    let started: Vec<_> = pids.iter().chain(&supervises).map(|&pid| proc::started(pid)).collect();
    let status = |name: &String| tree.read(format!("{name}/supervise/status"));
    let before: Vec<_> = names.iter().map(status).collect();
    names.iter().for_each(|name| until_old(&tree, name, 2));
    put_ours_into_bin(&tree);

    let (out, asked, sent) = upgrade_while_busy(&tree, original, &names, &pids);
    assert_eq!(out.end, End::Code(0), "{out:?}");

    let is_new = |pid: i32, name: &str| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == tree.path(format!("bin/{name}")))
    };
    assert!(is_new(svscan.pid(), "svscan") && supervises.iter().all(|&pid| is_new(pid, "supervise")));
    let after: Vec<_> = pids.iter().chain(&supervises).map(|&pid| proc::started(pid)).collect();
    assert_eq!(after, started, "the same processes");
    assert_eq!(names.iter().map(status).collect::<Vec<_>>(), before, "the same pids and times");
    until("the loggers are new", || loggers().into_iter().all(|pid| is_new(pid, "multilog")));
    // Those of the original are started again.
    assert!(original.dir() != Programs::ours().dir() || loggers() == loggers_before);
    for name in &names {
        goes_on_with_every_line(&tree, name);
    }
    println!("{what}: {count} services, {asked} answers of svstat, {sent} commands");
    for program in ["supervise", "multilog", "svscan"] {
        println!("{what}: {program}: {}", pauses(&verdicts(&out, program)));
    }
}

/// svupgrade killed at one of its system calls: every process goes on, and a second run completes.
fn killed_at(original: &'static Programs, call: &Call) {
    let tree = working_tree(original);
    let svscan = scan(&tree);
    let services = ["scan/sv", "scan/sv/log"];
    let pids = services.map(|service| until_up(&tree, service));
    let supervises = pids.map(supervise_of);
    services.iter().for_each(|service| until_old(&tree, service, 2));
    let status = tree.read("scan/sv/supervise/status");
    let file = Programs::ours().path("svupgrade");
    tree.traced_file("trace", &[call.killed()], &file).arg("scan").run();

    let all = [(svscan.pid(), "svscan"), (supervises[0], "supervise"), (supervises[1], "supervise")];
    for (pid, name) in all {
        assert!(runs(pid, original, name) || runs(pid, Programs::ours(), name), "{name}");
        until("it is not traced", || proc::field(pid, "TracerPid").is_some_and(|tracer| tracer == "0"));
        until("it sleeps", || proc::state(pid) == Some('S'));
    }
    assert_eq!(tree.read("scan/sv/supervise/status"), status);
    obeys(&tree, pids[0], 1);
    let out = upgrade(&tree, &[]);
    assert_eq!(out.end, End::Code(0), "{out:?}");
    assert!(all.into_iter().all(|(pid, name)| runs(pid, Programs::ours(), name)));
    assert_eq!(proc::parent(pids[0]), Some(supervises[0]));
    assert_eq!(proc::parent(supervises[0]), Some(svscan.pid()));
    assert_eq!(tree.read("scan/sv/supervise/status"), status);
    obeys(&tree, pids[0], 2);
    // Nothing but its own descriptors reaches what is started from now on.
    let inherited = proc::descriptors(pids[0]);
    assert_eq!(tree.run("svc", ["-t", "scan/sv"]), exits(0, "", ""));
    until("it is started again", || until_up(&tree, "scan/sv") != pids[0]);
    let second = until_up(&tree, "scan/sv");
    until("it has what the first one had", || proc::descriptors(second) == inherited);
    assert_eq!(svscan.stderr(), b"");
}

fn working_tree(original: &'static Programs) -> Tree {
    Tree::of(original)
        .script("scan/sv/run", "trap 'echo HUP >>got' HUP; while :; do sleep 0.05; done")
        .script("scan/sv/log/run", "exec multilog ./main")
}

fn obeys(tree: &Tree, pid: i32, times: usize) {
    assert_eq!(tree.run("svc", ["-h", "scan/sv"]), exits(0, "", ""));
    until("it obeys", || tree.lines("scan/sv/got").len() == times);
    assert!(proc::alive(pid));
}

#[test]
fn killed_at_each_call() {
    let what = "svupgrade killed at each of its calls";
    let Some(original) = originals(what) else { return };
    let tree = working_tree(original);
    let svscan = scan(&tree);
    for service in ["scan/sv", "scan/sv/log"] {
        until_up(&tree, service);
        until_old(&tree, service, 2);
    }
    let file = Programs::ours().path("svupgrade");
    assert_eq!(tree.traced_file("trace", &[], &file).arg("scan").run().end, End::Code(0));
    assert!(runs(svscan.pid(), Programs::ours(), "svscan"));
    let calls = calls(&tree.read("trace"), "ptrace");
    drop(tree);
    let faults = selection(calls, 250);
    try_each(what, &faults, 2, |call| killed_at(original, call));
}
