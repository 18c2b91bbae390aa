//! The lines of a supervise's state, one after another.

use std::time::Duration;

use super::Unusable;
use super::reader::{descriptor, flag, label, mask, optional, span};
use super::running::{CAUSES, Running, STEPS, Stop, named};
use super::supervise::{GROUPS, Life, REASONS, RESTS, SuperviseState, WANTS};
use crate::label::Label;
use crate::restarts::StartReason;
use crate::run_record::RunRecord;
use crate::signal::Signal;
use crate::status::Want;
use crate::text::number;

/// What has been read so far.
pub struct Read {
    state: SuperviseState,
    required: [(&'static str, bool); 6],
    running: Running,
    has_pid: bool,
    due: Option<Duration>,
    start_reason: StartReason,
}

impl Default for Read {
    fn default() -> Read {
        let keys = ["lock", "control-reader", "control-writer", "ok", "want", "since"];
        Read {
            state: SuperviseState::new(0, [0, 0], 0, Want::Down, Label::new(0, 0)),
            required: keys.map(|key| (key, false)),
            running: Running::new(0),
            has_pid: false,
            due: None,
            start_reason: StartReason::Requested,
        }
    }
}

impl Read {
    /// Takes a line; `None`: it is not known or malformed.
    pub fn line(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        if let Some((_, seen)) = self.required.iter_mut().find(|(name, _)| name.as_bytes() == key) {
            *seen = true;
        }
        let state = &mut self.state;
        match key {
            b"lock" => state.lock = descriptor(value)?,
            b"control-reader" => state.control_reader = descriptor(value)?,
            b"control-writer" => state.control_writer = descriptor(value)?,
            b"ok" => state.ok = descriptor(value)?,
            b"tree" => state.tree = Some(descriptor(value)?),
            b"logger" => state.logger = flag(value)?,
            b"notification" => state.notification = Some(descriptor(value)?),
            b"notify-socket" => state.notify_socket = Some(descriptor(value)?),
            b"process" => state.process = Some(descriptor(value)?),
            b"child-mask" => state.child_mask = Some(mask(value)?),
            b"want" => state.want = named(&WANTS, value)?,
            b"leaving" => state.leaving = flag(value)?,
            b"since" => state.since = label(value)?,
            b"state-since" => state.state_since = Some(label(value)?),
            b"until" => state.until = Some(label(value)?),
            b"rest" => state.life = Life::Down(named(&RESTS, value)?),
            b"due" => self.due = Some(span(value)?),
            b"start-reason" => self.start_reason = named(&REASONS, value)?,
            b"last-start-at" => state.last_start = Some(span(value)?),
            b"delay" => state.delay = Some(span(value)?),
            b"ends" => state.ends = value.split(|&byte| byte == b' ').map(span).collect::<Option<_>>()?,
            b"reason" => state.reason = value.to_vec(),
            b"status-text" => state.status_text = value.to_vec(),
            b"lost" => state.lost = value.to_vec(),
            b"adopted" => state.adopted = Some(label(value)?),
            b"last-end" => state.last_end = Some(RunRecord::from_line(value)?),
            b"restarts" | b"last-start" | b"restarts-by-second" | b"restarts-by-minute" => {
                state.restarts.read(key, value);
            }
            b"group" => state.group = Some(named(&GROUPS, value)?),
            b"watchdog" => state.watchdog = Some(span(value)?),
            _ => return self.running_line(key, value),
        }
        Some(())
    }

    fn running_line(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let running = &mut self.running;
        match key {
            b"pid" => {
                // A process id fits into an i32.
                running.pid = u32::try_from(i32::try_from(number(value)?).ok()?).ok().filter(|&pid| pid > 0)?;
                self.has_pid = true;
            }
            b"started" => running.started = Some(span(value)?),
            b"paused" => running.paused = flag(value)?,
            b"tells-ready" => running.tells_ready = flag(value)?,
            b"ready-since" => running.ready_since = Some(label(value)?),
            b"ready-by" => running.ready_by = Some(span(value)?),
            b"alive-by" => running.alive_by = Some(span(value)?),
            b"check-at" => running.check_at = Some(span(value)?),
            b"check-failures" => running.check_failures = u32::try_from(number(value)?).ok()?,
            b"stop" => running.stop = Some(stop(value)?),
            b"asked" => running.asked = flag(value)?,
            b"got-term" => running.got_term = flag(value)?,
            b"ending" => running.ending = flag(value)?,
            _ => return None,
        }
        Some(())
    }

    /// The state; an error where something is missing.
    pub fn finish(self) -> Result<SuperviseState, Unusable> {
        if let Some((key, _)) = self.required.iter().find(|(_, seen)| !seen) {
            return Err(Unusable::Missing(key));
        }
        let mut state = self.state;
        if self.has_pid {
            state.life = Life::Running(self.running);
        } else if self.running != Running::new(0) {
            return Err(Unusable::Missing("pid"));
        } else if let Some(due) = self.due {
            state.life = Life::Waiting(due, self.start_reason);
        }
        Ok(state)
    }
}

fn stop(value: &[u8]) -> Option<Stop> {
    let mut words = value.split(|&byte| byte == b' ');
    let cause = named(&CAUSES, words.next()?)?;
    let step = named(&STEPS, words.next()?)?;
    let signal = Signal::from_number(i32::try_from(number(words.next()?)?).ok()?)?;
    let patience = optional(words.next()?)?.map(Duration::from_nanos);
    let next_at = optional(words.next()?)?.map(Duration::from_nanos);
    words.next().is_none().then_some(Stop { cause, signal, step, patience, next_at })
}
