//! What a supervise goes on with.
//!
//! Only `lock`, `control-reader`, `control-writer`, `ok`, `want` and `since` must be there: what is missing besides is as
//! in a supervise that has no settings.

use std::time::Duration;

use super::Unusable;
use super::reader::{
    Writer, check_descriptors, descriptor, flag, label, lines, mask, mask_text, nanoseconds, optional, span, unknown,
    word,
};
use crate::label::Label;
use crate::restarts::{RestartLog, StartReason};
use crate::run_record::{LineBuffer, RunRecord};
use crate::settings::Group;
use crate::settings::value::number;
use crate::signal::Signal;
use crate::status::Want;
use crate::text::Text;

/// The program of this state.
const PROGRAM: &[u8] = b"supervise";

/// What a supervise goes on with. Its current directory stays the service directory, its arguments stay as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuperviseState {
    /// `supervise/lock`, locked.
    pub lock: i32,
    /// `supervise/control`, open for reading, not blocking.
    pub control_reader: i32,
    /// `supervise/control`, open for writing.
    pub control_writer: i32,
    /// `supervise/ok`, open for reading.
    pub ok: i32,
    /// The scan directory (O_PATH), which may hold settings; `None`: it is not known.
    pub tree: Option<i32>,
    /// Whether the settings there that are for loggers count.
    pub logger: bool,
    /// The reading end of the pipe of `notification-fd`.
    pub notification: Option<i32>,
    /// The socket of `notify-socket`.
    pub notify_socket: Option<i32>,
    /// The pidfd of a service that is not a child; `None`: it is a child, or there is none.
    pub process: Option<i32>,
    /// The signals that the service finds blocked: bit 0 is signal 1. `None`: those that are blocked now, less CHLD.
    pub child_mask: Option<u64>,
    /// What is wanted.
    pub want: Want,
    /// Whether supervise is to end once the service is down.
    pub leaving: bool,
    /// When the process id last changed.
    pub since: Label,
    /// When the state last changed; `None`: then, too.
    pub state_since: Option<Label>,
    /// What others were told about when the state ends by itself.
    pub until: Option<Label>,
    /// What the service is doing.
    pub life: Life,
    /// When it was last started (monotonic).
    pub last_start: Option<Duration>,
    /// The delay after the last short run.
    pub delay: Option<Duration>,
    /// When the last ends were (monotonic), oldest first.
    pub ends: Vec<Duration>,
    /// Why it is in its state, in supervise's own words.
    pub reason: Vec<u8>,
    /// What the service last said about itself.
    pub status_text: Vec<u8>,
    /// When the running service was taken over from a supervise that was killed.
    pub adopted: Option<Label>,
    /// The settings that do not work because of that.
    pub lost: Vec<u8>,
    /// The last run that is over.
    pub last_end: Option<RunRecord>,
    /// How often it was started again.
    pub restarts: RestartLog,
    /// `group`, as the service was started with it.
    pub group: Option<Group>,
    /// `watchdog`, as the service was started with it.
    pub watchdog: Option<Duration>,
}

/// What the service is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Life {
    /// No process, and none is to be started.
    Down(Rest),
    /// No process, and one is to be started at this moment (monotonic).
    Waiting(Duration, StartReason),
    /// It has a process.
    Running(Running),
}

/// Why no process is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It was told so.
    AsTold,
    /// It ended too often.
    Failed,
    /// Its end was final.
    Done,
}

/// A process of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its number.
    pub pid: u32,
    /// When it was started (monotonic); `None`: when `since` says.
    pub started: Option<Duration>,
    /// Whether it was told to pause.
    pub paused: bool,
    /// Whether a setting tells when it is ready.
    pub tells_ready: bool,
    /// When it became ready.
    pub ready_since: Option<Label>,
    /// When it is stopped unless it is ready.
    pub ready_by: Option<Duration>,
    /// When it is stopped unless it says that it is alive.
    pub alive_by: Option<Duration>,
    /// When `check` runs next; `None`: never.
    pub check_at: Option<Duration>,
    /// How many checks failed in a row since it was ready.
    pub check_failures: u32,
    /// How it is being stopped.
    pub stop: Option<Stop>,
    /// Whether a command sent a signal that mostly ends it.
    pub asked: bool,
    /// Whether it was sent TERM.
    pub got_term: bool,
    /// Whether it said that it is ending.
    pub ending: bool,
}

