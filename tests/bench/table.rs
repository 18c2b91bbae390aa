//! The table: a row for each thing measured, in text and in Markdown, and its place in `docs/performance.md`.

use std::fs;
use std::path::Path;

use crate::contender::Who;

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Megabytes (of 1000 × 1000 bytes) of input in a second.
    Rate,
    /// Milliseconds.
    Time,
    /// Kilobytes.
    Memory,
    /// Just a number.
    Count,
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Target {
    /// At least so many times the original.
    AtLeast(f64),
    /// At most this part of the original.
    AtMost(f64),
    /// At most this, whatever the original does.
    Within(f64),
}

/// One thing that was measured.
pub struct Row {
    /// What it is.
    pub what: &'static str,
    /// What the numbers count.
    pub unit: Unit,
    /// What is to be reached.
    pub target: Target,
    /// Each contender's median.
    pub values: Vec<(Who, f64)>,
}

impl Row {
    /// The row for the terminal.
    pub fn line(&self) -> String {
        self.cells().join("  ")
    }

    /// What; ours; the original; ours to the original; the target; whether it is reached; the others.
    fn cells(&self) -> [String; 7] {
        let (ours, original) = (self.value(Who::Ours), self.value(Who::Original));
        let ratio = ours.zip(original).map(|(ours, original)| ours / original);
        let (target, reached) = match self.target {
            Target::AtLeast(least) => (format!("≥ {least}"), ratio.map(|ratio| ratio >= least)),
            Target::AtMost(most) => (format!("≤ {most}"), ratio.map(|ratio| ratio <= most)),
            Target::Within(most) => (self.number(most), ours.map(|ours| ours <= most)),
        };
        let others = self.values.iter().filter(|(who, _)| !matches!(who, Who::Ours | Who::Original));
        let others = others.map(|&(who, value)| {
            let part = ours.map_or(String::new(), |ours| format!(" ({})", short(ours / value)));
            format!("{} {}{part}", who.name(), self.number(value))
        });
        [
            self.what.to_owned(),
            ours.map_or("–".into(), |ours| self.number(ours)),
            original.map_or("–".into(), |original| self.number(original)),
            ratio.map_or("–".into(), short),
            target,
            reached.map_or("–", |reached| if reached { "yes" } else { "**no**" }).into(),
            others.collect::<Vec<_>>().join(", "),
        ]
    }

    fn value(&self, who: Who) -> Option<f64> {
        self.values.iter().find(|(other, _)| *other == who).map(|&(_, value)| value)
    }

    fn number(&self, value: f64) -> String {
        let unit = match self.unit {
            Unit::Rate => " MB/s",
            Unit::Time => " ms",
            Unit::Memory => " kB",
            Unit::Count => "",
        };
        format!("{}{unit}", short(value))
    }
}

/// Three digits that count.
pub fn short(value: f64) -> String {
    match value {
        value if value.is_nan() => "–".into(),
        0.0 => "0".into(),
        value if value.abs() >= 99.95 => format!("{value:.0}"),
        value if value.abs() >= 9.995 => format!("{value:.1}"),
        value if value.abs() >= 0.0995 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}

/// The rows as a Markdown table.
pub fn markdown(rows: &[Row]) -> String {
    let head = ["what", "ours", "C", "ours : C", "target", "reached", "others (ours : it)"].map(str::to_owned);
    lines(head, rows.iter().map(Row::cells))
}

/// Any Markdown table.
pub fn lines<const N: usize>(head: [String; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let line = |cells: [String; N]| format!("| {} |\n", cells.join(" | "));
    let rule = format!("|{}\n", " --- |".repeat(N));
    [line(head), rule].into_iter().chain(rows.map(line)).collect()
}

/// Puts the text between the two marks of `docs/performance.md`.
pub fn publish(text: &str) {
    const MARKS: [&str; 2] = ["<!-- make bench writes from here -->", "<!-- to here -->"];
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/performance.md");
    let page = fs::read_to_string(&file).unwrap_or_default();
    let parts = page.split_once(MARKS[0]).and_then(|(before, rest)| Some((before, rest.split_once(MARKS[1])?.1)));
    let Some((before, after)) = parts else {
        eprintln!("{} has no place for the table", file.display());
        return;
    };
    let page = format!("{before}{}\n\n{}\n\n{}{after}", MARKS[0], text.trim_end(), MARKS[1]);
    fs::write(&file, page).unwrap_or_else(|e| eprintln!("write {}: {e}", file.display()));
}
