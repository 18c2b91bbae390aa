//! The tree as a table for people: words, widths, colours. Pure: bytes come out.

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_program::printable::printable;
use daemontools_service::report::{Condition, Normally, ServiceReport, State};

use crate::span;
use crate::tree::Entry;

/// The heads of the columns.
const HEADS: [&str; COLUMNS] = ["SERVICE", "STATE", "PID", "FOR", "WANTS", "LOG", "RESTARTS"];
const COLUMNS: usize = 7;
/// The column that is flush right.
const PID: usize = 2;

/// How the table is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether it has colours.
    pub colour: bool,
    /// How many columns of characters there are; `None`: as many as it takes.
    pub width: Option<usize>,
}

/// A colour, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Paint {
    Plain,
    Head,
    Good,
    Odd,
    Bad,
}

struct Cell {
    text: String,
    paint: Paint,
}

type Row = [Cell; COLUMNS];

/// The lines of the table, the first one with the heads of the columns; without newlines.
pub fn lines(entries: &[Entry], now: Label, style: Style) -> Vec<String> {
    let heads = HEADS.map(|head| Cell { text: head.into(), paint: Paint::Head });
    let rows: Vec<Row> = [heads].into_iter().chain(entries.iter().map(|entry| row(entry, now))).collect();
    let mut widths = [0; COLUMNS];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.text.chars().count().max(*width);
        }
    }
    rows.iter().map(|row| line(row, widths, style)).collect()
}

/// A sentence about all: how many there are, and how many are not as wanted.
pub fn summary(entries: &[Entry]) -> String {
    let troubled = entries.iter().filter(|entry| !entry.is_as_wanted()).count();
    let services = if entries.len() == 1 { "service" } else { "services" };
    match troubled {
        0 => format!("{} {services}, all as wanted", entries.len()),
        _ => format!("{} {services}, {troubled} not as wanted", entries.len()),
    }
}

/// After how many seconds a count of restarts may be another one though nothing has happened; `None`: never.
pub fn counts_last(entries: &[Entry]) -> Option<u64> {
    let services = entries.iter().flat_map(|entry| [Some(&entry.service), entry.log.as_ref()]).flatten();
    let counts = services.filter_map(|service| service.again).filter(|again| again.hour > 0);
    counts.map(|again| if again.minute > 0 { 1 } else { 60 }).min()
}

/// The same for a span of time that is shown.
pub fn spans_last(entries: &[Entry], now: Label) -> Option<u64> {
    entries.iter().filter_map(|entry| entry.service.seconds(now)).map(span::lasts).min()
}

fn row(entry: &Entry, now: Label) -> Row {
    let service = &entry.service;
    let plain = |text: Option<String>| Cell { text: text.unwrap_or_default(), paint: Paint::Plain };
    let status = service.status();
    let restarts = service.again.map(|again| format!("{}/min {}/h", again.minute, again.hour));
    let often = service.again.is_some_and(|again| again.hour > 0);
    [
        plain(Some(printable(entry.name.to_bytes()))),
        state(service, service.is_as_wanted()),
        plain(status.and_then(|status| status.pid).map(|pid| pid.to_string())),
        plain(service.seconds(now).map(span::words)),
        plain(Some(wants(service))),
        match &entry.log {
            Some(log) => state(log, entry.is_log_as_wanted(log)),
            None => plain(Some("-".into())),
        },
        Cell { text: restarts.unwrap_or_default(), paint: if often { Paint::Odd } else { Paint::Plain } },
    ]
}

fn state(service: &ServiceReport, as_wanted: bool) -> Cell {
    let paint = match service.state() {
        State::Failing | State::Unknown | State::Unsupervised => Paint::Bad,
        State::Paused => Paint::Odd,
        State::Up | State::Down if !as_wanted => Paint::Odd,
        State::Up => Paint::Good,
        State::Down => Paint::Plain,
    };
    Cell { text: service.state().word().into(), paint }
}

