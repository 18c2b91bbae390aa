//! tai64nlocal's one loop: local time in place of the label that a line begins with, all else as it is.
//!
//! A pass takes what was read and gives what is to be written, so that the loop knows no descriptors. The label of a line
//! that came in the same second as the one before it costs a comparison of 16 bytes, 8 digits of nanoseconds to convert
//! and as many bytes to write; then the newline is searched for and the line copied. With reading and writing that is
//! 36 ns for a line of 80 bytes, where 0.76 takes 1200.

use daemontools_core::label::{UNIX_EPOCH, hex_number, hex_value};
use daemontools_lines::local_time_cache::{LocalTimeFormatter, nine_digits};
use daemontools_sys::local_time::LocalTime;

/// The longest run of digits that can be a label: so much is held back until it is known how it goes on.
const LONGEST: usize = 1000;

/// Converts a stream of lines.
pub struct Converter<Z> {
    formatter: LocalTimeFormatter<Z>,
    /// Whether the next byte is the first of its line.
    at_line_start: bool,
    /// The seconds of the last label that was a time: the digits, and the Unix time.
    latest: ([u8; 16], i64),
}

/// A label that was found.
struct Found<'a> {
    /// Its seconds as a Unix time.
    unix: i64,
    /// The digits of its seconds.
    seconds: [u8; 16],
    /// Its nanoseconds; there may be a second and more of them.
    nanoseconds: u32,
    /// What follows it.
    rest: &'a [u8],
}

impl<Z: FnMut(i64) -> Option<LocalTime>> Converter<Z> {
    /// At the start of a stream, for a zone: the local time of a Unix time.
    pub fn new(zone: Z) -> Converter<Z> {
        // No label has these digits.
        Converter { formatter: LocalTimeFormatter::new(zone), at_line_start: true, latest: ([0; 16], 0) }
    }

    /// Appends the converted input to `output`, but for a label at its end that may not be complete; returns that.
    pub fn pass<'a>(&mut self, mut input: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        while !input.is_empty() {
            if self.at_line_start && input.starts_with(b"@") {
                let found = match self.same_second(input) {
                    None if unfinished(input) => return input,
                    None => label(input),
                    found => found,
                };
                input = found.and_then(|found| self.convert(&found, output)).unwrap_or(input);
            }
            input = self.rest_of_line(input, output);
        }
        input
    }

    /// The same at the end of the stream: what `pass` would hold back is all there is.
    pub fn finish(&mut self, input: &[u8], output: &mut Vec<u8>) {
        let left = self.pass(input, output);
        let rest = label(left).and_then(|found| self.convert(&found, output));
        self.rest_of_line(rest.unwrap_or(left), output);
    }

    /// The label at the start of the input, if it is of the same second as the last one.
    fn same_second<'a>(&self, input: &'a [u8]) -> Option<Found<'a>> {
        let (seconds, unix) = self.latest;
        let (nanoseconds, rest) = input.strip_prefix(b"@")?.strip_prefix(&seconds)?.split_first_chunk::<8>()?;
        let nanoseconds = hex_number(nanoseconds)? as u32;
        // It ends here.
        rest.first().filter(|&&next| hex_value(next).is_none())?;
        Some(Found { unix, seconds, nanoseconds, rest })
    }

    /// Writes the local time of a label. `None` if there is none: the label stays.
    fn convert<'a>(&mut self, found: &Found<'a>, output: &mut Vec<u8>) -> Option<&'a [u8]> {
        output.extend_from_slice(self.formatter.text(found.unix)?);
        write_nanoseconds(found.nanoseconds, output);
        self.latest = (found.seconds, found.unix);
        self.at_line_start = false;
        Some(found.rest)
    }

    /// Copies up to the next newline.
    fn rest_of_line<'a>(&mut self, input: &'a [u8], output: &mut Vec<u8>) -> &'a [u8] {
        let end = memchr::memchr(b'\n', input).map_or(input.len(), |newline| newline + 1);
        let Some((line, rest)) = input.split_at_checked(end) else { return input };
        output.extend_from_slice(line);
        self.at_line_start = line.ends_with(b"\n");
        rest
    }
}

/// How many digits come after the first byte.
fn digits(input: &[u8]) -> usize {
    input.iter().skip(1).take_while(|&&byte| hex_value(byte).is_some()).count()
}

/// Whether more digits may come that decide what the first ones are.
fn unfinished(input: &[u8]) -> bool {
    input.len() <= LONGEST && digits(input) + 1 == input.len()
}

/// The label at the start of the input, which is an `@`. Of more than 24 digits the last 24 count, as in 0.76.
fn label(input: &[u8]) -> Option<Found<'_>> {
    let (label, rest) = input.split_at_checked(1 + digits(input)).filter(|(label, _)| label.len() <= LONGEST)?;
    let (label, nanoseconds) = label.split_last_chunk::<8>()?;
    let (_, &seconds) = label.get(1..)?.split_last_chunk::<16>()?;
    let unix = hex_number(&seconds)?.wrapping_sub(UNIX_EPOCH) as i64;
    Some(Found { unix, seconds, nanoseconds: hex_number(nanoseconds)? as u32, rest })
}

