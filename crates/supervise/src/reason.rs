//! Why a service is in its state, as words for `details`.

use std::time::Duration;

use daemontools_core::text::Decimal;
use daemontools_core::text::number;

/// A reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reason {
    /// Nothing to say.
    #[default]
    None,
    /// It ended so often in this time.
    Ends(u32, Duration),
    /// `finish` exited with the code that gives up.
    FinishGaveUp,
    /// Its end is one of `no-restart`.
    FinalEnd,
    /// It was not ready in time.
    NotReady(Duration),
    /// It was silent for so long.
    Silent(Duration),
    /// `check` failed so often in a row.
    CheckFailed(u32),
    /// No process could be made.
    ForkFailed,
}

/// Room for the words of a reason.
pub struct Words {
    bytes: [u8; 64],
    length: usize,
}

impl Words {
    /// The words.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    fn of(pieces: &[&[u8]]) -> Words {
        let mut words = Words { bytes: [0; 64], length: 0 };
        for (to, from) in words.bytes.iter_mut().zip(pieces.iter().copied().flatten()) {
            *to = *from;
            words.length += 1;
        }
        words
    }
}

impl Reason {
    /// The reason for the state of this process: a word, and numbers.
    pub fn to_state(self) -> Vec<u8> {
        let words = |word: &[u8], count: u32, span: Duration| {
            let span = Decimal::new(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
            [word, b" ", Decimal::new(u64::from(count)).as_bytes(), b" ", span.as_bytes()].concat()
        };
        match self {
            Reason::None => Vec::new(),
            Reason::Ends(count, span) => words(b"ends", count, span),
            Reason::FinishGaveUp => b"finish-gave-up".to_vec(),
            Reason::FinalEnd => b"final-end".to_vec(),
            Reason::NotReady(span) => words(b"not-ready", 0, span),
            Reason::Silent(span) => words(b"silent", 0, span),
            Reason::CheckFailed(count) => words(b"check-failed", count, Duration::ZERO),
            Reason::ForkFailed => b"fork-failed".to_vec(),
        }
    }

    /// What such words mean; those that are not known are no reason.
    pub fn from_state(words: &[u8]) -> Reason {
        let mut words = words.split(|&byte| byte == b' ');
        let word = words.next().unwrap_or_default();
        let mut number = || words.next().and_then(number).unwrap_or_default();
        let count = u32::try_from(number()).unwrap_or(u32::MAX);
        let span = Duration::from_nanos(number());
        match word {
            b"ends" => Reason::Ends(count, span),
            b"finish-gave-up" => Reason::FinishGaveUp,
            b"final-end" => Reason::FinalEnd,
            b"not-ready" => Reason::NotReady(span),
            b"silent" => Reason::Silent(span),
            b"check-failed" => Reason::CheckFailed(count),
            b"fork-failed" => Reason::ForkFailed,
            _ => Reason::None,
        }
    }

    /// The words; empty where there is nothing to say.
    pub fn words(self) -> Words {
        match self {
            Reason::None => Words::of(&[]),
            Reason::Ends(count, span) => {
                let (span, unit) = time(span);
                Words::of(&[Decimal::new(u64::from(count)).as_bytes(), b" ends in ", span.as_bytes(), unit])
            }
            Reason::FinishGaveUp => Words::of(&[b"finish exited with 125"]),
            Reason::FinalEnd => Words::of(&[b"its end is final (no-restart)"]),
            Reason::NotReady(span) => {
                let (span, unit) = time(span);
                Words::of(&[b"not ready in ", span.as_bytes(), unit])
            }
            Reason::Silent(span) => {
                let (span, unit) = time(span);
                Words::of(&[b"no WATCHDOG=1 for ", span.as_bytes(), unit])
            }
            Reason::CheckFailed(count) => {
                Words::of(&[b"check failed, ", Decimal::new(u64::from(count)).as_bytes(), b" in a row"])
            }
            Reason::ForkFailed => Words::of(&[b"no process could be made"]),
        }
    }
}

/// A span in seconds, or in milliseconds if it has a part of a second.
fn time(span: Duration) -> (Decimal, &'static [u8]) {
    if span.subsec_millis() == 0 {
        (Decimal::new(span.as_secs()), b" s")
    } else {
        (Decimal::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)), b" ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words() {
        for (reason, words) in [
            (Reason::None, &b""[..]),
            (Reason::Ends(6, Duration::from_secs(60)), b"6 ends in 60 s"),
            (Reason::FinishGaveUp, b"finish exited with 125"),
            (Reason::FinalEnd, b"its end is final (no-restart)"),
            (Reason::NotReady(Duration::from_millis(1500)), b"not ready in 1500 ms"),
            (Reason::Silent(Duration::from_secs(2)), b"no WATCHDOG=1 for 2 s"),
            (Reason::CheckFailed(3), b"check failed, 3 in a row"),
            (Reason::ForkFailed, b"no process could be made"),
        ] {
            assert_eq!(reason.words().as_bytes(), words);
        }
    }
}
