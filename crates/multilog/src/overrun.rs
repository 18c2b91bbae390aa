//! How far a log whose processor is slow may write on into a file that is full, so that it keeps no other log waiting.
//!
//! A second long it waits, as a log does that is alone: most processors are done by then, and files keep their size. Then
//! the file may become as large as all files of the log together.

use std::time::Duration;

use daemontools_program::clock::Instant;

/// How long a processor may take that is not slow.
const SLOW: Duration = Duration::from_secs(1);

/// Whether a full file is written on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrun {
    /// How large the file may become; `None`: no larger than a full one.
    limit: Option<u64>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing has to be written into a full file.
    #[default]
    Unasked,
    /// Until this moment the processor is not slow.
    Waits(Instant),
    /// It is written on.
    Begun,
}

impl Overrun {
    /// For files of this size, of which there may be so many.
    pub fn new(size: u64, keep: u64) -> Overrun {
        Overrun { limit: Some(size.saturating_mul(keep)), state: State::Unasked }
    }

    /// How many bytes may be written into a file that is full, and has `used` bytes.
    pub fn room(&mut self, used: u64, now: Instant) -> u64 {
        let Some(limit) = self.limit else { return 0 };
        match self.state {
            State::Unasked => {
                self.state = State::Waits(now + SLOW);
                0
            }
            State::Waits(moment) if now < moment => 0,
            State::Waits(_) | State::Begun => {
                self.state = State::Begun;
                limit.saturating_sub(used)
            }
        }
    }

    /// When there will be room.
    pub fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Waits(moment) => Some(moment),
            State::Unasked | State::Begun => None,
        }
    }

    /// Begins an empty file.
    pub fn renew(&mut self) {
        self.state = State::Unasked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant(Duration::from_secs(1000));

    #[test]
    fn a_log_that_is_alone_waits() {
        let mut overrun = Overrun::default();
        assert_eq!((overrun.room(5000, NOW), overrun.room(5000, NOW + 9 * SLOW), overrun.deadline()), (0, 0, None));
    }

    #[test]
    fn after_a_second_a_full_file_is_written_on() {
        let mut overrun = Overrun::new(5000, 3);
        assert_eq!((overrun.deadline(), overrun.room(5000, NOW)), (None, 0));
        assert_eq!((overrun.deadline(), overrun.room(5000, NOW)), (Some(NOW + SLOW), 0));
        assert_eq!((overrun.room(5000, NOW + SLOW), overrun.deadline()), (10_000, None));
        assert_eq!((overrun.room(14_000, NOW + SLOW), overrun.room(15_001, NOW + SLOW)), (1000, 0));
        overrun.renew();
        assert_eq!(overrun.room(5000, NOW + 2 * SLOW), 0);
    }
}
