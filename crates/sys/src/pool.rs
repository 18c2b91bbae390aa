//! An allocator that takes from the system what is needed and no more, for programs that are static with glibc. It begins with
//! memory of the program's own; then small blocks share mappings, and large ones are mappings of their own.
//!
//! A block that is given back is used again for one of the same class; a mapping goes back to the system.
#![allow(unsafe_code)]

use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

/// What stands before each block. As large as blocks are aligned.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Header {
    /// How many bytes the block has room for.
    room: usize,
    /// How far before the block another one begins, of which this is the aligned part; 0: it is a whole one.
    back: usize,
}

/// The length of a header, and what blocks are aligned to.
pub const ALIGNMENT: usize = size_of::<Header>();
/// The largest block that is not a mapping of its own.
const LARGEST: usize = 16 * 1024;
const CLASSES: usize = 36;
/// What the C library allocates before `main` has room here.
const FIRST: usize = 2048;
/// How much more than needed is taken from the system, if it gives that.
const AHEAD: usize = 16 * 1024;
const PAGE: usize = 4096;

/// Free blocks of each class, the next one's address in each; and memory that is in no block yet.
pub struct Pool {
    locked: AtomicBool,
    free: [AtomicPtr<u8>; CLASSES],
    next: AtomicPtr<u8>,
    end: AtomicPtr<u8>,
    first: First,
}

#[repr(align(16))]
struct First([AtomicU8; FIRST]);

/// The class of blocks that have room for `size` bytes, and how much room they have: steps of 16 bytes up to 128, four steps for
/// each doubling above.
fn class(size: usize) -> (usize, usize) {
    if size <= 128 {
        let step = size.saturating_sub(1) / 16;
        return (step, (step + 1) * 16);
    }
    let doubling = (size - 1).ilog2() as usize;
    let step = 1 << (doubling - 2);
    let steps = (size - 1) / step + 1;
    (8 + (doubling - 7) * 4 + steps - 5, steps * step)
}

impl Pool {
    /// Nothing in use. Of zeros, so that it takes no room in the program's file.
    pub const fn new() -> Pool {
        Pool {
            locked: AtomicBool::new(false),
            free: [const { AtomicPtr::new(null_mut()) }; CLASSES],
            next: AtomicPtr::new(null_mut()),
            end: AtomicPtr::new(null_mut()),
            first: First([const { AtomicU8::new(0) }; FIRST]),
        }
    }

    /// A block of `size` bytes, and whether it is known to be of zeros; NULL where the system has no memory.
    pub fn take(&self, size: usize) -> (*mut u8, bool) {
        if size > LARGEST {
            return (own_mapping(size), true);
        }
        let (class, room) = class(size);
        let Some(free) = self.free.get(class) else { return (null_mut(), false) };
        while self.locked.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let block = free.load(Ordering::Relaxed);
        let block = if block.is_null() {
            self.carve(room)
        } else {
            // SAFETY: a free block begins with the address of the next one, which `give_back` wrote.
            free.store(unsafe { block.cast::<*mut u8>().read() }, Ordering::Relaxed);
            block
        };
        self.locked.store(false, Ordering::Release);
        (block, false)
    }

    /// A new block of so much room.
    fn carve(&self, room: usize) -> *mut u8 {
        if self.end.load(Ordering::Relaxed).is_null() {
            let first = self.first.0.as_ptr().cast_mut().cast::<u8>();
            self.next.store(first, Ordering::Relaxed);
            self.end.store(first.wrapping_add(FIRST), Ordering::Relaxed);
        }
        let length = ALIGNMENT + room;
        let left = |pool: &Pool| pool.end.load(Ordering::Relaxed).addr() - pool.next.load(Ordering::Relaxed).addr();
        if left(self) < length && !(self.extend(length + AHEAD) || self.extend(length)) {
            return null_mut();
        }
        let start = self.next.load(Ordering::Relaxed);
        self.next.store(start.wrapping_add(length), Ordering::Relaxed);
        begin(start, room)
    }

    /// Takes at least `length` bytes from the system; `false`: it has none.
    fn extend(&self, length: usize) -> bool {
        let length = length.next_multiple_of(PAGE);
        let Some(start) = map(length) else { return false };
        self.next.store(start, Ordering::Relaxed);
        self.end.store(start.wrapping_add(length), Ordering::Relaxed);
        true
    }

