//! The heap, and what happens when no memory is left: by default the program says so and exits 111, which Rust itself would
//! turn into an abort with a backtrace; a program that others depend on waits until there is memory again.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::sleep;
use std::time::Duration;

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

/// The allocator of every program: the system's.
struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

// SAFETY: every method hands its arguments to the system's allocator and returns what that returns, whose promises are
// those of the trait; waiting and exiting allocate nothing.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises about `layout` are those that System asks for.
        until_there_is_memory(|| unsafe { System.alloc(layout) })
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        until_there_is_memory(|| unsafe { System.alloc_zeroed(layout) })
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises about both; all memory is System's.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above; where System has no memory, the old block stays as it is and can be passed again.
        until_there_is_memory(|| unsafe { System.realloc(memory, layout, size) })
    }
}

#[inline]
fn until_there_is_memory(mut ask: impl FnMut() -> *mut u8) -> *mut u8 {
    loop {
        let memory = ask();
        if !memory.is_null() || !exhausted() {
            return memory;
        }
    }
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
    fn what_can_be_done_without_is_told() {
        let mut vector = vec![1_u8];
        assert!(!try_reserve(&mut vector, isize::MAX as usize - 4096));
        assert_eq!(vector, [1]);
        assert!(try_reserve(&mut vector, 100) && vector.capacity() >= 101);
        assert_eq!(WHEN_EXHAUSTED.load(Ordering::Relaxed), EXIT);
    }
}
