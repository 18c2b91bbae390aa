//! The environment that the process was started with, raw: duplicates, empty entries, entries without `=`.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    static environ: *mut *const c_char;
}

/// The entries in their order. Nothing in our programs changes them but `remove`: a child gets a list of its own (`exec`).
pub fn entries() -> Vec<&'static CStr> {
    // SAFETY: one thread, and nobody calls setenv: the C library's pointer stays what it was at the start.
    let mut next = unsafe { environ };
    let mut entries = Vec::new();
    while !next.is_null() {
        // SAFETY: `next` is within the array, whose last element is NULL.
        let entry = unsafe { *next };
        if entry.is_null() {
            break;
        }
        // SAFETY: an element that is not NULL is a C string that lives as long as the process.
        entries.push(unsafe { CStr::from_ptr(entry) });
        // SAFETY: the element here was not NULL, so there is one more.
        next = unsafe { next.add(1) };
    }
    entries
}

/// Removes the entry at this place of `entries`; those after it move up.
pub fn remove(place: usize) {
    // With the NULL at the end.
    let Some(after) = entries().len().checked_sub(place) else { return };
    // SAFETY: as in `entries`.
    let list = unsafe { environ };
    let (to, from) = (list.wrapping_add(place), list.wrapping_add(place + 1));
    // SAFETY: `after` elements follow the one at `place`, NULL among them; the list is writable and nobody else uses it.
    unsafe { std::ptr::copy(from, to, after) };
}
