//! TAI64N: a moment to the nanosecond, as 12 bytes or as `@` and 24 hex digits (<https://cr.yp.to/libtai/tai64.html>).
//!
//! The value is the package tai64's. The epoch is ours: as all of daemontools does, a label counts no leap seconds, so
//! second 2^62 + 10 is the Unix epoch. (tai64's constant `UNIX_EPOCH` is 2^62 + 37 while its `from_unix` adds 2^62 + 10.)
//! Reading is lenient, as in 0.76: any 12 bytes make a label, those of a billion nanoseconds or more too.

use std::ops::Add;
use std::time::Duration;

use tai64::{Tai64, Tai64N};

/// The label of the Unix epoch, in seconds.
pub const UNIX_EPOCH: u64 = (1 << 62) + 10;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label(pub Tai64N);

impl Label {
    /// How many bytes the packed form has.
    pub const PACKED: usize = Tai64N::BYTE_SIZE;
    /// How many bytes the text has: `@` and 24 hex digits.
    pub const TEXT: usize = 25;

    /// The label of these TAI64 seconds and the nanoseconds within the second.
    pub const fn new(seconds: u64, nanoseconds: u32) -> Label {
        Label(Tai64N(Tai64(seconds), nanoseconds))
    }

    /// Seconds, counted from 2^62 ten seconds before the Unix epoch.
    pub const fn seconds(self) -> u64 {
        self.0.0.0
    }

    /// Nanoseconds within the second.
    pub const fn nanoseconds(self) -> u32 {
        self.0.1
    }

    /// How much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Label) -> Duration {
        let span = |label: Label| Duration::new(label.seconds(), label.nanoseconds().min(999_999_999));
        span(self).saturating_sub(span(earlier))
    }

    /// The label of a Unix time in seconds and nanoseconds.
    pub const fn from_unix(seconds: i64, nanoseconds: u32) -> Label {
        Label::new(UNIX_EPOCH.wrapping_add_signed(seconds), nanoseconds)
    }

    /// The Unix time in seconds; wraps for labels beyond the reach of any clock.
    pub fn to_unix(self) -> i64 {
        i64::from_ne_bytes(self.seconds().wrapping_sub(UNIX_EPOCH).to_ne_bytes())
    }

    /// The packed form: 8 bytes of seconds, 4 of nanoseconds, each big-endian.
    pub fn to_bytes(self) -> [u8; Label::PACKED] {
        self.0.to_bytes()
    }

    /// The label of a packed form.
    pub fn from_bytes(bytes: [u8; Label::PACKED]) -> Label {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = bytes;
        Label::new(u64::from_be_bytes([a, b, c, d, e, f, g, h]), u32::from_be_bytes([i, j, k, l]))
    }

    /// The text: `@`, then the packed form in lower-case hex.
    pub fn to_text(self) -> [u8; Label::TEXT] {
        let mut text = [b'@'; Label::TEXT];
        let (_, digits) = text.split_at_mut(1);
        let words = [(self.seconds() >> 32) as u32, self.seconds() as u32, self.nanoseconds()];
        for (eight, word) in digits.chunks_exact_mut(8).zip(words) {
            eight.copy_from_slice(&hex_digits(word));
        }
        text
    }

    /// The label that `text` begins with, and what follows it. `None` unless `@` and 24 lower-case hex digits come.
    pub fn from_text(text: &[u8]) -> Option<(Label, &[u8])> {
        let (text, rest) = text.split_at_checked(Label::TEXT)?;
        let mut bytes = [0; Label::PACKED];
        for (byte, pair) in bytes.iter_mut().zip(text.strip_prefix(b"@")?.chunks_exact(2)) {
            for &digit in pair {
                *byte = (*byte << 4) | hex_value(digit)?;
            }
        }
        Some((Label::from_bytes(bytes), rest))
    }
}

/// Eight lower-case hex digits, all at once in one register: every line of a log has them three times.
pub fn hex_digits(value: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // Each digit in a byte of its own: halves move apart, then quarters, then eighths.
    let halves = u64::from(value);
    let halves = (halves | halves << 16) & 0x0000_ffff_0000_ffff;
    let quarters = (halves | halves << 8) & 0x00ff_00ff_00ff_00ff;
    let digits = (quarters | quarters << 4) & (0x0f * ONES);
    // Those above 9, and only those, reach the next digit with 6 more; between `9` and `a` lie 39 other characters.
    let letters = (digits + 6 * ONES) >> 4 & ONES;
    (digits + u64::from(b'0') * ONES + 39 * letters).to_be_bytes()
}

