//! How soon something happens: a new service starts, a young one is told to end, an old one is started again.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Bench;
use crate::contender::Who;
use crate::measure::{median, milliseconds};
use crate::scan_tree::{RUN, ScanTree};
use crate::table::{Row, Target, Unit};

const ALL: [Who; 4] = [Who::Ours, Who::Original, Who::Runit, Who::S6];

/// A link is made in the scan directory: when does its `run` execute?
pub fn link(bench: &Bench) -> Vec<Row> {
    let measure = |who| {
        let mut tree = ScanTree::start(bench, who, 1);
        tree.all_run();
        let round = |round| {
            // Somewhere between two looks of those that look every 5 seconds.
            sleep(Duration::from_millis(700 + 1900 * round % 5000));
            let made = tree.add(RUN);
            milliseconds(tree.reports.next().1 - made)
        };
        median((0..bench.rounds as u64).map(round).collect())
    };
    row(bench, "link made → `run` executes", Target::Within(50.0), measure)
}

/// `svc -d` 50 ms after a start: when has the process its TERM?
pub fn down(bench: &Bench) -> Vec<Row> {
    let measure = |who| {
        let mut tree = ScanTree::start(bench, who, 0);
        let once = |_| {
            let service = tree.names().len();
            tree.add("trap 'echo term; kill $!; exit' TERM\nsleep 100000 & echo up\nwait");
            tree.reports.next();
            sleep(Duration::from_millis(50));
            let (program, arguments): (&str, &[&str]) = match who {
                Who::Ours | Who::Original | Who::Cat => ("svc", &["-d"]),
                Who::Runit => ("sv", &["d"]),
                Who::S6 => ("s6-svc", &["-d"]),
            };
            let mut command = tree.scratch.command(&bench.contenders, who, program);
            let told = Instant::now();
            let end = command.args(arguments).arg(tree.scratch.path(format!("scan/{service}"))).status();
            assert!(end.is_ok_and(|end| end.success()), "{command:?} fails");
            milliseconds(tree.reports.next().1 - told)
        };
        median((0..bench.rounds).map(once).collect())
    };
    row(bench, "`svc -d` 50 ms after a start → TERM", Target::Within(20.0), measure)
}

/// A service that ran for a while is killed: when is it started again?
pub fn restart(bench: &Bench) -> Vec<Row> {
    let measure = |who| {
        let mut tree = ScanTree::start(bench, who, 1);
        let mut service = tree.reports.next().0;
        let once = |_| {
            sleep(Duration::from_millis(1500));
            let killed = Instant::now();
            kill(Pid::from_raw(service.parse().expect("a process id")), Signal::SIGKILL).expect("kill the service");
            let (next, started) = tree.reports.next();
            service = next;
            milliseconds(started - killed)
        };
        median((0..bench.rounds).map(once).collect())
    };
    row(bench, "kill -9 of a service → started again", Target::AtMost(1.0), measure)
}

fn row(bench: &Bench, what: &'static str, target: Target, measure: impl FnMut(Who) -> f64) -> Vec<Row> {
    let whos = bench.contenders.of(&ALL);
    let values = crate::measure::in_turn(&whos, 1, measure);
    vec![Row { what, unit: Unit::Time, target, values }]
}
