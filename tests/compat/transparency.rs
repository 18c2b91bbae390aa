//! What a program that runs another leaves alone: everything. One table: each such program × each inherited state.
//!
//! The child stops itself as soon as it runs, and is looked at through `/proc`; it has to look as it does if it is started
//! without the program, but for what that program is for.
//!
//! Not tested: priorities, timers, namespaces, control groups, and what else no program here ever touches.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use daemontools_tests::{Invocation, Tree, needs_root, proc, value};

/// What a child sees of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    /// `SigBlk`, `SigIgn`, `Umask`, `Uid` and more, by the kernel's names for them.
    status: BTreeMap<String, String>,
    /// Where each open descriptor leads, and how it was opened.
    descriptors: BTreeMap<i32, (String, String)>,
    directory: String,
    arguments: Vec<String>,
    /// Raw, with all duplicates and in order.
    environment: Vec<String>,
    limits: String,
    /// Whether it leads its process group and its session.
    leads: (bool, bool),
}

/// The lines of `/proc/PID/status` that the child inherits.
const STATUS: [&str; 15] = [
    "Umask",
    "Uid",
    "Gid",
    "Groups",
    "SigPnd",
    "ShdPnd",
    "SigBlk",
    "SigIgn",
    "SigCgt",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
    "NoNewPrivs",
];

/// Looks at a stopped process.
fn look(pid: i32) -> Seen {
    let read = |name: &str| fs::read(format!("/proc/{pid}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"));
    let link = |name: &str| {
        let target = fs::read_link(format!("/proc/{pid}/{name}")).unwrap_or_else(|e| panic!("{name}: {e}"));
        target.as_os_str().as_bytes().escape_ascii().to_string()
    };
    let stat = String::from_utf8_lossy(&read("stat")).into_owned();
    let after_name: Vec<&str> = stat.rsplit(')').next().expect("a name in parentheses").split_whitespace().collect();
    let own = pid.to_string();
    let descriptor = |number: i32| {
        let info = String::from_utf8_lossy(&read(&format!("fdinfo/{number}"))).into_owned();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).expect("flags").trim().to_owned();
        let target = link(&format!("fd/{number}"));
        // Every pipe is another one.
        let target = if target.starts_with("pipe:") { "pipe".into() } else { target };
        (number, (target, flags))
    };
    Seen {
        status: STATUS.iter().map(|name| ((*name).into(), proc::field(pid, name).unwrap_or_default())).collect(),
        descriptors: proc::descriptors(pid).into_iter().map(descriptor).collect(),
        directory: link("cwd"),
        arguments: words(&read("cmdline")),
        environment: words(&read("environ")),
        limits: String::from_utf8_lossy(&read("limits")).into_owned(),
        leads: (after_name[2] == own, after_name[3] == own),
    }
}

/// Words of which each ends with NUL.
fn words(text: &[u8]) -> Vec<String> {
    let mut words: Vec<String> = text.split(|&byte| byte == 0).map(|word| word.escape_ascii().to_string()).collect();
    words.pop();
    words
}

/// The process itself or one that descends from it, as soon as one of them has stopped.
fn stopped(pid: i32) -> Option<i32> {
    if proc::state(pid) == Some('T') {
        return Some(pid);
    }
    proc::all().into_iter().filter(|&child| proc::parent(child) == Some(pid)).find_map(stopped)
}

/// Starts it and looks at the child that it runs.
fn child_of(invocation: Invocation) -> Seen {
    let process = invocation.spawn();
    look(value("a child that has stopped itself", || stopped(process.pid())))
}

/// An inherited state.
struct State {
    name: &'static str,
    set: fn(&Tree, Invocation) -> Invocation,
}

/// Where the child and supervise are found.
fn path(tree: &Tree) -> String {
    format!("PATH={}:/usr/bin:/bin", tree.programs().dir().display())
}

/// What tells a process of the tree.
fn mark(tree: &Tree) -> String {
    format!("TMPDIR={}", tree.path("").display())
}

fn open(tree: &Tree, name: &str) -> OwnedFd {
    let file = File::options().read(true).append(true).create(true).open(tree.path(name));
    file.expect("open a file").into()
}

