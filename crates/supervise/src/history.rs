//! Adds an end to `supervise/history`: the last 64 of them, a line each, in a file that is replaced in one step. It is copied
//! in small pieces, so that supervise needs no memory for it.

use std::os::fd::{AsFd, OwnedFd};

use daemontools_core::history::{LINES, PATH};
use daemontools_core::run_record::{LineBuffer, RunRecord};
use daemontools_program::stdio::{read, write_all};
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Whence, lseek};

use crate::replace;

/// How much is copied at once.
const PIECE: usize = 512;

/// Adds an end. Best effort: a file that cannot be read is begun anew, and where nothing can be written, the old file stays.
pub fn add(run: &RunRecord) {
    let _ = replace::replace(PATH, |new| {
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        if let Ok(old) = open_private(PATH, flags, Mode::empty()) {
            let _ = copy_last_lines(&old, new);
        }
        let mut line = LineBuffer::new();
        run.write_line(&mut line);
        write_all(new, line.as_bytes())?;
        write_all(new, b"\n")
    });
}

/// Copies the last whole lines that stay, which are one fewer than the file may have.
fn copy_last_lines(old: &OwnedFd, new: &OwnedFd) -> nix::Result<()> {
    let mut lines = Lines::new();
    let mut piece = [0; PIECE];
    loop {
        let length = read(old, &mut piece)?;
        if length == 0 {
            break;
        }
        lines.scan(piece.get(..length).unwrap_or_default());
    }
    let (start, end) = lines.kept();
    lseek(old, start.try_into().map_err(|_| Errno::EOVERFLOW)?, Whence::SeekSet)?;
    let mut left = end - start;
    while left > 0 {
        let length = read(old.as_fd(), &mut piece)?.min(usize::try_from(left).unwrap_or(PIECE));
        if length == 0 {
            break;
        }
        write_all(new, piece.get(..length).unwrap_or_default())?;
        left -= length as u64;
    }
    Ok(())
}

/// Where the last lines of a file begin, found while it is read once.
struct Lines {
    /// Where each of the last lines begins. The place of a line is its number modulo the size.
    starts: [u64; LINES],
    /// How many whole lines there were in a row that are short enough to be ends.
    whole: usize,
    /// Where the line begins that is being read.
    start: u64,
    /// How far the file was read.
    at: u64,
}

impl Lines {
    fn new() -> Lines {
        Lines { starts: [0; LINES], whole: 0, start: 0, at: 0 }
    }

    fn scan(&mut self, piece: &[u8]) {
        for byte in piece {
            self.at += 1;
            if *byte != b'\n' {
                continue;
            }
            if self.at - self.start > LineBuffer::SIZE as u64 + 1 {
                // Not written by supervise: nothing up to here stays.
                self.whole = 0;
            } else if let Some(place) = self.starts.get_mut(self.whole % LINES) {
                *place = self.start;
                self.whole += 1;
            }
            self.start = self.at;
        }
    }

    /// From where to where the last lines go that stay.
    fn kept(&self) -> (u64, u64) {
        let first = self.whole.saturating_sub(LINES - 1);
        let start = if self.whole == 0 { None } else { self.starts.get(first % LINES) };
        (start.copied().unwrap_or(self.start), self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::history::kept;

    /// What stays of a file that is read in pieces of this size.
    fn stays(file: &[u8], piece: usize) -> &[u8] {
        let mut lines = Lines::new();
        file.chunks(piece).for_each(|piece| lines.scan(piece));
        let (start, end) = lines.kept();
        &file[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]
    }

    #[test]
    fn in_pieces_the_same_lines_stay_as_at_once() {
        let line = |number: usize| format!("{number}{}\n", "x".repeat(number * 7 % 100));
        let lines = |count: usize| (0..count).map(line).collect::<String>();
        let long = "y".repeat(400);
        let files = [0, 1, 2, 62, 63, 64, 65, 200].map(lines).into_iter().chain([
            "torn".into(),
            lines(3) + "torn",
            lines(100) + "torn",
            long.clone() + "\n" + &lines(3),
            lines(3) + &long + "\n",
            lines(70) + &long + "\n" + &lines(70),
            lines(63) + &long + "\n" + &lines(64) + "torn",
        ]);
        for file in files {
            for piece in [1, 7, PIECE] {
                assert_eq!(stays(file.as_bytes(), piece), kept(file.as_bytes()), "{piece}: {file}");
            }
        }
    }
}
