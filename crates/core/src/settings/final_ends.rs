//! The value of `no-restart`: which ends of a service are final.

use super::value::Problem;
use crate::end::End;
use crate::signal::Signal;
use crate::text::number;

/// The ends after which a service is not started again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinalEnds {
    /// A bit for each exit code, 64 in each number.
    codes: [u64; 4],
    /// A bit for each signal: bit 0 is signal 1.
    signals: u64,
    /// Every end, those too about which nothing is known.
    any: bool,
}

impl FinalEnds {
    /// Reads words with blanks between them: exit codes, ranges of them, names of signals, `any`. Example: `0 161-163 TERM`.
    pub fn parse(line: &[u8]) -> Result<FinalEnds, Problem> {
        let mut ends = FinalEnds::default();
        let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty()).peekable();
        if words.peek().is_none() {
            return Err(Problem("no exit code, signal or any"));
        }
        words.try_for_each(|word| ends.add(word))?;
        Ok(ends)
    }

    /// Whether this end is final.
    pub fn contains(&self, end: End) -> bool {
        self.any
            || match end {
                End::Code(code) => {
                    self.codes.get(usize::from(code / 64)).is_some_and(|bits| bits >> (code % 64) & 1 == 1)
                }
                End::Signal(signal) => self.signals >> (signal.number() - 1) & 1 == 1,
                End::Unknown => false,
            }
    }

    fn add(&mut self, word: &[u8]) -> Result<(), Problem> {
        if word == b"any" {
            self.any = true;
            return Ok(());
        }
        if let Some(signal) = Signal::from_name(word) {
            self.signals |= 1 << (signal.number() - 1);
            return Ok(());
        }
        let (first, last) = match word.iter().position(|&byte| byte == b'-') {
            Some(at) => (code(word.get(..at))?, code(word.get(at + 1..))?),
            None => (code(Some(word))?, code(Some(word))?),
        };
        if first > last {
            return Err(Problem("a range of exit codes that begins with the larger one"));
        }
        for code in first..=last {
            if let Some(bits) = self.codes.get_mut(usize::from(code / 64)) {
                *bits |= 1 << (code % 64);
            }
        }
        Ok(())
    }
}

/// An exit code.
fn code(digits: Option<&[u8]>) -> Result<u8, Problem> {
    let code = digits.and_then(number).and_then(|code| u8::try_from(code).ok());
    code.ok_or(Problem("not an exit code (0 to 255), a range, a signal's name or any"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(line: &[u8]) -> Vec<u8> {
        let ends = FinalEnds::parse(line).unwrap();
        (0..=255).filter(|&code| ends.contains(End::Code(code))).collect()
    }

    #[test]
    fn codes_ranges_and_signals() {
        assert_eq!(codes(b"0"), [0]);
        assert_eq!(codes(b"161-163\t0  255"), [0, 161, 162, 163, 255]);
        assert_eq!(codes(b"0-255").len(), 256);
        let ends = FinalEnds::parse(b"0 HUP SIGTERM RTMAX").unwrap();
        let signals: Vec<i32> =
            (1..=64).filter(|&number| ends.contains(End::Signal(Signal::from_number(number).unwrap()))).collect();
        assert_eq!(signals, [1, 15, 64]);
        assert!(!ends.contains(End::Code(15)) && !ends.contains(End::Unknown));
    }

    #[test]
    fn any_end_is_every_end() {
        let ends = FinalEnds::parse(b"any").unwrap();
        assert!(ends.contains(End::Code(7)) && ends.contains(End::Signal(Signal::TERM)) && ends.contains(End::Unknown));
    }

    #[test]
    fn what_is_no_end_is_refused() {
        for line in [&b""[..], b"256", b"-1", b"1-", b"3-1", b"x", b"0,1", b"0 any x", b"term", b"*"] {
            assert!(FinalEnds::parse(line).is_err(), "{line:?}");
        }
    }
}