const STATES: [State; 17] = [
    State { name: "nothing special", set: |_, i| i },
    State { name: "PIPE ignored", set: |_, i| i.ignored(&[libc::SIGPIPE]) },
    State { name: "HUP ignored", set: |_, i| i.ignored(&[libc::SIGHUP]) },
    State { name: "PIPE and HUP ignored", set: |_, i| i.ignored(&[libc::SIGPIPE, libc::SIGHUP]) },
    State {
        name: "all ignored that can be",
        set: |_, i| i.ignored(&(1..=64).filter(|s| ![libc::SIGCHLD, 32, 33].contains(s)).collect::<Vec<_>>()),
    },
    State { name: "TERM blocked", set: |_, i| i.blocked(&[libc::SIGTERM]) },
    State { name: "CHLD blocked", set: |_, i| i.blocked(&[libc::SIGCHLD]) },
    State { name: "TERM, CHLD, PIPE blocked", set: |_, i| i.blocked(&[libc::SIGTERM, libc::SIGCHLD, libc::SIGPIPE]) },
    State { name: "0 closed", set: |_, i| i.closed(0) },
    State { name: "1 closed", set: |_, i| i.closed(1) },
    State { name: "2 closed", set: |_, i| i.closed(2) },
    State { name: "0, 1 and 2 closed", set: |_, i| i.closed(0).closed(1).closed(2) },
    State {
        name: "7 and 40 open",
        set: |tree, i| i.descriptor(7, open(tree, "seven")).descriptor(40, open(tree, "forty")),
    },
    State { name: "umask 027", set: |_, i| i.umask(0o027) },
    State { name: "another directory", set: |_, i| i.current_dir("elsewhere") },
    State {
        name: "an odd environment",
        set: |tree, i| {
            let (path, mark) = (path(tree), mark(tree));
            i.environ(["A=1", &path, "A=2", "odd", "", "=x", "B=", "A=3", &mark, "UID=9", "L=\u{e9}", "odd"])
        },
    },
    State {
        name: "limits",
        set: |_, i| {
            i.limit(libc::RLIMIT_NOFILE, 50, 60).limit(libc::RLIMIT_CORE, 0, 5).limit(
                libc::RLIMIT_DATA,
                1 << 30,
                1 << 31,
            )
        },
    },
];

/// A program that runs another: how, and what it changes on purpose.
struct Row {
    program: &'static str,
    /// What comes before the child's name.
    arguments: &'static [&'static str],
    /// What the child sees other than without the program.
    change: fn(&Tree, &mut Seen),
}

const ROWS: [Row; 9] = [
    Row { program: "pgrphack", arguments: &[], change: |_, seen| seen.leads = (true, true) },
    Row { program: "setlock", arguments: &["/proc/self/cwd/lock"], change: |tree, seen| lock(tree, seen) },
    Row { program: "softlimit", arguments: &[], change: |_, _| () },
    Row { program: "softlimit", arguments: &["-c", "0", "-t", "1000"], change: |_, seen| limit(seen) },
    Row { program: "envdir", arguments: &["/proc/self/cwd/env"], change: |_, seen| set(seen, "A", Some("file")) },
    Row { program: "envdir", arguments: &["/proc/self/cwd/gone"], change: |_, seen| set(seen, "A", None) },
    Row {
        program: "envuidgid",
        arguments: &["root"],
        change: |_, seen| {
            set(seen, "GID", Some("0"));
            set(seen, "UID", Some("0"));
        },
    },
    Row { program: "fghack", arguments: &[], change: |_, seen| pipes(seen) },
    Row { program: "setuidgid", arguments: &["daemon"], change: |_, seen| user(seen) },
];

/// The lowest number that is not open.
fn lowest(seen: &Seen) -> i32 {
    (0..).find(|number| !seen.descriptors.contains_key(number)).expect("a number")
}

/// setlock passes on one descriptor, the lowest: write-only, append, non-blocking, not close-on-exec.
fn lock(_: &Tree, seen: &mut Seen) {
    seen.descriptors.insert(lowest(seen), (format!("{}/lock", seen.directory), "0106001".into()));
}

/// fghack passes on 31 writing ends of a pipe, at the lowest numbers, or as many as the limit lets it.
fn pipes(seen: &mut Seen) {
    for _ in 0..31 {
        seen.descriptors.insert(lowest(seen), ("pipe".into(), "01".into()));
    }
}

/// Environment arithmetic as the spec has it.
fn set(seen: &mut Seen, name: &str, to: Option<&str>) {
    let start = format!("{name}=");
    if let Some(at) = seen.environment.iter().position(|entry| entry.starts_with(&start)) {
        seen.environment.swap_remove(at);
    }
    seen.environment.extend(to.map(|value| start + value));
}

/// The soft limits for core files and time, in the kernel's table.
fn limit(seen: &mut Seen) {
    let lower = |line: &str| {
        let soft = match line.get(..26).unwrap_or_default().trim_end() {
            "Max core file size" => "0",
            "Max cpu time" => "1000",
            _ => return format!("{line}\n"),
        };
        format!("{}{soft:21}{}\n", &line[..26], &line[47..])
    };
    seen.limits = seen.limits.lines().map(lower).collect();
}

/// All ids are the account's, there is one group, and no capability is left.
fn user(seen: &mut Seen) {
    let mut put = |name: &str, value: String| seen.status.insert(name.into(), value);
    let account = nix::unistd::User::from_name("daemon").expect("look up daemon").expect("daemon is an account");
    put("Uid", [account.uid.to_string().as_str(); 4].join("\t"));
    put("Gid", [account.gid.to_string().as_str(); 4].join("\t"));
    put("Groups", account.gid.to_string());
    for set in ["CapPrm", "CapEff", "CapAmb"] {
        put(set, "0".repeat(16));
    }
}