    /// Makes `block` free, which this gave.
    ///
    /// # Safety
    /// It is not NULL, was not given back before, and nobody uses it.
    pub unsafe fn give_back(&self, block: *mut u8) {
        // SAFETY: the caller's promises.
        let (block, room) = unsafe { whole(block) };
        let (class, _) = class(room);
        let Some(free) = self.free.get(class).filter(|_| room <= LARGEST) else {
            // SAFETY: a mapping begins with the header of its one block.
            unsafe { libc::munmap(block.wrapping_sub(ALIGNMENT).cast(), ALIGNMENT + room) };
            return;
        };
        while self.locked.swap(true, Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let next = free.load(Ordering::Relaxed);
        // SAFETY: a block has room for an address and is aligned for one; nobody uses it.
        unsafe { block.cast::<*mut u8>().write(next) };
        free.store(block, Ordering::Relaxed);
        self.locked.store(false, Ordering::Release);
    }

    /// A block of `size` bytes that begins like `block`, which becomes free unless the result is NULL or itself.
    ///
    /// # Safety
    /// This gave `block`, it is not NULL, was not given back, and nobody uses its address afterwards.
    pub unsafe fn resize(&self, block: *mut u8, size: usize) -> *mut u8 {
        // SAFETY: the caller's promises.
        let room = unsafe { room(block) };
        // A block that is much too large is exchanged for a smaller one.
        if size <= room && (size > room / 2 || room <= 128) {
            return block;
        }
        // SAFETY: the caller's promises.
        let (start, whole_room) = unsafe { whole(block) };
        if start == block && whole_room > LARGEST && size > LARGEST {
            // SAFETY: the mapping of this one block, which nobody uses by its old address.
            return unsafe { remap(start, whole_room, size) };
        }
        let (other, _) = self.take(size);
        if other.is_null() {
            return if size <= room { block } else { other };
        }
        // SAFETY: both have so much room, and they are different blocks.
        unsafe { other.copy_from_nonoverlapping(block, room.min(size)) };
        // SAFETY: the caller's promises.
        unsafe { self.give_back(block) };
        other
    }

    /// A block of `size` bytes whose address is a multiple of `alignment`, a power of two.
    pub fn take_aligned(&self, alignment: usize, size: usize) -> *mut u8 {
        let Some(larger) = size.checked_add(alignment).filter(|_| alignment > ALIGNMENT) else {
            return if alignment <= ALIGNMENT { self.take(size).0 } else { null_mut() };
        };
        let (start, _) = self.take(larger);
        let back = start.addr().wrapping_neg() & (alignment - 1);
        if start.is_null() || back == 0 {
            return start;
        }
        let block = start.wrapping_add(back);
        // SAFETY: `back` is a multiple of the length of a header, so one has room before the block, which nobody uses.
        unsafe { header(block).write(Header { room: larger - back, back }) };
        block
    }
}

/// Where the header of a block is.
fn header(block: *mut u8) -> *mut Header {
    block.wrapping_sub(ALIGNMENT).cast()
}

/// Writes the header of a block with this room; the block.
fn begin(start: *mut u8, room: usize) -> *mut u8 {
    // SAFETY: the callers have memory of at least a header there, aligned, that nobody uses.
    unsafe { start.cast::<Header>().write(Header { room, back: 0 }) };
    start.wrapping_add(ALIGNMENT)
}

/// How many bytes a block has room for.
///
/// # Safety
/// A pool gave it.
pub unsafe fn room(block: *mut u8) -> usize {
    let header = header(block);
    // SAFETY: each block has a header before it.
    unsafe { header.read() }.room
}

/// The block that this is the aligned part of, mostly itself; and its room.
///
/// # Safety
/// A pool gave it.
unsafe fn whole(block: *mut u8) -> (*mut u8, usize) {
    let header = header(block);
    // SAFETY: each block has a header before it.
    let Header { room: own_room, back } = unsafe { header.read() };
    let start = block.wrapping_sub(back);
    // SAFETY: the whole block has one, too.
    (start, if back == 0 { own_room } else { unsafe { room(start) } })
}

/// A new mapping, or `None`: there is no memory.
fn map(length: usize) -> Option<*mut u8> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: it comes to be where nothing is.
    let start = unsafe { libc::mmap(null_mut(), length, protection, flags, -1, 0) };
    (start != libc::MAP_FAILED).then_some(start.cast())
}

/// The length of the mapping of a block of this size: whole pages. `None`: there is no such number.
fn mapping_length(size: usize) -> Option<usize> {
    size.checked_add(ALIGNMENT)?.checked_next_multiple_of(PAGE).filter(|&length| length <= isize::MAX as usize)
}

/// A block that is a mapping of its own, or NULL.
fn own_mapping(size: usize) -> *mut u8 {
    let mapped = mapping_length(size).and_then(|length| Some(begin(map(length)?, length - ALIGNMENT)));
    mapped.unwrap_or(null_mut())
}

