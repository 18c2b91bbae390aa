//! A tree in which nothing happens: how often does anybody wake up?

use std::thread::sleep;
use std::time::Duration;

use crate::Bench;
use crate::contender::Who;
use crate::measure::wake_ups;
use crate::scan_tree::ScanTree;
use crate::table::{Row, Target, Unit};

const SERVICES: usize = 500;
/// How long after the start nobody is busy with it any more.
const SETTLED_AFTER: Duration = Duration::from_secs(8);

/// The context switches of a tree of 500 within a minute. The trees of all contenders idle at the same time.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let whos = bench.contenders.of(&[Who::Ours, Who::Original, Who::Runit, Who::S6]);
    let start = |who: &Who| {
        let mut tree = ScanTree::start(bench, *who, SERVICES);
        tree.all_run();
        tree
    };
    let trees: Vec<ScanTree> = whos.iter().map(start).collect();
    sleep(SETTLED_AFTER);
    let seconds = if bench.quick { 15 } else { 60 };
    let processes: Vec<Vec<i32>> = trees.iter().map(|tree| tree.scratch.processes()).collect();
    let before: Vec<u64> = processes.iter().map(|pids| wake_ups(pids)).collect();
    sleep(Duration::from_secs(seconds));
    let after = processes.iter().zip(before).map(|(pids, before)| wake_ups(pids) - before);
    let values = whos.iter().copied().zip(after.map(|count| count as f64 * 60.0 / seconds as f64)).collect();
    let what = "idle tree of 500: wake-ups in a minute";
    vec![Row { what, unit: Unit::Count, target: Target::Within(0.0), values }]
}
