//! How the cost grows: with the number of services, with the length of lines.

use std::thread::sleep;
use std::time::{Duration, Instant};

use daemontools_tests::proc;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Bench;
use crate::contender::Who;
use crate::lines::{Input, Script, TEXT, lines, rate};
use crate::measure::{in_turn, median, memory, milliseconds, processor_time};
use crate::scan_tree::{RUN, ScanTree};
use crate::settings;
use crate::table;

/// A table of its own: its name, and how to get it.
type Table = (&'static str, fn(&Bench) -> String);

/// All of them.
pub const TABLES: [Table; 3] =
    [("growth-services", services), ("growth-lines", line_lengths), ("settings", settings::table)];

/// How long a supervise must have run so that svscan starts it again at once.
const RAN_LONG_ENOUGH: Duration = Duration::from_secs(6);

/// Ours with 10 to 3000 services.
fn services(bench: &Bench) -> String {
    let head = [
        "services",
        "svscan started → all run",
        "a service",
        "svscan (PSS)",
        "a supervise (PSS)",
        "one more link → it runs",
        "svscan's time for that",
        "supervise and service killed → again",
        "svscan's time for that",
    ];
    let rows = [10, 100, 1000, 3000].map(|count| with_services(bench, count));
    table::lines(head.map(str::to_owned), rows.into_iter())
}

fn with_services(bench: &Bench, count: usize) -> [String; 9] {
    let mut tree = ScanTree::start(bench, Who::Ours, count);
    let all = milliseconds(tree.all_run() - tree.started);
    sleep(RAN_LONG_ENOUGH);
    let scanner = tree.scanner();
    let supervises: Vec<i32> = proc::all().into_iter().filter(|&pid| proc::parent(pid) == Some(scanner)).collect();
    let (own, each) = (memory(scanner), supervises.iter().map(|&pid| memory(pid)).sum::<f64>() / count as f64);
    let (mut links, mut ends) = (Vec::new(), Vec::new());
    for &supervise in supervises.iter().take(bench.rounds) {
        links.push(timed(&mut tree, |tree| tree.add(RUN)));
        // A service that lives on would be adopted, not started.
        let service =
            proc::all().into_iter().find(|&pid| proc::parent(pid) == Some(supervise)).expect("a service runs");
        ends.push(timed(&mut tree, |_| {
            let killed = Instant::now();
            for pid in [supervise, service] {
                kill(Pid::from_raw(pid), Signal::SIGKILL).expect("kill a supervise and its service");
            }
            killed
        }));
    }
    let middle = |samples: &[(f64, f64)], part: fn(&(f64, f64)) -> f64| median(samples.iter().map(part).collect());
    let ms = |value| format!("{} ms", table::short(value));
    let kb = |value| format!("{} kB", table::short(value));
    [
        count.to_string(),
        ms(all),
        ms(all / count as f64),
        kb(own),
        kb(each),
        ms(middle(&links, |sample| sample.0)),
        ms(middle(&links, |sample| sample.1)),
        ms(middle(&ends, |sample| sample.0)),
        ms(middle(&ends, |sample| sample.1)),
    ]
}

/// How long it takes until a service runs because of what is done, and svscan's processor time for it.
fn timed(tree: &mut ScanTree, act: impl FnOnce(&mut ScanTree) -> Instant) -> (f64, f64) {
    let scanner = tree.scanner();
    let before = processor_time(&[scanner]);
    let since = act(tree);
    let runs = tree.reports.next().1;
    // svscan may look a second time.
    sleep(Duration::from_millis(100));
    (milliseconds(runs - since), processor_time(&[scanner]) - before)
}

/// `multilog t s16777215 DIR` with lines of 10 to 100000 bytes.
fn line_lengths(bench: &Bench) -> String {
    let script = Script { multilog: &["t", "s16777215"], runit: None, s6: None };
    let whos = bench.contenders.with(&[(Who::Ours, "multilog"), (Who::Original, "multilog")]);
    let row = |&average: &usize| {
        let input = Input { text: lines(TEXT, average), amount: 32_000_000 };
        let values = in_turn(&whos, bench.rounds.min(5), |who| rate(bench, who, &script, &input));
        let of = |who| values.iter().find(|(other, _)| *other == who).map_or(f64::NAN, |&(_, value)| value);
        let (ours, original) = (of(Who::Ours), of(Who::Original));
        [
            average.to_string(),
            format!("{} MB/s", table::short(ours)),
            format!("{} ns", table::short(average as f64 / ours * 1e3)),
            format!("{} MB/s", table::short(original)),
            table::short(ours / original),
        ]
    };
    let head = ["bytes in a line", "`multilog t`, ours", "a line", "C", "ours : C"];
    table::lines(head.map(str::to_owned), [10, 100, 1000, 100_000].iter().map(row))
}
