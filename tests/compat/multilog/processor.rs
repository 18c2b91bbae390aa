//! The processor.

use std::io::Write;

use daemontools_tests::{End, Tree, exits, until};
use nix::sys::signal::Signal;

use super::{Running, line, log, multilog};

/// Spec, multilog: "`sh -c PROCESSOR` with stdin `previous`, stdout `processed`, descriptor 4 reading `state`, 5 writing
/// `newstate` […]; then `processed` becomes `@stamp.s`, `newstate` becomes `state`".
#[test]
fn a_full_file_goes_through_the_processor() {
    let tree = Tree::new();
    let count = "!tr x y; read n <&4; echo $((n + 1)) >&5";
    let mut running = Running::within(tree, &["s4096", "n5", count, "./d"]);
    for length in [3000, 2500, 10] {
        running.give(&line(length));
    }
    let tree = running.end();
    let mut changed = [line(3000), line(2500)];
    for byte in changed.iter_mut().flatten().filter(|byte| **byte == b'x') {
        *byte = b'y';
    }
    let files = tree.log_files("d");
    assert_eq!(files.iter().map(|file| file.kind()).collect::<Vec<_>>(), ["@.s", "@.s", "current", "lock", "state"]);
    assert!(files[0].content == changed[0] && files[1].content == changed[1]);
    assert_eq!(files.iter().map(|file| file.mode).collect::<Vec<_>>(), [0o744, 0o744, 0o744, 0o600, 0o644]);
    assert_eq!((tree.read("d/current"), tree.read("d/state")), (line(10), b"2\n".to_vec()));
}

/// What a processor is started with.
#[test]
fn a_processor_inherits_what_multilog_was_started_with() {
    let tree = Tree::new();
    let script = "!pwd >../seen; umask >>../seen; tr '\\0' '|' </proc/$$/cmdline >>../seen; echo >>../seen; \
                  for fd in /proc/$$/fd/*; do echo ${fd##*/} $(readlink $fd | sed s:.*/::) >>../fds; done; \
                  grep ^SigIgn /proc/$$/status >>../seen; echo $WHAT >>../seen";
    let file = std::fs::File::open("/dev/null").expect("open /dev/null");
    let command = tree
        .command("multilog")
        .args(["s4096", script, "./d"])
        .env("WHAT", "ever")
        .umask(0o077)
        .descriptor(9, file)
        .ignored(&[libc::SIGTERM, libc::SIGPIPE, libc::SIGHUP])
        .blocked(&[libc::SIGALRM]);
    assert_eq!(command.stdin(line(3000)).run(), exits(0, "", ""));
    let seen = tree.lines("seen");
    assert!(seen[0].ends_with("/d"), "{seen:?}");
    assert_eq!(seen[1], "0022");
    assert!(seen[2].starts_with("sh|-c|pwd >../seen;"), "{seen:?}");
    // TERM and ALRM have their default effect, the others what they had. (What is blocked the shell unblocks.)
    assert_eq!(seen[3..], ["SigIgn:\t0000000000001001", "ever"]);
    let fds = tree.lines("fds");
    for expected in ["0 previous", "1 processed", "4 state", "5 newstate", "9 null"] {
        assert!(fds.iter().any(|fd| fd == expected), "{expected}: {fds:?}");
    }
    // The shell has descriptors of its own, from 10 on; none is multilog's.
    let ours = ["lock", "current", "d", "[signalfd]", "[eventpoll]"];
    assert!(!fds.iter().any(|fd| ours.iter().any(|name| fd.ends_with(&format!(" {name}")))), "{fds:?}");
}

/// Spec, multilog: "repeated until it exits 0 (each failure: a warning and 5 seconds)". What it had written is gone.
#[test]
fn a_processor_that_fails_is_run_again() {
    let tree = Tree::new();
    let script = "!echo x >>../runs; test $(wc -l <../runs) = 2 || { echo partial; echo 9 >&5; exit 7; }; cat";
    let out = multilog(&tree, &["s4096", script, "./d"], &line(3000));
    assert_eq!(out, exits(0, "", "multilog: warning: processor failed in ./d, pausing\n"));
    assert!(tree.lines("runs").len() == 2 && tree.log_sizes("d") == [3000, 0]);
    assert_eq!(tree.read("d/state"), b"");
}

#[test]
fn a_processor_that_is_killed_is_run_again() {
    let tree = Tree::new();
    let script = "!echo x >>../runs; test $(wc -l <../runs) = 2 || kill -9 $$; cat";
    let out = multilog(&tree, &["s4096", script, "./d"], &line(3000));
    assert_eq!((out.end, tree.log_sizes("d")), (End::Code(0), vec![3000, 0]));
    assert!(out.stderr.starts_with(b"multilog: warning: processor crashed in ./d, pausing"), "{out:?}");
}

#[test]
fn a_processor_that_cannot_be_run_says_so() {
    let tree = Tree::new().dir("d/newstate");
    let mut running = Running::within(tree, &["s4096", "!cat", "./d"]);
    running.input.write_all(&line(3000)).expect("write");
    let expected = "multilog: fatal: unable to run cat: is a directory\n\
                    multilog: warning: processor failed in ./d, pausing\n";
    until("a warning", || running.process.stderr().starts_with(expected.as_bytes()));
    std::fs::remove_dir(running.tree.path("d/newstate")).expect("remove a directory");
    drop(running.input);
    assert_eq!(running.process.wait().end, End::Code(0));
    assert_eq!(running.tree.log_sizes("d"), [3000, 0]);
}

/// TERM does not disturb it.
#[test]
fn a_processor_is_waited_for() {
    let tree = Tree::new().fifo("go");
    let mut running = Running::within(tree, &["s4096", "!read x <../go; cat", "./d"]);
    running.input.write_all(&line(3000)).expect("write");
    until("the processor runs", || running.tree.path("d/newstate").exists());
    running.process.signal(Signal::SIGTERM);
    running.tree.put_file("go", "go\n");
    // The original may be waiting for input when it sees the signal, and then waits on.
    assert_eq!(running.end().log_sizes("d"), [3000, 0]);
}

#[test]
fn a_processor_counts_for_the_directories_after_it() {
    let tree = Tree::new();
    log(&tree, &["s4096", "./a", "!tr x y", "./b", "!tr x z", "./c"], &line(3000));
    let first = |log| tree.logged(log)[0];
    assert_eq!(["a", "b", "c"].map(first), [b'x', b'y', b'z']);
}
