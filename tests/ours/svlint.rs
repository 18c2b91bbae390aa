//! `svlint`: each finding has a tree in which it is found, alone, and a twin in which nothing is.
//!
//! Not tested here: what the scripts are told in detail, which is pure (`crates/svlint/src`); sound trees of many styles
//! (`svlint_styles.rs`); what happens right now (`svlint_live.rs`).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};

use daemontools_tests::accounts::{shell, with_module};
use daemontools_tests::{End, Output, Programs, Tree, broken_pipe, exits, needs_root};
use serde_json::Value;

pub fn svlint(tree: &Tree, arguments: &[&str]) -> Output {
    tree.command_of(Programs::ours(), "svlint").args(arguments).run()
}

/// The codes of what is found in a tree, with the files.
pub fn found(tree: &Tree, dir: &str) -> Vec<String> {
    let out = svlint(tree, &["--json", dir]);
    assert_eq!(out.stderr, b"");
    let lines = String::from_utf8(out.stdout).expect("JSON is UTF-8");
    let objects: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect();
    let worst = objects.iter().map(|object| if object["severity"] == "error" { 2 } else { 1 }).max();
    assert_eq!(out.end, End::Code(worst.unwrap_or(0)));
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    objects.iter().map(|object| format!("{} {}", text(&object["code"]), text(&object["path"]))).collect()
}

/// A tree of one sound service with a logger, and in its directories programs that need not be installed.
pub fn sound() -> Tree {
    let programs = ["sv/memcached", "sv/sshd", "sv/app", "sv/log/svlogd", "sv/log/chpst"];
    let tree = Tree::of(Programs::ours())
        .script("t/sv/run", "exec 2>&1\nexec sleep 987")
        .script("t/sv/log/run", "exec multilog t ./main")
        .dir("t/sv/log/main");
    programs.iter().fold(tree, |tree, program| tree.exec(format!("t/{program}"), ""))
}

fn mode(tree: &Tree, path: &str, mode: u32) {
    fs::set_permissions(tree.path(path), Permissions::from_mode(mode)).expect("change a mode");
}

fn remove(tree: &Tree, path: &str) {
    fs::remove_dir_all(tree.path(path)).expect("remove");
}

fn link(tree: &Tree, to: &str, path: &str) {
    symlink(to, tree.path(path)).expect("link");
}

type Change = fn(&Tree);

/// What is found in a script, the script, and one that looks alike and does no harm.
const SCRIPTS: &[(&str, &str, &str)] = &[
    ("SL006 t/sv/run", "exec 2>&1\ntail x", "exec 2>&1\nhead x\nexec tail x"),
    ("SL007 t/sv/run", "exec 2>&1\ntail x &", "exec 2>&1\nhead x &\nexec tail x"),
    ("SL007 t/sv/run", "exec ./memcached -d 2>&1", "exec fghack ./memcached -d 2>&1"),
    ("SL008 t/sv/run", "exec ./sshd 2>&1", "exec ./sshd -D 2>&1"),
    ("SL009 t/sv/run", "exec tail 2", "exec tail \\\n 2>&1"),
    ("SL010 t/sv/log/run", "exec ./svlogd -tt ./missing", "exec ./svlogd -b 4096 -tt main"),
    ("SL010 t/sv/log/run", "exec multilog t /no/such/directory", "exec multilog t ./another"),
    ("SL021 t/sv/run", "exec tail\u{a0}-f 2>&1", "exec tail '\u{a0}' 2>&1"),
    ("SL022 t/sv/run", "exec no-such-program 2>&1", "[ -x /no-such-program ] && exec /no-such-program 2>&1"),
    ("SL023 t/sv/log/run", "exec multilog t ./main s5000", "exec multilog t s5000 ./main"),
    ("SL012 t/sv/run", "exec setuidgid no-such tail 2>&1", "exec setuidgid nobody tail 2>&1"),
];

