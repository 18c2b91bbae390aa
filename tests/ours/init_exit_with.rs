//! `svscan --exit-with SERVICE`: the tree ends with one of its services, and as that did.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{End, Process, Programs, Tree, exits, until};
use nix::sys::signal::Signal;

/// A tree whose service `a` runs `body`, with a logger, and whose service `b` does nothing; svscan exits with `a`.
fn exit_with_a(body: &str) -> (Tree, Process) {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", body).script("sv/a/log/run", "exec cat >>../../../log");
    let tree = tree.script("sv/b/run", "echo up >../../b\nexec sleep 1000");
    let process = tree.spawn("svscan", ["--init", "--exit-with", "a", "--grace", "60", "sv"]);
    (tree, process)
}

/// Issue: "when that service has ended for good …, the tree is stopped in order and svscan exits with its exit code
/// (128+n for a signal)"; "or its first end where it has no such settings".
#[test]
fn svscan_exits_with_a_service() {
    for (end, code) in [("exit 7", 7), ("exit 0", 0), ("kill -KILL $$", 128 + 9)] {
        let waits = "while [ ! -e ../../b ]; do sleep 0.1; done";
        let (tree, process) = exit_with_a(&format!("{waits}\necho last words\n{end}"));
        let output = process.wait();
        assert_eq!((output.end, output.stderr.as_slice()), (End::Code(code), &b""[..]), "{end}");
        assert_eq!(tree.lines("log").last().map(String::as_str), Some("last words"));
        assert!(tree.processes().is_empty());
    }
}

/// TERM stops such a tree as ever, and an end that an earlier supervise recorded does not count.
#[test]
fn a_service_that_has_not_ended_does_not_end_svscan() {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", "echo up >../../a\nexec sleep 1000");
    let label = "@400000006a00000000000000";
    let left = format!("state waiting\nsince {label}\nlast-end {label} code 9 ran-ms 1\nrestarts 0\n");
    let tree = tree.file("sv/a/supervise/details", left);
    let process = tree.spawn("svscan", ["--init", "--exit-with", "a", "sv"]);
    until("the service", || tree.path("a").exists());
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait().end, End::Code(0));
}

/// A service that says which ends are final does not end svscan by another one.
#[test]
fn an_end_that_is_not_final_does_not_end_svscan() {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", "echo run >>../../runs\nexit 1");
    let tree = tree.file("sv/a/supervise.d/no-restart", "0\n");
    let process = tree.spawn("svscan", ["--init", "--exit-with", "a", "sv"]);
    until("three runs", || tree.lines("runs").len() >= 3);
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait().end, End::Code(0));
}

/// Its supervise says which end is the last: by `no-restart` the first one that is meant, by `restart-limit` the one too many.
#[test]
fn supervise_says_when_a_service_has_ended_for_good() {
    let counts = "echo run >>../../runs\nruns=$(wc -l <../../runs)\n";
    let third = "[ $runs -lt 3 ] && exit 1\n";
    for (setting, value, body, code, runs) in [
        ("no-restart", "0 7\n", format!("{counts}{third}exit 7"), 7, 3),
        ("no-restart", "0 KILL\n", format!("{counts}{third}kill -KILL $$"), 128 + 9, 3),
        ("restart-limit", "1/1h\n", format!("{counts}exit 5"), 5, 2),
    ] {
        let tree = Tree::of(Programs::ours()).script("sv/a/run", &body);
        let tree = tree.file(format!("sv/a/supervise.d/{setting}"), value);
        let output = tree.spawn("svscan", ["--init", "--exit-with", "a", "sv"]).wait();
        assert_eq!((output.end, tree.lines("runs").len()), (End::Code(code), runs), "{setting} {value}");
    }
}

/// A setting that supervise does not use, because others may write it, is none for svscan either: the first end is final.
#[test]
fn a_setting_that_supervise_does_not_use_says_nothing() {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", "exit 7").file("sv/a/supervise.d/no-restart", "0\n");
    let others_may_write = Permissions::from_mode(0o666);
    fs::set_permissions(tree.path("sv/a/supervise.d/no-restart"), others_may_write).expect("change a mode");
    let output = tree.spawn("svscan", ["--init", "--exit-with", "a", "sv"]).wait();
    assert_eq!(output.end, End::Code(7));
    assert!(output.stderr.starts_with(b"supervise: warning: unable to use a/supervise.d/no-restart: "), "{output:?}");
}

#[test]
fn the_service_to_exit_with_must_exist() {
    let tree = Tree::of(Programs::ours()).script("sv/a/run", "exec sleep 1000");
    let missing = "svscan: fatal: unable to stat nosuch: file does not exist\n";
    assert_eq!(tree.run("svscan", ["--init", "--exit-with", "nosuch", "sv"]), exits(111, "", missing));
    let wrong = tree.run("svscan", ["--init", "--exit-with", "sv/a"]);
    assert_eq!(wrong.end, End::Code(100));
    assert!(
        wrong.stderr.starts_with(b"svscan: --exit-with needs the name of a service in dir, not sv/a\n"),
        "{wrong:?}"
    );
}