/// What is wanted where that differs from what is, and what is normal where that differs; for an unknown state, why.
fn wants(service: &ServiceReport) -> String {
    let status = match &service.condition {
        Condition::Supervised(status) => status,
        Condition::Unsupervised => return String::new(),
        Condition::Unknown(error) => return error.sentence(),
    };
    let want = match (status.pid, status.want) {
        (None, Want::Up) => Some("up"),
        (Some(_), Want::Down) => Some("down"),
        (Some(_), Want::Once) => Some("once"),
        (Some(_), Want::Up) | (None, Want::Down | Want::Once) => None,
    };
    let usually = match (status.pid, service.normally) {
        (Some(_), Normally::Down) => Some("normally down"),
        // While it fails, the wish says enough.
        (None, Normally::Up) if status.want != Want::Up => Some("normally up"),
        (Some(_) | None, Normally::Up) | (None, Normally::Down) => None,
    };
    [want, usually].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn line(row: &Row, widths: [usize; COLUMNS], style: Style) -> String {
    let mut line = String::new();
    let mut left = style.width.unwrap_or(usize::MAX);
    let mut gap = 0;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let text = cell.text.chars().count();
        let before = gap + if column == PID { width - text } else { 0 };
        gap = 2 + if column == PID { 0 } else { width - text };
        if cell.text.is_empty() {
            // Blanks are put only before what is to be seen.
            gap += before;
            continue;
        }
        line.extend(std::iter::repeat_n(' ', before.min(left)));
        left = left.saturating_sub(before);
        let shown: String = cell.text.chars().take(left).collect();
        left = left.saturating_sub(text);
        match cell.paint {
            paint if style.colour && paint != Paint::Plain => line.extend([code(paint), &shown, "\x1b[0m"]),
            _ => line.push_str(&shown),
        }
    }
    line
}

fn code(paint: Paint) -> &'static str {
    match paint {
        Paint::Plain => "",
        Paint::Head => "\x1b[1m",
        Paint::Good => "\x1b[32m",
        Paint::Odd => "\x1b[33m",
        Paint::Bad => "\x1b[1;31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_service::status_error::StatusError;
    use nix::errno::Errno;
    use std::num::NonZeroU32;

    use daemontools_core::restarts::Restarts;
    use daemontools_core::status::Status;

    const NOW: i64 = 1_000_000;

    fn service(pid: u32, ago: i64, want: Want, again: Option<(u32, u32)>) -> ServiceReport {
        let since = Label::from_unix(NOW - ago, 0);
        let status = Status { since, pid: NonZeroU32::new(pid), paused: false, want };
        let again = again.map(|(minute, hour)| Restarts { minute, hour, total: hour });
        ServiceReport { condition: Condition::Supervised(status), normally: Normally::Up, again, starts: None }
    }

    fn entries() -> Vec<Entry> {
        let up = service(4532, 273_600, Want::Up, Some((0, 0)));
        let failing = service(0, 0, Want::Up, Some((31, 400)));
        let unsupervised = ServiceReport {
            condition: Condition::Unsupervised,
            ..ServiceReport::unknown(StatusError::chdir(Errno::EACCES))
        };
        vec![
            Entry { name: c"dns".into(), service: up, log: Some(up) },
            Entry { name: c"smtpd".into(), service: failing, log: Some(service(0, 9, Want::Down, None)) },
            Entry { name: c"new\n".into(), service: unsupervised, log: None },
            Entry { name: c"old".into(), service: service(12, 70, Want::Down, None), log: None },
            Entry { name: c"off".into(), service: service(0, 70, Want::Down, Some((0, 1))), log: None },
        ]
    }

    fn table(style: Style) -> String {
        lines(&entries(), Label::from_unix(NOW, 0), style).join("\n")
    }

    #[test]
    fn a_line_a_service_with_units() {
        let expected = "\
SERVICE  STATE          PID  FOR      WANTS        LOG   RESTARTS
dns      up            4532  3 d 4 h               up    0/min 0/h
smtpd    failing             0 s      up           down  31/min 400/h
new\\n    unsupervised                              -
old      up              12  1 min    down         -
off      down                1 min    normally up  -     0/min 1/h";
        assert_eq!(table(Style { colour: false, width: None }), expected);
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = table(Style { colour: true, width: None });
        assert!(coloured.contains("\x1b[1;31mfailing\x1b[0m"), "{coloured}");
        let mut plain = coloured;
        for code in ["\x1b[0m", "\x1b[1m", "\x1b[32m", "\x1b[33m", "\x1b[1;31m"] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, table(Style { colour: false, width: None }));
    }

    #[test]
    fn a_narrow_terminal_cuts_lines() {
        for width in [1, 9, 20, 40] {
            let table = table(Style { colour: false, width: Some(width) });
            assert!(table.lines().all(|line| line.chars().count() <= width), "{table}");
        }
    }

    #[test]
    fn it_changes_when_a_span_or_a_count_does() {
        let now = Label::from_unix(NOW, 0);
        let all = entries();
        assert_eq!((counts_last(&all), spans_last(&all, now)), (Some(1), Some(1)));
        assert_eq!((counts_last(&all[..1]), spans_last(&all[..1], now)), (None, Some(3600)));
        assert_eq!((counts_last(&all[4..]), spans_last(&all[4..], now)), (Some(60), Some(50)));
        assert_eq!((counts_last(&all[2..3]), spans_last(&all[2..3], now)), (None, None));
        assert_eq!(summary(&all), "5 services, 3 not as wanted");
    }
}
