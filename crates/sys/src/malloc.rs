//! malloc(3) and its family in programs that are static with glibc, whose own takes 132 kB before `main` and dirties pages
//! that a program at rest keeps. glibc's manual says what takes its place: *Replacing malloc*.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;

use nix::errno::Errno;

use crate::pool::{Pool, room};

static POOL: Pool = Pool::new();

/// Sets errno where there is no memory, as malloc does.
fn told(block: *mut u8) -> *mut c_void {
    if block.is_null() {
        Errno::ENOMEM.set();
    }
    block.cast()
}

// SAFETY, of all below: C gives these names to functions that take and return this; each does what C says.
#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut c_void {
    told(POOL.take(size).0)
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
    let Some(size) = count.checked_mul(size) else { return told(null_mut()) };
    let (block, zeros) = POOL.take(size);
    if !block.is_null() && !zeros {
        // SAFETY: the block has room for so much, and nobody else has it.
        unsafe { block.write_bytes(0, size) };
    }
    told(block)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(block: *mut c_void) {
    if !block.is_null() {
        let before = Errno::last_raw();
        // SAFETY: C's caller promises it.
        unsafe { POOL.give_back(block.cast()) };
        Errno::set_raw(before);
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
    if block.is_null() {
        return malloc(size);
    }
    // SAFETY: C's caller promises it.
    told(unsafe { POOL.resize(block.cast(), size) })
}

#[unsafe(no_mangle)]
extern "C" fn memalign(alignment: usize, size: usize) -> *mut c_void {
    let alignment = alignment.checked_next_power_of_two();
    told(alignment.map_or(null_mut(), |alignment| POOL.take_aligned(alignment, size)))
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    memalign(alignment, size)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(result: *mut *mut c_void, alignment: usize, size: usize) -> c_int {
    if !alignment.is_power_of_two() || alignment % size_of::<usize>() != 0 {
        return libc::EINVAL;
    }
    let block = POOL.take_aligned(alignment, size);
    if block.is_null() {
        return libc::ENOMEM;
    }
    // SAFETY: C's caller has room for an address there.
    unsafe { result.write(block.cast()) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    // SAFETY: C's caller promises that malloc gave it, or that it is NULL.
    if block.is_null() { 0 } else { unsafe { room(block.cast()) } }
}
