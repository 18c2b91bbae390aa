//! The tree as a table for people: columns, words and colours (`layout` knows how wide a text is on a terminal). Pure.

use std::borrow::Cow;

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_program::printable::printable;
use daemontools_service::report::{Condition, Normally, ServiceReport, State};

use crate::layout::{self, COLUMNS, Cell, Paint, Row, Style};
use crate::span;
use crate::tree::Entry;

/// The heads of the columns.
const HEADS: [&str; COLUMNS] = ["SERVICE", "STATE", "PID", "FOR", "WANTS", "LOG", "RESTARTS"];

/// The lines of the table, the first one with the heads of the columns; without newlines.
pub fn lines(entries: &[Entry], now: Label, style: Style) -> Vec<String> {
    let said_once = common_trouble(entries).is_some();
    let heads = HEADS.map(|head| Cell::new(head, Paint::Head));
    let rows = entries.iter().map(|entry| row(entry, now, said_once));
    layout::lines([heads].into_iter().chain(rows).collect(), style)
}

/// A sentence about all: how many there are, and how many are not as wanted. A reason that is the same for all is said
/// here, once.
pub fn summary(entries: &[Entry]) -> String {
    let troubled = entries.iter().filter(|entry| !entry.is_as_wanted()).count();
    let services = if entries.len() == 1 { "service" } else { "services" };
    let why = common_trouble(entries).map(|why| format!("; {why}")).unwrap_or_default();
    match troubled {
        0 => format!("{} {services}, all as wanted", entries.len()),
        _ => format!("{} {services}, {troubled} not as wanted{why}", entries.len()),
    }
}

/// The words about services that have no room: how many, and how many of them are not as wanted.
pub fn more(entries: &[Entry]) -> String {
    match entries.iter().filter(|entry| !entry.is_as_wanted()).count() {
        0 => format!("{} more", entries.len()),
        troubled => format!("{} more, {troubled} not as wanted", entries.len()),
    }
}

/// Why nothing is known of any service, where there are several and the reason is the same for all.
fn common_trouble(entries: &[Entry]) -> Option<String> {
    let why = |entry: &Entry| match &entry.service.condition {
        Condition::Unknown(error) => Some(error.sentence()),
        Condition::Supervised(_) | Condition::Unsupervised => None,
    };
    let (first, others) = entries.split_first()?;
    let common = why(first)?;
    (!others.is_empty() && others.iter().all(|entry| why(entry).as_ref() == Some(&common))).then_some(common)
}

/// In how many seconds a count of restarts may be another one though nothing has happened; `None`: never.
pub fn counts_change_in(entries: &[Entry]) -> Option<u64> {
    let services = entries.iter().flat_map(|entry| [Some(&entry.service), entry.log.as_deref()]).flatten();
    let counts = services.filter_map(|service| service.restarts).filter(|restarts| restarts.hour > 0);
    counts.map(|restarts| if restarts.minute > 0 { 1 } else { 60 }).min()
}

/// The same for the ages that are shown.
pub fn ages_change_in(entries: &[Entry], now: Label) -> Option<u64> {
    let since = |written: Label| now.seconds().saturating_sub(written.seconds());
    let written = |service: &ServiceReport| service.blocked.as_ref()?.written.map(since);
    let ages = entries.iter().flat_map(|entry| {
        [entry.service.seconds(now), written(&entry.service), entry.log.as_deref().and_then(written)]
    });
    ages.flatten().map(span::next_change_in).min()
}

fn row(entry: &Entry, now: Label, said_once: bool) -> Row {
    let service = &entry.service;
    let plain = |text: Option<String>| Cell::new(text.unwrap_or_default(), Paint::Plain);
    let status = service.status();
    let restarts = service.restarts.map(|restarts| format!("{}/min {}/h", restarts.minute, restarts.hour));
    let often = service.restarts.is_some_and(|restarts| restarts.hour > 0);
    [
        plain(Some(printable(entry.name.to_bytes()))),
        state(service, service.is_as_wanted(), service.cause()),
        plain(status.and_then(|status| status.pid).map(|pid| pid.to_string())),
        plain(service.seconds(now).map(span::words)),
        if said_once { plain(None) } else { Cell::new(wants(service), Paint::Plain) },
        match &entry.log {
            Some(log) => state(log, entry.is_log_as_wanted(log), cause_of_log(log, now)),
            None => Cell::new("-", Paint::Plain),
        },
        Cell::new(restarts.unwrap_or_default(), if often { Paint::Odd } else { Paint::Plain }),
    ]
}

