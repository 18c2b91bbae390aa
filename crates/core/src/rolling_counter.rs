//! Counts of what happened in each of the last 60 seconds, or minutes, in as many bytes (`restarts`).

use crate::text::Decimal;
use crate::text::number;

/// How many places a counter has.
pub const PLACES: usize = 60;

/// Counts for the 60 moments up to a last one. A moment is a second or a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RollingCounter {
    /// The place of a moment is its number modulo 60.
    pub counts: [u8; PLACES],
}

impl RollingCounter {
    /// Nothing happened.
    pub const EMPTY: RollingCounter = RollingCounter { counts: [0; PLACES] };

    /// Clears the places of the moments after `last`, up to `now`: they still hold what was an hour or a minute before.
    pub fn forget(&mut self, last: u64, now: u64) {
        for moment in oldest(now).max(last.saturating_add(1))..=now {
            self.set(moment, 0);
        }
    }

    /// One more at the moment `now`.
    pub fn count(&mut self, now: u64) {
        self.set(now, self.get(now).saturating_add(1));
    }

    /// The sum over the 60 moments up to `now`; nothing happened after `last`.
    pub fn sum(&self, last: u64, now: u64) -> u32 {
        (oldest(now)..=last).map(|moment| u32::from(self.get(moment))).sum()
    }

    /// The places that are not zero, as ` PLACE:COUNT` each, in `buffer` after `key`.
    pub fn list<'a>(&self, key: &[u8], buffer: &'a mut [u8]) -> &'a [u8] {
        let mut len = 0;
        let mut put = |bytes: &[u8]| {
            if let Some(room) = buffer.get_mut(len..len + bytes.len()) {
                room.copy_from_slice(bytes);
                len += bytes.len();
            }
        };
        put(key);
        for (place, &count) in (0_u64..).zip(&self.counts).filter(|(_, count)| **count > 0) {
            for piece in [b" ", Decimal::new(place).as_bytes(), b":", Decimal::new(u64::from(count)).as_bytes()] {
                put(piece);
            }
        }
        buffer.get(..len).unwrap_or_default()
    }

    /// The counter of such a list, without its key; words that are none are passed over.
    pub fn from_list(list: &[u8]) -> RollingCounter {
        let mut counter = RollingCounter::EMPTY;
        for word in list.split(|&byte| byte == b' ') {
            let Some(at) = word.iter().position(|&byte| byte == b':') else { continue };
            let (place, count) = (word.get(..at).and_then(number), word.get(at + 1..).and_then(number));
            let known = place.and_then(|place| usize::try_from(place).ok());
            if let (Some(to), Some(count)) = (known.and_then(|place| counter.counts.get_mut(place)), count) {
                *to = u8::try_from(count).unwrap_or(u8::MAX);
            }
        }
        counter
    }

    fn get(&self, moment: u64) -> u8 {
        self.counts.get(place(moment)).copied().unwrap_or(0)
    }

    fn set(&mut self, moment: u64, count: u8) {
        if let Some(at) = self.counts.get_mut(place(moment)) {
            *at = count;
        }
    }
}

/// The first of the 60 moments up to `now`.
fn oldest(now: u64) -> u64 {
    now.saturating_sub(PLACES as u64 - 1)
}

/// Where in the counter a moment is counted.
fn place(moment: u64) -> usize {
    // Less than 60.
    (moment % PLACES as u64) as usize
}
