//! What each setting costs: the memory of an idle supervise that has it, the time to the first start, and the processor time
//! of supervise until then.

use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::Bench;
use crate::contender::Who;
use crate::measure::{median, memory, milliseconds, processor_time};
use crate::reports::Reports;
use crate::scan_tree::RUN;
use crate::scratch::Scratch;
use crate::table;

/// How many supervises there are of each kind.
const COUNT: usize = 50;
/// How long after a start all is calm, `check` included.
const SETTLED_AFTER: Duration = Duration::from_millis(2500);

/// What a row has in `supervise.d`: files with values, and programs, whose value is `#!`.
type Files = &'static [(&'static str, &'static str)];

const ROWS: [(&str, Files); 13] = [
    ("nothing", &[]),
    ("an empty `supervise.d`", &[("nothing", "")]),
    ("`stop-signal`, `stop-timeout`", &[("stop-signal", "INT"), ("stop-timeout", "9s")]),
    ("`restart-delay`, `restart-limit`", &[("restart-delay", "1s..60s"), ("restart-limit", "5/60s")]),
    ("`no-restart`", &[("no-restart", "0")]),
    ("`finish`", &[("finish", "#!")]),
    ("`status` with `runit`", &[("status", "runit")]),
    ("`group`", &[("group", "")]),
    ("`cgroup/`", &[("cgroup/.keep", "")]),
    ("`notification-fd`", &[("notification-fd", "3")]),
    ("`notify-socket`", &[("notify-socket", "")]),
    ("`notify-socket`, `watchdog`", &[("notify-socket", ""), ("watchdog", "1h")]),
    ("`check` until it passes", &[("check", "#!")]),
];

/// The table.
pub fn table(bench: &Bench) -> String {
    let head = [
        "in `supervise.d`",
        "memory of an idle supervise among 50 (PSS)",
        "start → `run` executes",
        "supervise's time for that",
    ];
    table::lines(head.map(str::to_owned), ROWS.iter().map(|row| measured(bench, row)))
}

fn measured(bench: &Bench, (what, files): &(&str, Files)) -> [String; 4] {
    let (mut sizes, mut times, mut efforts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.rounds.min(3) {
        let scratch = Scratch::new();
        let mut reports = Reports::new();
        let mut children: Vec<Child> = Vec::new();
        for number in 0..COUNT {
            scratch.script(&format!("{number}/run"), RUN);
            for (name, value) in *files {
                let path = format!("{number}/supervise.d/{name}");
                if *value == "#!" { scratch.script(&path, "exit 0") } else { scratch.file(&path, value) }
            }
            let mut command = scratch.command(&bench.contenders, Who::Ours, "supervise");
            let began = Instant::now();
            let child = command.arg(number.to_string()).stdout(reports.outlet()).spawn();
            let child = child.unwrap_or_else(|e| panic!("start supervise: {e}"));
            times.push(milliseconds(reports.next().1 - began));
            efforts.push(processor_time(&[child.id() as i32]));
            children.push(child);
        }
        sleep(SETTLED_AFTER);
        sizes.push(children.iter().map(|child| memory(child.id() as i32)).sum::<f64>() / COUNT as f64);
        for mut child in children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
    let ms = |samples: Vec<f64>| format!("{} ms", table::short(median(samples)));
    [(*what).to_owned(), format!("{} kB", table::short(median(sizes))), ms(times), ms(efforts)]
}
