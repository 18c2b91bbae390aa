//! How soon something happens: a new service starts, a young one is told to end, an old one is started again.

use std::collections::VecDeque;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::Bench;
use crate::contender::Who;
use crate::measure::{in_turn, milliseconds};
use crate::scan_tree::{RUN, ScanTree};
use crate::table::{Row, Target, Unit};

const ALL: [Who; 4] = [Who::Ours, Who::Original, Who::Runit, Who::S6];

/// A link is made in the scan directory: when does its `run` execute?
pub fn link(bench: &Bench) -> Vec<Row> {
    let mut trees = Trees::start(bench, 1);
    let whos = bench.contenders.of(&ALL);
    for &who in &whos {
        trees.of(who).all_run();
    }
    let mut round = 0;
    let values = in_turn(&whos, bench.rounds, |who| {
        // Somewhere between two looks of those that look every 5 seconds.
        round += 1;
        sleep(Duration::from_millis(300 + 1900 * round % 2500));
        let tree = trees.of(who);
        let made = tree.add(RUN);
        milliseconds(tree.reports.next().1 - made)
    });
    row("link made → `run` executes", Target::Within(50.0), values)
}

/// `svc -d` 50 ms after a start: when has the process its TERM?
pub fn down(bench: &Bench) -> Vec<Row> {
    let mut trees = Trees::start(bench, 0);
    let values = in_turn(&bench.contenders.of(&ALL), 3 * bench.rounds, |who| {
        let tree = trees.of(who);
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
    });
    row("`svc -d` 50 ms after a start → TERM", Target::Within(20.0), values)
}

/// How many services are killed in turn, so that each has run for a while.
const KILLED: usize = 12;
/// How long all of them have run before the first is killed: past the second that lies between two starts.
const RAN_FOR: Duration = Duration::from_secs(2);
/// How long it is calm before each: with two contenders it is a second and a half until a service's turn comes again.
const CALM: Duration = Duration::from_millis(60);

/// A service that ran for a while is killed: when is it started again? (A single time is a tenth or two longer or shorter,
/// as it happens: it takes many.)
pub fn restart(bench: &Bench) -> Vec<Row> {
    let mut trees = Trees::start(bench, KILLED);
    let whos = bench.contenders.of(&ALL);
    let mut services: Vec<VecDeque<Pid>> =
        whos.iter().map(|&who| (0..KILLED).map(|_| trees.of(who).reports.next()).map(pid).collect()).collect();
    sleep(RAN_FOR);
    let values = in_turn(&whos, KILLED * bench.rounds, |who| {
        sleep(CALM);
        let at = whos.iter().position(|&other| other == who).expect("one of them");
        let oldest = services[at].pop_front().expect("a service");
        let killed = Instant::now();
        kill(oldest, Signal::SIGKILL).expect("kill the service");
        let next = trees.of(who).reports.next();
        let took = milliseconds(next.1 - killed);
        services[at].push_back(pid(next));
        took
    });
    row("kill -9 of a service → started again", Target::AtMost(1.0), values)
}

/// The process that a report tells of.
fn pid((text, _): (String, Instant)) -> Pid {
    Pid::from_raw(text.parse().expect("a process id"))
}

/// A tree of each contender.
struct Trees(Vec<(Who, ScanTree)>);

impl Trees {
    fn start(bench: &Bench, services: usize) -> Trees {
        let start = |&who: &Who| (who, ScanTree::start(bench, who, services));
        Trees(bench.contenders.of(&ALL).iter().map(start).collect())
    }

    fn of(&mut self, who: Who) -> &mut ScanTree {
        let found = self.0.iter_mut().find(|(other, _)| *other == who);
        found.map(|(_, tree)| tree).expect("each contender has a tree")
    }
}

fn row(what: &'static str, target: Target, values: Vec<(Who, f64)>) -> Vec<Row> {
    vec![Row { what, unit: Unit::Time, target, values }]
}
