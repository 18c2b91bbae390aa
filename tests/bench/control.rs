//! `svstat` and `svc` on 500 service directories, which our supervise keeps; `svps` on 1000.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::contender::Who;
use crate::measure::{in_turn, milliseconds};
use crate::scan_tree::ScanTree;
use crate::table::{Row, Target, Unit};

const SERVICES: usize = 500;
/// How long the supervises may be busy with what they were told.
const CALM_AFTER: Duration = Duration::from_millis(200);

/// From a command's start to its end.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let mut tree = ScanTree::start(bench, Who::Ours, SERVICES);
    tree.all_run();
    let names = tree.names();
    let whos = bench.contenders.of(&[Who::Ours, Who::Original]);
    let measure = |program: &str, option: Option<&str>| {
        in_turn(&whos, 3 * bench.rounds, |who| {
            sleep(CALM_AFTER);
            let mut command = tree.scratch.command(&bench.contenders, who, program);
            command.args(option).args(&names);
            let started = Instant::now();
            let end = command.status().unwrap_or_else(|e| panic!("start {program}: {e}"));
            assert!(end.success(), "{program}: {end}");
            milliseconds(started.elapsed())
        })
    };
    let row = |what, values| Row { what, unit: Unit::Time, target: Target::AtMost(1.0), values };
    vec![
        row("`svstat` on 500 directories", measure("svstat", None)),
        row("`svc -u` on 500 directories", measure("svc", Some("-u"))),
    ]
}

/// svps on a scan directory of 1000 services. Nothing else has it.
pub fn svps(bench: &Bench) -> Vec<Row> {
    let mut tree = ScanTree::start(bench, Who::Ours, 2 * SERVICES);
    tree.all_run();
    let values = in_turn(&[Who::Ours], 3 * bench.rounds, |who| {
        sleep(CALM_AFTER);
        let mut command = tree.scratch.command(&bench.contenders, who, "svps");
        command.arg("scan");
        let started = Instant::now();
        command.status().unwrap_or_else(|e| panic!("start svps: {e}"));
        milliseconds(started.elapsed())
    });
    vec![Row { what: "`svps` on 1000 services", unit: Unit::Time, target: Target::Within(16.0), values }]
}
