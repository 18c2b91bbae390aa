//! How a service ends, or its `finish`, that a supervise took over: the kernel tells it once the process is reaped by its
//! parent, here svscan as an init.
//!
//! Left out where the kernel does not (before Linux 6.15). Not tested: how long supervise waits for the reaping.

use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{End, Process, Programs, Tree, exits, left_out, proc, until, value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::supervise_readiness::python;

/// Whether the kernel tells how a process ended to others than its parent.
fn kernel_tells(what: &str) -> bool {
    if !python(what) {
        return false;
    }
    let probe = "import fcntl, os, struct, sys
child = os.fork()
if child == 0: os._exit(7)
process = os.pidfd_open(child)
os.waitpid(child, 0)
info = bytearray(struct.pack('Q56x', 8))
fcntl.ioctl(process, 0xc040ff0b, info)
sys.exit(0 if info[0] & 8 and info[60:] == b'\\0\\7\\0\\0' else 1)";
    let tells = Tree::new().invocation("/usr/bin/python3").args(["-c", probe]).run().end == End::Code(0);
    if !tells {
        left_out(what, "this kernel tells only a parent how a process ended");
    }
    tells
}

fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("a process");
}

fn text(tree: &Tree, service: &str, file: &str) -> String {
    String::from_utf8(tree.read(format!("{service}/supervise/{file}"))).expect("text")
}

fn detail(tree: &Tree, service: &str, key: &str) -> Option<String> {
    let text = text(tree, service, "details");
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ').map(str::to_owned))
}

/// The svscan that reaps what supervises leave.
fn init(tree: &Tree) -> Process {
    tree.spawn("svscan", ["--init", "--grace", "3600", "scan"])
}

/// The supervise of a service in `scan`.
fn supervise(svscan: &Process, service: &str) -> Option<i32> {
    let is_it = |&pid: &i32| {
        proc::arguments(pid) == [b"supervise", service.as_bytes()]
            && proc::parent(pid) == Some(svscan.pid())
            && !proc::is_forked_only(pid)
            && proc::state(pid) != Some('Z')
    };
    proc::all().into_iter().find(is_it)
}

/// Kills the supervise of a service; the next one.
fn succeed(tree: &Tree, svscan: &Process, service: &str) -> i32 {
    let first = value("a supervise", || supervise(svscan, service));
    send(first, Signal::SIGKILL);
    let next = value("the next one", || supervise(svscan, service).filter(|&pid| pid != first));
    until("it is at work", || tree.run("svok", [format!("scan/{service}")]) == exits(0, "", ""));
    next
}

/// Something happens to a process that a supervise took over, which finds it reaped when it looks again.
fn ends_unseen(supervise: i32, pid: i32, end: impl FnOnce()) {
    send(supervise, Signal::SIGSTOP);
    until("it is stopped", || proc::state(supervise) == Some('T'));
    end();
    until("it has ended and is reaped", || proc::state(pid).is_none());
    send(supervise, Signal::SIGCONT);
}

#[test]
fn the_end_of_a_service_is_told() {
    if !kernel_tells("the end of a service that was taken over") {
        return;
    }
    let on_hangup = |what: &str| format!("trap '{what}' HUP; echo >ready; while :; do sleep 0.05; done");
    let tree = Tree::of(Programs::ours())
        .script("scan/code/run", &on_hangup("exit 7"))
        .script("scan/code/supervise.d/finish", "echo $1 $2 >>finished")
        .script("scan/signal/run", "echo >ready; exec sleep 987")
        .script("scan/done/run", &on_hangup("exit 0"))
        .file("scan/done/supervise.d/no-restart", "0");
    let svscan = init(&tree);
    let services = ["code", "signal", "done"];
    let pids = services.map(|service| until_up(&tree, &format!("scan/{service}")));
    for service in services {
        until("it runs", || tree.path(format!("scan/{service}/ready")).exists());
    }
    for (service, pid) in services.into_iter().zip(pids) {
        let next = succeed(&tree, &svscan, service);
        assert!(detail(&tree, &format!("scan/{service}"), "adopted").is_some());
        ends_unseen(next, pid, || send(pid, Signal::SIGHUP));
    }
    for (service, end) in [("code", "code 7"), ("signal", "signal HUP"), ("done", "code 0")] {
        let history = || text(&tree, &format!("scan/{service}"), "history");
        until("the history", || history().lines().count() == 1);
        let words = history().split_once(' ').expect("a label and words").1.to_owned();
        assert!(words.starts_with(&format!("{end} ran-ms ")) && !words.contains("cpu-ms"), "{words}");
    }
    until("finish", || tree.lines("scan/code/finished") == ["7 0"]);
    until("it is done", || detail(&tree, "scan/done", "state").as_deref() == Some("done"));
    for (service, pid) in services.into_iter().zip(pids).take(2) {
        until_status(&tree, &format!("scan/{service}"), "started again", |status| status.up() && status.pid != pid);
    }
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn the_end_of_finish_is_told() {
    if !kernel_tells("the end of a finish that was taken over") {
        return;
    }
    let finish = "echo $$ >>finishes; until test -e ../../go; do sleep 0.05; done; exit 125";
    let tree = Tree::of(Programs::ours())
        .script("scan/sv/run", "exec sleep 987")
        .script("scan/sv/supervise.d/finish", finish)
        .file("scan/sv/supervise.d/finish-timeout", "1000s");
    let svscan = init(&tree);
    send(until_up(&tree, "scan/sv"), Signal::SIGKILL);
    let pid: i32 = value("finish runs", || tree.lines("scan/sv/finishes").first()?.parse().ok());
    until("it is recorded", || detail(&tree, "scan/sv", "finish-pid") == Some(pid.to_string()));
    let next = succeed(&tree, &svscan, "sv");
    ends_unseen(next, pid, || tree.put_file("go", ""));
    until("it has given the service up", || detail(&tree, "scan/sv", "state").as_deref() == Some("failed"));
}