/// A process that is being stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// Who stops it.
    pub cause: StopCause,
    /// The signal that asks it to end.
    pub signal: Signal,
    /// What was done.
    pub step: StopStep,
    /// How long it may take; `None`: for ever.
    pub patience: Option<Duration>,
    /// When the next step comes (monotonic).
    pub next_at: Option<Duration>,
}

/// Who stops a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// A command.
    Asked,
    /// supervise.
    Supervise,
    /// supervise, because the watchdog heard nothing.
    Silence,
}

/// What was done to stop a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopStep {
    /// `stop` has done what it can; next, the signal.
    HookDone,
    /// The signal was sent; next, KILL.
    Signalled,
    /// KILL was sent.
    Killed,
}

const CAUSES: [(StopCause, &[u8]); 3] =
    [(StopCause::Asked, b"asked"), (StopCause::Supervise, b"supervise"), (StopCause::Silence, b"silence")];
const STEPS: [(StopStep, &[u8]); 3] =
    [(StopStep::HookDone, b"hook-done"), (StopStep::Signalled, b"signalled"), (StopStep::Killed, b"killed")];
const WANTS: [(Want, &[u8]); 3] = [(Want::Up, b"up"), (Want::Down, b"down"), (Want::Once, b"once")];
const RESTS: [(Rest, &[u8]); 3] = [(Rest::AsTold, b"as-told"), (Rest::Failed, b"failed"), (Rest::Done, b"done")];
const GROUPS: [(Group, &[u8]); 2] = [(Group::All, b"all"), (Group::Main, b"main")];
const REASONS: [(StartReason, &[u8]); 2] = [(StartReason::Requested, b"requested"), (StartReason::Exited, b"exited")];