/// Writes nine digits; ten if there is a second or more of nanoseconds, as 0.76 does.
fn write_nanoseconds(nanoseconds: u32, output: &mut Vec<u8>) {
    let (seconds, nanoseconds) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000);
    if seconds > 0 {
        output.push(b'0' + seconds as u8);
    }
    output.extend_from_slice(&nine_digits(nanoseconds));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone whose days have no month: the first of January for ever, until time ends.
    fn zone(unix: i64) -> Option<LocalTime> {
        let part = |unit: i64, of: i64| unix.div_euclid(unit).rem_euclid(of) as u8;
        let (hour, minute, second) = (part(3600, 24), part(60, 60), part(1, 60));
        (unix.unsigned_abs() < 1 << 50).then_some(LocalTime { year: 1970, month: 1, day: 1, hour, minute, second })
    }

    /// What `Converter` is held against: line by line, without memory.
    fn plain(input: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        for line in input.split_inclusive(|&byte| byte == b'\n') {
            let digits = line.strip_prefix(b"@").unwrap_or_default();
            let digits =
                &digits[..digits.iter().take_while(|d| d.is_ascii_digit() || (b'a'..=b'f').contains(d)).count()];
            let time = || {
                let text = std::str::from_utf8(&digits[digits.len().checked_sub(24)?..]).ok()?;
                let unix = u64::from_str_radix(&text[..16], 16).ok()?.wrapping_sub((1 << 62) + 10) as i64;
                Some((zone(unix)?, u32::from_str_radix(&text[16..], 16).ok()?))
            };
            match time().filter(|_| digits.len() < 1000) {
                Some((t, nanoseconds)) => {
                    let (hour, minute, second) = (t.hour, t.minute, t.second);
                    let time = format!("1970-01-01 {hour:02}:{minute:02}:{second:02}.{nanoseconds:09}");
                    output.extend_from_slice(time.as_bytes());
                    output.extend_from_slice(&line[1 + digits.len()..]);
                }
                None => output.extend_from_slice(line),
            }
        }
        output
    }

    /// The whole of `input` through a converter that is given at most `size` bytes at a time.
    fn in_pieces(input: &[u8], size: usize) -> Vec<u8> {
        let (mut converter, mut output, mut held) = (Converter::new(zone), Vec::new(), Vec::new());
        for piece in input.chunks(size) {
            held.extend_from_slice(piece);
            let left = converter.pass(&held, &mut output).len();
            held.drain(..held.len() - left);
            assert!(held.len() <= LONGEST, "{} bytes are held back", held.len());
        }
        converter.finish(&held, &mut output);
        output
    }

    #[test]
    fn a_label_becomes_local_time_and_all_else_stays() {
        let text =
            b"@400000000000000b00000001 one\n@400000000000000b3b9ac9ff\n @400000000000000b00000001\nno label\n\n";
        let expected =
            b"1970-01-01 00:00:01.000000001 one\n1970-01-01 00:00:01.999999999\n @400000000000000b00000001\n\
            no label\n\n";
        assert_eq!(in_pieces(text, 1000), expected);
    }

    #[test]
    fn what_is_no_time_stays_as_it_is() {
        for text in [
            "@",
            "@\n",
            "@4",
            "@400000000000000b0000000\n",
            "@400000000000000b0000000 x",
            "@@400000000000000b00000000\n",
            "@400000000000000B00000000 upper case\n",
            "@4000000000000 0b00000000\n",
            "@ffffffffffffffff00000000 no year\n",
            "@400000000000000b000000010 a digit too many\n",
            "@0000000000000000",
            "\u{fffd}@400000000000000b00000000",
        ] {
            assert_eq!(in_pieces(text.as_bytes(), 1000), text.as_bytes(), "{text}");
        }
    }

    #[test]
    fn odd_labels_are_read_as_0_76_reads_them() {
        assert_eq!(in_pieces(b"@cafe400000000000000b00000001x", 99), b"1970-01-01 00:00:01.000000001x");
        assert_eq!(in_pieces(b"@400000000000000bffffffff\n", 99), b"1970-01-01 00:00:01.4294967295\n");
        assert_eq!(in_pieces(b"@400000000000000b00000002@400000000000000b00000001\n", 99).len(), 29 + 25 + 1);
    }

    #[test]
    fn a_label_at_the_end_of_input_is_converted() {
        assert_eq!(in_pieces(b"x\n@400000000000000b00000001", 7), b"x\n1970-01-01 00:00:01.000000001");
    }

    #[test]
    fn pieces_make_no_difference_and_the_plain_way_agrees() {
        let long = |zeros: usize| format!("@{}400000000000000b00000001 x\n", "0".repeat(zeros));
        let text = [
            "@400000000000000b00000001 one\n@400000000000000b00000002 two\n@400000000000000c00000002\nplain\n\n@\n@4 x\n",
            "@400000000000000c0000000 short\n@400000000000000c000000020\n@400000000000000c00000002",
        ]
        .concat()
            + "\n"
            + &long(900)
            + &long(974)
            + &long(975)
            + &long(976)
            + &long(2000)
            + "@400000000000000c00000003";
        for size in (1..200).chain([999, 1000, 1001, 1002, text.len()]) {
            assert_eq!(in_pieces(text.as_bytes(), size), plain(text.as_bytes()), "{size}");
        }
    }

    #[test]
    fn random_streams_agree_with_the_plain_way() {
        let mut state = 1_u64;
        let mut below = move |bound: u64| {
            // xorshift64
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % bound
        };
        let pieces: [&[u8]; 10] =
            [b"@", b"\n", b"\n@", b"4000", b"00000000", b"400000000000000b", b"07", b"abc", b"F", b" text"];
        for _ in 0..3000 {
            let count = below(60);
            let text: Vec<u8> =
                (0..count).flat_map(|_| pieces[below(10) as usize].repeat(1 + below(3) as usize)).collect();
            let size = 1 + below(60) as usize;
            assert_eq!(in_pieces(&text, size), plain(&text), "{} by {size}", text.escape_ascii());
        }
    }
}
