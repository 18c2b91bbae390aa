//! Every program under conditions that nobody wants: closed or full standard streams, broken pipes, few descriptors,
//! an odd environment, arguments of every wrong kind. Ours never ends by a signal that the original does not end by,
//! never panics, and where the original is sane, ours is the same: code, output and messages.
//!
//! Not tested: programs that go on running (a started svscan and supervise are in the other files).

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use daemontools_tests::fault::{selection, try_each};
use daemontools_tests::process::End;
use daemontools_tests::scrub::scrub;
use daemontools_tests::{Invocation, Output, Programs, Tree, broken_pipe};

/// What is run, with what on standard input.
const RUNS: [(&str, &[&str], &str); 30] = [
    ("svok", &["sv"], ""),
    ("svok", &["missing"], ""),
    ("svc", &["-u", "sv", "missing"], ""),
    ("svc", &["-z", "sv"], ""),
    ("svstat", &["sv", "missing", "file"], ""),
    ("svstat", &["torn", "short", "huge", "zero"], ""),
    ("supervise", &["missing"], ""),
    ("supervise", &["file"], ""),
    ("supervise", &[], ""),
    ("svscan", &["missing"], ""),
    ("multilog", &["./log"], "one\ntwo\nhalf"),
    ("multilog", &["t", "-*", "+* two *", "e", "./log"], "one\n\n\0\ntwo three\n"),
    ("multilog", &["=status", "s4096", "n2", "./log"], "one\ntwo\n"),
    ("multilog", &["./file/log"], "one\n"),
    ("multilog", &["+", "-", "n", "s", "x"], "one\n"),
    ("tai64n", &[], "one\ntwo\nhalf"),
    ("tai64nlocal", &[], "@4000000068a1b2c3075bcd15 one\nplain\n@4000\n@zz\n@\n"),
    ("setuidgid", &["root", "true"], ""),
    ("setuidgid", &["no such account", "true"], ""),
    ("envuidgid", &["root", "sh", "-c", "echo $UID $GID"], ""),
    ("envdir", &["vars", "sh", "-c", "echo $A"], ""),
    ("envdir", &["missing", "true"], ""),
    ("softlimit", &["-c", "0", "sh", "-c", "echo hello"], ""),
    ("softlimit", &["-o", "12x", "true"], ""),
    ("setlock", &["-n", "lock", "sh", "-c", "echo hello"], ""),
    ("setlock", &["-nx", "missing/lock", "true"], ""),
    ("fghack", &["sh", "-c", "echo hello"], ""),
    ("pgrphack", &["sh", "-c", "echo hello"], ""),
    ("pgrphack", &["no such program"], ""),
    ("readproctitle", &["errors:", "....."], "boo\n\0hoo\n"),
];

/// Under what: what is done to an invocation.
type Condition = (&'static str, fn(Invocation, &Tree) -> Invocation);

const CONDITIONS: [Condition; 22] = [
    ("nothing odd", |run, _| run),
    ("0 closed", |run, _| run.closed(0)),
    ("1 closed", |run, _| run.closed(1)),
    ("2 closed", |run, _| run.closed(2)),
    ("0 and 1 closed", |run, _| run.closed(0).closed(1)),
    ("0 and 2 closed", |run, _| run.closed(0).closed(2)),
    ("1 and 2 closed", |run, _| run.closed(1).closed(2)),
    ("all closed", |run, _| run.closed(0).closed(1).closed(2)),
    ("1 full", |run, _| run.descriptor(1, full())),
    ("2 full", |run, _| run.descriptor(2, full())),
    ("1 a broken pipe", |run, _| run.descriptor(1, broken_pipe())),
    ("2 a broken pipe", |run, _| run.descriptor(2, broken_pipe())),
    ("1 a broken pipe, SIGPIPE ignored", |run, _| run.descriptor(1, broken_pipe()).ignored(&[libc::SIGPIPE])),
    ("0 a directory", |run, tree| run.descriptor(0, open(tree, "vars"))),
    ("0 open for writing only", |run, _| run.descriptor(0, full())),
    ("1 open for reading only", |run, tree| run.descriptor(1, open(tree, "file"))),
    ("8 open files", |run, _| run.limit(libc::RLIMIT_NOFILE, 8, 8)),
    ("no environment", |run, _| run.environ::<&str>([])),
    ("an odd environment", |run, _| run.environ(["", "=", "PATH", "A", "PATH=:/bin:/usr/bin:", "PATH=/nonexistent"])),
    ("umask 0777", |run, _| run.umask(0o777)),
    ("SIGCHLD, TERM and HUP ignored", |run, _| run.ignored(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGHUP])),
    ("all blocked", |run, _| run.blocked(&[libc::SIGCHLD, libc::SIGTERM, libc::SIGALRM, libc::SIGPIPE, libc::SIGINT])),
];

