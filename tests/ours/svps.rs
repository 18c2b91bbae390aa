//! `svps`, on trees of ours and of the original.
//!
//! Not tested here: the widths and words of the table and the order of trouble, which are pure (`crates/svps/src`); how
//! long it takes for a thousand services.

use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use daemontools_tests::run::answer;
use daemontools_tests::status::{record, until_down, until_status, until_up};
use daemontools_tests::{End, Invocation, Output, Process, Programs, Tree, exits, left_out, until};
use serde_json::Value;

pub(crate) fn svps(tree: &Tree) -> Invocation {
    tree.command_of(Programs::ours(), "svps")
}

pub(crate) fn run(tree: &Tree, arguments: &[&str]) -> Output {
    svps(tree).args(arguments).run()
}

/// The JSON objects of an output, and its exit code.
pub(crate) fn objects(out: &Output) -> (Vec<Value>, End) {
    assert_eq!(out.stderr, b"");
    let text = std::str::from_utf8(&out.stdout).expect("JSON is UTF-8");
    (text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect(), out.end)
}

/// `name state/logger's state` of each object.
pub(crate) fn states(objects: &[Value]) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let of = |o: &Value| format!("{} {}/{}", word(&o["name"]), word(&o["state"]), word(&o["log"]["state"]));
    objects.iter().map(of).collect()
}

/// A tree with a service in each state, under these programs; what keeps it alive. A supervise that counts no restarts says of
/// a service that ends again and again that it is up, for nearly all the time, so that one is only pretended.
fn every_state(programs: &'static Programs, counts: bool) -> (Tree, Vec<Process>, Option<File>) {
    let tree = Tree::of(programs)
        .script("t/good/run", "exec sleep 987")
        .script("t/good/log/run", "exec sleep 987")
        .script("t/off/run", "exec sleep 987")
        .file("t/off/down", "")
        .script("t/paused/run", "exec sleep 987")
        .script("t/bad/run", "exit 1")
        .script("t/new/run", "")
        .script("t/.hidden/run", "")
        .file("t/README", "")
        .link("t/nowhere", "missing");
    let (tree, pretended) = if counts {
        (tree, None)
    } else {
        let tree = tree.fifo("t/bad/supervise/ok").file("t/bad/supervise/status", record(10, 0, 0, b'u'));
        let ok = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path("t/bad/supervise/ok"));
        (tree, Some(ok.expect("open a FIFO")))
    };
    let services = ["t/good", "t/good/log", "t/off", "t/paused"].into_iter().chain(counts.then_some("t/bad"));
    let supervises = services.map(|service| tree.spawn("supervise", [service])).collect();
    for service in ["t/good", "t/good/log", "t/paused"] {
        until_up(&tree, service);
    }
    until_down(&tree, "t/off");
    tree.run("svc", ["-p", "t/paused"]);
    until_status(&tree, "t/paused", "paused", |status| status.paused == 1);
    (tree, supervises, pretended)
}

fn look(programs: &'static Programs, counts: bool) {
    let (tree, _supervises, _pretended) = every_state(programs, counts);
    let expected = ["bad failing/-", "good up/up", "new unsupervised/-", "off down/-", "paused paused/-"];
    until("the states", || {
        let (objects, end) = objects(&run(&tree, &["--json", "t"]));
        assert_eq!(end, End::Code(1));
        assert_eq!(objects[1]["restarts"].is_null(), !counts);
        states(&objects) == expected
    });
    until("trouble comes first", || {
        let (objects, _) = objects(&run(&tree, &["--json", "--sort", "trouble", "t"]));
        states(&objects) == ["bad failing/-", "new unsupervised/-", "paused paused/-", "good up/up", "off down/-"]
    });
    if counts {
        until("three restarts in the table", || {
            let out = String::from_utf8(run(&tree, &["t"]).stdout).expect("UTF-8");
            let bad = out.lines().find(|line| line.starts_with("bad ")).expect("a line");
            let again: u32 =
                bad.split_whitespace().find_map(|word| word.strip_suffix("/min")?.parse().ok()).expect("a count");
            again >= 3
        });
    }
    for gone in ["t/bad", "t/new"] {
        std::fs::rename(tree.path(gone), tree.path(format!("{gone}.gone").replace("t/", "t/."))).expect("rename");
    }
    tree.run("svc", ["-c", "t/paused"]);
    until_status(&tree, "t/paused", "continued", |status| status.paused == 0);
    assert_eq!(run(&tree, &["t"]).end, End::Code(0), "all is as wanted");
}

#[test]
fn under_ours() {
    look(Programs::ours(), true);
}

#[test]
fn under_the_original() {
    if let Some(original) = Programs::original("svps on the original's tree") {
        look(original, false);
    }
}

