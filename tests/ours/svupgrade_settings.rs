//! Services with settings, several at once, while svupgrade brings their supervise to another file or takes it over from the
//! original: what a setting did goes on, and what begins with a start begins with the next one.
//!
//! Not tested: control groups, which need a machine that has them.

use daemontools_tests::status::{until_old, until_status, until_up};
use daemontools_tests::takeover::{originals, upgrade};
use daemontools_tests::{End, Tree, exits, proc, until};

use crate::supervise_details::{detail, history, until_detail};
use crate::supervise_readiness::python;
use crate::svupgrade::{scan, tree};

/// Counts on standard output and says so to supervise; a child is in its process group.
const SPEAKS: &str = r#"exec python3 -c '
import os, socket, sys, time
address = "\0" + os.environ["NOTIFY_SOCKET"][1:]
supervise = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.fork() == 0: os.execlp("sleep", "sleep", "1000")
count = 0
supervise.sendto(b"READY=1", address)
while True:
    for _ in range(100):
        count += 1
        print(count)
    sys.stdout.flush()
    supervise.sendto(b"WATCHDOG=1\nSTATUS=%d" % count, address)
    time.sleep(0.05)'"#;

/// The process group of a process.
fn group(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

#[test]
fn what_settings_did_goes_on_in_the_new_program() {
    if !python("an upgrade of a service with settings") {
        return;
    }
    let tree = tree(SPEAKS)
        .file("sv/supervise.d/notify-socket", "on")
        .file("sv/supervise.d/watchdog", "1000s")
        .file("sv/supervise.d/group", "on")
        .file("sv/supervise.d/stop-timeout", "1000s")
        .file("sv/supervise.d/restart-limit", "5/1000s")
        .file("sv/supervise.d/no-restart", "9")
        .script("sv/supervise.d/finish", "echo $1 $2 >>finished");
    let logger = format!("exec {} s16777215 ./main", tree.path("old/multilog").display());
    tree.put_script("sv/log/run", &logger);
    let svscan = scan(&tree);
    until_detail(&tree, "state", "ready");
    let pid = until_up(&tree, "sv");
    let ready_since = detail(&tree, "ready-since");
    for to in ["new", "old", "new"] {
        let text = detail(&tree, "status-text");
        let out = tree.command("svupgrade").arg("--bin").arg(tree.path(to)).arg(tree.path("service")).run();
        assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]), "{out:?}");
        until("it hears what the service says", || detail(&tree, "status-text").is_some_and(|now| Some(now) != text));
        assert_eq!(
            (detail(&tree, "state").as_deref(), detail(&tree, "ready-since")),
            (Some("ready"), ready_since.clone())
        );
        assert_eq!((until_up(&tree, "sv"), detail(&tree, "lost"), history(&tree).len()), (pid, None, 0));
    }
    assert_eq!(tree.run("svc", ["-t", "sv"]), exits(0, "", ""));
    until("finish", || tree.lines("sv/finished") == ["-1 15"]);
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    let left = || proc::all().into_iter().filter(|&other| group(other) == Some(pid)).count();
    assert_eq!(left(), 0, "the whole group has ended");
    // The next one counts from 1 again.
    let text = String::from_utf8(tree.logged("sv/log/main")).expect("digits");
    let first: Vec<&str> = text
        .split_inclusive('\n')
        .zip(1_u64..)
        .map_while(|(line, number)| line.strip_suffix('\n').filter(|line| *line == number.to_string()))
        .collect();
    let rest = text.lines().nth(first.len());
    assert!(first.len() >= 100 && rest.is_none_or(|line| line == "1"), "after {} lines: {rest:?}", first.len());
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn settings_of_a_tree_of_the_original_begin_with_the_takeover() {
    let Some(original) = originals("a tree of the original with settings, taken over") else { return };
    let tree = Tree::of(original)
        .script("sv/run", "trap 'exit 3' TERM; echo >>runs; while :; do sleep 0.05; done")
        .file("sv/supervise.d/group", "on")
        .file("sv/supervise.d/stop-timeout", "1000s")
        .script("sv/supervise.d/finish", "echo $1 $2 >>finished")
        .link("scan/sv", "../sv");
    let svscan = daemontools_tests::takeover::scan(&tree);
    let pid = until_up(&tree, "sv");
    until("its trap is set", || tree.lines("sv/runs").len() == 1);
    until_old(&tree, "sv", 2);
    let out = upgrade(&tree, &[]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{out:?}");
    assert_eq!((until_up(&tree, "sv"), group(pid)), (pid, group(svscan.pid())), "it was started without a group");
    assert_eq!(tree.run("svc", ["-t", "sv"]), exits(0, "", ""));
    until("finish", || tree.lines("sv/finished") == ["3 0"]);
    let next = until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid).pid;
    until("it has a group of its own", || group(next) == Some(next));
}
