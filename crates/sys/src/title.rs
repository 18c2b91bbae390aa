//! The memory of the last argument, which `ps` shows.
#![allow(unsafe_code)]

use std::ffi::CStr;

use super::args::Args;

/// A fixed number of bytes in our own command line.
pub struct Title {
    start: *mut u8,
    len: usize,
}

impl Title {
    /// The memory of the last argument; `None` where there is no argument.
    pub fn of(args: Args) -> Option<Title> {
        let last = args.into_last()?;
        // SAFETY: an element of argv is a C string; nobody writes into it yet.
        let len = unsafe { CStr::from_ptr(last) }.count_bytes();
        Some(Title { start: last.cast_mut().cast(), len })
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Shows `text`: its first bytes, where it is longer than the title.
    pub fn show(&mut self, text: &[u8]) {
        let shown = text.len().min(self.len);
        // SAFETY: `start` has `len` bytes, argv is writable memory (C11 5.1.2.2.1), `args` was consumed, so that nothing else reads argv, and
        // `text` is not part of it.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), self.start, shown) }
    }
}