#[test]
fn the_directory_is_found_and_misuse_is_told() {
    let tree = Tree::of(Programs::ours()).dir("t/a\nb").dir("u");
    let heads = "SERVICE  STATE         PID  FOR  WANTS  LOG  RESTARTS\n";
    let expected = format!("{heads}a\\nb     unsupervised                   -\n\n1 service, 1 not as wanted\n");
    assert_eq!(svps(&tree).env("SVDIR", "t").run(), exits(1, expected, ""));
    let empty = "SERVICE  STATE  PID  FOR  WANTS  LOG  RESTARTS\n\n0 services, all as wanted\n";
    assert_eq!(svps(&tree).env("SVDIR", "t").arg("u").run(), exits(0, empty, ""));
    let message = "svps: fatal: unable to chdir to missing: file does not exist\n";
    assert_eq!(run(&tree, &["missing"]), exits(111, "", message));
    let out = run(&tree, &["--sort", "age"]);
    assert_eq!(out.end, End::Code(100));
    assert!(out.stderr.starts_with(b"svps: no such order: age\nsvps: usage: svps "), "{out:?}");
}

/// What svps writes to a terminal.
fn on_terminal(command: Invocation) -> String {
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let out = command.descriptor(1, pty.slave).run();
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(1), &b""[..]));
    let mut text = Vec::new();
    // Ends with EIO, because nobody has the other side open any more.
    let _ = std::fs::File::from(pty.master).read_to_end(&mut text);
    String::from_utf8(text).expect("UTF-8")
}

#[test]
fn colours_are_for_terminals_whose_user_wants_them() {
    let tree = Tree::of(Programs::ours()).dir("t/new");
    let command = || svps(&tree).arg("t").env("TERM", "xterm");
    let red = "\x1b[1;31munsupervised\x1b[0m";
    assert!(on_terminal(command()).contains(red));
    assert!(on_terminal(command().env("NO_COLOR", "")).contains(red), "an empty NO_COLOR does not count");
    for plain in [command().env("NO_COLOR", "1"), command().env("TERM", "dumb")] {
        assert!(!on_terminal(plain).contains('\x1b'));
    }
    assert!(!String::from_utf8_lossy(&command().run().stdout).contains('\x1b'));
}

/// Ours was killed, and the original goes on: what ours counted is no longer so.
#[test]
fn counts_of_an_earlier_supervise_are_not_shown() {
    let Some(original) = Programs::original("svps after a change of supervise") else { return };
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    let ours = tree.spawn("supervise", ["t/sv"]);
    let first = until_up(&tree, "t/sv");
    let restarts = || objects(&run(&tree, &["--json", "t"])).0[0]["restarts"].clone();
    assert_eq!(restarts()["total"], 0);
    drop(ours);
    assert!(tree.path("t/sv/supervise/details").exists());
    let _theirs = tree.command_of(original, "supervise").arg("t/sv").spawn();
    until_status(&tree, "t/sv", "up again", |status| status.up() && status.pid != first);
    assert_eq!(restarts(), Value::Null);
}

#[test]
fn a_service_directory_is_no_scan_directory() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987").script("t/sv/log/run", "exec cat");
    let message = "svps: fatal: t/sv is a service, not a scan directory\n";
    assert_eq!(run(&tree, &["t/sv"]), exits(111, "", message));
    // One that is both, as a service that runs svscan in its own directory.
    let tree = tree.script("t/sv/inner/run", "exec sleep 987");
    assert_eq!(objects(&run(&tree, &["--json", "t/sv"])).0.len(), 2);
}

#[test]
fn services_are_named_as_in_the_scan_directory() {
    let tree = Tree::of(Programs::ours()).dir("t/web").dir("t/dns").dir("t/mail").dir("here");
    let named = |names: &[&str]| svps(&tree).arg("--json").args(names).env("SVDIR", "t").run();
    assert_eq!(states(&objects(&named(&["web"])).0), ["web unsupervised/-"]);
    assert_eq!(states(&objects(&named(&["web", "dns"])).0), ["dns unsupervised/-", "web unsupervised/-"]);
    assert_eq!(objects(&named(&["here"])).0.len(), 0, "what is called so here is a scan directory");
    let missing = "svps: fatal: unable to find wbe in t: file does not exist\n";
    assert_eq!(named(&["web", "wbe"]), exits(111, "", missing));
}

/// The owners of names cannot make two services look like one.
#[test]
fn names_stay_different() {
    let tree = Tree::of(Programs::ours());
    for name in [&b"a\xff"[..], b"a\xfe", b"a\\xff", b"a\xc2\x85"] {
        let name = std::ffi::OsStr::from_bytes(name);
        std::fs::create_dir_all(tree.path("t").join(name)).expect("make a directory");
    }
    let (objects, _) = objects(&run(&tree, &["--json", "t"]));
    let mut names: Vec<_> = objects.iter().filter_map(|object| object["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, [r"a\\xff", r"a\xc2\x85", r"a\xfe", r"a\xff"]);
    let metrics = String::from_utf8(run(&tree, &["--openmetrics", "t"]).stdout).expect("text");
    let mut series: Vec<_> =
        metrics.lines().filter(|line| line.starts_with("daemontools_service_as_wanted{")).collect();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), 4, "{metrics}");
}

