//! svupgrade on a running tree of the original: each process executes ours in its place, and nothing else changes.
//!
//! Left out where the original is not installed or processes may not be traced. Other builds of the original:
//! `takeover_builds`. Not tested: aarch64, Yama.

use std::fs;

use daemontools_tests::boot::{boot, running};
use daemontools_tests::status::{Status, until_down, until_old, until_status, until_up};
use daemontools_tests::takeover::{originals, runs, scan, supervise_of, upgrade, verdicts};
use daemontools_tests::{End, Process, Programs, Tree, exits, proc, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

fn svc(tree: &Tree, letters: &str, service: &str) {
    assert_eq!(tree.run("svc", [letters, service]), exits(0, "", ""));
}

fn signal(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("a process");
}

#[test]
fn a_tree_goes_on_as_ours() {
    let Some(original) = originals("a tree of the original, taken over") else { return };
    let run = "for s in HUP USR1; do trap \"echo $s >>got\" $s; done; echo up; while :; do sleep 0.05; done";
    let tree = Tree::of(original)
        .script("scan/sv/run", run)
        .script("scan/sv/log/run", "exec multilog t ./main")
        .script("scan/off/run", "exec sleep 1000")
        .file("scan/off/down", "");
    let svscan = scan(&tree);
    let services = ["scan/sv", "scan/sv/log"];
    let before = services.map(|service| until_up(&tree, service));
    until_down(&tree, "scan/off");
    let supervises = before.map(|pid| supervise_of(pid));
    let started = [supervises[0], supervises[1], svscan.pid()].map(proc::started);
    let off = tree.read("scan/off/supervise/status");
    let status = tree.read("scan/sv/supervise/status");

    let out = upgrade(&tree, &["--check"]);
    assert_eq!(
        (out.end, verdicts(&out, "supervise")),
        (End::Code(0), vec!["can be upgraded".to_owned(); 3]),
        "{out:?}"
    );
    assert!(runs(svscan.pid(), original, "svscan") && runs(supervises[0], original, "supervise"), "it only looked");

    let out = upgrade(&tree, &[]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{out:?}");
    assert!(runs(svscan.pid(), Programs::ours(), "svscan"));
    assert!(supervises.iter().all(|&pid| runs(pid, Programs::ours(), "supervise")));
    assert_eq!([supervises[0], supervises[1], svscan.pid()].map(proc::started), started, "the same processes");
    assert_eq!(proc::parent(supervises[0]), Some(svscan.pid()));
    until("the status is written", || tree.read("scan/sv/supervise/status") == status);
    assert_eq!(tree.read("scan/off/supervise/status"), off);
    assert_eq!(proc::parent(before[0]), Some(supervises[0]), "the service is still its child");

    goes_on(&tree, svscan.pid(), supervises[0], before[0]);
    let again = upgrade(&tree, &[]);
    assert!(verdicts(&again, "svscan") == ["up to date"], "{again:?}");
    // The logger would only become the same program again.
    let path = original.path("multilog").display().to_string();
    let alone = format!("left alone: its run script finds {path} again; change that or its PATH, then svc -t");
    for told in [&out, &again] {
        assert_eq!((told.end, verdicts(told, "multilog")), (End::Code(0), vec![alone.clone()]), "{told:?}");
    }
    assert_eq!(until_up(&tree, "scan/sv/log"), before[1]);
}

/// Commands are obeyed, and the ends of the service `before` of `supervise`, and of a supervise of `svscan`, are noticed.
fn goes_on(tree: &Tree, svscan: i32, supervise: i32, before: i32) {
    svc(tree, "-h", "scan/sv");
    until("it obeys", || tree.lines("scan/sv/got") == ["HUP"]);
    svc(tree, "-o", "scan/off");
    until_up(tree, "scan/off");
    svc(tree, "-d", "scan/off");
    until_down(tree, "scan/off");
    signal(before, Signal::SIGKILL);
    let second = until_status(tree, "scan/sv", "another process", |status| status.up() && status.pid != before).pid;
    assert_eq!(proc::parent(second), Some(supervise));
    let log = || String::from_utf8_lossy(&tree.read("scan/sv/log/main/current")).matches(" up\n").count();
    until("both lines are in the log", || log() == 2);
    svc(tree, "-dx", "scan/off");
    until("svscan starts the supervise again", || {
        let status = Status::of(tree, "scan/off");
        let pid = proc::all().into_iter().find(|&pid| proc::arguments(pid) == [&b"supervise"[..], b"off"]);
        status.is_some() && pid.is_some_and(|pid| proc::parent(pid) == Some(svscan))
    });
}

#[test]
fn what_was_commanded_before_holds_afterwards() {
    let Some(original) = originals("commands before a takeover") else { return };
    let tree = Tree::of(original).script("scan/sv/run", "echo $$ >>pids; exec sleep 1000");
    let _svscan = scan(&tree);
    let first = until_up(&tree, "scan/sv");
    svc(&tree, "-o", "scan/sv");
    svc(&tree, "-p", "scan/sv");
    until_status(&tree, "scan/sv", "paused", |status| status.paused == 1 && status.want == '\0');
    assert_eq!(upgrade(&tree, &[]).end, End::Code(0));
    assert_eq!(
        Status::of(&tree, "scan/sv").map(|status| (status.pid, status.paused, status.want)),
        Some((first, 1, '\0'))
    );
    svc(&tree, "-c", "scan/sv");
    until_status(&tree, "scan/sv", "goes on", |status| status.paused == 0 && status.pid == first);
    signal(first, Signal::SIGKILL);
    until_down(&tree, "scan/sv");
    assert_eq!(tree.lines("scan/sv/pids").len(), 1, "once was wanted");
}

/// A tree of two services of which one cannot be taken over: it is refused whole, in a line that says why.
pub fn refused(tree: &Tree, svscan: &Process, why: &str) {
    let original = tree.programs();
    let out = upgrade(tree, &["-t", "3"]);
    let lines: Vec<String> = String::from_utf8_lossy(&out.stdout).lines().map(str::to_owned).collect();
    assert_eq!((out.end, lines.len(), out.stderr.as_slice()), (End::Code(111), 1, &b""[..]), "{out:?}");
    assert!(lines[0].contains(why), "{lines:?}");
    assert!(runs(svscan.pid(), original, "svscan"), "nothing was touched");
    let good = supervise_of(until_up(tree, "scan/good"));
    assert!(runs(good, original, "supervise"), "nothing was touched");
}

fn two_services(original: &'static Programs) -> (Tree, Process, i32) {
    let tree = Tree::of(original).script("scan/good/run", "exec sleep 1000").script("scan/odd/run", "exec sleep 1000");
    let svscan = scan(&tree);
    until_up(&tree, "scan/good");
    let odd = supervise_of(until_up(&tree, "scan/odd"));
    for service in ["scan/good", "scan/odd"] {
        until_old(&tree, service, 2);
    }
    (tree, svscan, odd)
}

#[test]
fn what_cannot_be_taken_over_is_refused_whole() {
    let Some(original) = originals("takeovers that are refused") else { return };
    let (tree, svscan, odd) = two_services(original);
    signal(odd, Signal::SIGSTOP);
    until("it is stopped", || proc::state(odd) == Some('T'));
    refused(&tree, &svscan, "refused: stopped by a signal");
    signal(odd, Signal::SIGCONT);
    let tracer = tree.invocation("/usr/bin/strace").args(["-qq", "-o", "trace", "-p"]).arg(odd.to_string()).spawn();
    until("it is traced", || proc::field(odd, "TracerPid") == Some(tracer.pid().to_string()));
    refused(&tree, &svscan, &format!("refused: traced by process {}", tracer.pid()));
    signal(tracer.pid(), Signal::SIGTERM);
    until("it is traced no more", || proc::field(odd, "TracerPid").is_some_and(|pid| pid == "0"));
    let status = tree.read("scan/odd/supervise/status");
    tree.put_file("scan/odd/supervise/status", [&status[..], &[0, 0]].concat());
    refused(&tree, &svscan, "refused: neither daemontools 0.76 nor ours: its supervise/status does not have 18 bytes");
    tree.put_file("scan/odd/supervise/status", status);
    assert_eq!(upgrade(&tree, &[]).end, End::Code(0), "it can be taken over now");
}

#[test]
fn a_program_of_the_same_name_is_refused() {
    let Some(original) = originals("a foreign supervise, not taken over") else { return };
    let tree = Tree::of(original)
        .script("foreign/supervise", "case $1 in good) exec /proc/self/fd/9 good;; esac; while :; do sleep 0.1; done")
        .script("scan/good/run", "exec sleep 1000")
        .script("scan/odd/run", "exec sleep 1000");
    let path = format!("{}:{}", tree.path("foreign").display(), original.search_path().to_string_lossy());
    let supervise = fs::File::options().read(true).open(original.path("supervise")).expect("a program");
    let svscan = tree.command("svscan").arg("scan").env("PATH", path).descriptor(9, supervise).spawn();
    until_old(&tree, "scan/good", 2);
    refused(&tree, &svscan, "refused: neither daemontools 0.76 nor ours: it ");
}

#[test]
fn a_process_without_a_free_descriptor_goes_on_as_before() {
    let Some(original) = originals("a takeover that fails inside the process") else { return };
    let (tree, _svscan, odd) = two_services(original);
    let limit = proc::descriptors(odd).len();
    let prlimit = tree.shell(&format!("prlimit --pid {odd} --nofile={limit}:"));
    assert_eq!(prlimit, exits(0, "", ""));
    let before = tree.read("scan/odd/supervise/status");
    let memory = || fs::read(format!("/proc/{odd}/maps")).expect("its memory");
    let memory_before = memory();
    let out = upgrade(&tree, &["-t", "3"]);
    let why = "refused: unable to make a file in memory in its place: process cannot open more files";
    assert_eq!(out.end, End::Code(111), "{out:?}");
    assert!(verdicts(&out, "supervise").contains(&why.to_owned()), "{out:?}");
    assert!(runs(odd, original, "supervise"));
    until("nothing is left in its memory", || memory() == memory_before);
    assert_eq!(tree.read("scan/odd/supervise/status"), before);
    assert_eq!(tree.shell(&format!("prlimit --pid {odd} --nofile=64:")), exits(0, "", ""));
    let first = until_up(&tree, "scan/odd");
    svc(&tree, "-t", "scan/odd");
    until_status(&tree, "scan/odd", "it obeys", |status| status.up() && status.pid != first);
    assert_eq!(upgrade(&tree, &[]).end, End::Code(0), "and a second run completes");
    assert!(runs(odd, Programs::ours(), "supervise"));
}

/// The whole machine of svscanboot: svscan beside readproctitle, in a pid namespace and with a root directory of its own.
/// From outside it is refused, from inside it is taken over.
#[test]
fn the_tree_of_svscanboot_goes_on_as_ours() {
    let what = "svscanboot of the original, taken over";
    let Some(original) = originals(what) else { return };
    let tree = Tree::of(original).script("etc/service/sv/run", "echo started >>started; exec sleep 1000");
    let programs = ["svscan", "supervise", "multilog", "svupgrade"].map(|name| Programs::ours().path(name));
    let programs = programs.map(|path| path.display().to_string()).join(" ");
    tree.put_script("before", &format!("mkdir root/new; cp {programs} root/new/"));
    let Some(machine) = boot(&tree, what, &["etc/service"]) else { return };
    until("the service runs", || tree.lines("etc/service/sv/started").len() == 1);
    until("readproctitle runs", || !running(&machine, "readproctitle").is_empty());
    let svscan = running(&machine, "svscan")[0];
    let supervise = running(&machine, "supervise")[0];
    let started = [svscan, supervise].map(proc::started);
    until_old(&tree, "etc/service/sv", 2);
    let enter = |program: &str, arguments: &[&str]| {
        let target = svscan.to_string();
        let nsenter = ["--target", &target, "--mount", "--root", "--pid", "--wd=/", program];
        tree.invocation("/usr/bin/nsenter").args(nsenter).args(arguments).run()
    };
    let out = enter("/new/svupgrade", &["/etc/service"]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{out:?}");
    assert_eq!([svscan, supervise].map(proc::started), started);
    let exe = |pid: i32| fs::read_link(format!("/proc/{pid}/exe")).expect("its program").display().to_string();
    assert!(exe(svscan).ends_with("/new/svscan") && exe(supervise).ends_with("/new/supervise"));
    assert!(!running(&machine, "readproctitle").is_empty());
    svc(&tree, "-t", "etc/service/sv");
    until("it is started again", || tree.lines("etc/service/sv/started").len() == 2);
}
