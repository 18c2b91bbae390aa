//! `supervise/history`: the last 64 ends of a service, a line each, oldest first (`run_record` has the words).
//!
//! supervise replaces the file at each end (write, rename), so that it is whole whenever it is read. It stays when
//! supervise exits.

use std::ffi::CStr;

use crate::run_record::{LineBuffer, RunRecord};

/// The file, seen from the service directory.
pub const PATH: &CStr = c"supervise/history";
/// How many ends the file has at most.
pub const LINES: usize = 64;
/// The size in bytes that the file never exceeds.
pub const MAX_SIZE: usize = LINES * (LineBuffer::SIZE + 1);

/// What stays of an old file when one more line comes: its last whole lines, at most 63. Of a file that is no history, for
/// example because its lines are too long, nothing stays.
pub fn kept(old: &[u8]) -> &[u8] {
    let whole = old.iter().rposition(|&byte| byte == b'\n').and_then(|end| old.get(..=end)).unwrap_or_default();
    let mut start = whole.len();
    for line in whole.split_inclusive(|&byte| byte == b'\n').rev().take(LINES - 1) {
        if line.len() > LineBuffer::SIZE + 1 {
            break;
        }
        start -= line.len();
    }
    whole.get(start..).unwrap_or_default()
}

/// The ends that a file tells of, oldest first. Lines that are none are passed over.
pub fn records(file: &[u8]) -> impl DoubleEndedIterator<Item = RunRecord> + '_ {
    file.split(|&byte| byte == b'\n').filter_map(RunRecord::from_line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::End;
    use crate::label::Label;

    fn line(number: u32) -> Vec<u8> {
        let mut line = LineBuffer::new();
        RunRecord::new(Label::from_unix(i64::from(number), 0), End::Code(0)).write_line(&mut line);
        [line.as_bytes(), b"\n"].concat()
    }

    #[test]
    fn the_last_64_stay_in_order() {
        let mut file = Vec::new();
        for number in 1..=200 {
            file = [kept(&file), &line(number)].concat();
            assert!(file.len() <= MAX_SIZE);
        }
        let seconds: Vec<i64> = records(&file).map(|record| record.at.to_unix()).collect();
        assert_eq!(seconds, (137..=200).collect::<Vec<i64>>());
    }

    #[test]
    fn a_torn_line_and_a_strange_file_are_left_out() {
        let torn = [&line(1)[..], &line(2)[..10]].concat();
        assert_eq!(kept(&torn), line(1));
        assert_eq!(kept(b""), b"");
        assert_eq!(kept(&[b'x'; 5000]), b"");
        let strange = [&[b'x'; 5000][..], b"\n", &line(1)].concat();
        assert_eq!(kept(&strange), line(1));
        assert_eq!(records(b"x\n\ncode 7\n").count(), 0);
    }
}
