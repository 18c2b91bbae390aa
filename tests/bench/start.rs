//! A big tree starts: 900 services (the original stops at 1000).

use crate::Bench;
use crate::contender::Who;
use crate::measure::{median, milliseconds, processor_time};
use crate::scan_tree::ScanTree;
use crate::table::{Row, Target, Unit};

const SERVICES: usize = 900;

/// From the scanner's start until all services run, and the processor time of all processes until then.
pub fn rows(bench: &Bench) -> Vec<Row> {
    let whos = bench.contenders.of(&[Who::Ours, Who::Original, Who::Runit, Who::S6]);
    let mut samples: Vec<(Who, Vec<f64>, Vec<f64>)> = whos.iter().map(|&who| (who, vec![], vec![])).collect();
    for _ in 0..bench.rounds.min(5) {
        for (who, times, efforts) in &mut samples {
            let mut tree = ScanTree::start(bench, *who, SERVICES);
            times.push(milliseconds(tree.all_run() - tree.started));
            efforts.push(processor_time(&tree.scratch.processes()));
        }
    }
    let (times, efforts): (Vec<_>, Vec<_>) =
        samples.into_iter().map(|(who, times, efforts)| ((who, median(times)), (who, median(efforts)))).unzip();
    let row = |what, values| Row { what, unit: Unit::Time, target: Target::AtMost(0.9), values };
    vec![row("900 services: svscan started → all run", times), row("900 services: processor time until then", efforts)]
}