#[test]
fn the_last_end_is_told() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exit 7");
    let _supervise = tree.spawn("supervise", ["t/sv"]);
    until("it has ended", || {
        let (objects, _) = objects(&run(&tree, &["--json", "t"]));
        objects[0]["last_end"]["code"] == 7 && objects[0]["state"] == "failing"
    });
    until("the table tells", || String::from_utf8_lossy(&run(&tree, &["t"]).stdout).contains("failing (exit 7)"));
}

/// A Python that has the parser of Prometheus' own client library.
fn parser() -> Option<&'static str> {
    let pythons = ["python3", "/usr/bin/python3"];
    let has = |python: &&str| {
        let import = ["-c", "import prometheus_client.openmetrics.parser"];
        answer(Command::new(python).args(import)).is_ok_and(|done| done.status.success())
    };
    let found = pythons.into_iter().find(has);
    if found.is_none() {
        left_out("svps --openmetrics", "python3 has no prometheus_client (python3-prometheus-client)");
    }
    found
}

#[test]
fn metrics_are_read_by_the_parsers_of_prometheus() {
    let Some(python) = parser() else { return };
    let (tree, _supervises, _) = every_state(Programs::ours(), true);
    until("restarts are counted", || {
        let (objects, _) = objects(&run(&tree, &["--json", "t"]));
        objects[0]["restarts"]["total"].as_u64() >= Some(1)
    });
    std::fs::create_dir(tree.path("t/odd\"na\\me\n")).expect("make a directory");
    let out = run(&tree, &["--openmetrics", "t"]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(1), &b""[..]));
    tree.put_file("metrics", &out.stdout);
    let program = r#"
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
from prometheus_client.parser import text_string_to_metric_families as classic
for parse in strict, classic:
    for family in parse(open("metrics").read()):
        for s in family.samples:
            print(parse.__module__.count("openmetrics"), s.name, *sorted(s.labels.items()), s.value)
"#;
    // Found through this process's own PATH: a version manager's python3 is a script that looks for itself there.
    let parsed = answer(Command::new(python).args(["-c", program]).current_dir(tree.path(""))).expect("run python3");
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    let text = String::from_utf8(parsed.stdout).expect("UTF-8");
    for parser in [0, 1] {
        for line in [
            r#"daemontools_service_up ('part', 'log') ('service', 'good') 1"#,
            r#"daemontools_service_up ('part', 'service') ('service', 'off') 0"#,
            r#"daemontools_service_as_wanted ('part', 'service') ('service', 'paused') 0"#,
            r#"daemontools_service_state ('part', 'service') ('service', 'new') ('state', 'unsupervised') 1"#,
            r#"daemontools_service_state ('part', 'service') ('service', 'odd"na\\\\me\\n') ('state', 'up') 0"#,
            r#"daemontools_service_given_up ('part', 'service') ('service', 'good') 0"#,
            r#"daemontools_service_last_exit_code ('part', 'service') ('service', 'bad') 1"#,
            r#"daemontools_service_oom_kills ('part', 'service') ('service', 'bad') 0"#,
            r#"daemontools_service_restarts_total ('part', 'service') ('service', 'good') 0"#,
            "daemontools_services 6",
        ] {
            let line = format!("{parser} {line}");
            assert!(text.lines().any(|got| got == line || got == format!("{line}.0")), "{line} in\n{text}");
        }
    }
}

/// Readiness, the last end, ends for want of memory and what was given up, as a supervise of ours tells them.
#[test]
fn readiness_and_ends_are_in_objects_and_metrics() {
    let oom = "@400000006a00000000000000 signal KILL oom ran-ms 5\n";
    let tree = Tree::of(Programs::ours())
        .script("t/given-up/run", "exit 7")
        .file("t/given-up/supervise.d/restart-limit", "1/1h\n")
        .script("t/ready/run", "echo >&3\nexec sleep 987")
        .file("t/ready/supervise.d/notification-fd", "3\n")
        .file("t/ready/supervise/history", oom)
        .script("t/killed/run", "kill -KILL $$")
        .file("t/killed/supervise.d/no-restart", "any\n");
    let _supervises = ["t/given-up", "t/ready", "t/killed"].map(|service| tree.spawn("supervise", [service]));
    let look = || objects(&run(&tree, &["--json", "t"])).0;
    until("all have come to rest", || states(&look()) == ["given-up failed/-", "killed done/-", "ready up/-"]);
    until("one is ready", || look()[2]["ready"] == true);
    let ends = look().into_iter().map(|o| (o["last_end"]["code"].as_u64(), o["last_end"]["signal"].clone()));
    assert_eq!(ends.collect::<Vec<_>>(), [(Some(7), Value::Null), (None, "KILL".into()), (None, Value::Null)]);
    let metrics = String::from_utf8(run(&tree, &["--openmetrics", "t"]).stdout).expect("UTF-8");
    for (name, service, value) in [
        ("given_up", "given-up", 1),
        ("given_up", "killed", 0),
        ("last_exit_code", "given-up", 7),
        ("last_exit_signal", "killed", 9),
        ("ready", "ready", 1),
        ("oom_kills", "ready", 1),
        ("oom_kills", "killed", 0),
        ("blocked", "ready", 0),
    ] {
        let line = format!("daemontools_service_{name}{{service=\"{service}\",part=\"service\"}} {value}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}
