//! The line of `/proc/PID/stat` (proc(5)): what the kernel tells of a process. Parsing it allocates nothing.

use crate::text::number;

/// A process, as its line has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcStat<'a> {
    /// The name of its program: any bytes, 15 of them at most.
    pub name: &'a [u8],
    /// What it does: `R`, `S`, `D`, `T`, `Z` and so on.
    pub state: u8,
    /// Its parent; 0 if that is outside of this namespace.
    pub parent: u32,
    /// When it was started, in clock ticks since the boot.
    pub started: u64,
}

impl ProcStat<'_> {
    /// Parses a line; `None` if it ends before the last of these fields. The name is in parentheses and may contain some, so
    /// the fields are counted from the last one.
    pub fn parse(line: &[u8]) -> Option<ProcStat<'_>> {
        let begin = line.iter().position(|&byte| byte == b'(')?;
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let name = line.get(begin + 1..end)?;
        let mut fields = line.get(end + 2..)?.split(|&byte| byte == b' ');
        let state = *fields.next()?.first()?;
        let parent = u32::try_from(number(fields.next()?)?).ok()?;
        let started = number(fields.nth(17)?)?;
        Some(ProcStat { name, state, parent, started })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AFTER_NAME: &[u8] =
        b"S 7 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 987654 1000 10 18446744073709551615\n";

    #[test]
    fn the_name_may_be_any_bytes() {
        for name in [&b"sh"[..], b"a) b (c", b"a) R 3 (b", b"\xff x", b"", b"a\nb"] {
            let line = [b"42 (", name, b") ", AFTER_NAME].concat();
            assert_eq!(ProcStat::parse(&line), Some(ProcStat { name, state: b'S', parent: 7, started: 987654 }));
        }
    }

    #[test]
    fn a_line_that_is_cut_off_is_none() {
        let line = [b"42 (sh) ", AFTER_NAME].concat();
        let until_start = line.windows(6).position(|window| window == b"987654").unwrap();
        for length in 0..until_start {
            assert_eq!(ProcStat::parse(&line[..length]), None, "{length} bytes");
        }
        for line in [&b"42 )sh( S 7"[..], b"42 (sh) S y 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765"] {
            assert_eq!(ProcStat::parse(line), None);
        }
    }
}
