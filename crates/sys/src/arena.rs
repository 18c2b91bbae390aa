//! A small arena in the program's own memory, from which its first allocations come. Many programs need no more, and the C
//! library's allocator, which takes system calls and pages of its own, is never started: 12 kB of an idle supervise.
//!
//! Memory is handed out upwards; what is given back is used again only if it was the last piece.

use std::alloc::Layout;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How much there is: what the other data of a program that is linked with musl leaves of its pages.
const SIZE: usize = 1088;

/// Memory, and how much of it is in use, from its start.
pub struct Arena {
    room: Room,
    used: AtomicUsize,
}

#[repr(align(16))]
struct Room([AtomicU8; SIZE]);

impl Arena {
    /// All of it free. Of zeros, so that it takes no room in the program's file.
    pub const fn new() -> Arena {
        Arena { room: Room([const { AtomicU8::new(0) }; SIZE]), used: AtomicUsize::new(0) }
    }

    /// Memory for `layout`, which nothing else uses until it is given back; `None`: there is no room for it.
    pub fn take(&self, layout: Layout) -> Option<*mut u8> {
        if layout.align() > align_of::<Room>() {
            return None;
        }
        let mut used = self.used.load(Ordering::Relaxed);
        loop {
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size()).filter(|end| *end <= SIZE)?;
            match self.used.compare_exchange(used, end, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(self.base().wrapping_add(start)),
                Err(now) => used = now,
            }
        }
    }

    /// Whether memory came from `take`.
    pub fn owns(&self, memory: *mut u8) -> bool {
        self.offset(memory).is_some()
    }

    /// Takes back `size` bytes that `take` has given out. Others than the last ones stay unused.
    pub fn give_back(&self, memory: *mut u8, size: usize) {
        self.resize(memory, size, 0);
    }

    /// Makes the last piece larger or smaller where it is; `false`: it is not the last one, or there is no room.
    pub fn resize(&self, memory: *mut u8, old: usize, new: usize) -> bool {
        let Some(start) = self.offset(memory) else { return false };
        let (Some(end), Some(new_end)) = (start.checked_add(old), start.checked_add(new)) else { return false };
        new_end <= SIZE && self.used.compare_exchange(end, new_end, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Where memory begins in the room; `None`: elsewhere.
    fn offset(&self, memory: *mut u8) -> Option<usize> {
        memory.addr().checked_sub(self.base().addr()).filter(|offset| *offset < SIZE)
    }

    fn base(&self) -> *mut u8 {
        // Atomics may be written through a shared reference; each byte belongs to the piece that it was given out with.
        self.room.0.as_ptr().cast_mut().cast()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn pieces_are_aligned_and_apart() {
        let arena = Arena::new();
        let first = arena.take(layout(3, 1)).unwrap().addr();
        let second = arena.take(layout(8, 8)).unwrap().addr();
        assert_eq!((first % 16, second), (0, first + 8));
        assert_eq!(arena.take(layout(16, 16)).unwrap().addr(), first + 16);
        assert!(arena.take(layout(16, 32)).is_none(), "a page would not do either");
        assert!(arena.take(layout(SIZE, 1)).is_none(), "only a part is left");
        assert!(arena.take(layout(isize::MAX as usize, 1)).is_none());
    }

    #[test]
    fn the_last_piece_grows_shrinks_and_comes_back() {
        let arena = Arena::new();
        let first = arena.take(layout(8, 1)).unwrap();
        let last = arena.take(layout(8, 1)).unwrap();
        assert!(!arena.resize(first, 8, 16), "the last one is in the way");
        assert!(arena.resize(last, 8, SIZE - 8) && !arena.resize(last, SIZE - 8, SIZE - 7));
        assert!(arena.take(layout(1, 1)).is_none());
        arena.give_back(first, 8);
        assert!(arena.take(layout(1, 1)).is_none(), "not the last one");
        arena.give_back(last, SIZE - 8);
        assert_eq!(arena.take(layout(SIZE - 8, 1)), Some(last));
    }

    #[test]
    fn memory_from_elsewhere_is_not_its_own() {
        let arena = Arena::new();
        let mine = arena.take(layout(SIZE, 1)).unwrap();
        assert!(arena.owns(mine) && arena.owns(mine.wrapping_add(SIZE - 1)));
        assert!(!arena.owns(mine.wrapping_add(SIZE)) && !arena.owns(mine.wrapping_sub(1)));
        assert!(!arena.resize(mine.wrapping_sub(1), 1, 0));
    }
}
