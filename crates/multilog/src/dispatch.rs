//! Takes lines through the script: each gets its stamp, is selected or not, and goes where the script says.
//!
//! What is dealt with at a time is written out at the end of that time, to each log in one piece. A script that only
//! writes to logs never looks for the lines in it.

use daemontools_core::label::Label;
use daemontools_lines::pipe_size::READ_SIZE;
use daemontools_lines::stamper::{MOST, Stamper};
use daemontools_program::clock::time_of_day;
use daemontools_program::failure::Failure;
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::STDERR;
use daemontools_sys::memory::give_back;
use daemontools_sys::signal::Signals;
use memchr::memchr;
use std::ffi::CStr;

use crate::buffer::reserved;
use crate::line::WINDOW;
use crate::log::Log;
use crate::prefilter::Prefilter;
use crate::script::{Action, Plan, Script};
use crate::status_file::StatusFile;

/// How much of a line an alert shows.
const ALERT: usize = 200;

/// A script at work.
pub struct Dispatcher<'a> {
    actions: Vec<Action<StatusFile, Log>>,
    /// Whether all actions are logs.
    only_logs: bool,
    /// Where the script begins with `t`.
    stamper: Option<Stamper<fn() -> Label>>,
    /// Which lines need none, since they go nowhere.
    prefilter: Prefilter,
    /// Lines with their stamps, and what they are made in.
    stamped: Vec<u8>,
    /// What is to be shown on standard error.
    alerts: Vec<u8>,
    /// Whether the line that comes next has begun.
    inside: bool,
    signals: &'a Signals,
}

impl<'a> Dispatcher<'a> {
    /// Opens all that the script names, in its order.
    pub fn open(script: Script, signals: &'a Signals) -> Result<Dispatcher<'a>, Failure> {
        let only_logs = script.actions.iter().all(|action| matches!(action, Action::Log(_)));
        // How much text there is at a time, at most. Alerts are no longer, but for the newline of a last line.
        let text = if script.stamp { MOST } else { READ_SIZE + WINDOW };
        let gathered = if only_logs { 0 } else { text };
        let shows = script.actions.iter().any(|action| matches!(action, Action::Alert));
        let actions: Vec<_> =
            script.actions.into_iter().map(|action| open(action, gathered)).collect::<Result<_, _>>()?;
        Ok(Dispatcher {
            prefilter: Prefilter::new(&actions),
            only_logs,
            actions,
            stamper: script.stamp.then(|| Stamper::new(time_of_day as fn() -> Label)),
            stamped: reserved(if script.stamp { MOST } else { 0 })?,
            alerts: reserved(if shows { text + 1 } else { 0 })?,
            inside: false,
            signals,
        })
    }

    /// How many bytes a stamp puts before each line.
    pub fn stamp_length(&self) -> usize {
        if self.stamper.is_some() { Label::TEXT + 1 } else { 0 }
    }

    /// The line that comes next has begun: this is the moment that its stamp will tell.
    pub fn begin(&mut self) {
        if let Some(stamper) = &mut self.stamper {
            stamper.begin();
        }
    }

    /// Deals with lines, whole or at least as much of them as the script looks at, and writes them all out.
    pub fn deal(&mut self, mut input: &[u8]) {
        if self.stamper.is_none() {
            return self.edit(input);
        }
        let mut stamped = std::mem::take(&mut self.stamped);
        while let Some(stamper) = self.stamper.as_mut().filter(|_| !input.is_empty()) {
            input = if self.only_logs {
                stamper.pass(input, &mut stamped)
            } else {
                stamper.pass_wanted(input, &mut stamped, |line| !self.prefilter.surely_dropped(line))
            };
            self.edit(&stamped);
            stamped.clear();
        }
        self.stamped = stamped;
    }

    /// Rotates every log that has something in its current file.
    pub fn rotate(&mut self) {
        for action in &mut self.actions {
            if let Action::Log(log) = action {
                log.rotate(self.signals);
            }
        }
    }

    /// Gives back the memory of a flood that is over.
    pub fn give_back(&mut self) {
        give_back(&mut self.stamped);
        give_back(&mut self.alerts);
        for action in &mut self.actions {
            if let Action::Log(log) = action {
                log.give_back();
            }
        }
    }

    /// Brings everything to disk.
    pub fn close(&mut self) {
        for action in &mut self.actions {
            if let Action::Log(log) = action {
                log.close();
            }
        }
    }

    /// The same with stamps, if there are any.
    fn edit(&mut self, text: &[u8]) {
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
            let length = if self.only_logs { rest.len() } else { line_length(rest) };
            let end = at + length;
            if !self.only_logs && !self.inside {
                self.choose(rest.get(..length).unwrap_or(rest));
            }
            for action in &mut self.actions {
                match action {
                    Action::Log(log) if log.chosen || self.only_logs => log.append(text, at..end, self.signals),
                    Action::Select(_) | Action::Deselect(_) | Action::Alert | Action::Status(_) | Action::Log(_) => {}
                }
            }
            self.inside = !rest.get(..length).is_some_and(|line| line.ends_with(b"\n"));
            at = end;
        }
        self.flush(text);
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

    fn flush(&mut self, text: &[u8]) {
        for action in &mut self.actions {
            match action {
                Action::Log(log) => log.flush(text),
                Action::Status(file) => file.flush(),
                Action::Select(_) | Action::Deselect(_) | Action::Alert => {}
            }
        }
        // As in 0.76, nobody is told when that fails.
        let _ = write_all(STDERR, &self.alerts);
        self.alerts.clear();
    }
}

/// Opens what an action names; `gathered` is how many bytes may have to be gathered for a log.
fn open(action: Action<&'static CStr, Plan>, gathered: usize) -> Result<Action<StatusFile, Log>, Failure> {
    Ok(match action {
        Action::Select(pattern) => Action::Select(pattern),
        Action::Deselect(pattern) => Action::Deselect(pattern),
        Action::Alert => Action::Alert,
        Action::Status(name) => Action::Status(StatusFile::open(name)?),
        Action::Log(plan) => Action::Log(Log::open(plan, gathered)?),
    })
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
