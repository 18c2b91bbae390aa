//! What svscan hands on to a service: everything that it was started with, and nothing of its own but the pipe.

use std::fs;

use daemontools_tests::proc::{arguments, descriptors, field, until_descriptors};
use daemontools_tests::status::{Status, until_up};
use daemontools_tests::{Invocation, Process, Tree, until, value};

/// Services, with and without a logger, that keep all as they got it and wait.
fn tree() -> Tree {
    let wait = "exec sleep 1000";
    Tree::new().script("scan/alone/run", wait).script("scan/sv/run", wait).script("scan/sv/log/run", wait)
}

/// The ids of the processes of the three services, once they are what they become.
fn start(tree: &Tree, svscan: Invocation) -> (Process, [i32; 3]) {
    let svscan = svscan.arg("scan").spawn();
    let of = |service: &str| {
        value(&format!("{service} sleeps"), || {
            let process = Status::of(tree, service)?.pid;
            (arguments(process).first()? == b"sleep").then_some(process)
        })
    };
    let processes = [of("scan/alone"), of("scan/sv"), of("scan/sv/log")];
    (svscan, processes)
}

/// Judged: "Nothing of a program's own reaches a service's process: descriptors, …".
#[test]
fn descriptors_are_those_that_svscan_was_given() {
    let tree = tree();
    let null = || fs::File::open("/dev/null").expect("open /dev/null");
    let (svscan, [alone, service, logger]) =
        start(&tree, tree.command("svscan").descriptor(5, null()).descriptor(60, null()));
    for process in [alone, service, logger] {
        until_descriptors(process, &[0, 1, 2, 5, 60]);
    }
    let link = |pid: i32, number: i32| fs::read_link(format!("/proc/{pid}/fd/{number}")).expect("a descriptor");
    let own = svscan.pid();
    assert_eq!([link(alone, 0), link(alone, 1), link(alone, 2)], [link(own, 0), link(own, 1), link(own, 2)]);
    assert_eq!([link(service, 0), link(service, 2)], [link(own, 0), link(own, 2)]);
    assert_eq!([link(logger, 1), link(logger, 2)], [link(own, 1), link(own, 2)]);
    assert_eq!(link(service, 1), link(logger, 0));
    assert!(link(service, 1).to_string_lossy().starts_with("pipe:"));
}

/// Spec, corners: "also with standard streams closed at its start."
#[test]
fn closed_standard_streams() {
    for closed in [&[0][..], &[1], &[2], &[0, 1], &[0, 1, 2]] {
        let tree = tree();
        let command = closed.iter().fold(tree.command("svscan"), |command, &number| command.closed(number));
        let (_svscan, [alone, service, logger]) = start(&tree, command);
        let open = |but: i32| (0..3).filter(|number| *number == but || !closed.contains(number)).collect::<Vec<i32>>();
        until("the streams that svscan has, and the pipe", || {
            (descriptors(alone), descriptors(service), descriptors(logger)) == (open(-1), open(1), open(0))
        });
    }
}

/// The same, with a line that goes through the pipe.
#[test]
fn the_pipe_works_with_closed_standard_streams() {
    let tree =
        Tree::new().script("scan/sv/run", "echo line; exec sleep 1000").script("scan/sv/log/run", "exec cat >>lines");
    let _svscan = tree.command("svscan").arg("scan").closed(0).closed(1).closed(2).spawn();
    until("the line in the log", || tree.lines("scan/sv/log/lines") == ["line"]);
}

/// Judged: "… signal mask, ignored signals, limits are as svscan was started with them."
#[test]
fn signals() {
    let signals = [libc::SIGHUP, libc::SIGPIPE, libc::SIGTERM, libc::SIGUSR1, 40];
    let set = signals.iter().fold(0_u64, |set, signal| set | 1 << (signal - 1));
    for (ignored, blocked) in [(&[][..], &[][..]), (&signals[..], &[]), (&[], &signals[..])] {
        let tree = tree();
        let (_svscan, processes) = start(&tree, tree.command("svscan").ignored(ignored).blocked(blocked));
        let expected = |given: &[i32]| Some(format!("{:016x}", if given.is_empty() { 0 } else { set }));
        for process in processes {
            assert_eq!(field(process, "SigIgn"), expected(ignored));
            assert_eq!(field(process, "SigBlk"), expected(blocked));
        }
    }
}

/// As above. SIGCHLD alone is supervise's business: its child has it default and unblocked.
#[test]
fn sigchld_is_as_usual_whatever_svscan_was_given() {
    for ignored in [true, false] {
        let tree = tree();
        let command = tree.command("svscan");
        let command = if ignored { command.ignored(&[libc::SIGCHLD]) } else { command.blocked(&[libc::SIGCHLD]) };
        let (_svscan, processes) = start(&tree, command);
        for process in processes {
            for name in ["SigIgn", "SigBlk"] {
                assert_eq!(field(process, name).as_deref(), Some("0000000000000000"));
            }
        }
    }
}

/// As above: limits, among them that of open files, which a svscan may have to raise for itself; umask and environment.
#[test]
fn limits_umask_and_environment() {
    let tree = tree();
    let path = tree.programs().search_path().into_string().expect("a PATH of text");
    let odd = ["A=1", "B=2", "A=3", "nonsense", "", "=x"].map(str::to_owned);
    let environment = [&odd[..], &[format!("PATH={path}")]].concat();
    // The program itself keeps the environment: a shell would tidy it.
    tree.put_exec("scan/alone/run", "#!/bin/cat -\n");
    let command = tree.command("svscan").environ(&environment).umask(0o035).stdin_pipe();
    let command = command.limit(libc::RLIMIT_NOFILE, 100, 200).limit(libc::RLIMIT_CORE, 7, 9);
    let _svscan = command.arg("scan").spawn();
    let process = value("cat", || {
        let process = Status::of(&tree, "scan/alone")?.pid;
        (arguments(process).first()? == b"/bin/cat").then_some(process)
    });
    let expected = environment.iter().flat_map(|entry| [entry.as_bytes(), b"\0"].concat()).collect::<Vec<u8>>();
    assert_eq!(fs::read(format!("/proc/{process}/environ")).expect("its environment"), expected);
    for process in [process, until_up(&tree, "scan/sv"), until_up(&tree, "scan/sv/log")] {
        assert_eq!(field(process, "Umask").as_deref(), Some("0035"));
        let limits = fs::read_to_string(format!("/proc/{process}/limits")).expect("limits");
        assert!(limits.contains("Max open files            100                  200"), "{limits}");
        assert!(limits.contains("Max core file size        7                    9"), "{limits}");
    }
}
