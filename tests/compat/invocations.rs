//! A long list of command lines, `invocations.txt`, run with the original's programs and with ours, side by side: standard
//! output, standard error and exit code are the same bytes, but for labels, process ids and seconds.
//!
//! The words that every program is tried with are added here. Not in the list: what goes on until it is told to end.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use daemontools_tests::scrub::scrub;
use daemontools_tests::{End, Output, Programs, Tree, left_out};

/// What each program is tried with. `multilog`, `svscan` and `supervise` would take some of these for directories to work
/// in for ever; they have lines of their own.
const PROGRAMS: [&str; 12] = [
    "envdir",
    "envuidgid",
    "fghack",
    "pgrphack",
    "setlock",
    "setuidgid",
    "softlimit",
    "svc",
    "svok",
    "svstat",
    "tai64n",
    "tai64nlocal",
];

const WORDS: [&str; 18] = [
    "x",
    "x y",
    "x y z",
    "-",
    "- x",
    "-- x",
    "-- x y",
    "-- -- x",
    "--x",
    "--x y",
    "-x",
    "-x y",
    "-xyz",
    "'' x",
    "x ''",
    "'\u{e9}'",
    "\"$(printf '\\377')\" x",
    "'a b' 'c\nd'",
];

/// What each program answers, which the original does not (docs/differences.md, "Every program").
const ANSWERS: [&str; 2] = ["--help", "--version"];

/// A command line, and what for it is meant to differ.
struct Line {
    text: String,
    differs: Option<String>,
}

fn lines() -> Vec<Line> {
    let listed = include_str!("invocations.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    // tests/cross says so of programs that are linked with musl, which does not know the leap seconds of such a zone.
    let no_leap_seconds = std::env::var_os("WITHOUT_LEAP_SECONDS").is_some();
    let mut lines: Vec<Line> = listed
        .filter(|line| !(no_leap_seconds && line.contains("TZ=right/")))
        .map(|line| match line.strip_prefix("differs ").and_then(|line| line.split_once(": ")) {
            Some((why, text)) => Line { text: text.into(), differs: Some(why.into()) },
            None => Line { text: line.into(), differs: None },
        })
        .collect();
    for program in PROGRAMS {
        let tried = WORDS.iter().map(|words| Line { text: format!("{program} {words} </dev/null"), differs: None });
        lines.extend(tried);
        let answers = ANSWERS.iter().map(|word| {
            let why = format!("every program, {word}");
            Line { text: format!("{program} {word} </dev/null"), differs: Some(why) }
        });
        lines.extend(answers);
    }
    lines
}

/// The directory that each line gets a copy of.
fn fixture(programs: &'static Programs) -> Tree {
    let status = b"\x40\0\0\0\x3b\x9a\xca\x0a\0\0\0\0\x2a\0\0\0\0u";
    let tree = Tree::of(programs)
        .file("fixture/flat", "flat\n")
        .link("fixture/loop", "loop")
        .dir("fixture/new")
        .fifo("fixture/fifo")
        .fifo("fixture/st/supervise/control")
        .fifo("fixture/st/supervise/ok")
        .file("fixture/st/supervise/status", status)
        .fifo("fixture/dead/supervise/control")
        .fifo("fixture/dead/supervise/ok")
        .file("fixture/dead/supervise/status", status)
        .dir("fixture/okdir/supervise/ok")
        .file("fixture/okfile/supervise/ok", "")
        .file("fixture/okfile/supervise/status", status)
        .file("fixture/supfile/supervise", "")
        .link("fixture/suplink/supervise", "../flat/x")
        .file("fixture/taken/supervise/lock", "")
        .dir("fixture/controldir/supervise/control")
        .dir("fixture/lockdir/supervise/lock")
        .file("fixture/e/one/ONE", "first line \t\nsecond\n")
        .file("fixture/e/many/A", "1\n")
        .file("fixture/e/many/B", "2")
        .file("fixture/e/many/C", "")
        .file("fixture/e/many/a b", " 3 ")
        .file("fixture/e/many/\u{e9}", "\u{e9}\n")
        .file("fixture/e/gone/GONE", "")
        .file("fixture/e/equals/G=H", "v")
        .file("fixture/e/setter/X=Y", "")
        .file("fixture/e/hidden/.A", "1")
        .file("fixture/e/nul/N", "a\0b \0 \n")
        .file("fixture/e/blank/B", " \t \n")
        .file("fixture/e/crlf/R", "dos\r\n")
        .link("fixture/e/link/L", "../one/ONE")
        .link("fixture/e/dangling/L", "none")
        .file("fixture/e/stale/1/A", "1")
        .link("fixture/e/stale/1/B", "none")
        .link("fixture/e/stale/2/A", "none")
        .file("fixture/e/stale/2/B", "2")
        .file("fixture/e/stale/3/F", "3")
        .link("fixture/e/stale/3/L", "none")
        .link("fixture/e/stale/4/L", "none")
        .file("fixture/e/stale/4/F", "4")
        .fifo("fixture/e/fifo/F")
        .file("fixture/e/large/L", "x".repeat(100_000))
        .file("fixture/e/huge/H", "x".repeat(300_000))
        .dir("fixture/e/sub/DIR")
        .link("fixture/e/linkloop/L", "L")
        .file("fixture/e/path/PATH", "elsewhere")
        .file("fixture/secret/FILE", "x")
        .dir("fixture/closed")
        .file("fixture/unlisted/FILE", "x")
        .file("fixture/noexec", "#!/bin/sh\n")
        .exec("fixture/lost", "#!/nonexistent\n")
        .exec("fixture/plain", "plain\n")
        .file("fixture/bin1/prog", "#!/bin/sh\necho 1\n")
        .script("fixture/bin2/prog", "echo 2 $0 \"$@\"")
        .dir("fixture/bin3/prog")
        .exec("fixture/bin4/prog", "#!/nonexistent\n");
    let done = tree.shell("cd fixture; chmod 600 secret/FILE; chmod 700 closed; chmod 711 unlisted");
    assert_eq!(done.end, End::Code(0));
    tree
}

/// Runs lines, each in a copy of the fixture.
struct Side {
    tree: Tree,
    /// Copies, which every user may run.
    programs: Programs,
}

impl Side {
    fn of(programs: &'static Programs) -> Side {
        let tree = fixture(programs);
        let programs = programs.copy_to(&tree.path("programs"));
        Side { tree, programs }
    }

    /// What the line of this number says and how it ends, without what differs from run to run.
    fn outcome(&self, number: usize, line: &str) -> Output {
        let copied = self.tree.shell(&format!("mkdir -p work; cp -a fixture work/{number}"));
        assert_eq!(copied.stderr, b"", "copy the fixture");
        let shell = self.tree.invocation("/usr/bin/timeout").current_dir(format!("work/{number}"));
        let shell = shell.env("PATH", self.programs.search_path()).env("PROGRAMS", self.programs.dir());
        let shell = shell.env("TZ", "Europe/Berlin");
        let mut out = shell.args(["200", "/bin/sh", "-c", line]).run();
        let here = self.tree.path(format!("work/{number}"));
        for stream in [&mut out.stdout, &mut out.stderr] {
            for (path, word) in [(here.as_path(), "HERE"), (self.programs.dir(), "PROGRAMS")] {
                *stream = replaced(stream, path.as_os_str().as_bytes(), word.as_bytes());
            }
            *stream = scrub(stream);
        }
        out
    }
}

/// The text with `word` for `path`.
fn replaced(text: &[u8], path: &[u8], word: &[u8]) -> Vec<u8> {
    let mut clean = Vec::new();
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        match rest.strip_prefix(path) {
            Some(after) => {
                clean.extend_from_slice(word);
                rest = after;
            }
            None => {
                clean.push(byte);
                rest = &rest[1..];
            }
        }
    }
    clean
}