/// What is found, the change to the sound tree that makes it so, and the change that looks alike and does no harm.
const PAIRS: &[(&str, Change, Change)] = &[
    (
        "SL001 t/sv/run",
        |t| fs::remove_file(t.path("t/sv/run")).expect("remove"),
        |t| t.put_script("t/sv/run", "exec tail 2>&1"),
    ),
    (
        "SL024 t/sv/supervise.d/stop-timeout",
        |t| t.put_file("t/sv/supervise.d/stop-timeout", "10\n"),
        |t| t.put_file("t/sv/supervise.d/stop-timeout", "10s\nten seconds\n"),
    ),
    (
        "SL024 t/sv/log/supervise.d/timeout-kill",
        |t| t.put_file("t/sv/log/supervise.d/timeout-kill", "10s\n"),
        |t| t.put_file("t/sv/log/supervise.d/.timeout-kill.swp", "10s\n"),
    ),
    (
        "SL024 t/sv/supervise.d/finish",
        |t| t.put_file("t/sv/supervise.d/finish", "#!/bin/sh\n"),
        |t| t.put_file("t/sv/supervise.d/finish", "off\n"),
    ),
    (
        "SL024 t/sv/supervise.d/watchdog",
        |t| t.put_file("t/sv/supervise.d/watchdog", "10s"),
        |t| {
            t.put_file("t/sv/supervise.d/watchdog", "10s");
            t.put_file("t/sv/supervise.d/notify-socket", "")
        },
    ),
    (
        "SL024 t/sv/supervise.d/group",
        |t| {
            t.put_file("t/sv/supervise.d/group", "");
            mode(t, "t/sv/supervise.d/group", 0o664)
        },
        |t| t.put_file("t/sv/supervise.d/group", ""),
    ),
    (
        "SL025 t/sv/finish",
        |t| t.put_script("t/sv/finish", ""),
        |t| {
            t.put_script("t/sv/finish", "");
            fs::create_dir(t.path("t/sv/supervise.d")).expect("make a directory");
            link(t, "../finish", "t/sv/supervise.d/finish")
        },
    ),
    (
        "SL025 t/sv/timeout-kill",
        |t| t.put_file("t/sv/timeout-kill", "5000\n"),
        |t| {
            t.put_file("t/sv/timeout-kill", "5000\n");
            t.put_file("t/sv/supervise.d/stop-timeout", "5s")
        },
    ),
    (
        "SL033 t/sv/run",
        |t| t.put_script("t/sv/run", "exec 2>&1\nsv check db || exit 1\nexec tail"),
        |t| {
            t.put_script("t/sv/run", "exec 2>&1\nsv check db || exit 1\nexec tail");
            t.put_file("t/.supervise.d/status", "runit\n")
        },
    ),
    (
        "SL033 t/sv/run",
        |t| t.put_script("t/sv/run", "exec 2>&1\nexec s6-notifyoncheck -d tail"),
        |t| t.put_script("t/sv/run", "exec 2>&1\nexec tail"),
    ),
    (
        "SL025 t/sv/no-setsid",
        |t| t.put_file("t/sv/no-setsid", ""),
        |t| fs::create_dir(t.path("t/sv/no-setsid")).expect("make a directory"),
    ),
    ("SL001 t/sw/run", |t| t.put_exec("t/sw/run/x", ""), |t| t.put_script("t/sw/run", "exec tail")),
    ("SL002 t/sv/run", |t| mode(t, "t/sv/run", 0o644), |t| mode(t, "t/sv/run", 0o700)),
    (
        "SL003 t/sv/run",
        |t| t.put_exec("t/sv/run", "exec tail 2>&1\n"),
        |t| t.put_exec("t/sv/run", "#! /bin/sh\nexec tail 2>&1\n"),
    ),
    ("SL003 t/sv/log/run", |t| t.put_exec("t/sv/log/run", ""), |t| t.put_exec("t/sv/log/run", "\x7fELF")),
    (
        "SL004 t/sv/run",
        |t| t.put_exec("t/sv/run", "#!/bin/sh\r\nexec tail 2>&1\r\n"),
        |t| t.put_exec("t/sv/run", "#!/bin/sh\nexec tail '\r' 2>&1\n"),
    ),
    ("SL004 t/sv/run", |t| t.put_exec("t/sv/run", "#!/bin/sh\nexec tail 2>&1\r\n"), |_| {}),
    (
        "SL005 t/sv/run",
        |t| t.put_exec("t/sv/run", "#!/no/sh\nexec tail 2>&1\n"),
        |t| t.put_exec("t/sv/run", "#!/bin/sh -e\nexec tail 2>&1\n"),
    ),
    (
        "SL005 t/sv/run",
        |t| t.put_exec("t/sv/run", "#!sh\nexec tail 2>&1\n"),
        |t| {
            link(t, "/bin/sh", "t/sv/sh");
            t.put_exec("t/sv/run", "#!./sh\nexec tail 2>&1\n")
        },
    ),
    (
        "SL009 t/sv/run",
        |t| t.put_script("t/sv/run", "exec tail"),
        |t| {
            t.put_script("t/sv/run", "exec tail");
            remove(t, "t/sv/log")
        },
    ),
    (
        "SL010 t/sv/log/run",
        |t| {
            remove(t, "t/sv/log/main");
            t.put_script("t/sv/log/run", "exec setuidgid nobody multilog t ./main")
        },
        |t| {
            remove(t, "t/sv/log/main");
            mode(t, "t/sv/log", 0o777);
            t.put_script("t/sv/log/run", "exec setuidgid nobody multilog t ./main")
        },
    ),
    (
        "SL011 t/sv/log/run",
        |t| t.put_script("t/sv/log/run", "exec setuidgid nobody multilog t ./main"),
        |t| {
            t.put_script("t/sv/log/run", "exec setuidgid nobody multilog t ./main");
            mode(t, "t/sv/log/main", 0o777)
        },
    ),
    (
        "SL011 t/sv/log/run",
        |t| {
            t.put_script("t/sv/log/run", "exec ./chpst -u nobody multilog t ./main");
            mode(t, "t/sv/log/main", 0o777);
            t.put_file("t/sv/log/main/current", "")
        },
        |t| {
            t.put_script("t/sv/log/run", "exec ./chpst -u nobody multilog t ./main");
            mode(t, "t/sv/log/main", 0o777);
            t.put_file("t/sv/log/main/current", "");
            mode(t, "t/sv/log/main/current", 0o666)
        },
    ),
    (
        "SL013 t/sw/log/run",
        |t| {
            t.put_script("t/sw/run", "exec tail 2>&1");
            t.put_script("t/sw/log/run", "exec multilog t ../../sv/log/main")
        },
        |t| {
            t.put_script("t/sw/run", "exec tail 2>&1");
            t.put_script("t/sw/log/run", "exec multilog t ./main")
        },
    ),
    (
        "SL014 t/sw",
        |t| link(t, "sv", "t/sw"),
        |t| {
            t.put_script("other/run", "exec tail");
            link(t, "../other", "t/sw")
        },
    ),
    (
        "SL015 t/sw/log",
        |t| {
            t.put_script("t/sw/run", "exec tail");
            t.put_file("t/sw/log", "")
        },
        |t| {
            t.put_script("t/sw/run", "exec tail");
            t.put_file("t/sw/logs", "")
        },
    ),
    (
        "SL016 t/.sw",
        |t| t.put_script("t/.sw/run", "exec tail"),
        |t| {
            t.put_script("t/sw/run", "exec tail");
            t.put_file("t/.git/config", "")
        },
    ),
    ("SL016 t/sw", |t| t.put_script("t/sw", "exec tail"), |t| t.put_file("t/README", "exec tail")),
    (
        "SL017 t/sw",
        |t| link(t, "missing", "t/sw"),
        |t| {
            t.put_script("other/run", "exec tail");
            link(t, "../other", "t/sw")
        },
    ),
    ("SL018 t/sv/log/down", |t| t.put_file("t/sv/log/down", ""), |t| t.put_file("t/sv/down", "")),
    ("SL020 t/sv/run", |t| mode(t, "t/sv/run", 0o757), |t| mode(t, "t/sv/run", 0o775)),
];

