//! Trees in which ours and the original work together: each program of one on what the other left or holds.
//!
//! Left out where the original is not installed. Not tested: other versions of the original.

use std::fs;

use daemontools_tests::random::Random;
use daemontools_tests::scrub::scrub;
use daemontools_tests::status::{Status, record, until_status, until_up};
use daemontools_tests::{End, Output, Programs, Tree, exits, proc, until};

const SLEEP: &str = "exec sleep 1000";

/// Ours with the original, and the original with ours; none where the original is missing.
pub fn pairs(what: &str) -> Vec<(&'static Programs, &'static Programs)> {
    match Programs::original(what) {
        Some(original) => vec![(Programs::ours(), original), (original, Programs::ours())],
        None => Vec::new(),
    }
}

fn run(tree: &Tree, programs: &Programs, name: &str, arguments: &[&str]) -> Output {
    tree.command_of(programs, name).args(arguments).run()
}

/// Whether the process is the program of this name of these programs.
fn is(process: i32, programs: &Programs, name: &str) -> bool {
    let file = fs::canonicalize(programs.path(name)).expect("a program");
    fs::read_link(format!("/proc/{process}/exe")).is_ok_and(|exe| exe == file)
}

/// supervise of one, svc, svstat and svok of the other: the whole life of a service.
#[test]
fn control_and_status() {
    for (tools, programs) in pairs("svc, svstat and svok on the other's supervise") {
        let tree = Tree::of(programs).script("sv/run", SLEEP);
        let say = |expected: &str| {
            let expected = format!("sv: {expected}\n");
            until(&expected, || scrub(&run(&tree, tools, "svstat", &["sv"]).stdout) == expected.as_bytes());
        };
        let svc = |letters: &str| assert_eq!(run(&tree, tools, "svc", &[letters, "sv"]), exits(0, "", ""));
        say("unable to open supervise/ok: file does not exist");
        assert_eq!(run(&tree, tools, "svok", &["sv"]), exits(100, "", ""));
        let supervise = tree.spawn("supervise", ["sv"]);
        say("up (pid N) N seconds");
        assert_eq!(run(&tree, tools, "svok", &["sv"]), exits(0, "", ""));
        for (letters, line) in [
            ("-p", "up (pid N) N seconds, paused"),
            ("-c", "up (pid N) N seconds"),
            ("-d", "down N seconds, normally up"),
            ("-o", "up (pid N) N seconds"),
            ("-k", "down N seconds, normally up"),
            ("-u", "up (pid N) N seconds"),
        ] {
            svc(letters);
            say(line);
        }
        tree.put_file("sv/down", "");
        say("up (pid N) N seconds, normally down");
        svc("-dx");
        assert_eq!(supervise.wait(), exits(0, "", ""));
        say("supervise not running");
        assert_eq!(run(&tree, tools, "svok", &["sv"]), exits(100, "", ""));
    }
}

/// svscan of one, supervise of the other, found through PATH.
#[test]
fn svscan_and_supervise() {
    for (scanner, programs) in pairs("svscan over the other's supervise") {
        let tree = Tree::of(programs)
            .fifo("feed")
            .script("scan/sv/run", "exec cat <>../../feed")
            .script("scan/sv/log/run", "exec cat >>lines");
        let svscan = tree.command_of(scanner, "svscan").env("PATH", programs.search_path()).arg("scan").spawn();
        assert!(is(svscan.pid(), scanner, "svscan"));
        let services = ["scan/sv", "scan/sv/log"];
        let feed = || fs::File::options().read(true).write(true).open(tree.path("feed")).expect("open a FIFO");
        let feed = feed();
        for round in 1..=2 {
            for service in services {
                let process = until_up(&tree, service);
                assert!(is(proc::parent(process).expect("a parent"), programs, "supervise"));
            }
            std::io::Write::write_all(&mut &feed, b"line\n").expect("feed the service");
            until("the line in the log", || tree.lines("scan/sv/log/lines").len() == round);
            // The next round is on another pair of supervises.
            for service in services {
                let process = until_up(&tree, service);
                assert_eq!(tree.run("svc", ["-dx", service]), exits(0, "", ""));
                until_status(&tree, service, "started again", |s| s.up() && s.pid != process);
            }
        }
        assert_eq!(svscan.stderr(), b"");
    }
}

