//! Takes lines through the script: each gets its stamp, is selected or not, and goes where the script says.
//!
//! Lines come in batches. A batch becomes one text after another (stamps make it longer than the memory set aside for it),
//! and each text is written to each log in one piece before the next one is made. What cannot be written now is written
//! when its log can go on; until the batch is through, the other logs go on with it.

mod routing;

use daemontools_core::label::Label;
use daemontools_lines::pipe_size::READ_SIZE;
use daemontools_lines::stamp_text::StampText;
use daemontools_lines::stamper::Stamper;
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::failure::Failure;
use daemontools_sys::memory::give_back;
use daemontools_sys::process::Ending;
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::actions::{common_stamps, logs, open, trouble};
use crate::buffer::reserved;
use crate::line::WINDOW;
use crate::log::Log;
use crate::packer::Packer;
use crate::prefilter::Prefilter;
use crate::rewriter::Incoming;
use crate::script::{Action, Script};
use crate::status_file::StatusFile;

/// A script at work.
pub struct Dispatcher<'a> {
    actions: Vec<Action<StatusFile, Log>>,
    /// Whether all actions are logs.
    only_logs: bool,
    /// Where the script begins with `t`.
    stamper: Option<Stamper>,
    /// Which lines need no stamp, since they go nowhere.
    prefilter: Prefilter,
    /// The text that is being written, if lines are stamped.
    stamped: Vec<u8>,
    /// What is to be shown on standard error.
    alerts: Vec<u8>,
    /// Whether the line that comes next has begun.
    inside: bool,
    /// How many bytes of the batch have become text.
    taken: usize,
    /// Whether a text is not written to all logs yet.
    in_flight: bool,
    /// What packs finished files, if some log asks for that.
    packer: Option<Packer>,
    signals: &'a Signals,
}