fn name<T: PartialEq>(table: &[(T, &'static [u8])], value: T) -> &'static [u8] {
    table.iter().find(|(known, _)| *known == value).map_or(b"", |(_, name)| name)
}

fn named<T: Copy>(table: &[(T, &'static [u8])], word: &[u8]) -> Option<T> {
    table.iter().find(|(_, name)| *name == word).map(|(known, _)| *known)
}

impl SuperviseState {
    /// A service that is down as told, with these descriptors and nothing else.
    pub fn new(lock: i32, [control_reader, control_writer]: [i32; 2], ok: i32, want: Want, since: Label) -> Self {
        SuperviseState {
            lock,
            control_reader,
            control_writer,
            ok,
            tree: None,
            logger: false,
            notification: None,
            notify_socket: None,
            process: None,
            child_mask: None,
            want,
            leaving: false,
            since,
            state_since: None,
            until: None,
            life: Life::Down(Rest::AsTold),
            last_start: None,
            delay: None,
            ends: Vec::new(),
            reason: Vec::new(),
            status_text: Vec::new(),
            adopted: None,
            lost: Vec::new(),
            last_end: None,
            restarts: RestartLog::none(),
            group: None,
            watchdog: None,
        }
    }

    /// Every descriptor that must stay open over the execve.
    pub fn descriptors(&self) -> Vec<i32> {
        let others = [self.tree, self.notification, self.notify_socket, self.process];
        let known = [self.lock, self.control_reader, self.control_writer, self.ok];
        known.into_iter().chain(others.into_iter().flatten()).collect()
    }

    /// The text of the state.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Writer::new(PROGRAM);
        text.descriptor(b"lock", Some(self.lock));
        text.descriptor(b"control-reader", Some(self.control_reader));
        text.descriptor(b"control-writer", Some(self.control_writer));
        text.descriptor(b"ok", Some(self.ok));
        text.descriptor(b"tree", self.tree);
        text.flag(b"logger", self.logger);
        text.descriptor(b"notification", self.notification);
        text.descriptor(b"notify-socket", self.notify_socket);
        text.descriptor(b"process", self.process);
        if let Some(mask) = self.child_mask {
            text.line(b"child-mask", &mask_text(mask));
        }
        text.line(b"want", name(&WANTS, self.want));
        text.flag(b"leaving", self.leaving);
        text.label(b"since", Some(self.since));
        text.label(b"state-since", self.state_since);
        text.label(b"until", self.until);
        match &self.life {
            Life::Down(rest) => text.line(b"rest", name(&RESTS, *rest)),
            Life::Waiting(due, reason) => {
                text.span(b"due", Some(*due));
                text.line(b"start-reason", name(&REASONS, *reason));
            }
            Life::Running(running) => running.write(&mut text),
        }
        text.span(b"last-start-at", self.last_start);
        text.span(b"delay", self.delay);
        if !self.ends.is_empty() {
            let ends: Vec<_> = self.ends.iter().map(|&end| word(Some(nanoseconds(end)))).collect();
            text.line(b"ends", &ends.join(&b' '));
        }
        for (key, words) in [(&b"reason"[..], &self.reason), (b"status-text", &self.status_text), (b"lost", &self.lost)]
        {
            if !words.is_empty() {
                text.line(key, words);
            }
        }
        text.label(b"adopted", self.adopted);
        if let Some(run) = &self.last_end {
            let mut line = LineBuffer::new();
            run.write_line(&mut line);
            text.line(b"last-end", line.as_bytes());
        }
        if self.restarts != RestartLog::none() {
            let mut buffer = vec![0; 2048];
            let mut lines = Text::new(&mut buffer);
            self.restarts.write(&mut lines);
            text.lines(lines.into_bytes());
        }
        if let Some(group) = self.group {
            text.line(b"group", name(&GROUPS, group));
        }
        text.span(b"watchdog", self.watchdog);
        text.finish()
    }

    /// What a text means.
    pub fn from_text(text: &[u8]) -> Result<SuperviseState, Unusable> {
        let mut read = Read::default();
        let mut seen = Vec::new();
        for (key, value) in lines(text, PROGRAM)? {
            if key.starts_with(b"?") {
                continue;
            }
            if seen.contains(&key) || read.line(key, value).is_none() {
                return Err(unknown(key, value));
            }
            seen.push(key);
        }
        let state = read.finish()?;
        check_descriptors(state.descriptors())?;
        Ok(state)
    }
}

impl Running {
    /// A process about which nothing else is known.
    pub fn new(pid: u32) -> Running {
        Running {
            pid,
            started: None,
            paused: false,
            tells_ready: false,
            ready_since: None,
            ready_by: None,
            alive_by: None,
            check_at: None,
            check_failures: 0,
            stop: None,
            asked: false,
            got_term: false,
            ending: false,
        }
    }

    fn write(&self, text: &mut Writer) {
        text.number(b"pid", Some(u64::from(self.pid)));
        text.span(b"started", self.started);
        text.flag(b"paused", self.paused);
        text.flag(b"tells-ready", self.tells_ready);
        text.label(b"ready-since", self.ready_since);
        text.span(b"ready-by", self.ready_by);
        text.span(b"alive-by", self.alive_by);
        text.span(b"check-at", self.check_at);
        text.number(b"check-failures", Some(u64::from(self.check_failures)).filter(|&count| count > 0));
        if let Some(stop) = &self.stop {
            let signal = word(u64::try_from(stop.signal.number()).ok());
            let spans = [stop.patience, stop.next_at].map(|span| word(span.map(nanoseconds)));
            let words = [name(&CAUSES, stop.cause), name(&STEPS, stop.step), &signal, &spans[0], &spans[1]].join(&b' ');
            text.line(b"stop", &words);
        }
        text.flag(b"asked", self.asked);
        text.flag(b"got-term", self.got_term);
        text.flag(b"ending", self.ending);
    }
}

/// What has been read so far.
struct Read {
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
    fn line(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
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

    fn finish(self) -> Result<SuperviseState, Unusable> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::End;

    fn at(seconds: i64) -> Label {
        Label::from_unix(1_000_000_000 + seconds, 5)
    }

    fn plain() -> SuperviseState {
        SuperviseState::new(3, [4, 5], 6, Want::Up, at(0))
    }

    fn full() -> SuperviseState {
        let second = Duration::from_secs;
        let mut restarts = RestartLog::none();
        restarts.note(at(1), StartReason::Exited);
        let stop = Stop {
            cause: StopCause::Silence,
            signal: Signal::ABRT,
            step: StopStep::Signalled,
            patience: Some(second(5)),
            next_at: None,
        };
        let running = Running {
            started: Some(second(77)),
            paused: true,
            tells_ready: true,
            ready_since: Some(at(3)),
            ready_by: Some(second(80)),
            alive_by: Some(second(81)),
            check_at: Some(Duration::new(82, 7)),
            check_failures: 2,
            stop: Some(stop),
            asked: true,
            got_term: true,
            ending: true,
            ..Running::new(4242)
        };
        SuperviseState {
            tree: Some(7),
            logger: true,
            notification: Some(8),
            notify_socket: Some(9),
            process: Some(10),
            child_mask: Some(0xf000_0000_0001_0002),
            leaving: true,
            state_since: Some(at(2)),
            until: Some(at(5)),
            life: Life::Running(running),
            last_start: Some(second(77)),
            delay: Some(second(2)),
            ends: vec![second(70), second(75)],
            reason: b"silent 5".to_vec(),
            status_text: b"42 connections".to_vec(),
            adopted: Some(at(4)),
            lost: b"watchdog".to_vec(),
            last_end: Some(RunRecord::new(at(1), End::Code(7))),
            restarts,
            group: Some(Group::Main),
            watchdog: Some(second(5)),
            ..plain()
        }
    }

    #[test]
    fn the_least_state_is_as_documented() {
        let text = b"supervise 1\nlock 3\ncontrol-reader 4\ncontrol-writer 5\nok 6\nwant up\nsince @400000003b9aca0a00000005\nrest as-told\nend\n";
        assert_eq!(plain().to_text().escape_ascii().to_string(), text.escape_ascii().to_string());
        let least = b"supervise 1\nlock 3\ncontrol-reader 4\ncontrol-writer 5\nok 6\nwant up\nsince @400000003b9aca0a00000005\nend\n";
        assert_eq!(SuperviseState::from_text(least), Ok(plain()));
    }

    #[test]
    fn every_state_leads_back() {
        let waiting = |reason| SuperviseState { life: Life::Waiting(Duration::from_nanos(1), reason), ..plain() };
        let down = |rest| SuperviseState { life: Life::Down(rest), want: Want::Down, ..plain() };
        let states = [
            full(),
            SuperviseState { life: Life::Running(Running::new(1)), want: Want::Once, ..plain() },
            waiting(StartReason::Requested),
            waiting(StartReason::Exited),
            down(Rest::Failed),
            down(Rest::Done),
        ];
        for state in states {
            assert_eq!(SuperviseState::from_text(&state.to_text()), Ok(state));
        }
    }

    #[test]
    fn what_is_not_known_is_refused_unless_it_may_be_passed_over() {
        let with = |line: &str| {
            let text = full().to_text();
            let body = text.strip_suffix(b"end\n").unwrap();
            SuperviseState::from_text(&[body, line.as_bytes(), b"\nend\n"].concat())
        };
        assert_eq!(with("?colour red"), Ok(full()));
        for line in ["colour red", "lock 3", "paused", ""] {
            let shown = if line.contains(' ') { line.to_owned() } else { format!("{line} ") };
            assert_eq!(with(line), Err(Unusable::Line(shown.into_bytes())));
        }
    }

    #[test]
    fn malformed_values_are_refused() {
        for (right, wrong) in [
            ("lock 3", "lock x"),
            ("lock 3", "lock 4294967296"),
            ("want up", "want sideways"),
            ("pid 4242", "pid 0"),
            ("pid 4242", "pid 4294967295"),
            ("since @400000003b9aca0a00000005", "since @400000003b9aca0a00000005x"),
            ("paused", "paused 1"),
            ("child-mask f000000000010002", "child-mask f"),
            ("stop silence signalled 6 5000000000 -", "stop silence signalled 6 5000000000"),
            ("stop silence signalled 6 5000000000 -", "stop silence signalled 99 5000000000 -"),
            ("ends 70000000000 75000000000", "ends 70000000000  75000000000"),
            ("group main", "group other"),
        ] {
            let text = String::from_utf8(full().to_text()).unwrap();
            assert!(text.contains(right), "{right} in {text}");
            let read = SuperviseState::from_text(text.replace(right, wrong).as_bytes());
            assert!(matches!(read, Err(Unusable::Line(_))), "{wrong}: {read:?}");
        }
    }

    #[test]
    fn torn_and_foreign_states_and_wrong_descriptors_are_refused() {
        let text = full().to_text();
        for length in 0..text.len() {
            assert!(SuperviseState::from_text(&text[..length]).is_err(), "the first {length} bytes");
        }
        let change = |from: &str, to: &str| {
            SuperviseState::from_text(String::from_utf8(full().to_text()).unwrap().replace(from, to).as_bytes())
        };
        assert_eq!(change("supervise 1\n", "supervise 2\n"), Err(Unusable::Foreign));
        assert_eq!(change("supervise 1\n", "svscan 1\n"), Err(Unusable::Foreign));
        assert_eq!(change("ok 6\n", ""), Err(Unusable::Missing("ok")));
        assert_eq!(change("pid 4242\n", ""), Err(Unusable::Missing("pid")));
        assert_eq!(change("ok 6\n", "ok 2\n"), Err(Unusable::Descriptors));
        assert_eq!(change("ok 6\n", "ok 5\n"), Err(Unusable::Descriptors));
    }
}
