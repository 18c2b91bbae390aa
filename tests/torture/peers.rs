//! Side by side: the same faults put into ours, the original, runit's and s6's programs, and a table of what came of it.
//! Only ours is judged; the table is what docs/reliability.md shows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use daemontools_tests::fault::{all_of_them, try_each};
use daemontools_tests::wait::{time_limit, value_after};
use daemontools_tests::{End, Process, Programs, left_out};

/// Whose program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Ours,
    Original,
    Runit,
    S6,
}

/// A program that takes part.
#[derive(Debug)]
pub struct Contender {
    pub whose: Whose,
    pub file: PathBuf,
}

/// Those that are installed: `name` of ours and of the original, and what the others call theirs.
pub fn contenders(name: &str, runit: &str, s6: &str) -> Vec<Contender> {
    let mut all = vec![Contender { whose: Whose::Ours, file: Programs::ours().path(name) }];
    if let Some(original) = Programs::original("side by side with the original") {
        all.push(Contender { whose: Whose::Original, file: original.path(name) });
    }
    for (whose, peer) in [(Whose::Runit, runit), (Whose::S6, s6)] {
        let places = std::env::var_os("PATH").unwrap_or_default();
        match std::env::split_paths(&places).map(|place| place.join(peer)).find(|file| file.is_file()) {
            Some(file) => all.push(Contender { whose, file }),
            None => left_out(&format!("side by side with {peer}"), "not installed"),
        }
    }
    all
}

/// How a process ends, if it does so soon.
pub fn end_within(process: &mut Process, patience: Duration) -> Option<End> {
    let given_up = Instant::now() + patience;
    value_after(patience, "an end, or the end of patience", || match process.ended() {
        None => (Instant::now() >= given_up).then_some(None),
        end => Some(end),
    })
}

/// What came of an event, for each program: figures by name.
#[derive(Default)]
pub struct Table {
    rows: Mutex<BTreeMap<(usize, String), BTreeMap<Whose, u64>>>,
}

impl Table {
    /// Adds to a figure.
    pub fn add(&self, row: usize, what: &str, whose: Whose, count: u64) {
        self.change(row, what, whose, |figure| *figure += count);
    }

    /// Notes the largest figure.
    pub fn worst(&self, row: usize, what: &str, whose: Whose, figure: u64) {
        self.change(row, what, whose, |worst| *worst = figure.max(*worst));
    }

    fn change(&self, row: usize, what: &str, whose: Whose, change: impl FnOnce(&mut u64)) {
        let mut rows = self.rows.lock().expect("the table");
        change(rows.entry((row, what.to_owned())).or_default().entry(whose).or_default());
    }

    /// Prints it, ready for a document.
    pub fn print(&self) {
        let mut text = String::from("| event | ours | 0.76 | runit | s6 |\n|---|---|---|---|---|\n");
        for ((_, what), figures) in self.rows.lock().expect("the table").iter() {
            let cells = [Whose::Ours, Whose::Original, Whose::Runit, Whose::S6];
            let cells = cells.map(|whose| figures.get(&whose).map_or_else(|| "–".to_owned(), u64::to_string));
            text.push_str(&format!("| {what} | {} |\n", cells.join(" | ")));
        }
        println!("{text}");
    }
}

impl Contender {
    /// How long it may take to do what it should. The others may take what they do not promise; ours is judged, and a
    /// busy machine is no reason to fail.
    pub fn patience(&self) -> Duration {
        if self.whose == Whose::Ours { 2 * time_limit() } else { Duration::from_secs(20) }
    }

    /// Tries the faults; in a short run about `few` of them on ours, and a quarter of that on the others.
    pub fn try_some<T: Sync>(&self, what: &str, faults: Vec<T>, few: usize, attempt: impl Fn(&T) + Sync) {
        let few = if self.whose == Whose::Ours { few } else { few.div_ceil(4) };
        let step = if all_of_them() { 1 } else { faults.len().div_ceil(few).max(1) };
        let faults: Vec<T> = faults.into_iter().step_by(step).collect();
        try_each(&format!("side by side: {what} of {:?}", self.whose), &faults, 16, attempt);
    }
}