/// What eight lower-case hex digits are worth, all at once: the way back from `hex_digits`. Other bytes have no meaning.
pub fn eight_hex_digits(digits: [u8; 8]) -> u32 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_be_bytes(digits);
    // A letter's low half is 1 to 6, and a bit tells it from a digit.
    let digits = (bytes & (0x0f * ONES)) + 9 * (bytes >> 6 & ONES);
    let quarters = (digits | digits >> 4) & 0x00ff_00ff_00ff_00ff;
    let halves = (quarters | quarters >> 8) & 0x0000_ffff_0000_ffff;
    (halves | halves >> 16) as u32
}

/// What a lower-case hex digit is worth. From a table, since the digits of a clock defeat every guess of the processor.
pub fn hex_value(digit: u8) -> Option<u8> {
    const NONE: u8 = 16;
    const TABLE: [u8; 256] = {
        let mut table = [NONE; 256];
        let mut rows: &mut [u8] = &mut table;
        let mut digit = 0;
        while let Some((row, rest)) = rows.split_first_mut() {
            *row = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => NONE,
            };
            digit = digit.wrapping_add(1);
            rows = rest;
        }
        table
    };
    TABLE.get(usize::from(digit)).copied().filter(|&value| value < NONE)
}

/// What lower-case hex digits are worth, of which there are at most 16.
pub fn hex_number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, &digit| Some((value << 4) | u64::from(hex_value(digit)?)))
}

/// Bytes as lower-case hex digits.
pub fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|&byte| hex_digits(u32::from(byte)).into_iter().skip(6)).collect()
}

/// The bytes of such digits.
pub fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Some(hex_value(*high)? << 4 | hex_value(*low)?),
        _ => None,
    });
    pairs.collect()
}

impl Add<Duration> for Label {
    type Output = Label;

    /// The moment that much later; the last second there is, if that would be beyond it.
    fn add(self, span: Duration) -> Label {
        let nanoseconds = self.nanoseconds().saturating_add(span.subsec_nanos());
        let seconds = self.seconds().saturating_add(span.as_secs());
        match nanoseconds.checked_sub(1_000_000_000) {
            Some(nanoseconds) => Label::new(seconds.saturating_add(1), nanoseconds),
            None => Label::new(seconds, nanoseconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_is_where_all_of_daemontools_has_it() {
        assert_eq!(&Label::from_unix(0, 0).to_text(), b"@400000000000000a00000000");
        assert_eq!(&Label::from_unix(1_000_000_000, 1).to_text(), b"@400000003b9aca0a00000001");
        assert_eq!(Label::from_unix(-1, 0).to_unix(), -1);
    }

    #[test]
    fn text_and_bytes_lead_back() {
        let label = Label::new(0x4123_4567_89ab_cdef, 0xfedc_ba98);
        assert_eq!(Label::from_bytes(label.to_bytes()), label);
        let text = [label.to_text().as_slice(), b" line"].concat();
        assert_eq!(Label::from_text(&text), Some((label, b" line".as_slice())));
    }

    #[test]
    fn hex_digits_are_those_of_the_standard_library() {
        let bytes = (0..=u8::MAX).flat_map(|byte| [0, 8, 16, 24].map(|place| u32::from(byte) << place));
        for value in bytes.chain([0x0123_4567, 0x89ab_cdef, 0x9a9a_a9a9, 999_999_999, u32::MAX]) {
            assert_eq!(hex_digits(value).as_slice(), format!("{value:08x}").as_bytes());
        }
    }

    #[test]
    fn what_is_no_label_is_none() {
        assert_eq!(Label::from_text(b"@400000003b9aca0a0000000"), None);
        assert_eq!(Label::from_text(b"@400000003B9ACA0A00000000"), None);
        assert_eq!(Label::from_text(b" 400000003b9aca0a00000000"), None);
    }

    #[test]
    fn a_span_later_carries_into_the_seconds() {
        let at = Label::from_unix(5, 900_000_000);
        assert_eq!(at + Duration::from_millis(50), Label::from_unix(5, 950_000_000));
        assert_eq!(at + Duration::from_millis(1100), Label::from_unix(7, 0));
        assert_eq!((at + Duration::from_millis(1100)).since(at), Duration::from_millis(1100));
        assert_eq!(at.since(at + Duration::from_millis(1)), Duration::ZERO);
        assert_eq!(at + Duration::MAX, Label::new(u64::MAX, 899_999_999));
    }
}
