//! What the service's process inherits: everything that supervise was started with, and nothing of supervise's own.

use std::fs;
use std::os::unix::fs::symlink;

use daemontools_tests::proc::{arguments, descriptors, field, until_descriptors};
use daemontools_tests::status::until_up;
use daemontools_tests::{Invocation, Process, Tree, until, value};

/// A tree whose service is `cat`, which keeps all as it got it and waits for input. The kernel starts it for the script.
fn cat() -> Tree {
    Tree::new().exec("sv/run", "#!/bin/cat -\n")
}

/// Starts supervise with a pipe on its standard input; the process and its service's id.
fn start(tree: &Tree, supervise: Invocation) -> (Process, i32) {
    let process = supervise.arg("sv").stdin_pipe().spawn();
    until_up(tree, "sv");
    // The status tells of the fork. The exec comes a moment later.
    let service = value("the exec", || {
        let service = until_up(tree, "sv");
        let words = arguments(service);
        (!words.is_empty() && words != arguments(process.pid())).then_some(service)
    });
    (process, service)
}

/// Spec, supervise: "starts `./run` (no arguments, argv[0] `./run`)".
#[test]
fn arguments_and_directory() {
    let tree = Tree::new().dir("sv");
    symlink("/bin/sh", tree.path("sv/run")).expect("a link");
    let (_supervise, service) = start(&tree, tree.command("supervise"));
    assert_eq!(arguments(service), [b"./run"]);
    assert_eq!(fs::read_link(format!("/proc/{service}/cwd")).expect("its directory"), tree.path("sv"));
    let tree = cat();
    let (_supervise, service) = start(&tree, tree.command("supervise"));
    assert_eq!(arguments(service), [&b"/bin/cat"[..], b"-", b"./run"]);
}

/// Spec, supervise: "Standard streams, environment and group are inherited."
#[test]
fn streams_environment_and_group() {
    let tree = cat();
    let odd = ["A=1", "B=2", "A=3", "nonsense", "", "=x", "PATH=/bin"];
    let (supervise, service) = start(&tree, tree.command("supervise").environ(odd));
    let environment = fs::read(format!("/proc/{service}/environ")).expect("its environment");
    assert_eq!(environment, b"A=1\0B=2\0A=3\0nonsense\0\0=x\0PATH=/bin\0");
    let link = |pid: i32, number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).expect("a descriptor");
    for number in 0..3 {
        assert_eq!(link(service, number), link(supervise.pid(), number));
    }
    for name in ["Uid", "Gid", "Groups"] {
        assert_eq!(field(service, name), field(supervise.pid(), name));
    }
    // Process group and session: the fourth and fifth field after the state.
    let ids = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
        let (_, after) = stat.rsplit_once(')').expect("a name");
        after.split_whitespace().skip(2).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids(service), ids(supervise.pid()));
}

/// Spec, supervise: "none of supervise's own descriptors".
#[test]
fn descriptors_are_those_that_supervise_was_given() {
    let tree = cat();
    let (_supervise, service) = start(&tree, tree.command("supervise"));
    until_descriptors(service, &[0, 1, 2]);
    let null = || fs::File::open("/dev/null").expect("open /dev/null");
    let tree = cat();
    let command = tree.command("supervise").descriptor(5, null()).descriptor(7, null()).descriptor(63, null());
    let (_supervise, service) = start(&tree, command);
    until_descriptors(service, &[0, 1, 2, 5, 7, 63]);
}

/// Spec, corners: supervise's own descriptors do not take the place of closed ones.
#[test]
fn closed_standard_streams_stay_closed() {
    for closed in [&[0][..], &[1], &[2], &[0, 1, 2]] {
        let tree = Tree::new().script("sv/run", "exec sleep 1000");
        let command =
            closed.iter().fold(tree.command("supervise").arg("sv"), |command, &number| command.closed(number));
        let _supervise = command.spawn();
        let service = until_up(&tree, "sv");
        let open: Vec<i32> = (0..3).filter(|number| !closed.contains(number)).collect();
        until("the same streams as supervise", || {
            arguments(service) == [&b"sleep"[..], b"1000"] && descriptors(service) == open
        });
    }
}

/// Spec, corners: "supervise's child: SIGCHLD default and unblocked whatever was inherited, … all else passes through".
#[test]
fn signals() {
    let tree = cat();
    let (_supervise, service) = start(&tree, tree.command("supervise"));
    for name in ["SigBlk", "SigIgn", "SigCgt"] {
        assert_eq!(field(service, name).as_deref(), Some("0000000000000000"), "{name}");
    }
    let tree = cat();
    let signals = [libc::SIGHUP, libc::SIGPIPE, libc::SIGCHLD, libc::SIGTERM, libc::SIGUSR1, 40];
    let expected = [libc::SIGHUP, libc::SIGPIPE, libc::SIGTERM, libc::SIGUSR1, 40];
    let set = expected.iter().fold(0_u64, |set, signal| set | 1 << (signal - 1));
    let (_supervise, service) = start(&tree, tree.command("supervise").ignored(&signals));
    assert_eq!(field(service, "SigIgn"), Some(format!("{set:016x}")));
    let tree = cat();
    let (_supervise, service) = start(&tree, tree.command("supervise").blocked(&signals));
    assert_eq!(field(service, "SigBlk"), Some(format!("{set:016x}")));
    assert_eq!(field(service, "SigIgn").as_deref(), Some("0000000000000000"));
}

/// Judged: "limits are as svscan was started with them".
#[test]
fn umask_and_limits() {
    let tree = cat();
    let command = tree.command("supervise").umask(0o035);
    let command =
        command.limit(libc::RLIMIT_NOFILE, 40, 50).limit(libc::RLIMIT_CORE, 7, 9).limit(libc::RLIMIT_CPU, 99, 99);
    let (supervise, service) = start(&tree, command);
    assert_eq!(field(service, "Umask").as_deref(), Some("0035"));
    let limits = |pid: i32| fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
    assert_eq!(limits(service), limits(supervise.pid()));
    assert!(limits(service).contains("Max open files            40                   50"));
}