/// The state in a word, and why it is so where that is known: its text, and the same with colour.
pub fn state_words(service: &ServiceReport, as_wanted: bool, now: Label, style: Style) -> (String, String) {
    let cell = state(service, as_wanted, cause_of_log(service, now));
    let painted = layout::painted(&cell.text, cell.paint, style);
    (cell.text.into_owned(), painted)
}

/// The state in a word, and why it is so where that is known.
fn state(service: &ServiceReport, as_wanted: bool, cause: Option<String>) -> Cell {
    let paint = match service.state() {
        State::Failing | State::Failed | State::Blocked => Paint::Bad,
        State::Unknown | State::Unsupervised => Paint::Bad,
        State::Paused => Paint::Odd,
        State::Up | State::Down | State::Done if !as_wanted => Paint::Odd,
        State::Up => Paint::Good,
        State::Down | State::Done => Paint::Plain,
    };
    let word = match (service.state(), service.is_ready()) {
        (State::Up, Some(true)) => "ready",
        (State::Up, Some(false)) => "starting",
        (state, _) => state.word(),
    };
    let text = cause.map_or(word.into(), |cause| format!("{word} ({cause})").into());
    Cell { text, paint, brief: word.len() }
}

/// Why a logger is in its state, in a few words. Of one that does not write: why, and for how long nothing has been written.
fn cause_of_log(log: &ServiceReport, now: Label) -> Option<String> {
    let blocked = log.blocked.as_ref().filter(|_| log.state() == State::Blocked);
    let Some(blocked) = blocked else { return log.cause() };
    let written = blocked.written.map(|written| now.seconds().saturating_sub(written.seconds()));
    let words = [Some(blocked.cause.short().to_owned()).filter(|words| !words.is_empty()), written.map(span::words)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// What is wanted where that differs from what is, and what is normal where that differs; for an unknown state, why.
fn wants(service: &ServiceReport) -> Cow<'static, str> {
    let status = match &service.condition {
        Condition::Supervised(status) => status,
        Condition::Unsupervised => return "".into(),
        Condition::Unknown(error) => return error.sentence().into(),
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
    match (want, usually) {
        (Some(want), Some(usually)) => format!("{want}, {usually}").into(),
        (words, None) | (None, words) => words.unwrap_or_default().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::details::{self, Details};
    use daemontools_core::end::End;
    use daemontools_core::run_record::RunRecord;
    use daemontools_service::details::ServiceDetails;
    use daemontools_service::status_error::StatusError;
    use nix::errno::Errno;
    use std::ffi::CStr;
    use std::num::NonZeroU32;
    use unicode_width::UnicodeWidthStr;

    use daemontools_core::restarts::Restarts;
    use daemontools_core::status::Status;

    const NOW: i64 = 1_000_000;

    fn service(pid: u32, ago: i64, want: Want, again: Option<(u32, u32)>) -> ServiceReport {
        let since = Label::from_unix(NOW - ago, 0);
        let status = Status { since, pid: NonZeroU32::new(pid), paused: false, want };
        let restarts = again.map(|(minute, hour)| Restarts { minute, hour, total: hour });
        ServiceReport { restarts, ..ServiceReport::new(Condition::Supervised(status), Normally::Up) }
    }

    fn entries() -> Vec<Entry> {
        let up = service(4532, 273_600, Want::Up, Some((0, 0)));
        let failing = service(0, 0, Want::Up, Some((31, 400)));
        let unsupervised = ServiceReport::new(Condition::Unsupervised, Normally::Up);
        vec![
            Entry { name: c"dns".into(), service: up.clone(), log: Some(Box::new(up)) },
            Entry { name: c"smtpd".into(), service: failing, log: Some(Box::new(service(0, 9, Want::Down, None))) },
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
    fn a_narrow_terminal_does_without_columns_and_shows_both_states() {
        let at = |width| table(Style { colour: false, width: Some(width) });
        let expected = "\
SERVICE  STATE         LOG
dns      up            up
smtpd    failing       down
new\\n    unsupervised  -
old      up            -
off      down          -";
        assert_eq!(at(27), expected);
        assert!(at(26).starts_with("SERVI+  STATE") && at(26).contains("new\\n"), "{}", at(26));
        assert!(at(64).starts_with("SERVICE  STATE          PID  FOR      WANTS        LOG\n"), "{}", at(64));
        for width in 0..80 {
            assert!(at(width).lines().all(|line| line.width() <= width), "{width}: {}", at(width));
        }
    }

    #[test]
    fn a_logger_that_is_failing_is_never_hidden() {
        let blocked = |written| {
            let cause = daemontools_service::blocked::Cause::Stopped;
            Some(daemontools_service::blocked::Blocked { unread: 9, written, cause })
        };
        let service = |blocked| ServiceReport { blocked, ..service(7, 9, Want::Up, None) };
        let log = service(blocked(Some(Label::from_unix(NOW - 720, 0))));
        let entries = [
            Entry { name: c"a-long-name".into(), service: service(None), log: Some(Box::new(log)) },
            Entry { name: c"web".into(), service: service(None), log: Some(Box::new(service(None))) },
        ];
        let at = |width| lines(&entries, Label::from_unix(NOW, 0), Style { colour: false, width });
        assert!(at(None).concat().contains("up       7  9 s         blocked (stopped, 12 min)"), "{:?}", at(None));
        assert_eq!(at(Some(20)), ["SER+  STATE  LOG", "a-l+  up     blocked", "web   up     up"]);
        assert_eq!(at(Some(10)), ["SERVICE", "a-long+  !", "web      -"]);
        assert_eq!(at(Some(4)), ["+", "+  !", "+  -"]);
    }

    #[test]
    fn widths_are_those_of_a_terminal() {
        let entry = |name: &CStr| Entry { name: name.into(), service: service(7, 0, Want::Up, None), log: None };
        // Two columns a character, and an accent that takes none.
        let entries = [entry(c"\u{90f5}\u{4fbf}"), entry(c"e\u{301}e"), entry(c"mail")];
        let lines = lines(&entries, Label::from_unix(NOW, 0), Style { colour: false, width: None });
        let at: Vec<usize> =
            lines.iter().map(|line| line.split_once("up").map_or(0, |(before, _)| before.width())).collect();
        assert_eq!(at, [0, 9, 9, 9]);
    }

    #[test]
    fn a_reason_that_is_the_same_for_all_is_said_once() {
        let denied = || ServiceReport::unknown(StatusError::new("open", "supervise/ok", Errno::EACCES));
        let entry = |name: &CStr| Entry { name: name.into(), service: denied(), log: None };
        let (one, two) = ([entry(c"a")], [entry(c"a"), entry(c"b")]);
        let table =
            |entries: &[Entry]| lines(entries, Label::from_unix(NOW, 0), Style { colour: false, width: None }).concat();
        let why = "unable to open supervise/ok: access denied";
        assert!(table(&one).contains(why) && !table(&two).contains(why));
        assert_eq!(summary(&one), "1 service, 1 not as wanted");
        assert_eq!(summary(&two), format!("2 services, 2 not as wanted; {why}"));
        assert_eq!(more(&two), "2 more, 2 not as wanted");
    }

    #[test]
    fn what_its_supervise_tells_is_in_the_state() {
        let detailed = |pid, want, state, reason: &[u8]| {
            let mut details = Details::new(state, Label::from_unix(NOW, 0));
            details.reason = reason;
            details.last_end = Some(RunRecord::new(Label::from_unix(NOW, 0), End::Code(7)));
            let service =
                ServiceReport { details: Some(ServiceDetails::new(&details)), ..service(pid, 5, want, Some((0, 0))) };
            state_text(&service)
        };
        assert_eq!(detailed(7, Want::Up, details::State::Ready, b""), "ready");
        assert_eq!(detailed(7, Want::Up, details::State::Starting, b""), "starting");
        assert_eq!(detailed(0, Want::Up, details::State::Waiting, b""), "failing (exit 7)");
        let failed = detailed(0, Want::Down, details::State::Failed, b"6 ends in 60 s, last SEGV");
        assert_eq!(failed, "failed (6 ends in 60 s, last SEGV)");
        assert_eq!(detailed(0, Want::Down, details::State::Done, b""), "done");
    }

    fn state_text(service: &ServiceReport) -> String {
        state(service, service.is_as_wanted(), service.cause()).text.into_owned()
    }

    #[test]
    fn it_changes_when_a_span_or_a_count_does() {
        let now = Label::from_unix(NOW, 0);
        let all = entries();
        assert_eq!((counts_change_in(&all), ages_change_in(&all, now)), (Some(1), Some(1)));
        assert_eq!((counts_change_in(&all[..1]), ages_change_in(&all[..1], now)), (None, Some(3600)));
        assert_eq!((counts_change_in(&all[4..]), ages_change_in(&all[4..], now)), (Some(60), Some(50)));
        assert_eq!((counts_change_in(&all[2..3]), ages_change_in(&all[2..3], now)), (None, None));
        assert_eq!(summary(&all), "5 services, 3 not as wanted");
    }
}