/// The mapping of `block`, as long as a block of `size` bytes needs; NULL: there is no memory, and all is as before.
///
/// # Safety
/// `block` is a mapping with this room, and nobody uses its old address afterwards unless the result is NULL.
unsafe fn remap(block: *mut u8, room: usize, size: usize) -> *mut u8 {
    let Some(length) = mapping_length(size) else { return null_mut() };
    let start = block.wrapping_sub(ALIGNMENT).cast();
    // SAFETY: the caller's promises.
    let moved = unsafe { libc::mremap(start, room + ALIGNMENT, length, libc::MREMAP_MAYMOVE) };
    if moved == libc::MAP_FAILED { null_mut() } else { begin(moved.cast(), length - ALIGNMENT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block of the pool, and its bytes.
    fn filled(pool: &Pool, size: usize, byte: u8) -> *mut u8 {
        let (block, _) = pool.take(size);
        assert!(!block.is_null() && block.addr() % ALIGNMENT == 0, "{size}");
        // SAFETY: it was just given.
        assert!(unsafe { room(block) } >= size);
        // SAFETY: it has so much room.
        unsafe { block.write_bytes(byte, size) };
        block
    }

    fn bytes<'a>(block: *mut u8, size: usize) -> &'a [u8] {
        // SAFETY: blocks of these tests that have so much room and are written.
        unsafe { std::slice::from_raw_parts(block, size) }
    }

    #[test]
    fn each_size_has_a_class_with_little_more_room() {
        let mut classes = Vec::new();
        for size in 0..=LARGEST {
            let (class, room) = class(size);
            assert!(room >= size && room % ALIGNMENT == 0, "{size}");
            assert!(room - size <= 16 || room - size <= size / 4, "{size}");
            assert_eq!(super::class(room), (class, room), "what is given back finds its class");
            classes.push((class, room));
        }
        classes.dedup();
        assert!(classes.iter().map(|(class, _)| *class).eq(0..CLASSES));
        assert!(classes.is_sorted_by_key(|(_, room)| *room));
    }

    #[test]
    fn blocks_are_apart_and_used_again() {
        let pool = Pool::new();
        let sizes = [0, 1, 16, 17, 129, 1000, 3000, LARGEST, LARGEST + 1, 1 << 20];
        let blocks: Vec<*mut u8> = (1..).zip(sizes).map(|(byte, size)| filled(&pool, size, byte)).collect();
        for ((byte, size), block) in (1..).zip(sizes).zip(&blocks) {
            assert!(bytes(*block, size).iter().all(|&found| found == byte), "{size}");
        }
        for (size, block) in sizes.into_iter().zip(blocks) {
            // SAFETY: each once.
            unsafe { pool.give_back(block) };
            assert!(size > LARGEST || pool.take(size).0 == block, "{size}");
        }
    }

    #[test]
    fn content_stays_where_a_block_is_resized() {
        let pool = Pool::new();
        let mut block = filled(&pool, 10, 7);
        for size in [20, 128, 4000, LARGEST + 1, 1 << 20, 1 << 21, 30_000, 100, 10] {
            // SAFETY: the one block, by its newest address.
            block = unsafe { pool.resize(block, size) };
            assert!(bytes(block, 10).iter().all(|&found| found == 7), "{size}");
            // SAFETY: it was just given.
            assert!((size..=size * 2 + 128 + PAGE).contains(&unsafe { room(block) }), "{size}");
        }
        // SAFETY: the one block. There is no memory of that size, and all stays as it is.
        assert!(unsafe { pool.resize(block, isize::MAX as usize) }.is_null());
        assert!(pool.take(usize::MAX).0.is_null() && pool.take_aligned(64, usize::MAX).is_null());
        assert!(bytes(block, 10).iter().all(|&found| found == 7));
    }

    #[test]
    fn aligned_blocks_come_back_whole() {
        let pool = Pool::new();
        for alignment in [1, 16, 64, 4096, 1 << 16] {
            for size in [1, 5000, 70_000] {
                let block = pool.take_aligned(alignment, size);
                assert!(!block.is_null() && block.addr() % alignment == 0, "{size} at {alignment}");
                // SAFETY: it has so much room.
                unsafe { block.write_bytes(9, size) };
                // SAFETY: the one block.
                let block = unsafe { pool.resize(block, size + 100) };
                assert!(bytes(block, size).iter().all(|&found| found == 9));
                // SAFETY: the one block.
                unsafe { pool.give_back(block) };
            }
        }
    }
}
