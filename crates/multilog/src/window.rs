//! Positions in the input buffer: what is read, what is written to the logs, what is still in the pipe. A wrong one loses or
//! repeats lines when multilog is killed.
//!
//! The buffer begins with `owned` bytes that only this process has. After them, up to `copied`, are copies of bytes that
//! are still at the front of the pipe. The first `consumed` bytes, of either kind, have been written to the logs.
//!
//! Always: `owned` ≤ `copied` and `consumed` ≤ `copied`. What is consumed but not owned is in the pipe still and has to be
//! removed from it, or the next multilog would write it again. What is owned but not consumed is lost if this process is
//! killed, so there is as little of it as possible.

use std::ops::Range;

/// The cursors, as offsets into the buffer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    owned: usize,
    copied: usize,
    consumed: usize,
}

impl Window {
    /// The bytes that are still to be written to the logs.
    pub fn unconsumed(&self) -> Range<usize> {
        self.consumed..self.copied
    }

    /// Where in the buffer the next copy of the pipe belongs.
    pub fn owned(&self) -> usize {
        self.owned
    }

    /// Where the content of the buffer ends.
    pub fn end(&self) -> usize {
        self.copied
    }

    /// Whether bytes that only this process has are still to be written.
    pub fn holds_unconsumed(&self) -> bool {
        self.owned > self.consumed
    }

    /// The bytes that only this process has and that are still to be written.
    pub fn held(&self) -> Range<usize> {
        self.consumed.min(self.owned)..self.owned
    }

    /// The bytes that are in the pipe too.
    pub fn shared(&self) -> Range<usize> {
        self.owned..self.copied
    }

    /// The bytes that have been written to the logs and are still in the pipe.
    pub fn removable(&self) -> Range<usize> {
        self.owned..self.consumed.max(self.owned)
    }

    /// Notes that the front `count` bytes of the pipe have been copied to `owned`, in place of an earlier copy.
    pub fn note_copied(&mut self, count: usize) {
        self.copied = self.owned + count;
        // Only another reader of the pipe can make a copy shorter than the one before.
        self.consumed = self.consumed.min(self.copied);
    }

    /// Notes that `count` bytes have been read, which leaves no copy in a pipe, to the end of the content.
    pub fn note_read(&mut self, count: usize) {
        self.copied += count;
        self.owned = self.copied;
    }

    /// Notes that the next `count` bytes have been written to the logs.
    pub fn consume(&mut self, count: usize) {
        self.consumed = (self.consumed + count).min(self.copied);
    }

    /// Notes that the front `count` bytes of the pipe have been removed from it.
    pub fn note_removed(&mut self, count: usize) {
        self.owned = (self.owned + count).min(self.copied);
    }

    /// Drops what is consumed and forgets the copies, once nothing `removable` is left. Returns what has to be moved to the
    /// front of the buffer.
    pub fn drop_consumed(&mut self) -> Range<usize> {
        let kept = self.consumed.min(self.owned)..self.owned;
        *self = Window { owned: kept.len(), copied: kept.len(), consumed: 0 };
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(owned: usize, copied: usize, consumed: usize) -> Window {
        Window { owned, copied, consumed }
    }

    #[test]
    fn a_batch_is_copied_written_removed_and_dropped() {
        let mut window = Window::default();
        window.note_copied(10);
        assert_eq!((window.unconsumed(), window.removable()), (0..10, 0..0));
        window.consume(7);
        assert!(window.unconsumed() == (7..10) && window.removable() == (0..7) && !window.holds_unconsumed());
        window.note_removed(4);
        assert_eq!((window.removable(), window.shared()), (4..7, 4..10));
        window.note_removed(3);
        assert_eq!(window.removable(), 7..7);
        assert_eq!(window.drop_consumed(), 7..7);
        assert_eq!(window, Window::default());
    }

    #[test]
    fn what_was_taken_out_early_stays_until_it_is_written() {
        let mut window = window(0, 5, 0);
        window.note_removed(5);
        assert!(window.holds_unconsumed());
        assert_eq!(window.drop_consumed(), 0..5);
        // More comes, and a line is complete after 8 bytes: five are ours, three are in the pipe.
        window.note_copied(4);
        window.consume(8);
        assert_eq!((window.unconsumed(), window.removable()), (8..9, 5..8));
        window.note_removed(3);
        assert!(!window.holds_unconsumed());
        assert_eq!(window.drop_consumed(), 8..8);
    }

    #[test]
    fn what_is_read_is_ours_at_once() {
        let mut window = Window::default();
        window.note_read(6);
        window.consume(4);
        assert!(window.holds_unconsumed() && window.removable().is_empty() && window.shared().is_empty());
        assert_eq!(window.drop_consumed(), 4..6);
        assert_eq!((window.unconsumed(), window.end()), (0..2, 2));
    }

    #[test]
    fn a_shorter_copy_moves_no_cursor_beyond_its_end() {
        let mut window = window(2, 10, 8);
        window.note_copied(3);
        assert_eq!(window, Window { owned: 2, copied: 5, consumed: 5 });
    }

    /// Every sequence of five steps of every kind keeps the invariants, and loses or repeats no byte.
    #[test]
    fn each_byte_is_written_once_whatever_the_order() {
        for mut code in 0..7_u32.pow(5) {
            let (mut window, mut pipe, mut written, mut dropped) = (Window::default(), 0, 0, 0);
            for _ in 0..5 {
                let count = 1 + (code % 3) as usize;
                match code % 7 {
                    // The pipe gets more, and is looked at.
                    0 | 1 => {
                        pipe += count;
                        window.note_copied(pipe);
                    }
                    2 | 3 => {
                        let count = count.min(window.unconsumed().len());
                        window.consume(count);
                        written += count;
                    }
                    4 | 5 => {
                        let count = count.min(window.removable().len());
                        window.note_removed(count);
                        pipe -= count;
                    }
                    _ if window.removable().is_empty() => {
                        let before = window.owned();
                        dropped += before - window.drop_consumed().len();
                    }
                    _ => {}
                }
                code /= 7;
                assert!(window.owned <= window.copied && window.consumed <= window.copied, "{window:?}");
                assert_eq!(dropped + window.consumed, written, "{window:?}");
                assert!(window.shared().len() <= pipe, "{window:?}");
            }
        }
    }
}
