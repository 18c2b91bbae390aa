//! The heap, and what happens when no memory is left: by default the program says so and exits 111, which Rust itself would
//! turn into an abort with a backtrace; a program that others depend on waits until there is memory again.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
#[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
use std::sync::atomic::AtomicBool;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::sleep;
use std::time::Duration;

use crate::arena::Arena;
use crate::fd::STDERR;
use crate::process::leave;

/// What the allocator does when the system has no memory.
static WHEN_EXHAUSTED: AtomicU8 = AtomicU8::new(EXIT);

/// Report it and exit 111.
const EXIT: u8 = 0;
/// Ask again every second.
const WAIT: u8 = 1;
/// Tell the caller, who can do without.
const TELL: u8 = 2;

/// The name that the report begins with.
static PROGRAM: OnceLock<&'static str> = OnceLock::new();

/// Sets the name that the report `NAME: fatal: out of memory` begins with.
pub fn set_program(name: &'static str) {
    let _ = PROGRAM.set(name);
}

/// From now on, the program waits for memory instead of exiting. For programs at work that must not end.
pub fn wait_when_exhausted() {
    WHEN_EXHAUSTED.store(WAIT, Ordering::Relaxed);
}

/// A child on its way to another program exits where there is no memory, and its parent, which tries again, goes on: the
/// limits of a child are its own, so that it may wait for ever.
pub(crate) fn exit_when_exhausted() {
    WHEN_EXHAUSTED.store(EXIT, Ordering::Relaxed);
}

/// Calls what may run a child in our memory; afterwards it is for us as before.
pub(crate) fn lending<T>(call: impl FnOnce() -> T) -> T {
    let before = WHEN_EXHAUSTED.load(Ordering::Relaxed);
    let result = call();
    WHEN_EXHAUSTED.store(before, Ordering::Relaxed);
    result
}

/// Makes sure that the C library finds memory for what it does by itself, like asking a name service, in which glibc crashes
/// without memory. Where there is none, the program says so and exits, or waits.
pub fn reserve_for_c_library() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(16 * 1024)));
}

/// Reserves room for exactly `more` further elements; `false` if there is no memory for that, which is no reason to exit.
pub fn try_reserve_exact<T>(vector: &mut Vec<T>, more: usize) -> bool {
    telling(|| vector.try_reserve_exact(more).is_ok())
}

/// The same for a vector that grows by and by: more than that may be reserved.
pub fn try_reserve<T>(vector: &mut Vec<T>, more: usize) -> bool {
    telling(|| vector.try_reserve(more).is_ok())
}

/// Calls what can do without the memory that it asks for.
fn telling(reserve: impl FnOnce() -> bool) -> bool {
    let before = WHEN_EXHAUSTED.swap(TELL, Ordering::Relaxed);
    let reserved = reserve();
    WHEN_EXHAUSTED.store(before, Ordering::Relaxed);
    reserved
}

/// The allocator of every program: the arena, and the system's for what has no room there.
struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

static ARENA: Arena = Arena::new();

// SAFETY: what the arena gives is aligned, large enough and used by nothing else until it is given back, and it knows its
// own memory by the address. All else goes to the system's allocator with the caller's arguments, whose promises are those
// of the trait. Waiting and exiting allocate nothing.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match ARENA.take(layout) {
            Some(memory) => memory,
            // SAFETY: the caller's promises about `layout` are those that System asks for.
            None => until_there_is_memory(|| unsafe { System.alloc(layout) }),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match ARENA.take(layout) {
            Some(memory) => {
                // SAFETY: the arena gave at least so many bytes to us alone.
                unsafe { memory.write_bytes(0, layout.size()) };
                memory
            }
            // SAFETY: the caller's promises about `layout` are those that System asks for.
            None => until_there_is_memory(|| unsafe { System.alloc_zeroed(layout) }),
        }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if ARENA.owns(memory) {
            ARENA.give_back(memory, layout.size());
        } else {
            // SAFETY: the caller's promises about both; what is not the arena's is System's.
            unsafe { System.dealloc(memory, layout) }
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !ARENA.owns(memory) {
            // SAFETY: as above; where System has no memory, the old block stays as it is and can be passed again.
            return until_there_is_memory(|| unsafe { System.realloc(memory, layout, size) });
        }
        if ARENA.resize(memory, layout.size(), size) || size <= layout.size() {
            return memory;
        }
        // SAFETY: the caller promises that `size`, rounded up to the alignment, is no more than isize::MAX.
        let larger = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        // SAFETY: the caller promises that `size` is not 0.
        let larger = unsafe { self.alloc(larger) };
        if !larger.is_null() {
            // SAFETY: both are at least so large, and they are different pieces.
            unsafe { larger.copy_from_nonoverlapping(memory, layout.size().min(size)) };
            ARENA.give_back(memory, layout.size());
        }
        larger
    }
}

#[inline]
fn until_there_is_memory(mut ask: impl FnMut() -> *mut u8) -> *mut u8 {
    loop {
        let memory = ask();
        if !memory.is_null() || !(take_no_more_than_needed() || exhausted()) {
            return memory;
        }
    }
}

/// Where the C library has asked the system for more than it was asked for, and got nothing: from now on it asks for no more
/// than is needed. True if that is new.
#[cold]
fn take_no_more_than_needed() -> bool {
    #[cfg(all(target_env = "gnu", not(target_feature = "crt-static")))]
    {
        static DONE: AtomicBool = AtomicBool::new(false);
        // SAFETY: mallopt takes two numbers; the C library locks its heap itself.
        !DONE.swap(true, Ordering::Relaxed) && unsafe { libc::mallopt(libc::M_TOP_PAD, 0) } != 0
    }
    // musl takes no more, nor does the allocator in `malloc`.
    #[cfg(not(all(target_env = "gnu", not(target_feature = "crt-static"))))]
    false
}

/// What is done when there is no memory. True if the system is to be asked again.
#[cold]
fn exhausted() -> bool {
    match WHEN_EXHAUSTED.load(Ordering::Relaxed) {
        TELL => false,
        WAIT => {
            sleep(Duration::from_secs(1));
            true
        }
        _ => {
            report();
            leave(111)
        }
    }
}

/// Writes the report, in one piece and without allocating.
fn report() {
    let words = [PROGRAM.get().copied().unwrap_or("daemontools"), ": fatal: out of memory\n"];
    let pieces = words.map(|word| std::io::IoSlice::new(word.as_bytes()));
    // There is nothing else to do if that fails.
    let _ = nix::sys::uio::writev(STDERR, &pieces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_keeps_its_content_when_it_leaves_the_arena() {
        let mut vector = Vec::new();
        for number in 0..10_000_u32 {
            vector.push(number);
        }
        assert!(vector.iter().copied().eq(0..10_000));
    }

    #[test]
    fn what_can_be_done_without_is_told() {
        let mut vector = vec![1_u8];
        assert!(!try_reserve(&mut vector, isize::MAX as usize - 4096));
        assert_eq!(vector, [1]);
        assert!(try_reserve(&mut vector, 100) && vector.capacity() >= 101);
        assert_eq!(WHEN_EXHAUSTED.load(Ordering::Relaxed), EXIT);
    }
}
