//! Lines of `key value` and decimal numbers, written into a buffer that never grows: supervise writes its files without
//! asking for memory.

/// A buffer for text. What does not fit is left out, whole lines at a time.
pub struct Text<'a> {
    buffer: &'a mut [u8],
    len: usize,
    complete: bool,
}

impl<'a> Text<'a> {
    /// An empty text that may become as long as `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Text<'a> {
        Text { buffer, len: 0, complete: true }
    }

    /// Appends these pieces as one line, with its newline; or nothing, if there is no room for all of it.
    pub fn line(&mut self, pieces: &[&[u8]]) {
        let needed = pieces.iter().map(|piece| piece.len()).sum::<usize>() + 1;
        let room = self.len.checked_add(needed).and_then(|end| self.buffer.get_mut(self.len..end));
        let Some(room) = room else {
            self.complete = false;
            return;
        };
        for (to, from) in room.iter_mut().zip(pieces.iter().copied().flatten().chain(b"\n")) {
            *to = *from;
        }
        self.len += needed;
    }

    /// Whether every line was taken.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// What was written so far.
    pub fn into_bytes(self) -> &'a [u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

/// A number in decimal, without memory from the heap.
pub struct Decimal {
    digits: [u8; 20],
    start: usize,
}

impl Decimal {
    /// The digits of a number.
    pub fn new(number: u64) -> Decimal {
        let (mut digits, mut start, mut rest) = ([b'0'; 20], 20, number);
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            if rest == 0 && start < 20 {
                break;
            }
            // Less than ten.
            *digit = b'0' + (rest % 10) as u8;
            (start, rest) = (at, rest / 10);
        }
        Decimal { digits, start }
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(self.start..).unwrap_or_default()
    }
}

/// The number that these digits are; `None` if they are none, too many, or something else.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.checked_sub(b'0').filter(|&digit| digit < 10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// The lines of a text as keys and values; a line without a blank is a key with an empty value. A last line without its
/// newline was torn and is left out.
pub fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    text.split_inclusive(|&byte| byte == b'\n').filter_map(|line| {
        let line = line.strip_suffix(b"\n")?;
        match line.iter().position(|&byte| byte == b' ') {
            Some(at) => line.split_at_checked(at).map(|(key, value)| (key, value.get(1..).unwrap_or_default())),
            None => Some((line, &b""[..])),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_does_not_fit_is_left_out_whole() {
        let mut buffer = [0; 8];
        let mut text = Text::new(&mut buffer);
        text.line(&[b"ab", b" ", b"c"]);
        assert!(text.is_complete());
        text.line(&[b"abc"]);
        assert!(!text.is_complete());
        text.line(&[b"xy"]);
        assert_eq!(text.into_bytes(), b"ab c\nxy\n");
    }

    #[test]
    fn numbers_are_those_of_the_standard_library() {
        for number in [0, 1, 9, 10, 99, 100, 12345, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(Decimal::new(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    #[test]
    fn digits_lead_back_to_their_number_and_nothing_else_is_one() {
        for expected in [0, 9, 12345, u64::MAX] {
            assert_eq!(number(Decimal::new(expected).as_bytes()), Some(expected));
        }
        assert_eq!(number(b"007"), Some(7));
        for word in [&b""[..], b"-1", b"+1", b" 1", b"1 ", b"0x1", b"18446744073709551616"] {
            assert_eq!(number(word), None);
        }
    }

    #[test]
    fn pairs_are_keys_and_values() {
        let found: Vec<_> = pairs(b"state up\nempty\nvalue with blanks\n\ntorn").collect();
        let expected: [(&[u8], &[u8]); 4] =
            [(b"state", b"up"), (b"empty", b""), (b"value", b"with blanks"), (b"", b"")];
        assert_eq!(found, expected);
    }
}
