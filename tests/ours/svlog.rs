//! `svlog`, on the logs of our multilog and of the original's. Where it finds them is in `svlog_locate`, ranges are in
//! `svlog_range`, following in `svlog_follow`, packed files in `svlog_packed`, progress in `svlog_progress`.

use std::fs;
use std::io::Write;

use daemontools_tests::{End, NONE, Output, Process, Programs, Tree, broken_pipe, exits, pipe, proc, until};

/// The label of the Unix epoch.
pub const EPOCH: u64 = (1 << 62) + 10;

pub fn start(tree: &Tree, arguments: &[&str]) -> Process {
    tree.command_of(Programs::ours(), "svlog").env("TZ", "UTC").args(arguments).spawn()
}

pub fn svlog(tree: &Tree, arguments: &[&str]) -> Output {
    start(tree, arguments).wait()
}

/// What it shows, without complaint.
#[track_caller]
pub fn shown(tree: &Tree, arguments: &[&str]) -> String {
    let out = svlog(tree, arguments);
    assert_eq!((out.end, out.stderr.escape_ascii().to_string()), (End::Code(0), String::new()), "{arguments:?}");
    String::from_utf8(out.stdout).expect("text")
}

/// Runs a test with each multilog that there is.
pub fn with_both(test: fn(&'static Programs)) {
    if Programs::ours().path("multilog").exists() {
        test(Programs::ours());
    }
    if let Some(original) = Programs::original("svlog on the original's logs") {
        test(original);
    }
}

/// A stamped line.
pub fn line(seconds: u64, text: &str) -> String {
    format!("@{:016x}{:08x} {text}\n", EPOCH + seconds, seconds * 1000)
}

/// The name of an old file that was finished then.
pub fn old(seconds: u64, suffix: &str) -> String {
    format!("@{:016x}{:08x}.{suffix}", EPOCH + seconds, 0)
}

/// The same line as it is shown.
pub fn local(seconds: u64, text: &str) -> String {
    let (minutes, nanoseconds) = (seconds / 60, seconds * 1000);
    format!("1970-01-01 {:02}:{:02}:{:02}.{nanoseconds:09} {text}\n", minutes / 60, minutes % 60, seconds % 60)
}

/// Feeds numbered lines to a multilog.
pub struct Feed {
    process: Process,
    pipe: std::process::ChildStdin,
    pub next: u32,
}

impl Feed {
    pub fn new(tree: &Tree, script: &[&str]) -> Feed {
        let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
        let pipe = process.stdin();
        Feed { process, pipe, next: 0 }
    }

    pub fn lines(&mut self, count: u32) {
        let text: String = (self.next..self.next + count).map(|number| format!("{}\n", numbered(number))).collect();
        self.next += count;
        self.pipe.write_all(text.as_bytes()).expect("feed multilog");
    }

    pub fn end(self) {
        drop(self.pipe);
        assert_eq!(self.process.wait(), exits(0, "", ""));
    }
}

pub fn numbered(number: u32) -> String {
    format!("line {number} {}", "and more".repeat((number % 13) as usize))
}

/// Whether the text is the numbered lines below `count`, each once and in order; stamps before them do not matter.
#[track_caller]
pub fn is_complete(text: &[u8], count: u32) {
    let text = String::from_utf8_lossy(text);
    for (number, line) in text.lines().enumerate() {
        let expected = numbered(number as u32);
        assert!(line.ends_with(&expected), "line {number} is {line:?}, not {expected:?}");
    }
    assert_eq!(text.lines().count() as u32, count);
}

/// How many old files there are.
pub fn old_files(tree: &Tree, log: &str) -> usize {
    let names = fs::read_dir(tree.path(log)).expect("read a log directory").flatten();
    names.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"@")).count()
}

#[test]
fn it_shows_what_tai64nlocal_shows() {
    with_both(|programs| {
        let tree = Tree::of(programs);
        let mut feed = Feed::new(&tree, &["t", "s4096", "n100", "./log"]);
        feed.lines(1000);
        feed.end();
        assert!(old_files(&tree, "log") > 5);
        for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/St_Johns", ":/nowhere"] {
            let ours = tree.command_of(Programs::ours(), "svlog").env("TZ", zone).arg("log").run();
            let plain = tree.invocation("/bin/sh").env("TZ", zone).args(["-c", "cat log/@* log/current | tai64nlocal"]);
            assert_eq!(ours, plain.run(), "{zone}");
            is_complete(&ours.stdout, 1000);
        }
        let raw = tree.shell("cat log/@* log/current");
        assert_eq!(svlog(&tree, &["-o", "tai64n", "log/"]), raw);
    });
}

