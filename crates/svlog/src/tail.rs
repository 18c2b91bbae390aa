//! The last lines of one file, found from its end backwards.

use memchr::memrchr_iter;

use crate::bisect::ReadAt;
use crate::stamp::{self, Stamp};

/// Where the last lines begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// As many as were wanted begin here.
    At(u64),
    /// So many were seen to begin; what stands at the start may be the rest of a line of the file before.
    Fewer(usize),
}

/// How much is read at once.
const BLOCK: u64 = 64 * 1024;

/// Looks for the start of the last `lines` lines between `start` and `end`; of none: where a line without an end begins.
/// Holes are skipped, and the zeros beside them.
pub fn last(bytes: &impl ReadAt, start: u64, end: u64, lines: usize) -> nix::Result<Tail> {
    let (mut high, mut end, mut begun, mut block) = (end, end, 0, Vec::new());
    let mut after_hole = high > start && bytes.next_data(high - 1) >= high;
    let mut stride = BLOCK;
    while high > start {
        let low = high.saturating_sub(stride).max(start);
        if bytes.next_data(low) >= high {
            // All of it is a hole, and maybe more.
            (high, after_hole, stride) = (low, true, stride.saturating_mul(2));
            continue;
        }
        if stride > BLOCK {
            stride = BLOCK;
            continue;
        }
        read(bytes, low, high, &mut block)?;
        if after_hole {
            let zeros = block.iter().rev().take_while(|&&byte| byte == 0).count();
            block.truncate(block.len() - zeros);
            if begun == 0 {
                end = low + block.len() as u64;
            }
            after_hole = block.is_empty();
        }
        for newline in memrchr_iter(b'\n', &block) {
            let line = low + newline as u64 + 1;
            if lines == 0 {
                return Ok(Tail::At(line));
            }
            if line < end {
                begun += 1;
                if begun == lines {
                    return Ok(Tail::At(line));
                }
            }
        }
        high = low;
    }
    Ok(Tail::Fewer(begun))
}

/// Reads what stands between `low` and `high`.
fn read(bytes: &impl ReadAt, low: u64, high: u64, block: &mut Vec<u8>) -> nix::Result<()> {
    block.resize(usize::try_from(high - low).unwrap_or(0), 0);
    let mut filled = 0;
    while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
        match bytes.read_at(low + filled as u64, room)? {
            0 => break,
            count => filled += count,
        }
    }
    block.truncate(filled);
    Ok(())
}

/// The last stamp of a line that begins shortly before `at`, where a line begins.
pub fn stamp_before(bytes: &impl ReadAt, at: u64) -> nix::Result<Option<Stamp>> {
    let low = at.saturating_sub(BLOCK);
    let mut block = vec![0; usize::try_from(at - low).unwrap_or(0)];
    let count = bytes.read_at(low, &mut block)?;
    let block = block.get(..count).unwrap_or_default();
    // What stands before the first newline may be the end of a line.
    let starts = memrchr_iter(b'\n', block).map(|newline| newline + 1).chain((low == 0).then_some(0));
    let mut stamps = starts.filter_map(|start| stamp::split(block.get(start..)?));
    Ok(stamps.next().map(|(stamp, _)| stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(text: &str, lines: usize) -> Tail {
        last(&text.as_bytes().to_vec(), 0, text.len() as u64, lines).unwrap()
    }

    #[test]
    fn the_last_newline_begins_no_line() {
        assert_eq!(tail("a\nb\nc\n", 1), Tail::At(4));
        assert_eq!(tail("a\nb\nc\n", 2), Tail::At(2));
        assert_eq!(tail("a\nb\nc\n", 3), Tail::Fewer(2));
        assert_eq!(tail("a\nb\npart", 1), Tail::At(4));
        assert_eq!(tail("", 1), Tail::Fewer(0));
        assert_eq!(tail("a\nb\n", 0), Tail::At(4));
        assert_eq!(tail("a\nb\npart", 0), Tail::At(4));
    }

    #[test]
    fn a_line_without_a_stamp_goes_by_the_one_before() {
        let stamp = "@400000003b9aca0a00000000";
        let before = |text: &str| stamp_before(&text.as_bytes().to_vec(), text.len() as u64).unwrap();
        assert_eq!(before(&format!("{stamp} a\n  b\n")), Some(Stamp::from_unix(1_000_000_000, 0)));
        assert_eq!(before(&format!("a\nb {stamp} c\n")), None);
        assert_eq!(before(""), None);
    }

    /// Data, a hole of a terabyte, data, a hole: like the text without holes.
    struct Sparse(Vec<u8>, Vec<u8>);

    const HOLE: u64 = 1 << 40;

    impl ReadAt for Sparse {
        fn read_at(&self, at: u64, buffer: &mut [u8]) -> nix::Result<usize> {
            for (place, byte) in (at..).zip(buffer.iter_mut()) {
                let data = if place < HOLE { self.0.get(place as usize) } else { self.1.get((place - HOLE) as usize) };
                *byte = data.copied().unwrap_or(0);
            }
            Ok(buffer.len())
        }

        fn next_data(&self, at: u64) -> u64 {
            // In pages, as files are.
            let page = |length: usize| (length as u64).next_multiple_of(4096);
            match at {
                _ if at < page(self.0.len()) => at,
                _ if at < HOLE + page(self.1.len()) => at.max(HOLE),
                _ => u64::MAX,
            }
        }
    }

    #[test]
    fn holes_are_skipped() {
        let sparse = Sparse(b"a\nb\n".to_vec(), b"c\nd\n".to_vec());
        let tail = |lines| last(&sparse, 0, 2 * HOLE, lines).unwrap();
        assert_eq!(tail(1), Tail::At(HOLE + 2));
        // The zeros before it are passed over when it is read.
        assert_eq!(tail(2), Tail::At(4));
        assert_eq!(tail(3), Tail::At(2));
        assert_eq!(tail(0), Tail::At(HOLE + 4));
        assert_eq!(last(&Sparse(Vec::new(), Vec::new()), 0, HOLE, 5), Ok(Tail::Fewer(0)));
    }

    #[test]
    fn lines_over_several_blocks_are_found() {
        let long = "x".repeat(150_000);
        let text = format!("first\n{long}\n{long}\nlast\n");
        assert_eq!(tail(&text, 1), Tail::At(300_008));
        assert_eq!(tail(&text, 3), Tail::At(6));
        assert_eq!(tail(&text, 4), Tail::Fewer(3));
    }
}
