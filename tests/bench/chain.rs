//! A chain of six programs that run another, before `true`.

use std::time::Instant;

use crate::Bench;
use crate::contender::Who;
use crate::measure::{in_turn, median, milliseconds};
use crate::scratch::Scratch;
use crate::table::{Row, Target, Unit};

/// One after the other.
const CHAIN: &[&str] = &[
    "envdir",
    "env",
    "envuidgid",
    "root",
    "setuidgid",
    "root",
    "softlimit",
    "-o",
    "1000",
    "setlock",
    "lock",
    "pgrphack",
    "true",
];
/// The same with s6, which has a program for each too.
const S6: &[&str] = &[
    "s6-envdir",
    "env",
    "s6-envuidgid",
    "root",
    "s6-setuidgid",
    "root",
    "s6-softlimit",
    "-o",
    "1000",
    "s6-setlock",
    "lock",
    "s6-setsid",
    "true",
];
/// The same with runit, where one program does it all.
const RUNIT: &[&str] = &["chpst", "-e", "env", "-U", "root", "-u", "root", "-o", "1000", "-l", "lock", "-P", "true"];

/// From the start of the first to the end of `true`.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let scratch = Scratch::new();
    scratch.file("env/VARIABLE", "value\n");
    let times = if bench.quick { 30 } else { 100 };
    let whos = bench.contenders.of(&[Who::Ours, Who::Original, Who::Runit, Who::S6]);
    let values = in_turn(&whos, bench.rounds, |who| {
        let words = match who {
            Who::Runit => RUNIT,
            Who::S6 => S6,
            Who::Ours | Who::Original | Who::Cat => CHAIN,
        };
        let once = |_| {
            let mut command = scratch.command(&bench.contenders, who, words[0]);
            command.args(&words[1..]);
            let started = Instant::now();
            let end = command.status().unwrap_or_else(|e| panic!("start {command:?}: {e}"));
            assert!(end.success(), "{command:?}: {end}");
            milliseconds(started.elapsed())
        };
        median((0..times).map(once).collect())
    });
    vec![Row {
        what: "a chain of six exec programs before `true`",
        unit: Unit::Time,
        target: Target::AtMost(0.9),
        values,
    }]
}