#[test]
fn only_lines_with_the_pattern_are_shown() {
    let lines =
        [line(1, "GET /"), line(2, "an Error"), "  of one cause\n".into(), line(3, "fatal: end"), line(4, "PUT")];
    let tree = Tree::of(Programs::ours()).file("log/current", lines.concat());
    let found = |words: &[&str]| shown(&tree, &[&["log", "-otai64n"], words].concat());
    assert_eq!(found(&["-g", "(?i)error|^fatal"]), [&*lines[1], &lines[3]].concat());
    assert_eq!(found(&["-n1", "-g", "^(GET|PUT)"]), lines[4]);
    assert_eq!(found(&["-g", "cause"]), lines[2]);
    assert_eq!(found(&["-g", "^ *$"]), "");
}

#[test]
fn times_have_the_form_that_was_asked_for() {
    let tree = Tree::of(Programs::ours()).file("log/current", line(10, "a"));
    let first = |style: &str| shown(&tree, &["-o", style, "log"]).lines().next().expect("a line").to_owned();
    assert_eq!(first("local"), "1970-01-01 00:00:10.000010000 a");
    assert_eq!(first("utc"), "1970-01-01 00:00:10.000010000Z a");
    assert_eq!(first("unix"), "10.000010000 a");
    assert_eq!(first("tai64n"), line(10, "a").trim_end());
    assert_eq!(
        first("json"),
        "{\"time\":\"1970-01-01T00:00:10.000010000Z\",\"service\":\"log\",\"line\":\"a\",\
         \"tai64n\":\"@400000000000001400002710\"}"
    );
}

#[test]
fn bytes_that_a_terminal_would_obey_are_escaped_where_asked_for() {
    let text = b"a \x1b[2J\\\t\xff\n";
    let tree = Tree::of(Programs::ours()).file("l\x1b\\g/current", text).file("b/current", "");
    let out = |options: &[&str]| svlog(&tree, &[options, &["l\x1b\\g"]].concat()).stdout;
    assert_eq!((out(&[]), out(&["--raw"])), (text.to_vec(), text.to_vec()));
    assert_eq!(out(&["--escape"]), b"a \\x1b[2J\\\t\\xff\n");
    assert_eq!(out(&["b"]), [b"l\\x1b\\\\g: ", &text[..]].concat());
    let json = String::from_utf8(out(&["-ojson"])).expect("text");
    assert!(json.contains("\"service\":\"l\\\\x1b\\\\\\\\g\""), "{json}");
}

#[test]
fn every_form_of_stamp_is_read() {
    let lines = [
        line(1, "a"),
        "1970-01-01T01:00:02.000000007+01:00 b\n".into(),
        "  more of b\n".into(),
        "1970-01-01T00:00:03.000000000Z c\n".into(),
        "4.500000000 d\n".into(),
    ];
    let tree = Tree::of(Programs::ours()).file("log/current", lines.concat());
    let time = |second: &str, text: &str| format!("1970-01-01 00:00:0{second} {text}\n");
    let [b, c, d] = [time("2.000000007", "b") + "  more of b\n", time("3.000000000", "c"), time("4.500000000", "d")];
    assert_eq!(shown(&tree, &["log"]), [&local(1, "a"), &b, &c, &d].map(String::as_str).concat());
    assert_eq!(shown(&tree, &["-S@400000000000000c", "-U@400000000000000d00000000", "log"]), [b, c].concat());
    assert_eq!(shown(&tree, &["-otai64n", "-gd", "log"]), "@400000000000000e1dcd6500 d\n");
}