impl<'a> Dispatcher<'a> {
    /// Opens what the script names, in its order.
    pub fn open(script: Script, signals: &'a Signals) -> Result<Dispatcher<'a>, Failure> {
        let only_logs = script.actions.iter().all(|action| matches!(action, Action::Log(_)));
        let common = common_stamps(&script.actions);
        let (form, prefix) = common.unwrap_or_default();
        let mut stamper = script.stamp.then(|| Stamper::new(StampText::new(form, prefix)));
        let stamped = stamper.as_mut().map_or(Some(Vec::new()), Stamper::room);
        // The longest text. Alerts are no longer, but for the newline of a last line.
        let text = stamper.as_ref().map_or(READ_SIZE + WINDOW, Stamper::most);
        let gathered = if only_logs { 0 } else { text };
        let shows = script.actions.iter().any(|action| matches!(action, Action::Alert));
        let incoming = match (script.stamp, common) {
            (false, _) => Incoming::Plain,
            (true, None) => Incoming::Stamped,
            (true, Some(_)) => Incoming::Finished,
        };
        let packer = Packer::wanted(&script.actions)?;
        let mut actions: Vec<_> =
            script.actions.into_iter().map(|action| open(action, gathered, incoming)).collect::<Result<_, _>>()?;
        if logs(&mut actions).count() > 1 {
            logs(&mut actions).for_each(Log::allow_overrun);
        }
        Ok(Dispatcher {
            prefilter: Prefilter::new(&actions),
            only_logs,
            actions,
            stamped: stamped.ok_or(Failure::fatal([b"out of memory"]))?,
            stamper,
            alerts: reserved(if shows { text + 1 } else { 0 })?,
            inside: false,
            taken: 0,
            in_flight: false,
            packer,
            signals,
        })
    }

    /// How many bytes a stamp puts before each line.
    pub fn stamp_length(&self) -> usize {
        if self.stamper.is_some() { Label::TEXT + 1 } else { 0 }
    }

    /// Notes that the next line has begun: this is the moment that its stamp will tell.
    pub fn begin(&mut self) {
        if let Some(stamper) = &mut self.stamper {
            stamper.begin(time_of_day());
        }
    }

    /// Notes when the next line has begun that an earlier file of this program has read the beginning of.
    pub fn begin_at(&mut self, moment: Label) {
        if let Some(stamper) = &mut self.stamper {
            stamper.begin(moment);
        }
    }

    /// When the next line has begun, if its stamp will tell that.
    pub fn begun(&self) -> Option<Label> {
        self.stamper.as_ref().and_then(Stamper::begun)
    }

    /// Goes on with a batch of lines, which are whole or as long as the script looks at. True when all of it is written;
    /// until then it is to be called with the same batch.
    pub fn dispatch(&mut self, batch: &[u8], now: Instant) -> bool {
        loop {
            if self.in_flight && !self.write(batch, now) {
                return false;
            }
            if let Some(stamper) = self.stamper.as_mut().filter(|_| !self.in_flight && self.taken == 0) {
                stamper.read_at(time_of_day());
            }
            self.in_flight = false;
            match batch.get(self.taken..) {
                Some(rest) if !rest.is_empty() => self.take(batch, rest),
                _ => break,
            }
        }
        self.taken = 0;
        true
    }

    /// Makes the next text of a batch, of which `rest` is left, and takes its lines through the script.
    fn take(&mut self, batch: &[u8], rest: &[u8]) {
        let mut stamped = std::mem::take(&mut self.stamped);
        let text = match &mut self.stamper {
            None => {
                self.taken = batch.len();
                batch
            }
            Some(stamper) => {
                stamped.clear();
                let left = if self.only_logs {
                    stamper.pass(rest, &mut stamped)
                } else {
                    stamper.pass_wanted(rest, &mut stamped, |line| !self.prefilter.surely_dropped(line))
                };
                self.taken = batch.len() - left.len();
                &stamped
            }
        };
        self.route(text);
        self.stamped = stamped;
        self.in_flight = true;
    }

    /// Goes on with writing the text in flight, and with rotations. True when the text is written.
    fn write(&mut self, batch: &[u8], now: Instant) -> bool {
        let text = if self.stamper.is_some() { &self.stamped } else { batch };
        let mut written = true;
        for action in &mut self.actions {
            written &= match action {
                Action::Log(log) => log.advance(text, now, self.signals),
                Action::Status(file) => file.advance(now),
                Action::Select(_) | Action::Deselect(_) | Action::Alert => true,
            };
        }
        if let Some(packer) = &mut self.packer {
            packer.advance(&mut self.actions, now, self.signals);
        }
        written
    }

    /// Goes on with rotations while there is no batch.
    pub fn advance(&mut self, now: Instant) {
        self.write(b"", now);
    }

    /// When there is something to do again, if nothing happens before.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = |action: &Action<StatusFile, Log>| match action {
            Action::Log(log) => log.deadline(),
            Action::Status(file) => file.deadline(),
            Action::Select(_) | Action::Deselect(_) | Action::Alert => None,
        };
        let packer = self.packer.as_ref().and_then(Packer::deadline);
        self.actions.iter().filter_map(deadline).chain(packer).min()
    }

    /// What was the last trouble of a log or a status file that has not gone on since.
    pub fn trouble(&self) -> Option<&Failure> {
        trouble(&self.actions)
    }

    /// Begins a rotation of every log that has something in its current file.
    pub fn rotate(&mut self) {
        self.logs().for_each(Log::rotate);
    }

    /// Takes note of the end of a child process.
    pub fn child_ended(&mut self, child: Pid, ending: Ending, now: Instant) {
        self.logs().for_each(|log| log.child_ended(child, ending, now));
        if let Some(packer) = &mut self.packer {
            packer.child_ended(&mut self.actions, child, ending, now);
        }
    }

    /// Reports that it cannot be known which child processes have ended.
    pub fn wait_failed(&mut self, errno: Errno) {
        self.logs().for_each(|log| log.wait_failed(errno));
    }

    /// Has every log closed as soon as nothing else is left to do.
    pub fn close(&mut self) {
        self.logs().for_each(Log::close);
        if let Some(packer) = &mut self.packer {
            packer.stop(&mut self.actions);
        }
    }

    /// Whether nothing is under way in any log.
    pub fn is_quiet(&mut self) -> bool {
        self.logs().all(|log| log.is_quiet())
    }

    /// Whether every log is closed.
    pub fn is_closed(&mut self) -> bool {
        self.logs().all(|log| log.is_closed())
    }

    fn logs(&mut self) -> impl Iterator<Item = &mut Log> {
        logs(&mut self.actions)
    }

    /// Gives back the memory of a flood that is over. Nothing may be in flight.
    pub fn give_back(&mut self) {
        self.stamped.clear();
        give_back(&mut self.stamped);
        give_back(&mut self.alerts);
        self.logs().for_each(Log::give_back);
    }
}
