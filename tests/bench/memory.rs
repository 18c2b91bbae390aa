//! What an idle process costs: its proportional set size among a hundred of its kind.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use daemontools_tests::until;

use crate::Bench;
use crate::contender::Who;
use crate::measure::{in_turn, memory};
use crate::reports::Reports;
use crate::scan_tree::RUN;
use crate::scratch::Scratch;
use crate::table::{Row, Target, Unit};

/// How many of them there are.
const COUNT: usize = 100;
/// How long after a start a process may still be busy with it; the original sleeps through its first second.
const SETTLED_AFTER: Duration = Duration::from_millis(1500);

/// An idle supervise whose service runs.
pub fn supervise(bench: &Bench) -> Vec<Row> {
    let whos = bench.contenders.of(&[Who::Ours, Who::Original, Who::Runit, Who::S6]);
    let values = in_turn(&whos, bench.rounds.min(3), |who| {
        let scratch = Scratch::new();
        let mut reports = Reports::new();
        let program = match who {
            Who::Ours | Who::Original | Who::Cat => "supervise",
            Who::Runit => "runsv",
            Who::S6 => "s6-supervise",
        };
        let start = |number: usize| {
            scratch.script(&format!("{number}/run"), RUN);
            let mut command = scratch.command(&bench.contenders, who, program);
            spawn(command.arg(number.to_string()).stdout(reports.outlet()))
        };
        let children: Vec<Child> = (0..COUNT).map(start).collect();
        reports.skip(COUNT);
        sleep(SETTLED_AFTER);
        average(children)
    });
    let what = "memory of an idle supervise among 100 (PSS)";
    vec![Row { what, unit: Unit::Memory, target: Target::AtMost(0.7), values }]
}

/// An idle multilog that has logged a line.
pub fn multilog(bench: &Bench) -> Vec<Row> {
    let programs = [(Who::Ours, "multilog"), (Who::Original, "multilog"), (Who::Runit, "svlogd"), (Who::S6, "s6-log")];
    let whos = bench.contenders.with(&programs);
    let values = in_turn(&whos, bench.rounds.min(3), |who| {
        let scratch = Scratch::new();
        let (program, stamp) = match who {
            Who::Ours | Who::Original | Who::Cat => ("multilog", "t"),
            Who::Runit => ("svlogd", "-t"),
            Who::S6 => ("s6-log", "t"),
        };
        let start = |number: usize| {
            let log = scratch.dir(&format!("{number}"));
            let mut command = scratch.command(&bench.contenders, who, program);
            let mut child = spawn(command.arg(stamp).arg(&log).stdin(Stdio::piped()));
            let line = child.stdin.as_mut().map(|pipe| pipe.write_all(b"one line\n"));
            assert!(matches!(line, Some(Ok(()))), "{program} does not read");
            (child, log)
        };
        let (children, logs): (Vec<Child>, Vec<_>) = (0..COUNT).map(start).unzip();
        until("each line in its log", || logs.iter().all(|log| has_line(log)));
        average(children)
    });
    let what = "memory of an idle multilog among 100 (PSS)";
    vec![Row { what, unit: Unit::Memory, target: Target::AtMost(1.0), values }]
}

/// A logged service at rest: its two supervises and its logger, without what it runs itself.
pub fn logged(bench: &Bench) -> Vec<Row> {
    let whos = bench.contenders.of(&[Who::Ours, Who::Original]);
    let values = in_turn(&whos, bench.rounds.min(3), |who| {
        let scratch = Scratch::new();
        for number in 0..COUNT {
            scratch.script(&format!("scan/{number}/run"), RUN);
            scratch.script(&format!("scan/{number}/log/run"), "exec multilog t ./main");
        }
        let mut scanner = spawn(scratch.command(&bench.contenders, who, "svscan").arg("scan"));
        let logs: Vec<_> = (0..COUNT).map(|number| scratch.path(format!("scan/{number}/log/main"))).collect();
        until("each line in its log", || logs.iter().all(|log| has_line(log)));
        sleep(SETTLED_AFTER);
        let name = |pid: i32| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let counts = |pid: &i32| matches!(name(*pid).trim_end(), "supervise" | "multilog");
        let sum: f64 = scratch.processes().into_iter().filter(counts).map(memory).sum();
        // First what would start the others again.
        let _ = scanner.kill();
        let _ = scanner.wait();
        sum / COUNT as f64
    });
    let what = "memory of a logged service at rest: 2 supervise, multilog";
    vec![Row { what, unit: Unit::Memory, target: Target::Within(125.0), values }]
}

fn spawn(command: &mut Command) -> Child {
    command.spawn().unwrap_or_else(|e| panic!("start {command:?}: {e}"))
}

fn has_line(log: &Path) -> bool {
    fs::metadata(log.join("current")).is_ok_and(|current| current.len() > 0)
}

/// The average of what they take; ends them.
fn average(children: Vec<Child>) -> f64 {
    let sum: f64 = children.iter().map(|child| memory(child.id() as i32)).sum();
    let count = children.len() as f64;
    for mut child in children {
        let _ = child.kill();
        let _ = child.wait();
    }
    sum / count
}
