//! What a supervise goes on with.
//!
//! Only `lock`, `control-reader`, `control-writer`, `ok`, `want` and `since` must be there: what is missing besides is as
//! in a supervise that has no settings.

use std::time::Duration;

use super::Unusable;
use super::reader::{Writer, check_descriptors, lines, mask_text, nanoseconds, unknown, word};
use super::running::{Running, name};
use super::supervise_lines::Read;
use crate::label::Label;
use crate::restarts::{RestartLog, StartReason};
use crate::run_record::{LineBuffer, RunRecord};
use crate::settings::Group;
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

pub(super) const WANTS: [(Want, &[u8]); 3] = [(Want::Up, b"up"), (Want::Down, b"down"), (Want::Once, b"once")];
pub(super) const RESTS: [(Rest, &[u8]); 3] =
    [(Rest::AsTold, b"as-told"), (Rest::Failed, b"failed"), (Rest::Done, b"done")];
pub(super) const GROUPS: [(Group, &[u8]); 2] = [(Group::All, b"all"), (Group::Main, b"main")];
pub(super) const REASONS: [(StartReason, &[u8]); 2] =
    [(StartReason::Requested, b"requested"), (StartReason::Exited, b"exited")];

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::End;
    use crate::resume::{Stop, StopCause, StopStep};
    use crate::signal::Signal;

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