/// A tree whose child stops itself.
fn tree() -> Tree {
    let tree = Tree::new().dir("elsewhere").file("null", "").file("out", "").file("err", "");
    ["", "elsewhere/"]
        .into_iter()
        .fold(tree, |tree, at| tree.file(format!("{at}env/A"), "file\n").file(format!("{at}gone/A"), ""))
}

/// The invocation in a state, with standard descriptors that are the same each time.
fn in_state(state: &State, tree: &Tree, invocation: Invocation) -> Invocation {
    let standard = [(0, "null"), (1, "out"), (2, "err")];
    let invocation = standard.into_iter().fold(invocation, |i, (number, name)| i.descriptor(number, open(tree, name)));
    let invocation = invocation.environ([&path(tree), "A=1", &mark(tree)]);
    (state.set)(tree, invocation)
}

/// The child's words: a bare name, so that `argv[0]` is not the file's name.
const CHILD: [&str; 3] = ["sh", "-c", "kill -STOP $$"];

#[test]
fn a_child_sees_what_it_would_see_without_the_program() {
    let root = needs_root("transparency of setuidgid");
    let (mut compared, mut wrong) = (0, Vec::new());
    for state in &STATES {
        let tree = tree();
        let plain = child_of(in_state(state, &tree, tree.invocation("/bin/sh").arg0("sh")).args(&CHILD[1..]));
        for row in ROWS.iter().filter(|row| root || row.program != "setuidgid") {
            let mut expected = plain.clone();
            (row.change)(&tree, &mut expected);
            let through = in_state(state, &tree, tree.command(row.program)).args(row.arguments).args(CHILD);
            let seen = child_of(through);
            compared += 1;
            if seen != expected {
                wrong.push(format!(
                    "{} {:?}, {}:\n{}",
                    row.program,
                    row.arguments,
                    state.name,
                    difference(&seen, &expected)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} are different:\n{}", wrong.len(), wrong.join("\n"));
}

/// Spec, corners: "supervise's child: SIGCHLD default and unblocked whatever was inherited, argv `./run`, all else passes
/// through"; conventions of svscan: nothing of its own reaches supervise, but for the pipe to a logger.
#[test]
fn a_service_s_process_sees_what_supervise_and_svscan_were_started_with() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for state in &STATES {
        for (program, argument, at) in [
            ("supervise", "sv", "sv"),
            ("svscan", "alone", "alone/sv"),
            ("svscan", "logged", "logged/sv"),
            ("svscan", "logger", "logger/sv/log"),
        ] {
            let tree = services(tree());
            let plain = in_state(state, &tree, tree.invocation("./run")).current_dir(at);
            let mut expected = child_of(plain);
            unblock_child(&mut expected);
            match argument {
                "logged" => drop(expected.descriptors.insert(1, ("pipe".into(), "01".into()))),
                "logger" => drop(expected.descriptors.insert(0, ("pipe".into(), "00".into()))),
                _ => {}
            }
            let seen = child_of(in_state(state, &tree, tree.command(program)).arg(argument));
            compared += 1;
            if seen != expected {
                wrong.push(format!("{program} {argument}, {}:\n{}", state.name, difference(&seen, &expected)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {compared} are different:\n{}", wrong.len(), wrong.join("\n"));
}

/// The tree with services whose process stops itself: one for supervise, and for svscan one alone, one that has a logger,
/// and one that is a logger.
fn services(tree: Tree) -> Tree {
    ["", "elsewhere/"].into_iter().fold(tree, |tree, at| {
        let stop = |tree: Tree, service: &str| tree.script(format!("{at}{service}/run"), "kill -STOP $$");
        let tree = ["sv", "alone/sv", "logged/sv", "logger/sv/log"].into_iter().fold(tree, stop);
        let sleep = |tree: Tree, service: &str| tree.script(format!("{at}{service}/run"), "exec sleep 1000");
        ["logged/sv/log", "logger/sv"].into_iter().fold(tree, sleep)
    })
}

/// SIGCHLD is not blocked.
fn unblock_child(seen: &mut Seen) {
    for (name, value) in &mut seen.status {
        if name == "SigBlk" {
            let set = u64::from_str_radix(value, 16).expect("a set of signals");
            *value = format!("{:016x}", set & !(1 << (libc::SIGCHLD - 1)));
        }
    }
}

/// The lines in which two views differ.
fn difference(seen: &Seen, expected: &Seen) -> String {
    let (seen, expected) = (format!("{seen:#?}"), format!("{expected:#?}"));
    let differ = seen.lines().zip(expected.lines()).filter(|(seen, expected)| seen != expected);
    differ.map(|(seen, expected)| format!("  seen {}, expected {}\n", seen.trim(), expected.trim())).collect()
}
