//! `supervise/details`: all that supervise knows about its service, as text, a `key value` a line.
//!
//! supervise replaces the file at each change (write, rename) and removes it when it exits. The names are documented in
//! supervise(8) and stay; new ones may come, so a reader passes over keys and states that it does not know. A key whose
//! value is not known is not there. Moments are labels, `@` and 24 hex digits.
//!
//! | key | value |
//! |---|---|
//! | `state` | `down`, `starting`, `up`, `ready`, `stopping`, `finishing`, `waiting`, `failed`, `done` |
//! | `since` | when the state began |
//! | `until` | when it ends by itself, if it does: the next start, the next signal |
//! | `reason` | why, in words |
//! | `pid` | the process of the service |
//! | `finish-pid` | the process of `finish`, where that runs |
//! | `identity` | what tells that process from a later one of its number: its start in ticks, the id of the boot, the process namespace |
//! | `ready-since` | when the service said that it is ready |
//! | `status-text` | what the service last said about itself (`STATUS=` of sd_notify(3)) |
//! | `adopted` | when this supervise took the running service over from one that was killed |
//! | `lost` | names of settings that do not work until the next start, because the service was taken over |
//! | `last-end` | the last run that is over, as a line of `supervise/history` |
//! | `restarts` | how often supervise started the service again by itself since it began |
//! | `last-start` | when it last started the service |
//! | `restarts-by-second`, `restarts-by-minute` | for each of the 60 seconds or minutes up to `last-start` in which there were restarts: its number modulo 60, `:`, how many |
//! | `restart-delay-ms` | what `restart-delay` has come to after short runs |
//! | `counted-ends` | when the last ends were that `restart-limit` counts, oldest first: milliseconds of the monotonic clock |

mod counted_ends;

use std::ffi::CStr;
use std::time::Duration;

use crate::identity::Identity;
use crate::label::Label;
use crate::restarts::RestartLog;
use crate::run_record::{LineBuffer, RunRecord};
use crate::status::Status;
use crate::text::{Decimal, Text, pairs};

pub use counted_ends::counted_ends;
use counted_ends::{milliseconds, write_ends};

/// The file, seen from the service directory.
pub const PATH: &CStr = c"supervise/details";
/// The size in bytes that the file never exceeds.
pub const MAX_SIZE: usize = 4096;
/// The longest `status-text` in bytes; more is cut off.
pub const MAX_STATUS_TEXT: usize = 1024;
/// The longest `reason` in bytes; more is cut off.
pub const MAX_REASON: usize = 512;

/// What a service is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has no process, and none is wanted.
    Down,
    /// It has a process that is not ready yet.
    Starting,
    /// It has a process, and no setting says when it is ready.
    Up,
    /// It has a process that is ready.
    Ready,
    /// It was asked to end, and its process is still there.
    Stopping,
    /// Its process has ended, and `finish` is running.
    Finishing,
    /// It is to be started at a moment to come.
    Waiting,
    /// It was given up: it ended too often.
    Failed,
    /// It has ended for good, as `no-restart` says.
    Done,
}

/// The word of each state.
const STATES: [(State, &str); 9] = [
    (State::Down, "down"),
    (State::Starting, "starting"),
    (State::Up, "up"),
    (State::Ready, "ready"),
    (State::Stopping, "stopping"),
    (State::Finishing, "finishing"),
    (State::Waiting, "waiting"),
    (State::Failed, "failed"),
    (State::Done, "done"),
];

impl State {
    /// The word.
    pub fn word(self) -> &'static str {
        STATES.into_iter().find(|(state, _)| *state == self).map_or("", |(_, word)| word)
    }

    /// The state of a word.
    pub fn from_word(word: &[u8]) -> Option<State> {
        STATES.into_iter().find(|(_, known)| known.as_bytes() == word).map(|(state, _)| state)
    }
}

/// What the file says. Texts are single lines without control characters: the writer sees to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Details<'a> {
    /// What the service is doing.
    pub state: State,
    /// Since when.
    pub since: Label,
    /// Until when, if that is known.
    pub until: Option<Label>,
    /// Why; empty where there is nothing to say.
    pub reason: &'a [u8],
    /// The process of the service.
    pub pid: Option<u32>,
    /// The process of `finish`; then there is none of the service.
    pub finish: Option<u32>,
    /// What tells this process from a later one of the same number.
    pub identity: Option<Identity>,
    /// When it became ready.
    pub ready_since: Option<Label>,
    /// What it last said about itself; empty if nothing.
    pub status_text: &'a [u8],
    /// When the running service was taken over.
    pub adopted: Option<Label>,
    /// Settings that do not work because of that, with blanks between them.
    pub lost: &'a [u8],
    /// The last run that is over.
    pub last_end: Option<RunRecord>,
    /// How often it was started again.
    pub restarts: RestartLog,
    /// What `restart-delay` has come to after short runs.
    pub delay: Option<Duration>,
    /// When the ends were that `restart-limit` counts, by the monotonic clock, oldest first; the last 40 are written.
    /// `Details::read` leaves them to `counted_ends`.
    pub counted_ends: &'a [Duration],
}

