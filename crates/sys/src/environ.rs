//! The environment that the process was started with, raw: duplicates, empty entries, entries without `=`.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

unsafe extern "C" {
    static environ: *mut *const c_char;
}

/// The entries in their order. Nothing in our programs changes them but `remove`: a child gets a list of its own (`exec`).
pub fn entries() -> Entries {
    Entries { next: pointers().cast_const() }
}

/// What `entries` goes through.
pub struct Entries {
    /// Within the array, or NULL.
    next: *const *const c_char,
}

impl Iterator for Entries {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        if self.next.is_null() {
            return None;
        }
        // SAFETY: `next` is within the array, whose last element is NULL.
        let entry = unsafe { *self.next };
        if entry.is_null() {
            return None;
        }
        // SAFETY: the element here is not NULL, so there is one more.
        self.next = unsafe { self.next.add(1) };
        // SAFETY: an element that is not NULL is a C string that lives as long as the process.
        Some(unsafe { CStr::from_ptr(entry) })
    }
}

/// The C library's array of C strings, which ends with NULL; NULL itself stands for an empty one.
pub(crate) fn pointers() -> *mut *const c_char {
    // SAFETY: one thread, and nobody calls setenv: the C library's pointer stays what it was at the start.
    unsafe { environ }
}

/// Removes the entry at this place of `entries`; those after it move up.
pub fn remove(place: usize) {
    // With the NULL at the end.
    let Some(after) = entries().count().checked_sub(place) else { return };
    let list = pointers();
    let (to, from) = (list.wrapping_add(place), list.wrapping_add(place + 1));
    // SAFETY: `after` elements follow the one at `place`, NULL among them; the list is writable and nobody else uses it.
    unsafe { std::ptr::copy(from, to, after) };
}