#[test]
fn each_finding_is_found_and_its_twin_is_not() {
    let tree = sound();
    assert_eq!(found(&tree, "t"), [""; 0]);
    let twins = |expected: &str, bad: &dyn Fn(&Tree), good: &dyn Fn(&Tree)| {
        let tree = sound();
        bad(&tree);
        assert_eq!(found(&tree, "t"), [expected]);
        let tree = sound();
        good(&tree);
        assert_eq!(found(&tree, "t"), [""; 0], "the twin of {expected}");
    };
    for (expected, bad, good) in PAIRS {
        twins(expected, bad, good);
    }
    for (expected, bad, good) in SCRIPTS {
        let (_, path) = expected.split_once(' ').expect("a code and a path");
        twins(expected, &|tree| tree.put_script(path, bad), &|tree| tree.put_script(path, good));
    }
    let names: Vec<&str> = PAIRS.iter().map(|pair| pair.0).chain(SCRIPTS.iter().map(|pair| pair.0)).collect();
    let rest = ["SL019"];
    let missing = (1..=23).map(|number| format!("SL{number:03}"));
    let missing: Vec<_> = missing.filter(|code| !names.iter().any(|name| name.starts_with(code))).collect();
    assert_eq!(missing, rest, "without a pair");
}

/// A service directory itself, and several, and the same finding in words.
#[test]
fn a_service_or_a_tree_may_be_given() {
    let tree = sound().script("t/sw/run", "exec 2>&1\n\n../sv/memcached -d");
    assert_eq!(found(&tree, "t/sv"), [""; 0]);
    assert_eq!(found(&tree, "t/sw"), ["SL006 t/sw/run", "SL007 t/sw/run"]);
    let line = "t/sw/run:4: warning SL006: memcached is started without exec, so signals reach the shell and not \
                memcached\n    write exec memcached ...\n";
    let out = svlint(&tree, &["t/sv", "t/sw"]);
    assert_eq!(out.end, End::Code(2));
    assert!(out.stdout.starts_with(line.as_bytes()), "{out:?}");
    let odd = Tree::of(Programs::ours())
        .script("t/log/run", "exec tail x")
        .script("t/sv/run", "tail x")
        .dir("s/log")
        .dir("e");
    assert_eq!(found(&odd, "t"), ["SL006 t/sv/run"], "a service may be called log");
    assert_eq!(found(&odd, "s"), ["SL001 s/log/run", "SL001 s/run"]);
    assert_eq!(found(&odd, "e"), [""; 0], "an empty tree");
    let by_default = tree.command_of(Programs::ours(), "svlint").env("SVDIR", "t").run();
    assert_eq!(by_default, out);
}