/// What stands in an argument's place: each is tried as the only argument, and before and after a sound one.
fn odd_arguments() -> Vec<OsString> {
    let mut odd: Vec<Vec<u8>> = [
        "",
        "-",
        "--",
        "---",
        "-x",
        "-\u{fffd}",
        "/",
        ".",
        "..",
        "./",
        "//",
        "\n",
        "a\nb",
        " ",
        "*",
        "%s%n",
        "=",
        "=x",
        "+*",
        "-*",
        "t",
        "s",
        "n",
        "!",
        "s99999999999999999999",
        "n-1",
        "-t",
        "-n",
        "vars",
        "file",
        "loop",
        "dangling",
        "@400000003b9aca0a00000000",
        "18446744073709551616",
    ]
    .map(|word| word.as_bytes().to_vec())
    .into();
    odd.extend([
        vec![0xff],
        vec![0xff, 0xfe, b'/'],
        vec![b'x'; 255],
        vec![b'x'; 256],
        vec![b'/'; 4096],
        vec![b'y'; 100_000],
    ]);
    odd.into_iter().map(OsString::from_vec).collect()
}

/// The programs that come to an end whatever argument they get.
const ENDING: [(&str, &[&str]); 12] = [
    ("svok", &[]),
    ("svc", &["-u"]),
    ("svstat", &[]),
    ("multilog", &[]),
    ("tai64n", &[]),
    ("setuidgid", &["true"]),
    ("envuidgid", &["true"]),
    ("envdir", &["true"]),
    ("softlimit", &["true"]),
    ("setlock", &["true"]),
    ("pgrphack", &[]),
    ("readproctitle", &[]),
];

fn full() -> OwnedFd {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full").into()
}

fn open(tree: &Tree, name: &str) -> OwnedFd {
    File::open(tree.path(name)).expect("open").into()
}

fn tree(programs: &'static Programs) -> Tree {
    Tree::of(programs)
        .fifo("sv/supervise/ok")
        .fifo("sv/supervise/control")
        .file("sv/supervise/status", [0xff; 18])
        .dir("torn/supervise/status")
        .file("torn/supervise/ok", "")
        .file("short/supervise/ok", "")
        .file("short/supervise/status", "seventeen bytes..")
        .file("huge/supervise/ok", "")
        .file("huge/supervise/status", [0xff; 100])
        .file("zero/supervise/ok", "")
        .file("zero/supervise/status", [0; 18])
        .file("file", "not a directory\n")
        .file("vars/A", "value \t\nmore")
        .file("vars/B", "")
        .file("vars/C", "nul\0nul")
        .link("loop", "loop")
        .link("dangling", "nowhere")
}

/// Ends that are defects, whatever the original does.
fn is_crash(end: End) -> bool {
    match end {
        End::Signal(signal) => signal != libc::SIGPIPE,
        End::Code(code) => code == 101 || code == 134,
    }
}

/// Runs the same on ours and on the original, each in a fresh tree; `None` where the original is not installed.
fn both(run: impl Fn(&Tree) -> Output) -> (Output, Option<Output>) {
    let ours = run(&tree(Programs::ours()));
    let original = Programs::original("the same on the original").map(|programs| run(&tree(programs)));
    (ours, original)
}

fn compare(what: &str, (ours, original): (Output, Option<Output>), is_known: bool) {
    assert!(!is_crash(ours.end), "{what}: {ours:?}");
    let Some(original) = original else { return };
    if is_crash(original.end) || is_known {
        return;
    }
    let clean = |output: &Output| (output.end, scrub(&output.stdout), scrub(&output.stderr));
    assert_eq!(clean(&ours), clean(&original), "{what}: ours {ours:?}, the original {original:?}");
}

#[test]
fn every_program_under_every_condition() {
    let cases: Vec<_> = RUNS.iter().flat_map(|run| CONDITIONS.iter().map(move |condition| (run, condition))).collect();
    let cases = selection(cases, 3);
    try_each("programs under odd conditions", &cases, 4, |((name, arguments, input), (condition, set))| {
        let outputs = both(|tree| set(tree.command(name).args(*arguments).stdin(input), tree).run());
        // Listed in docs/differences.md: a `status` that is a directory, and standard error with nobody to read it.
        let known = (*name == "svstat" && arguments.first() == Some(&"torn"))
            || (*name == "multilog" && *condition == "2 a broken pipe");
        compare(&format!("{name} {arguments:?}, {condition}"), outputs, known);
    });
}

#[test]
fn every_program_with_odd_arguments() {
    let odd = odd_arguments();
    let cases: Vec<_> = ENDING.iter().flat_map(|program| odd.iter().map(move |odd| (program, odd))).collect();
    let cases = selection(cases, 3);
    try_each("programs with odd arguments", &cases, 4, |((name, sound), odd)| {
        // Some programs write where they are told to, and nobody knows what is in the machine's `/`.
        let absolute = odd.as_bytes().starts_with(b"/");
        for arguments in [vec![], vec![OsString::from("vars")]] {
            let run = |run: Invocation| {
                let run = run.args(&arguments).arg(odd).args(*sound);
                run.stdin("a line\n").limit(libc::RLIMIT_CORE, 0, 0).run()
            };
            let what = format!("{name} {arguments:?} {odd:?} {sound:?}");
            if !absolute {
                compare(&what, both(|tree| run(tree.command(name))), false);
            } else if Tree::of(Programs::ours()).rooted("programs told to work in /", name).is_some() {
                compare(&what, both(|tree| run(tree.rooted("it", name).expect("a root of its own"))), false);
            }
        }
    });
}
