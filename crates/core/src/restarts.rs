//! When a service was last started, and how often it was started again: as lines of `supervise/details`, and as the file
//! `supervise/starts` of version 0.1.0, which `details` replaces.
//!
//! `supervise/starts`: when the service was last started, and how often it was started again, in both directions.
//!
//! Our supervise replaces this file at each start (write, rename), just before `status`. The original makes none. A
//! reader can tell at any time how often the service was started again in the last minute and in the last hour.
//! 144 bytes, numbers big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0–7 | `starts 1`: which file this is, and which version |
//! | 8–19 | when the service was last started: packed TAI64N, the same as in `status` |
//! | 20–23 | how often it was started again since this supervise began |
//! | 24–83 | for each of the 60 seconds up to the last start, how often it was started again then |
//! | 84–143 | the same for each of the 60 minutes |
//!
//! The place of a second or a minute is its number (TAI64 seconds, or those by 60) modulo 60.
//!
//! "Started again" is what supervise does by itself when the service has ended. A start on request
//! (`svc -u`, `svc -o`) and the first one do not count.

use std::ffi::CStr;

use crate::label::Label;
use crate::rolling_counter::{PLACES, RollingCounter};
use crate::status::Status;
use crate::text::number;
use crate::text::{Decimal, Text};

/// The file, seen from the service directory.
pub const PATH: &CStr = c"supervise/starts";

/// What a file of this version begins with.
const MAGIC: &[u8; 8] = b"starts 1";
/// The key of the counts by seconds in `supervise/details`.
const BY_SECOND: &[u8] = b"restarts-by-second";
/// The key of the counts by minutes.
const BY_MINUTE: &[u8] = b"restarts-by-minute";
/// Seconds in a minute.
const MINUTE: u64 = 60;

/// What the file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestartLog {
    last: Label,
    again: u32,
    seconds: RollingCounter,
    minutes: RollingCounter,
}

/// Why a service was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartReason {
    /// supervise began, or a command asked for it.
    Requested,
    /// It had ended by itself.
    Exited,
}

/// How often a service was started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    /// In the last 60 seconds.
    pub minute: u32,
    /// In this minute and the 59 before it.
    pub hour: u32,
    /// Since this supervise began.
    pub total: u32,
}

impl RestartLog {
    /// How many bytes the file has.
    pub const SIZE: usize = 144;

    /// Nothing was started yet.
    pub fn none() -> RestartLog {
        RestartLog { last: Label::new(0, 0), again: 0, seconds: RollingCounter::EMPTY, minutes: RollingCounter::EMPTY }
    }

    /// Notes a start.
    pub fn note(&mut self, at: Label, cause: StartReason) {
        if at.seconds() < self.last.seconds() {
            // The clock was set back: what is remembered is in the future now.
            (self.seconds, self.minutes) = (RollingCounter::EMPTY, RollingCounter::EMPTY);
        }
        self.seconds.forget(self.last.seconds(), at.seconds());
        self.minutes.forget(self.last.seconds() / MINUTE, at.seconds() / MINUTE);
        self.last = at;
        if cause == StartReason::Exited {
            self.again = self.again.saturating_add(1);
            self.seconds.count(at.seconds());
            self.minutes.count(at.seconds() / MINUTE);
        }
    }

    /// How often it was started again, seen from `now`.
    pub fn again(&self, now: Label) -> Restarts {
        // A moment in the future is now.
        let (now, last) = (now.seconds().max(self.last.seconds()), self.last.seconds());
        Restarts {
            minute: self.seconds.sum(last, now),
            hour: self.minutes.sum(last / MINUTE, now / MINUTE),
            total: self.again,
        }
    }

    /// Whether this belongs to what `status` says. It does not where another supervise, which writes no such file,
    /// has started the service since. (`starts` is written before `status`, so a reader between the two sees it early.)
    pub fn belongs_to(&self, status: &Status) -> bool {
        status.pid.is_none() || self.last >= status.since
    }

    /// Appends what there is to say to `supervise/details`.
    pub(crate) fn write(&self, text: &mut Text<'_>) {
        text.line(&[b"restarts ", Decimal::new(u64::from(self.again)).as_bytes()]);
        if self.last == Label::new(0, 0) {
            return;
        }
        text.line(&[b"last-start ", &self.last.to_text()]);
        for (key, counter) in [(BY_SECOND, &self.seconds), (BY_MINUTE, &self.minutes)] {
            if *counter != RollingCounter::EMPTY {
                write_counts(text, key, counter);
            }
        }
    }

    /// Takes a line of `supervise/details`; one that says nothing of restarts, or is malformed, changes nothing.
    pub(crate) fn read(&mut self, key: &[u8], value: &[u8]) {
        match key {
            b"restarts" => self.again = number(value).and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
            b"last-start" => self.last = Label::from_text(value).map_or(self.last, |(label, _)| label),
            BY_SECOND => self.seconds = RollingCounter::from_list(value),
            BY_MINUTE => self.minutes = RollingCounter::from_list(value),
            _ => {}
        }
    }

    /// The file's contents.
    pub fn to_bytes(&self) -> [u8; RestartLog::SIZE] {
        let mut bytes = [0; RestartLog::SIZE];
        let pieces =
            [&MAGIC[..], &self.last.to_bytes(), &self.again.to_be_bytes(), &self.seconds.counts, &self.minutes.counts];
        for (to, from) in bytes.iter_mut().zip(pieces.into_iter().flatten()) {
            *to = *from;
        }
        bytes
    }

