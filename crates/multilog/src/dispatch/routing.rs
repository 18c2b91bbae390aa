//! Decides for each line of a text which logs it goes to, and whether it is shown elsewhere.

use daemontools_program::stdio::write_all;
use daemontools_sys::fd::STDERR;
use memchr::memchr;

use super::Dispatcher;
use crate::line::WINDOW;
use crate::script::Action;

/// How much of a line an alert shows.
const ALERT: usize = 200;

impl Dispatcher<'_> {
    /// Takes the lines of a text through the script.
    pub(super) fn route(&mut self, text: &[u8]) {
        if self.only_logs {
            self.logs().for_each(|log| log.append(text, 0..text.len()));
            return;
        }
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let line = rest.get(..line_length(rest)).unwrap_or(rest);
            let end = at + line.len();
            if !self.inside {
                self.choose(line);
            }
            self.logs().filter(|log| log.chosen).for_each(|log| log.append(text, at..end));
            self.inside = !line.ends_with(b"\n");
            at = end;
        }
        self.logs().for_each(|log| log.complete(text));
        // As in 0.76, a failure is ignored.
        let _ = write_all(STDERR, &self.alerts);
        self.alerts.clear();
    }

    /// Decides where a line goes by what the script looks at.
    fn choose(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let window = line.get(..WINDOW).unwrap_or(line);
        let mut selected = true;
        for action in &mut self.actions {
            match action {
                Action::Select(pattern) => selected = selected || pattern.matches(window),
                Action::Deselect(pattern) => selected = selected && !pattern.matches(window),
                Action::Alert if selected => alert(&mut self.alerts, window),
                Action::Status(file) if selected => file.show(window),
                Action::Alert | Action::Status(_) => {}
                Action::Log(log) => log.chosen = selected,
            }
        }
    }
}

/// Shows a line: its first 200 bytes, and whether there is more of it.
fn alert(alerts: &mut Vec<u8>, window: &[u8]) {
    match window.get(..ALERT + 1) {
        Some(_) => {
            alerts.extend_from_slice(window.get(..ALERT).unwrap_or_default());
            alerts.extend_from_slice(b"...\n");
        }
        None => {
            alerts.extend_from_slice(window);
            alerts.push(b'\n');
        }
    }
}

/// How long the line at the start of `text` is, with its newline if that is there.
fn line_length(text: &[u8]) -> usize {
    memchr(b'\n', text).map_or(text.len(), |newline| newline + 1)
}