/// supervise of one goes on in the directory of the other, whatever way that ended; neither starts while the other runs.
#[test]
fn supervise_after_supervise() {
    for (next, programs) in pairs("supervise in the other's directory") {
        for asked_to_exit in [true, false] {
            let tree = Tree::of(programs).script("sv/run", SLEEP);
            let refused = "supervise: fatal: unable to acquire sv/supervise/lock: temporary failure\n";
            let supervise = tree.spawn("supervise", ["sv"]);
            let process = until_up(&tree, "sv");
            assert_eq!(run(&tree, next, "supervise", &["sv"]), exits(111, "", refused));
            assert_eq!(Status::of(&tree, "sv").map(|s| s.pid), Some(process));
            if asked_to_exit {
                assert_eq!(tree.run("svc", ["-dx", "sv"]), exits(0, "", ""));
                assert_eq!(supervise.wait(), exits(0, "", ""));
            } else {
                drop(supervise);
            }
            let second = tree.command_of(next, "supervise").arg("sv").spawn();
            until_status(&tree, "sv", "another process", |s| s.up() && s.pid != process);
            assert_eq!(run(&tree, programs, "supervise", &["sv"]), exits(111, "", refused));
            assert_eq!(run(&tree, programs, "svc", &["-dx", "sv"]), exits(0, "", ""));
            assert_eq!(second.wait(), exits(0, "", ""));
            assert_eq!(Status::of(&tree, "sv").map(|status| (status.pid, status.want)), Some((0, 'd')));
        }
    }
}

/// 500 random status files: both svstats print the same.
#[test]
fn svstat_and_svstat() {
    let Some(original) = Programs::original("the same status files for both svstats") else { return };
    let mut random = Random::new(18);
    // Each of them is held open: not all at a time, since a process may not be allowed so many files.
    for _ in 0..10 {
        fifty_for_both_svstats(original, &mut random);
    }
}

fn fifty_for_both_svstats(original: &Programs, random: &mut Random) {
    let mut tree = Tree::of(Programs::ours());
    let mut readers = Vec::new();
    let names: Vec<String> = (0..50).map(|n| format!("sv{n}")).collect();
    for name in &names {
        tree = tree.fifo(format!("{name}/supervise/ok"));
        let pid = *random.one(&[0, 1, 77, u32::MAX, 1 << 31]);
        let mut status = record(random.below(1 << 33), pid, *random.one(&[0, 1, 2, 255]), *random.one(b"udo\0x"));
        for _ in 0..random.below(3) {
            // Not the uppermost bytes: at 2^53 seconds and more the original counts in floating point.
            let at = 2 + random.below(status.len() as u64 - 2) as usize;
            status[at] = random.number().to_le_bytes()[0];
        }
        if random.once_in(8) {
            status.truncate(random.below(19) as usize);
        }
        if random.once_in(3) {
            tree = tree.file(format!("{name}/down"), "");
        }
        tree = tree.file(format!("{name}/supervise/status"), status);
        let mut fifo = fs::File::options();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut fifo, libc::O_NONBLOCK);
        readers.push(fifo.read(true).open(tree.path(format!("{name}/supervise/ok"))).expect("open a FIFO"));
    }
    let said = |programs: &Programs| {
        let out = tree.command_of(programs, "svstat").args(&names).run();
        assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]));
        String::from_utf8(out.stdout).expect("ASCII")
    };
    // A second may pass in between: the figures of one are those of the other or one more.
    let (first, ours, last) = (said(original), said(Programs::ours()), said(original));
    assert_eq!(ours.lines().count(), names.len());
    for ((first, ours), last) in first.lines().zip(ours.lines()).zip(last.lines()) {
        assert_eq!(scrub(ours.as_bytes()), scrub(first.as_bytes()));
        let seconds = |line: &str| -> Option<u64> {
            let (before, _) = line.split_once(" seconds")?;
            before.rsplit(' ').next()?.parse().ok()
        };
        let range = seconds(first)..=seconds(last);
        assert!(range.contains(&seconds(ours)), "{ours} is not within {range:?}");
    }
}
