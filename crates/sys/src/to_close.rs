//! Descriptors that are not needed any more, closed many at a time: a program that opens thousands of files one after the
//! other makes a third of its system calls to close them.

use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

use crate::fd::close_range;

/// How many wait at most: so few that the kernel need not enlarge its table of the process, which has room for 64.
const MOST: usize = 32;

/// Descriptors that wait to be closed. They are when there are many, and at the latest when this is dropped.
#[derive(Debug, Default)]
pub struct ToClose(Vec<OwnedFd>);

impl ToClose {
    /// Takes one more.
    pub fn push(&mut self, fd: OwnedFd) {
        self.0.push(fd);
        if self.0.len() >= MOST {
            self.close();
        }
    }

    /// Closes all that wait, by one system call for all whose numbers follow each other.
    pub fn close(&mut self) {
        self.0.sort_unstable_by_key(AsRawFd::as_raw_fd);
        while let Some(last) = self.0.last().map(AsRawFd::as_raw_fd) {
            let row =
                (0..=last).zip(self.0.iter().rev()).take_while(|(back, fd)| fd.as_raw_fd() == last - back).count();
            let start = self.0.len().saturating_sub(row.max(1));
            let first = self.0.get(start).map_or(last, AsRawFd::as_raw_fd);
            // Linux before 5.9 has no such call.
            if close_range(first, last.unsigned_abs(), 0).is_ok() {
                self.0.drain(start..).for_each(|fd| {
                    let _ = fd.into_raw_fd();
                });
            }
            self.0.truncate(start);
        }
    }
}

impl Drop for ToClose {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, RawFd};

    use super::*;
    use crate::fd::{STDERR, duplicate_private_from, is_inherited, set_inherited};

    /// A descriptor with this number, of which `is_inherited` tells whether it is still open.
    fn open(number: RawFd) -> OwnedFd {
        let fd = duplicate_private_from(STDERR, number).unwrap();
        assert_eq!(fd.as_raw_fd(), number);
        set_inherited(fd.as_fd(), true).unwrap();
        fd
    }

    /// The numbers are used by no other test.
    #[test]
    fn all_are_closed_and_nothing_between_them() {
        for (numbers, between) in
            [(&[700, 701, 702][..], None), (&[702, 700, 701], None), (&[700, 703, 702], Some(701))]
        {
            let between = between.map(open);
            let mut to_close = ToClose::default();
            numbers.iter().for_each(|&number| to_close.push(open(number)));
            assert!(numbers.iter().all(|&number| is_inherited(number)));
            to_close.close();
            assert!(!numbers.iter().any(|&number| is_inherited(number)), "{numbers:?}");
            assert!(between.is_none_or(|fd| is_inherited(fd.as_raw_fd())), "{numbers:?}");
        }
    }

    #[test]
    fn many_do_not_wait() {
        let mut to_close = ToClose::default();
        let last = 800 + MOST as RawFd - 1;
        (800..=last).for_each(|number| to_close.push(open(number)));
        assert!(!(800..=last).any(is_inherited));
        to_close.push(open(800));
        drop(to_close);
        assert!(!is_inherited(800));
    }
}