#[test]
fn several_logs_are_merged_by_stamp_and_named() {
    let text = |lines: &[String]| lines.concat();
    let tree = Tree::of(Programs::ours())
        .file("web/log/main/current", text(&[line(1, "a"), "  x\n".into(), line(3, "c"), line(3, "d"), line(9, "z")]))
        .file(
            "db/log/main/current",
            text(&["head\n".into(), line(2, "b"), line(3, "c"), "  y\n".into(), line(4, "e")]),
        );
    let named =
        |lines: &[(&str, String)]| lines.iter().map(|(name, line)| format!("{name}: {line}")).collect::<String>();
    let expected = named(&[
        ("db", "head\n".into()),
        ("web", local(1, "a")),
        ("web", "  x\n".into()),
        ("db", local(2, "b")),
        ("web", local(3, "c")),
        ("web", local(3, "d")),
        ("db", local(3, "c")),
        ("db", "  y\n".into()),
        ("db", local(4, "e")),
        ("web", local(9, "z")),
    ]);
    assert_eq!(shown(&tree, &["web/", "db"]), expected);
    for count in 0..11 {
        let last: String = expected.lines().skip(10 - count.min(10)).map(|line| format!("{line}\n")).collect();
        assert_eq!(shown(&tree, &["-n", &count.to_string(), "web/", "db"]), last, "{count}");
    }
}

#[test]
fn a_line_that_a_full_file_cuts_is_whole_and_a_torn_one_ends() {
    let tree = Tree::of(Programs::ours())
        .file(format!("log/{}", old(10, "s")), [line(1, "a"), "begins and ".into()].concat())
        .file(format!("log/{}", old(20, "u")), ["ends\n".into(), line(15, "torn")].concat().trim_end())
        .file("log/current", [line(30, "b"), "no end".into()].concat());
    let expected =
        [local(1, "a"), "begins and ends\n".into(), local(15, "torn"), local(30, "b"), "no end\n".into()].concat();
    assert_eq!(shown(&tree, &["log"]), expected);
    assert_eq!(shown(&tree, &["-n3", "log"]), [local(15, "torn"), local(30, "b"), "no end\n".into()].concat());
}

#[test]
fn a_broken_pipe_ends_it_quietly() {
    let lines: String = (0..20_000).map(|number| line(number, "a line to be read")).collect();
    let tree = Tree::of(Programs::ours()).file("log/current", lines);
    let command = || tree.command_of(Programs::ours(), "svlog").arg("log");
    let end = command().descriptor(1, broken_pipe()).run();
    assert_eq!((end.end, end.stderr), (End::Signal(libc::SIGPIPE), Vec::new()));
    assert_eq!(command().descriptor(1, broken_pipe()).ignored(&[libc::SIGPIPE]).run(), exits(111, "", ""));
    let full = fs::File::options().write(true).open("/dev/full").expect("open /dev/full");
    let told = "svlog: fatal: unable to write output: out of disk space\n";
    assert_eq!(command().descriptor(1, full).run(), exits(111, "", told));
    // A follower hears of it although no line comes.
    let (reader, writer) = pipe();
    let follower = command().args(["-fn0"]).descriptor(1, writer).spawn();
    until("the follower to wait", || proc::state(follower.pid()) == Some('S'));
    drop(reader);
    assert_eq!(follower.wait(), exits(0, "", ""));
}

#[test]
fn misuse_and_trouble_are_told() {
    let tree = Tree::of(Programs::ours()).file("file", "").file("log/current", "x\n");
    let usage = String::from_utf8(svlog(&tree, &NONE).stderr).expect("text");
    assert!(usage.starts_with("svlog: usage: svlog ") && usage.lines().count() == 1, "{usage}");
    assert_eq!(svlog(&tree, &NONE), exits(100, "", &usage));
    for (arguments, reason) in [
        (&["-z", "log"][..], "invalid option '-z'"),
        (&["-n", "-1", "log"], "not a number of lines: -1"),
        (&["-g", "a(b", "log"], "not a pattern: a(b: unclosed group"),
        (&["-S", "teatime", "log"], "not a time: teatime"),
        (&["-o", "xml", "log"], "not local, utc, unix, tai64n or json: xml"),
    ] {
        assert_eq!(svlog(&tree, arguments), exits(100, "", format!("svlog: {reason}\n{usage}")), "{arguments:?}");
    }
    let fatal = |text: &str| exits(111, "", format!("svlog: fatal: unable to {text}\n"));
    assert_eq!(svlog(&tree, &["missing"]), fatal("look at missing: file does not exist"));
    let warning = "svlog: warning: unable to look at missing: file does not exist\n";
    assert_eq!(svlog(&tree, &["log", "missing"]), exits(111, "log: x\n", warning));
    assert_eq!(svlog(&tree, &["file"]), fatal("read file: not a directory"));
    let odd = Tree::of(Programs::ours()).dir("log/current");
    let out = svlog(&odd, &["log"]);
    assert_eq!(out, exits(111, "", "svlog: warning: unable to read log/current: is a directory\n"));
}
