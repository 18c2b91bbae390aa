//! How much goes into a log's current file, and where it is full.
//!
//! A file is full after the first line end within its last 2000 bytes, so that lines stay in one piece; a line that goes
//! on past the size is cut there, and the file is full as soon as more comes. That depends on the bytes alone and not on
//! how many of them come at a time. (0.76 looks at the last line end of what it writes at a time, up to 1024 bytes; for
//! lines that come one by one it is the same.)

use memchr::memchr;

/// How near to its size a file ends with a line.
const NEAR: u64 = 2000;

/// What has gone into a file, and how much may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    size: u64,
    used: u64,
}

/// How much of some bytes goes into the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fit {
    /// So many of them.
    pub take: usize,
    /// Then the file is full.
    pub full: bool,
}

impl Quota {
    /// For a file that may grow to `size` and has `used` bytes.
    pub fn new(size: u64, used: u64) -> Quota {
        Quota { size, used }
    }

    /// Whether the file has nothing in it.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// How many bytes are in the file.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Begins an empty file.
    pub fn renew(&mut self) {
        self.used = 0;
    }

    /// How much of `bytes` goes into the file.
    pub fn fit(&self, bytes: &[u8]) -> Fit {
        let room = small(self.size.saturating_sub(self.used));
        if room == 0 {
            return Fit { take: 0, full: true };
        }
        let fitting = bytes.get(..room).unwrap_or(bytes);
        // A line that ends before this byte ends too early to fill the file.
        let early = small(self.size.saturating_sub(NEAR).saturating_sub(self.used)).saturating_sub(1);
        let end = fitting.get(early..).and_then(|late| memchr(b'\n', late));
        match end {
            Some(end) => Fit { take: early + end + 1, full: true },
            None => Fit { take: fitting.len(), full: false },
        }
    }

    /// Counts bytes that have been taken back.
    pub fn give_back(&mut self, count: usize) {
        self.used = self.used.saturating_sub(count as u64);
    }

    /// Counts bytes that have been written.
    pub fn use_up(&mut self, count: usize) {
        self.used = self.used.saturating_add(count as u64);
    }
}

/// As a length in memory; what is larger is more than there ever is.
fn small(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sizes of the files that `text` makes, given to a quota in pieces.
    fn files(size: u64, text: &[u8], piece: usize) -> Vec<u64> {
        let (mut quota, mut files) = (Quota::new(size, 0), Vec::new());
        for mut bytes in text.chunks(piece) {
            while !bytes.is_empty() {
                let fit = quota.fit(bytes);
                quota.use_up(fit.take);
                bytes = &bytes[fit.take..];
                if fit.full {
                    files.push(quota.used);
                    quota.renew();
                }
            }
        }
        files.push(quota.used);
        files
    }

    fn line(length: usize) -> Vec<u8> {
        let mut line = vec![b'x'; length - 1];
        line.push(b'\n');
        line
    }

    #[test]
    fn a_line_end_near_the_size_fills_the_file() {
        // Each measured on the original, a line at a time.
        let lines = |lengths: &[usize]| lengths.iter().map(|&length| line(length)).collect::<Vec<_>>().concat();
        for (lengths, expected) in [
            (&[2095, 1, 5][..], &[2096, 5][..]),
            (&[2095, 5], &[2100, 0]),
            (&[2096, 5], &[2096, 5]),
            (&[72; 32], &[2160, 144]),
            (&[4095], &[4095, 0]),
            (&[4096], &[4096, 0]),
            (&[4097], &[4096, 1]),
            (&[10000, 1], &[4096, 4096, 1809]),
            (&[2000, 3000, 1], &[4096, 905]),
            (&[2090, 3000, 1], &[4096, 995]),
        ] {
            let text = lines(lengths);
            for piece in [text.len(), 1, 7, 512, 1024] {
                assert_eq!(files(4096, &text, piece), expected, "{lengths:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_file_that_is_full_to_the_last_byte_waits_for_more() {
        assert_eq!(files(4096, &[b'x'; 4096], 4096), [4096]);
        assert_eq!(files(4096, &[b'x'; 4097], 4097), [4096, 1]);
        assert_eq!(Quota::new(4096, 9999).fit(b"x"), Fit { take: 0, full: true });
    }
}
