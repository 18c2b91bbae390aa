//! All that is known of a service, as lines with a heading each, no wider than the terminal. Pure: `found` finds out.

use daemontools_core::label::Label;
use daemontools_observe::layout::{Style, cut, width};
use daemontools_observe::{span, table};
use daemontools_program::printable::{printable, printable_line};
use daemontools_service::report::{Condition, Normally, ServiceReport};

use crate::found::Found;
use crate::history;
use crate::names::Named;

/// How much of a name stays however narrow the terminal is.
const SHORTEST_NAME: usize = 8;

/// Lines that are being gathered.
pub struct Screen {
    style: Style,
    lines: Vec<String>,
}

impl Screen {
    /// The first line, about the state of a service.
    pub fn new(name: &[u8], report: &ServiceReport, now: Label, style: Style) -> Screen {
        let (_, painted) = table::state_words(report, report.is_as_wanted(), now, style);
        let (plain, more) = (state(report, now), rest_of_state(report, now));
        // The state is what matters: the name gives way.
        let room = style.width.map_or(usize::MAX, |room| room.saturating_sub(width(&plain) + 2).max(SHORTEST_NAME));
        let name = cut(&printable(name), room);
        let line = format!("{name}: {plain}");
        let fits = style.width.is_none_or(|room| width(&line) <= room);
        let line = if fits { format!("{name}: {painted}{more}") } else { style.fit(&line) };
        Screen { style, lines: vec![line] }
    }

    /// A line with a heading.
    pub fn line(&mut self, heading: &str, text: &str) {
        self.lines.push(self.style.fit(&format!("  {heading:<10} {text}")));
    }

    /// Lines of a text from outside, the first with a heading.
    pub fn text(&mut self, heading: &str, text: &[u8]) {
        for (at, line) in text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).enumerate() {
            self.line(if at == 0 { heading } else { "" }, &printable_line(line));
        }
    }

    /// What was found out about a service.
    pub fn found(&mut self, named: &Named, found: &Found) {
        let report = &found.entry.service;
        if let Condition::Unknown(error) = &report.condition {
            self.line("error", &error.sentence());
        }
        if let Some(details) = &report.details {
            if !details.reason.is_empty() {
                self.line("reason", &printable(&details.reason));
            }
            if let Some(ready) = details.ready_since {
                self.line("ready", &format!("since {}", history::moment(ready)));
            }
            if !details.status_text.is_empty() {
                self.line("says", &printable(&details.status_text));
            }
            if let Some(last) = &details.last_end {
                self.line("last end", &history::line(last));
            }
        }
        if let Some(restarts) = &report.restarts {
            let text =
                format!("{} in a minute, {} in an hour, {} in all", restarts.minute, restarts.hour, restarts.total);
            self.line("restarts", &text);
        }
        let target = found.target.as_ref().map(|target| format!(" -> {}", printable(target))).unwrap_or_default();
        self.line("directory", &(printable(named.path.to_bytes()) + &target));
        if let Some(logger) = &found.entry.log {
            self.line("logger", &state(logger, found.now));
        }
        for room in &found.log_rooms {
            self.line("log in", &room.text());
        }
        for (setting, value) in &found.settings {
            let value = value.as_ref().map(|value| format!(" {}", printable(value))).unwrap_or_default();
            self.line("setting", &format!("{}{value}", setting.name()));
        }
        for (at, process) in found.processes.iter().enumerate() {
            self.line(if at == 0 { "processes" } else { "" }, &process.text());
        }
    }

    /// The lines with newlines.
    pub fn into_text(self) -> String {
        self.lines.into_iter().map(|line| line + "\n").collect()
    }
}

/// The state in words: `up (pid 42) for 2 h 5 min, normally down`.
pub fn state(report: &ServiceReport, now: Label) -> String {
    let plain = Style { colour: false, width: None };
    table::state_words(report, report.is_as_wanted(), now, plain).0 + &rest_of_state(report, now)
}

/// What follows the word: ` (pid 42) for 2 h 5 min, normally down`.
fn rest_of_state(report: &ServiceReport, now: Label) -> String {
    let mut text = String::new();
    if let Some(status) = report.status() {
        if let Some(pid) = status.pid {
            text += &format!(" (pid {pid})");
        }
        text += &format!(" for {}", span::words(report.seconds(now).unwrap_or_default()));
    }
    match report.normally {
        Normally::Down => text + ", normally down",
        Normally::Up => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process_tree::Process;
    use daemontools_core::settings::Setting;
    use daemontools_core::status::{Status, Want};
    use daemontools_observe::tree::Entry;
    use std::num::NonZeroU32;
    use std::time::Duration;

    fn report() -> ServiceReport {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(7), paused: false, want: Want::Up };
        ServiceReport::new(Condition::Supervised(status), Normally::Down)
    }

    fn screen(name: &[u8], style: Style) -> Vec<String> {
        let process = |depth, pid, command: &str| Process {
            depth,
            pid,
            age: Duration::from_secs(42),
            kilobytes: 100,
            state: 'S',
            command: command.into(),
        };
        let found = Found {
            now: Label::from_unix(142, 0),
            entry: Entry { name: c"/service/web".into(), service: report(), log: None },
            log_rooms: Vec::new(),
            target: Some(b"/etc/sv/web".to_vec()),
            processes: vec![process(0, 7, "sleep 9"), process(1, 8, "cat")],
            settings: vec![(Setting::StopTimeout, Some(b"10s".to_vec())), (Setting::Finish, None)],
        };
        let path = std::ffi::CString::new([b"/service/", name].concat()).unwrap();
        let named = Named { name: name.to_vec(), path, scan_dir: None };
        let mut screen = Screen::new(name, &found.entry.service, found.now, style);
        screen.found(&named, &found);
        screen.text("svlint", b"a\x1b[2J: warning\n    mend it\n");
        screen.into_text().lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_not_known_has_no_line() {
        let expected = [
            "we\\nb: up (pid 7) for 42 s, normally down",
            "  directory  /service/we\\nb -> /etc/sv/web",
            "  setting    stop-timeout 10s",
            "  setting    finish",
            "  processes  7  42 s  100 kB  sleep 9",
            "               8  42 s  100 kB  cat",
            "  svlint     a\\x1b[2J: warning",
            "                 mend it",
        ];
        assert_eq!(screen(b"we\nb", Style { colour: false, width: None }), expected);
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_state_stays() {
        let name = [b'n'; 200];
        for room in [20, 40, 60, 80, 200] {
            for colour in [false, true] {
                let lines = screen(&name, Style { colour, width: Some(room) });
                let plain = |line: &str| {
                    ["\x1b[32m", "\x1b[0m"].iter().fold(line.to_owned(), |line, code| line.replace(code, ""))
                };
                assert!(lines.iter().all(|line| width(&plain(line)) <= room), "{room}: {lines:?}");
                assert!(room < 50 || lines[0].contains("normally down"), "{room}: {lines:?}");
            }
        }
    }

    #[test]
    fn the_state_has_its_colour() {
        let lines = screen(b"web", Style { colour: true, width: Some(80) });
        assert_eq!(lines[0], "web: \x1b[32mup\x1b[0m (pid 7) for 42 s, normally down");
    }
}