    /// What a file's contents mean; `None` unless they are of this version.
    pub fn from_bytes(bytes: &[u8]) -> Option<RestartLog> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (last, rest) = rest.split_first_chunk::<{ Label::PACKED }>()?;
        let (again, rest) = rest.split_first_chunk::<4>()?;
        let (seconds, rest) = rest.split_first_chunk::<PLACES>()?;
        // A newer file of the same magic may go on after what we know.
        let (minutes, _) = rest.split_first_chunk::<PLACES>()?;
        Some(RestartLog {
            last: Label::from_bytes(*last),
            again: u32::from_be_bytes(*again),
            seconds: RollingCounter { counts: *seconds },
            minutes: RollingCounter { counts: *minutes },
        })
    }
}

/// A function of its own, so that its buffer is on the stack of those only that have something to count.
#[inline(never)]
fn write_counts(text: &mut Text<'_>, key: &[u8], counter: &RollingCounter) {
    let mut list = [0; 7 * PLACES + 32];
    text.line(&[counter.list(key, &mut list)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use crate::status::Want;

    /// A moment, some seconds after the beginning of a minute and an hour.
    fn at(seconds: u64) -> Label {
        Label::new((1 << 62) - (1 << 62) % 3600 + seconds, 5)
    }

    fn ended(moments: impl IntoIterator<Item = u64>) -> RestartLog {
        let mut starts = RestartLog::none();
        starts.note(at(0), StartReason::Requested);
        moments.into_iter().for_each(|moment| starts.note(at(moment), StartReason::Exited));
        starts
    }

    fn counts(starts: &RestartLog, now: u64) -> (u32, u32, u32) {
        let again = starts.again(at(now));
        (again.minute, again.hour, again.total)
    }

    #[test]
    fn a_start_that_was_asked_for_does_not_count() {
        let mut starts = ended([]);
        assert_eq!(counts(&starts, 1), (0, 0, 0));
        starts.note(at(7), StartReason::Requested);
        assert_eq!(counts(&starts, 8), (0, 0, 0));
    }

    #[test]
    fn counts_leave_the_minute_and_the_hour_while_nobody_writes() {
        let starts = ended([10, 11, 12]);
        assert_eq!(counts(&starts, 12), (3, 3, 3));
        assert_eq!(counts(&starts, 69), (3, 3, 3));
        assert_eq!(counts(&starts, 70), (2, 3, 3));
        assert_eq!(counts(&starts, 72), (0, 3, 3));
        assert_eq!(counts(&starts, 3599), (0, 3, 3));
        assert_eq!(counts(&starts, 3600), (0, 0, 3));
        assert_eq!(counts(&starts, 1 << 40), (0, 0, 3));
    }

    #[test]
    fn a_service_that_fails_each_second_for_hours() {
        let starts = ended(1..=10_000);
        assert_eq!(counts(&starts, 10_000), (60, 59 * 60 + 10_000 % 60 + 1, 10_000));
    }

    #[test]
    fn old_counts_give_their_place_to_new_ones() {
        assert_eq!(counts(&ended([10, 70]), 70), (1, 2, 2));
        assert_eq!(counts(&ended([10, 3610]), 3610), (1, 1, 2));
        assert_eq!(counts(&ended([10, 3 * 3600]), 3 * 3600), (1, 1, 2));
    }

    #[test]
    fn a_clock_that_is_set_back_forgets_but_does_not_lie() {
        let starts = ended([5000, 5001, 1000]);
        assert_eq!(counts(&starts, 1001), (1, 1, 3));
        assert_eq!(counts(&starts, 5), (1, 1, 3));
    }

    #[test]
    fn every_file_leads_back_and_no_other_is_taken() {
        let starts = ended([3, 4, 100, 2000]);
        let bytes = starts.to_bytes();
        assert_eq!(RestartLog::from_bytes(&bytes), Some(starts));
        assert_eq!(RestartLog::from_bytes(&bytes[..143]), None);
        assert_eq!(RestartLog::from_bytes(&[&bytes[..], b"of a newer version"].concat()), Some(starts));
        assert_eq!(RestartLog::from_bytes(&[0xff; RestartLog::SIZE]), None);
        assert_eq!(RestartLog::from_bytes(b""), None);
    }

    #[test]
    fn the_bytes_are_as_the_table_says() {
        let bytes = ended([61]).to_bytes();
        assert_eq!(&bytes[..8], b"starts 1");
        assert_eq!(bytes[8..20], at(61).to_bytes());
        assert_eq!(bytes[20..24], [0, 0, 0, 1]);
        assert_eq!((bytes[24 + 1], bytes[84 + 1]), (1, 1));
        assert_eq!(bytes[24..].iter().map(|&count| u32::from(count)).sum::<u32>(), 2);
    }

    #[test]
    fn what_another_supervise_started_is_not_ours() {
        let status = |seconds, pid| Status { since: at(seconds), pid, paused: false, want: Want::Up };
        let starts = ended([50]);
        assert!(starts.belongs_to(&status(50, NonZeroU32::new(7))));
        assert!(starts.belongs_to(&status(49, NonZeroU32::new(7))), "read between the two writes");
        assert!(!starts.belongs_to(&status(51, NonZeroU32::new(7))));
        assert!(starts.belongs_to(&status(51, None)), "it has ended since");
    }
}
