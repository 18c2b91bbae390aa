//! The benchmark: ours, the C original and the peers, side by side in one run (`make bench`).
//!
//! Every experiment measures all that are installed, in turn, several rounds, and takes the medians; the table shows
//! ours as a ratio to the original. It is no test: nothing passes or fails by it, and `cargo test` does not run it.
//!
//! Arguments: words that an experiment's name must contain one of (none: all of them), and `--quick` for fewer rounds.
//! A whole run, quick or not, writes the table into `docs/performance.md`.

mod chain;
mod contender;
mod control;
mod growth;
mod idle;
mod latency;
mod lines;
mod machine;
mod measure;
mod memory;
mod reports;
mod scan_tree;
mod scratch;
mod settings;
mod start;
mod table;

use std::env;

use crate::contender::Contenders;
use crate::table::Row;

/// What an experiment needs to know.
struct Bench {
    contenders: Contenders,
    /// How often each contender is measured.
    rounds: usize,
    /// Whether a rough answer will do.
    quick: bool,
}

/// An experiment: its name, and how to get its rows.
type Experiment = (&'static str, fn(&Bench) -> Vec<Row>);

/// All of them, in the table's order.
const EXPERIMENTS: [Experiment; 19] = [
    ("multilog", lines::multilog),
    ("multilog-t", lines::multilog_stamped),
    ("multilog-iso", lines::multilog_iso),
    ("multilog-compress", lines::multilog_compress),
    ("multilog-patterns", lines::multilog_patterns),
    ("multilog-rotation", lines::multilog_default_size),
    ("tai64n", lines::tai64n),
    ("tai64nlocal", lines::tai64nlocal),
    ("chain", chain::rows),
    ("memory-supervise", memory::supervise),
    ("memory-multilog", memory::multilog),
    ("memory-logged", memory::logged),
    ("latency-link", latency::link),
    ("latency-down", latency::down),
    ("latency-restart", latency::restart),
    ("start", start::rows),
    ("idle", idle::rows),
    ("control", control::rows),
    ("svps", control::svps),
];

fn main() {
    let (flags, words): (Vec<String>, Vec<String>) = env::args().skip(1).partition(|word| word.starts_with('-'));
    // `cargo bench` says so; `cargo test --all-targets` does not.
    if !flags.iter().any(|flag| flag == "--bench") {
        return;
    }
    let quick = flags.iter().any(|flag| flag == "--quick");
    let bench = Bench { contenders: Contenders::installed(), rounds: if quick { 3 } else { 7 }, quick };
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));

    let mut rows = Vec::new();
    for (name, experiment) in EXPERIMENTS.iter().filter(|(name, _)| chosen(name)) {
        eprintln!("{name} …");
        for row in experiment(&bench) {
            eprintln!("{}", row.line());
            rows.push(row);
        }
    }
    let growth: Vec<String> = growth::TABLES
        .iter()
        .filter(|(name, _)| chosen(name))
        .map(|(name, table)| {
            eprintln!("{name} …");
            table(&bench)
        })
        .collect();

    let text = [vec![machine::description(&bench), table::markdown(&rows)], growth].concat().join("\n");
    println!("{text}");
    if words.is_empty() {
        table::publish(&text);
    }
}