impl<'a> Details<'a> {
    /// A state and nothing else.
    pub fn new(state: State, since: Label) -> Details<'a> {
        Details {
            state,
            since,
            until: None,
            reason: b"",
            pid: None,
            finish: None,
            identity: None,
            ready_since: None,
            status_text: b"",
            adopted: None,
            lost: b"",
            last_end: None,
            restarts: RestartLog::none(),
            delay: None,
            counted_ends: &[],
        }
    }

    /// The file's contents, in `buffer`; `None`: it is too small. `MAX_SIZE` bytes are always enough.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let mut text = Text::new(buffer);
        let mut line = |key: &[u8], value: &[u8]| text.line(&[key, b" ", value]);
        let moment = |line: &mut dyn FnMut(&[u8], &[u8]), key: &[u8], at: Option<Label>| {
            if let Some(at) = at {
                line(key, &at.to_text());
            }
        };
        let words = |line: &mut dyn FnMut(&[u8], &[u8]), key: &[u8], words: &[u8], most: usize| {
            if !words.is_empty() {
                line(key, words.get(..most).unwrap_or(words));
            }
        };
        line(b"state", self.state.word().as_bytes());
        line(b"since", &self.since.to_text());
        moment(&mut line, b"until", self.until);
        words(&mut line, b"reason", self.reason, MAX_REASON);
        if let Some(pid) = self.pid {
            line(b"pid", Decimal::new(u64::from(pid)).as_bytes());
        }
        if let Some(pid) = self.finish {
            line(b"finish-pid", Decimal::new(u64::from(pid)).as_bytes());
        }
        if let Some(identity) = &self.identity {
            identity.with_words(|words| text.line(words));
        }
        let mut line = |key: &[u8], value: &[u8]| text.line(&[key, b" ", value]);
        moment(&mut line, b"ready-since", self.ready_since);
        words(&mut line, b"status-text", self.status_text, MAX_STATUS_TEXT);
        moment(&mut line, b"adopted", self.adopted);
        words(&mut line, b"lost", self.lost, MAX_REASON);
        if let Some(run) = &self.last_end {
            let mut words = LineBuffer::new();
            run.write_line(&mut words);
            line(b"last-end", words.as_bytes());
        }
        self.restarts.write(&mut text);
        if let Some(delay) = self.delay {
            text.line(&[b"restart-delay-ms ", milliseconds(delay).as_bytes()]);
        }
        if !self.counted_ends.is_empty() {
            write_ends(&mut text, self.counted_ends);
        }
        text.is_complete().then(|| text.into_bytes())
    }

    /// What such a file says; `None` unless it has a known state and when that began.
    pub fn read(file: &'a [u8]) -> Option<Details<'a>> {
        let label = |value| Label::from_text(value).map(|(label, _)| label);
        let number = |value| crate::text::number(value).and_then(|pid| u32::try_from(pid).ok());
        let (mut state, mut since) = (None, None);
        let mut details = Details::new(State::Down, Label::new(0, 0));
        for (key, value) in pairs(file) {
            match key {
                b"state" => state = State::from_word(value),
                b"since" => since = label(value),
                b"until" => details.until = label(value),
                b"reason" => details.reason = value,
                b"pid" => details.pid = number(value),
                b"finish-pid" => details.finish = number(value),
                b"identity" => details.identity = Identity::from_words(value),
                b"ready-since" => details.ready_since = label(value),
                b"status-text" => details.status_text = value,
                b"adopted" => details.adopted = label(value),
                b"lost" => details.lost = value,
                b"last-end" => details.last_end = RunRecord::from_line(value),
                b"restart-delay-ms" => details.delay = crate::text::number(value).map(Duration::from_millis),
                _ => details.restarts.read(key, value),
            }
        }
        Some(Details { state: state?, since: since?, ..details })
    }

    /// Whether this belongs to what `status` says. It does not where a supervise that writes no such file has taken the
    /// directory over from one that was killed. (`details` is written before `status`, so a reader between the two
    /// writes sees a process that `status` does not name yet; a moment later both agree.)
    pub fn belongs_to(&self, status: &Status) -> bool {
        self.pid == status.pid.map(u32::from) && (status.pid.is_none() || self.restarts.belongs_to(status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::End;
    use crate::restarts::StartReason;
    use crate::status::Want;
    use std::num::NonZeroU32;

    fn at(seconds: i64) -> Label {
        Label::from_unix(1_000_000_000 + seconds, 5)
    }

    fn text(details: &Details) -> String {
        let mut buffer = [0; MAX_SIZE];
        String::from_utf8(details.write(&mut buffer).unwrap().to_vec()).unwrap()
    }

    fn full() -> Details<'static> {
        let mut restarts = RestartLog::none();
        restarts.note(at(0), StartReason::Requested);
        restarts.note(at(1), StartReason::Exited);
        restarts.note(at(62), StartReason::Exited);
        Details {
            until: Some(at(70)),
            reason: b"asked to by svc",
            pid: Some(42),
            identity: Some(Identity { started: 77, boot: [b'b'; 36], namespace: 4026531836 }),
            ready_since: Some(at(63)),
            status_text: b"42 connections",
            adopted: Some(at(64)),
            lost: b"notification-fd",
            last_end: Some(RunRecord::new(at(61), End::Code(7))),
            restarts,
            delay: Some(Duration::from_secs(4)),
            ..Details::new(State::Stopping, at(65))
        }
    }

    #[test]
    fn the_text_is_as_documented() {
        let expected = "state stopping
since @400000003b9aca4b00000005
until @400000003b9aca5000000005
reason asked to by svc
pid 42
identity 77 bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb 4026531836
ready-since @400000003b9aca4900000005
status-text 42 connections
adopted @400000003b9aca4a00000005
lost notification-fd
last-end @400000003b9aca4700000005 code 7 ran-ms 0
restarts 2
last-start @400000003b9aca4800000005
restarts-by-second 56:1
restarts-by-minute 31:1 32:1
restart-delay-ms 4000
";
        assert_eq!(text(&full()), expected);
        assert_eq!(
            text(&Details::new(State::Down, at(0))),
            "state down\nsince @400000003b9aca0a00000005\nrestarts 0\n"
        );
    }

    #[test]
    fn every_file_leads_back() {
        for details in [full(), Details::new(State::Down, at(0)), Details::new(State::Failed, Label::new(u64::MAX, 1))]
        {
            assert_eq!(Details::read(text(&details).as_bytes()), Some(details));
        }
        for (state, word) in STATES {
            assert_eq!((state.word(), State::from_word(word.as_bytes())), (word, Some(state)));
        }
    }

    #[test]
    fn the_largest_file_fits() {
        let long = [b'x'; 5000];
        let mut restarts = RestartLog::none();
        for second in 0..3600 {
            (0..10).for_each(|_| restarts.note(at(second), StartReason::Exited));
        }
        let (delay, ends) = (Some(Duration::MAX), [Duration::MAX; 100]);
        let last_end = RunRecord {
            cpu: delay,
            peak_kb: Some(u64::MAX),
            core: true,
            oom: true,
            judged: true,
            ran: Duration::MAX,
            ..full().last_end.unwrap()
        };
        let details = Details {
            reason: &long,
            status_text: &long,
            lost: &long,
            restarts,
            delay,
            counted_ends: &ends,
            finish: Some(u32::MAX),
            last_end: Some(last_end),
            ..full()
        };
        let mut buffer = [0; MAX_SIZE];
        let read = Details::read(details.write(&mut buffer).unwrap()).unwrap();
        assert_eq!((read.reason.len(), read.status_text.len(), read.restarts), (MAX_REASON, MAX_STATUS_TEXT, restarts));
        assert_eq!(details.write(&mut buffer[..1000]), None);
    }

    #[test]
    fn counted_ends_are_read_by_themselves() {
        let ends: Vec<Duration> = (0..50).map(|number| Duration::from_millis(7_000_000 + 1001 * number)).collect();
        let counted = |ends| text(&Details { counted_ends: ends, ..full() });
        assert!(counted_ends(counted(&ends).as_bytes()).eq(ends[10..].iter().copied()), "the last 40");
        assert!(counted_ends(counted(&ends[..2]).as_bytes()).eq(ends[..2].iter().copied()));
        assert!(counted(&ends[..2]).ends_with("\ncounted-ends 7000000 7001001\n"));
        assert_eq!(counted(&[]), text(&full()));
        for file in [&b""[..], b"counted-ends \n", b"counted-ends x -1 99999999999999999999999\n", b"counted-ends 1"] {
            assert_eq!(counted_ends(file).count(), 0);
        }
    }

    #[test]
    fn a_newer_file_is_read_and_garbage_is_not() {
        let newer = [text(&full()).as_bytes(), b"colour red\nshape\n"].concat();
        assert_eq!(Details::read(&newer), Some(full()));
        for file in [&b""[..], b"state up\n", b"state odd\nsince @400000003b9aca0a00000005\n", &[0xff; 100]] {
            assert_eq!(Details::read(file), None);
        }
    }

    #[test]
    fn what_another_supervise_started_is_not_ours() {
        let status =
            |pid, seconds| Status { since: at(seconds), pid: NonZeroU32::new(pid), paused: false, want: Want::Up };
        assert!(full().belongs_to(&status(42, 62)));
        assert!(!full().belongs_to(&status(42, 63)), "the same number again, of a later process");
        assert!(!full().belongs_to(&status(43, 62)) && !full().belongs_to(&status(0, 70)));
        assert!(Details::new(State::Down, at(0)).belongs_to(&status(0, 5)));
    }
}