#[test]
fn what_an_access_control_list_may_grant_is_no_finding() {
    let tree = sound();
    tree.put_script("t/sv/log/run", "exec setuidgid nobody multilog t ./main");
    assert_eq!(found(&tree, "t"), ["SL011 t/sv/log/run"]);
    match tree.shell("setfacl -m u:nobody:rwx t/sv/log/main").end {
        End::Code(0) => assert_eq!(found(&tree, "t"), [""; 0]),
        _ => daemontools_tests::left_out("svlint and access control lists", "setfacl does not work here"),
    }
}

#[test]
fn trouble_and_misuse_are_told() {
    let tree = sound();
    let message = "svlint: warning: unable to read directory missing: file does not exist\n";
    assert_eq!(svlint(&tree, &["t", "missing"]), exits(111, "", message));
    let out = svlint(&tree, &["-z"]);
    assert_eq!(out.end, End::Code(100));
    assert!(out.stderr.starts_with(b"svlint: invalid option '-z'\nsvlint: usage: svlint "), "{out:?}");
    fs::remove_file(tree.path("t/sv/run")).expect("remove");
    let broken = tree.command_of(Programs::ours(), "svlint").arg("t").descriptor(1, broken_pipe()).run();
    assert_eq!((broken.end, broken.stderr), (End::Signal(libc::SIGPIPE), vec![]));
}

#[test]
fn what_may_not_be_read_is_trouble() {
    if !needs_root("svlint as another user") {
        return;
    }
    let tree = sound();
    mode(&tree, "t/sv", 0o700);
    tree.put_exec("svlint", fs::read(Programs::ours().path("svlint")).expect("read svlint"));
    let out = tree.invocation(tree.path("svlint")).arg0("svlint").arg("t").user(65534, 65534).run();
    assert_eq!(out.end, End::Code(111));
    assert!(String::from_utf8_lossy(&out.stderr).contains(": access denied\n"), "{out:?}");
}

/// What the kernel would not wait for, svlint does not wait for either.
#[test]
fn odd_files_hold_nobody_up() {
    let tree = sound().fifo("t/fifo/run").dir("t/deep/run/run").link("t/loop", "loop").dir("t/\u{1b}[2J");
    let expected = ["SL001 t/\\x1b[2J/run", "SL001 t/deep/run", "SL001 t/fifo/run", "SL017 t/loop"];
    assert_eq!(found(&tree, "t"), expected);
    let text = svlint(&tree, &["t"]).stdout;
    assert!(!text.contains(&0x1b), "{}", text.escape_ascii());
    let long = vec![b'x'; 300_000];
    for script in [&b"#!/bin/sh\n'"[..], b"#!/bin/sh\n\xff\x00$(((", &[b"#!", &long[..]].concat(), b"#!", b"#!\n"] {
        tree.put_exec("t/sv/run", script);
        assert!(matches!(svlint(&tree, &["t/sv"]).end, End::Code(0..=2 | 111)));
    }
}

/// An account that nobody knows is a finding, and one that only a name service knows is none: svlint asks what setuidgid
/// will ask.
#[test]
fn accounts_are_those_of_the_name_service() {
    let unknown = |script: &str| Tree::of(Programs::ours()).script("t/run", script);
    for script in ["exec setuidgid nosuchuser sleep 9", "exec envuidgid nosuchuser sleep 9"] {
        assert_eq!(found(&unknown(script), "t"), ["SL012 t/run"], "{script}");
    }
    let tree = Tree::of(Programs::ours()).script("t/run", "exec setuidgid extra sleep 9");
    let Some(tree) = with_module(tree, "svlint on accounts of a name-service module") else { return };
    assert_eq!(found(&tree, "t"), ["SL012 t/run"], "without the module");
    assert_eq!(shell(&tree, "exec svlint t"), exits(0, "", ""));
}