/// How many lines were compared, how many of them differ on purpose, and what is wrong.
#[derive(Default)]
struct Tally {
    compared: usize,
    deliberate: usize,
    wrong: Vec<String>,
}

/// Runs every second line, or every other one.
fn compare(original: &'static Programs, lines: &[Line], numbers: impl Iterator<Item = usize>) -> Tally {
    let (theirs, ours, mut tally) = (Side::of(original), Side::of(Programs::ours()), Tally::default());
    for number in numbers {
        let line = &lines[number];
        let (theirs, ours) = (theirs.outcome(number, &line.text), ours.outcome(number, &line.text));
        tally.compared += 1;
        let both = || format!("{}\n  original: {theirs:?}\n  ours:     {ours:?}\n", line.text);
        if theirs.end == End::Code(124) || ours.end == End::Code(124) {
            tally.wrong.push(format!("does not end: {}", both()));
        }
        match &line.differs {
            Some(_) if theirs != ours => tally.deliberate += 1,
            Some(why) => tally.wrong.push(format!("should differ, {why}: {}", both())),
            None if theirs != ours => tally.wrong.push(both()),
            None => {}
        }
    }
    tally
}

#[test]
fn ours_says_what_the_original_says() {
    let Some(original) = Programs::original("invocations side by side") else { return };
    let all = lines();
    let there = |line: &Line| !line.text.contains("multilog") || Programs::ours().path("multilog").exists();
    let count = all.len();
    let lines: Vec<Line> = all.into_iter().filter(there).collect();
    if lines.len() < count {
        left_out(&format!("{} invocations of multilog", count - lines.len()), "there is no multilog yet");
    }
    const THREADS: usize = 4;
    let tallies = std::thread::scope(|scope| {
        let (lines, length) = (&lines, lines.len());
        let start = |first| scope.spawn(move || compare(original, lines, (first..length).step_by(THREADS)));
        let started: Vec<_> = (0..THREADS).map(start).collect();
        started.into_iter().map(|thread| thread.join().expect("a thread ends")).collect::<Vec<_>>()
    });
    let compared: usize = tallies.iter().map(|tally| tally.compared).sum();
    let deliberate: usize = tallies.iter().map(|tally| tally.deliberate).sum();
    let wrong: Vec<String> = tallies.into_iter().flat_map(|tally| tally.wrong).collect();
    let told = format!(
        "invocations: {compared} compared, {} differ ({deliberate} more differ on purpose: docs/differences.md)\n",
        wrong.len()
    );
    // Past libtest, which would swallow it.
    let _ = std::io::stderr().write_all(told.as_bytes());
    assert!(wrong.is_empty(), "\n{}", wrong.concat());
}
