//! Finding a time in a file by halves: lines are stamped in order, lines without a stamp belong to the one before them.

use memchr::memchr;

use crate::stamp::{self, Stamp};

/// Bytes that can be read anywhere.
pub trait ReadAt {
    /// Reads what is there at `at`, at most as much as `buffer` holds; 0 at the end.
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> nix::Result<usize>;

    /// Where the first byte at `at` or after it is that does not lie in a hole; `u64::MAX`: all the rest is one.
    fn next_data(&self, at: u64) -> u64 {
        at
    }
}

/// Where a time is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boundary {
    /// No line of the file has a stamp.
    Unstamped,
    /// The first line that is not before it begins here; the end of the file if there is none.
    At(u64),
}

/// As near as halving goes: from here on, reading line by line is as fast.
const NEAR: u64 = 16 * 1024;

/// Finds the first line in the `size` bytes whose stamp is not `before` the time that is sought.
pub fn boundary(bytes: &impl ReadAt, size: u64, before: impl Fn(Stamp) -> bool) -> nix::Result<Boundary> {
    let mut cursor = Cursor { bytes, size, block: Vec::new(), block_at: 0 };
    let (mut low, mut high, mut stamped) = (0, size, false);
    while high.saturating_sub(low) > NEAR {
        let middle = low + (high - low) / 2;
        match cursor.next_stamped(middle, high)? {
            Some((at, stamp)) => {
                stamped = true;
                if before(stamp) { low = at } else { high = middle }
            }
            None => high = middle,
        }
    }
    // `low` is where a line begins: the start of the file, or a line that is before.
    while let Some((at, stamp)) = cursor.next_stamped(low, size)? {
        if !before(stamp) {
            return Ok(Boundary::At(at));
        }
        stamped = true;
        low = at + 1;
    }
    Ok(if stamped { Boundary::At(size) } else { Boundary::Unstamped })
}

/// A place to read lines at, with what was read there.
struct Cursor<'a, R> {
    bytes: &'a R,
    size: u64,
    block: Vec<u8>,
    block_at: u64,
}

impl<R: ReadAt> Cursor<'_, R> {
    /// The first line with a stamp that begins at `from` or after it, and before `limit`.
    fn next_stamped(&mut self, from: u64, limit: u64) -> nix::Result<Option<(u64, Stamp)>> {
        let mut next = match from.checked_sub(1) {
            // A line begins after each newline, and at the start of the file.
            Some(before) => self.line_after(before)?,
            None => Some(0),
        };
        while let Some(at) = next.filter(|&at| at < limit) {
            if let Some((stamp, _)) = stamp::split(self.at(at, stamp::NEEDED)?) {
                return Ok(Some((at, stamp)));
            }
            next = self.line_after(at)?;
        }
        Ok(None)
    }

    /// Where the line after the first newline from `at` on begins, if that is within the file.
    fn line_after(&mut self, mut at: u64) -> nix::Result<Option<u64>> {
        loop {
            at = self.bytes.next_data(at);
            let block = self.at(at, 1)?;
            if block.is_empty() {
                return Ok(None);
            }
            match memchr(b'\n', block) {
                Some(newline) => return Ok(Some(at + newline as u64 + 1).filter(|&line| line < self.size)),
                None => at += block.len() as u64,
            }
        }
    }

    /// What stands at `at`: `least` bytes or more, unless the file ends there.
    fn at(&mut self, at: u64, least: usize) -> nix::Result<&[u8]> {
        let known = at.checked_sub(self.block_at).and_then(|skip| usize::try_from(skip).ok());
        let left = known.and_then(|skip| self.block.len().checked_sub(skip)).unwrap_or(0);
        if left < least.max(1) {
            // Small where halving jumps about, larger where lines are read one after the other.
            let follows = at == self.block_at + self.block.len() as u64;
            let length = if follows { 64 * 1024 } else { 4 * 1024 };
            let length = usize::try_from(self.size.saturating_sub(at)).unwrap_or(length).min(length);
            self.block.resize(length, 0);
            let mut filled = 0;
            while filled < length {
                match self.bytes.read_at(at + filled as u64, self.block.get_mut(filled..).unwrap_or_default())? {
                    0 => break,
                    count => filled += count,
                }
            }
            self.block.truncate(filled);
            self.block_at = at;
        }
        let skip = usize::try_from(at.saturating_sub(self.block_at)).unwrap_or(usize::MAX);
        Ok(self.block.get(skip..).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl ReadAt for Vec<u8> {
        fn read_at(&self, at: u64, buffer: &mut [u8]) -> nix::Result<usize> {
            let rest = self.get(at as usize..).unwrap_or_default();
            // Short reads are fine too.
            let count = rest.len().min(buffer.len()).min(1000);
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        }
    }

    fn stamp(seconds: i64) -> Stamp {
        Stamp::from_unix(seconds, 0)
    }

    /// The plain way, to hold the other against.
    fn plain(text: &[u8], sought: Stamp) -> Boundary {
        let (mut at, mut stamped) = (0, false);
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            if let Some((stamp, _)) = stamp::split(line) {
                stamped = true;
                if stamp >= sought {
                    return Boundary::At(at);
                }
            }
            at += line.len() as u64;
        }
        if stamped { Boundary::At(at) } else { Boundary::Unstamped }
    }

    /// Lines of many lengths, some without a stamp, stamped with every other second from 0 on.
    fn text(lines: i64) -> Vec<u8> {
        let mut text = b"the rest of a line\n".to_vec();
        for number in 0..lines {
            text.extend_from_slice(&stamp(2 * number).to_text());
            text.extend_from_slice(" text".repeat((number * number % 97) as usize).as_bytes());
            text.push(b'\n');
            for _ in 0..(number % 5) {
                text.extend_from_slice(b"    at some place without a stamp @4000\n");
            }
        }
        text
    }

    #[test]
    fn halving_finds_what_reading_finds() {
        let text = text(2000);
        for second in (-3..4010).step_by(7) {
            let sought = stamp(second);
            let found = boundary(&text, text.len() as u64, |stamp| stamp < sought).unwrap();
            assert_eq!(found, plain(&text, sought), "{second}");
        }
    }

    #[test]
    fn long_stretches_without_a_stamp_do_no_harm() {
        let mut text = text(50);
        text.extend("no stamp here\n".repeat(20_000).bytes());
        text.extend_from_slice(&[&stamp(1000).to_text()[..], b" late\n"].concat());
        text.extend("nor here\n".repeat(20_000).bytes());
        text.extend_from_slice(&[b'x'; 300_000]);
        for second in [-1, 0, 50, 98, 99, 1000, 1001] {
            let sought = stamp(second);
            let found = boundary(&text, text.len() as u64, |stamp| stamp < sought).unwrap();
            assert_eq!(found, plain(&text, sought), "{second}");
        }
    }

    #[test]
    fn a_file_without_stamps_says_so() {
        for text in [Vec::new(), b"a\nb\n".to_vec(), b"a line\n".repeat(10_000)] {
            assert_eq!(boundary(&text, text.len() as u64, |_| true), Ok(Boundary::Unstamped));
        }
    }
}
