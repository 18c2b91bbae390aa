//! All that is known of a service, as lines with a heading each. Pure: `status` finds out.

use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_core::settings::Setting;
use daemontools_program::printable::printable;
use daemontools_service::report::{Condition, Normally, ServiceReport};

use crate::history;

/// What was found out about a service.
pub struct Known<'a> {
    /// What it is called.
    pub name: &'a [u8],
    /// Its supervise's report.
    pub report: &'a ServiceReport,
    /// The report of its logger, if it has one.
    pub logger: Option<&'a ServiceReport>,
    /// Its directory, and where that leads if it is a link.
    pub directory: &'a [u8],
    /// Where the link leads.
    pub target: Option<&'a [u8]>,
    /// Its processes, a line each.
    pub processes: &'a [String],
    /// Its settings with their values.
    pub settings: &'a [(Setting, Option<Vec<u8>>)],
}

/// The lines, without those of svlint and of the log.
pub fn lines(known: &Known<'_>, now: Label) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", printable(known.name), state(known.report, now))];
    let mut line = |heading: &str, text: String| lines.push(format!("  {heading:<10} {text}"));
    if let Condition::Unknown(error) = &known.report.condition {
        line("error", error.sentence());
    }
    if let Some(details) = &known.report.details {
        if !details.reason.is_empty() {
            line("reason", printable(&details.reason));
        }
        if let Some(ready) = details.ready_since {
            line("ready", format!("since {}", history::moment(ready)));
        }
        if !details.status_text.is_empty() {
            line("says", printable(&details.status_text));
        }
        if let Some(last) = &details.last_end {
            line("last end", history::line(last));
        }
    }
    if let Some(restarts) = &known.report.restarts {
        let text = format!("{} in a minute, {} in an hour, {} in all", restarts.minute, restarts.hour, restarts.total);
        line("restarts", text);
    }
    let target = known.target.map(|target| format!(" -> {}", printable(target))).unwrap_or_default();
    line("directory", printable(known.directory) + &target);
    if let Some(logger) = known.logger {
        line("logger", state(logger, now));
    }
    for (setting, value) in known.settings {
        let value = value.as_ref().map(|value| format!(" {}", printable(value))).unwrap_or_default();
        line("setting", format!("{}{value}", setting.name()));
    }
    for (at, process) in known.processes.iter().enumerate() {
        line(if at == 0 { "processes" } else { "" }, process.clone());
    }
    lines
}

/// The state in words: `up (pid 42) for 2 h 5 min, normally down`.
pub fn state(report: &ServiceReport, now: Label) -> String {
    let mut text = String::from(report.state().word());
    if let Some(status) = report.status() {
        if let Some(pid) = status.pid {
            text += &format!(" (pid {pid})");
        }
        text += &format!(" for {}", history::span(Duration::from_secs(report.seconds(now).unwrap_or_default())));
    }
    match report.normally {
        Normally::Down => text + ", normally down",
        Normally::Up => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::status::{Status, Want};
    use std::num::NonZeroU32;

    #[test]
    fn what_is_not_known_has_no_line() {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(7), paused: false, want: Want::Up };
        let report = ServiceReport {
            condition: Condition::Supervised(status),
            normally: Normally::Down,
            restarts: None,
            restart_log: None,
            blocked: None,
            details: None,
        };
        let known = Known {
            name: b"we\nb",
            report: &report,
            logger: None,
            directory: b"/service/we\nb",
            target: Some(b"/etc/sv/web"),
            processes: &["7 100 kB sleep 9".into(), "  8 50 kB cat".into()],
            settings: &[(Setting::StopTimeout, Some(b"10s".to_vec())), (Setting::Finish, None)],
        };
        let expected = [
            "we\\nb: up (pid 7) for 42 s, normally down",
            "  directory  /service/we\\nb -> /etc/sv/web",
            "  setting    stop-timeout 10s",
            "  setting    finish",
            "  processes  7 100 kB sleep 9",
            "               8 50 kB cat",
        ];
        assert_eq!(lines(&known, Label::from_unix(142, 0)), expected);
    }
}
