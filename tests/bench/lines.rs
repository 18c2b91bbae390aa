//! The line programs: how many bytes a second they take from a pipe.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Bench;
use crate::contender::Who;
use crate::measure::in_turn;
use crate::scratch::Scratch;
use crate::table::{Row, Target, Unit};

/// How much is fed in one go: enough for a quarter of a second at the least. (The first few hundredths pass while the
/// scheduler finds a processor for each side of the pipe.)
const AMOUNT: usize = 256_000_000;

/// How much is fed to what packs it: four files.
const PACKED: usize = 64_000_000;

/// How much text `AMOUNT` is, over and over: a service writes its lines from memory that it has just used.
pub const TEXT: usize = 1_000_000;

/// How much of a log is read in one go, once.
const LOG: usize = 32_000_000;

/// `multilog s16777215 DIR`.
pub fn multilog(bench: &Bench) -> Vec<Row> {
    let script = Script { multilog: &["s16777215"], runit: Some((&[], "s16777215\n")), s6: Some(&["s16777215"]) };
    logger(bench, "`multilog s16777215 DIR`", Target::AtLeast(8.0), &script)
}

/// `multilog t s16777215 DIR`.
pub fn multilog_stamped(bench: &Bench) -> Vec<Row> {
    let script =
        Script { multilog: &["t", "s16777215"], runit: Some((&["-t"], "s16777215\n")), s6: Some(&["t", "s16777215"]) };
    logger(bench, "`multilog t s16777215 DIR`", Target::AtLeast(6.0), &script)
}

/// `multilog t :stamp=iso s16777215 DIR`: the same with stamps that people read. 0.76 ignores the word, and stamps as ever:
/// the goal is 0.7 of the one with its stamps.
pub fn multilog_iso(bench: &Bench) -> Vec<Row> {
    let script = Script {
        multilog: &["t", ":stamp=iso", "s16777215"],
        runit: Some((&["-tt"], "s16777215\n")),
        s6: Some(&["T", "s16777215"]),
    };
    logger(bench, "`multilog t :stamp=iso s16777215 DIR`", Target::AtLeast(4.2), &script)
}

/// `multilog t :compress=gzip s16777215 DIR`, of the others gzip as the processor, at the same level. What counts is how long
/// the log is held up: at the end of its input ours leaves to the next one what is not packed yet.
pub fn multilog_compress(bench: &Bench) -> Vec<Row> {
    let script = Script {
        multilog: &["t", ":compress=gzip", ":level=6", "s16777215"],
        runit: Some((&["-t"], "s16777215\n!gzip -6\n")),
        s6: Some(&["t", "?gzip -6", "s16777215"]),
    };
    // 0.76 ignores a setting, and ours would take a processor as well.
    let original = Script { multilog: &["t", "!gzip -6", "s16777215"], runit: None, s6: None };
    let programs = [(Who::Ours, "multilog"), (Who::Original, "multilog"), (Who::Runit, "svlogd"), (Who::S6, "s6-log")];
    let input = Input { text: lines(TEXT, 80), amount: PACKED };
    let whos = bench.contenders.with(&programs);
    let values = in_turn(&whos, bench.rounds, |who| {
        rate(bench, who, if who == Who::Original { &original } else { &script }, &input)
    });
    let what = "`multilog t :compress=gzip s16777215 DIR`; others `!gzip -6`";
    vec![Row { what, unit: Unit::Rate, target: Target::AtLeast(2.0), values }]
}

/// With one pattern, and with ten. No line is wanted: a star stops at the first space, and a number comes there.
pub fn multilog_patterns(bench: &Bench) -> Vec<Row> {
    let one = Script {
        multilog: &["t", "-*", "+* error *", "s16777215"],
        runit: Some((&["-t"], "s16777215\n-*\n+* error *\n")),
        s6: Some(&["-", "+ error ", "t", "s16777215"]),
    };
    let ten = Script {
        multilog: &[
            "t",
            "-*",
            "+* error *",
            "+* warning *",
            "+* fatal *",
            "-*debug: *",
            "+*accepted*",
            "+* from 10.0.*",
            "-* status: *",
            "+*end*",
            "-*a*b*c*d*",
            "s16777215",
        ],
        runit: None,
        s6: None,
    };
    let target = Target::AtLeast(5.0);
    let mut rows = logger(bench, "`multilog t '-*' '+* error *' s16777215 DIR`", target, &one);
    rows.extend(logger(bench, "`multilog t` with 10 patterns", target, &ten));
    rows
}

/// `multilog t DIR`: the default size and number of files.
pub fn multilog_default_size(bench: &Bench) -> Vec<Row> {
    let script = Script { multilog: &["t"], runit: Some((&["-t"], "s99999\n")), s6: Some(&["t"]) };
    logger(bench, "`multilog t DIR`, 10 files of 99999", Target::AtLeast(5.0), &script)
}

/// `tai64n`.
pub fn tai64n(bench: &Bench) -> Vec<Row> {
    let input = Input { text: lines(TEXT, 80), amount: AMOUNT };
    filter(
        bench,
        "`tai64n`",
        Target::AtLeast(3.0),
        &input,
        &[(Who::Ours, "tai64n"), (Who::Original, "tai64n"), (Who::S6, "s6-tai64n"), (Who::Cat, "cat")],
    )
}

