//! Finding the last lines of a file from its end backwards.

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
pub fn last(bytes: &impl ReadAt, start: u64, end: u64, lines: usize) -> nix::Result<Tail> {
    let (mut high, mut begun, mut block) = (end, 0, Vec::new());
    while high > start {
        let low = high.saturating_sub(BLOCK).max(start);
        block.resize(usize::try_from(high - low).unwrap_or(0), 0);
        let mut filled = 0;
        while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
            match bytes.read_at(low + filled as u64, room)? {
                0 => break,
                count => filled += count,
            }
        }
        for newline in memrchr_iter(b'\n', block.get(..filled).unwrap_or_default()) {
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

/// The last stamp of a line that begins shortly before `at`, where a line begins.
pub fn stamp_before(bytes: &impl ReadAt, at: u64) -> nix::Result<Option<Stamp>> {
    let low = at.saturating_sub(BLOCK);
    let mut block = vec![0; usize::try_from(at - low).unwrap_or(0)];
    let count = bytes.read_at(low, &mut block)?;
    let block = block.get(..count).unwrap_or_default();
    // What stands before the first newline may be the end of a line.
    let starts = memrchr_iter(b'\n', block).map(|newline| newline + 1).chain((low == 0).then_some(0));
    let mut stamps = starts.filter_map(|start| stamp::split(block.get(start..)?));
    Ok(stamps.next().map(|(stamp, _)| *stamp))
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
        assert_eq!(before(&format!("{stamp} a\n  b\n")).map(|found| found.to_vec()), Some(stamp.into()));
        assert_eq!(before(&format!("a\nb {stamp} c\n")), None);
        assert_eq!(before(""), None);
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