/// `tai64nlocal`.
pub fn tai64nlocal(bench: &Bench) -> Vec<Row> {
    let text = stamped(&lines(LOG, 80));
    let input = Input { amount: text.len(), text };
    filter(
        bench,
        "`tai64nlocal`",
        Target::AtLeast(15.0),
        &input,
        &[(Who::Ours, "tai64nlocal"), (Who::Original, "tai64nlocal"), (Who::S6, "s6-tai64nlocal"), (Who::Cat, "cat")],
    )
}

/// What is fed.
pub struct Input {
    /// The text, over and over.
    pub text: Vec<u8>,
    /// How many bytes of it at least; the last time is as whole as the first.
    pub amount: usize,
}

/// The same log in three languages: what comes before the directory.
pub struct Script {
    /// For multilog.
    pub multilog: &'static [&'static str],
    /// For svlogd: its options, and the directory's `config`.
    pub runit: Option<(&'static [&'static str], &'static str)>,
    /// For s6-log.
    pub s6: Option<&'static [&'static str]>,
}

fn logger(bench: &Bench, what: &'static str, target: Target, script: &Script) -> Vec<Row> {
    let mut programs = vec![(Who::Ours, "multilog"), (Who::Original, "multilog")];
    programs.extend(script.runit.map(|_| (Who::Runit, "svlogd")));
    programs.extend(script.s6.map(|_| (Who::S6, "s6-log")));
    programs.push((Who::Cat, "cat"));
    let input = Input { text: lines(TEXT, 80), amount: AMOUNT };
    let whos = bench.contenders.with(&programs);
    let values = in_turn(&whos, bench.rounds, |who| rate(bench, who, script, &input));
    vec![Row { what, unit: Unit::Rate, target, values }]
}

/// How many megabytes of input a second one takes to log it.
pub fn rate(bench: &Bench, who: Who, script: &Script, input: &Input) -> f64 {
    let scratch = Scratch::new();
    let command = |program: &str| scratch.command(&bench.contenders, who, program);
    let mut command = match who {
        Who::Ours | Who::Original => with(command("multilog"), script.multilog),
        Who::S6 => with(command("s6-log"), script.s6.unwrap_or_default()),
        Who::Runit => {
            let (options, config) = script.runit.unwrap_or_default();
            scratch.file("log/config", config);
            with(command("svlogd"), options)
        }
        Who::Cat => {
            let mut cat = command("cat");
            cat.stdout(File::create(scratch.path("log")).expect("make a file"));
            cat
        }
    };
    if who != Who::Cat {
        command.arg("./log");
    }
    megabytes_per_second(command, input)
}

fn with(mut command: Command, arguments: &[&str]) -> Command {
    command.args(arguments);
    command
}

fn filter(bench: &Bench, what: &'static str, target: Target, input: &Input, programs: &[(Who, &str)]) -> Vec<Row> {
    let whos = bench.contenders.with(programs);
    let scratch = Scratch::new();
    let values = in_turn(&whos, bench.rounds, |who| {
        let program = programs.iter().find(|(other, _)| *other == who).map_or("", |(_, program)| program);
        megabytes_per_second(scratch.command(&bench.contenders, who, program), input)
    });
    vec![Row { what, unit: Unit::Rate, target, values }]
}

/// Starts a command, feeds it the input through a pipe, and tells how many megabytes a second it took to its end.
fn megabytes_per_second(mut command: Command, input: &Input) -> f64 {
    let times = input.amount.div_ceil(input.text.len());
    let started = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap_or_else(|e| panic!("start {command:?}: {e}"));
    let fed = child.stdin.take().map(|mut pipe| (0..times).try_for_each(|_| pipe.write_all(&input.text)));
    let end = child.wait().expect("wait for a child");
    let took = started.elapsed();
    assert!(end.success() && matches!(fed, Some(Ok(()))), "{command:?} did not take its input: {end}, {fed:?}");
    (times * input.text.len()) as f64 / 1e6 / took.as_secs_f64()
}

/// Log lines, always the same, of this many bytes on average, newlines included; one in fifty tells of an error.
pub fn lines(amount: usize, average: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(amount + 2 * average);
    let mut random = 1_u64;
    for number in 0.. {
        // A linear congruence is random enough for the lengths of lines.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let len = average / 2 + (random >> 33) as usize % (average + 1);
        let kind = if number % 50 == 0 { "error" } else { "notice" };
        let start = text.len();
        text.extend_from_slice(format!("{number} {kind} from 10.1.2.3: ").as_bytes());
        text.resize(text.len().max(start + len), b'x');
        text.truncate(start + len.max(1) - 1);
        text.push(b'\n');
        if text.len() >= amount {
            break;
        }
    }
    text
}

/// The same lines with stamps before them, about 100000 a second.
fn stamped(lines: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(lines.len() * 3 / 2);
    for (number, line) in lines.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let (seconds, nanoseconds) = (0x4000_0000_6900_0000 + number / 100_000, number % 100_000 * 10_000);
        text.extend_from_slice(format!("@{seconds:016x}{nanoseconds:08x} ").as_bytes());
        text.extend_from_slice(line);
    }
    text
}
