//! The memory of the command line, which `ps` shows: of the last argument, or, for a while, all of it.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};

use super::args::Args;
use super::environ;

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

/// The memory of the whole command line and of the environment behind it, where a text can be shown for a while.
pub struct CommandLine {
    start: *mut u8,
    /// How many bytes the words have, with what ends each of them.
    words: usize,
    /// How many bytes there are, those of the environment included.
    len: usize,
    /// What was there before the text.
    saved: Vec<u8>,
}

/// As much as the kernel shows of a text that is longer than the words, and no long one: a page has 4096 bytes.
const MOST: usize = 1000;

impl CommandLine {
    /// The words, copied, and their memory, from which nothing else is read from now on.
    pub fn take(args: Args) -> (Vec<&'static CStr>, Option<CommandLine>) {
        let (memory, copies) = args.into_copies();
        let words = span(&memory, None);
        let environment: Vec<*const c_char> = environ::entries().map(CStr::as_ptr).collect();
        let command_line = words.map(|(start, words)| {
            let len = span(&environment, Some(start.wrapping_add(words))).map_or(words, |(_, more)| words + more);
            CommandLine { start: start.cast_mut(), words, len, saved: Vec::new() }
        });
        (copies, command_line)
    }

    /// Shows a text until `restore`; as much of it as there is room. Until then, nothing may read the environment.
    pub fn show(&mut self, text: &[u8]) {
        self.restore();
        let shown = text.len().min(self.len.saturating_sub(1)).min(MOST);
        // With what ends the text, for which there is room.
        let changed = (shown + 1).max(self.words);
        // SAFETY: `start` has `len` bytes, which nobody else writes.
        self.saved.extend_from_slice(unsafe { std::slice::from_raw_parts(self.start, changed) });
        // SAFETY: the words are writable (C11 5.1.2.2.1), and so is the environment, which the kernel put behind them; no
        // reference into either is alive: the words were copied, and the environment is read by nobody until `restore`.
        unsafe { std::ptr::write_bytes(self.start, 0, changed) };
        // SAFETY: the same memory; `text` is not part of it.
        unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), self.start, shown) };
    }

    /// Puts back what was there.
    pub fn restore(&mut self) {
        // SAFETY: as many bytes as were saved from the same place.
        unsafe { std::ptr::copy_nonoverlapping(self.saved.as_ptr(), self.start, self.saved.len()) };
        self.saved.clear();
    }
}

/// Where strings begin that lie one behind the other, and how many bytes they have with their ends; those after a gap do not
/// count. If they have to begin at `expected` and do not, there are none.
fn span(strings: &[*const c_char], expected: Option<*const u8>) -> Option<(*const u8, usize)> {
    let start = strings.first()?.cast::<u8>();
    let mut next = expected.unwrap_or(start);
    for string in strings {
        if string.cast::<u8>() != next {
            break;
        }
        // SAFETY: an element of argv or environ is a C string; nobody writes into it yet.
        let length = unsafe { CStr::from_ptr(*string) }.count_bytes();
        next = next.wrapping_add(length + 1);
    }
    let len = next.addr().checked_sub(start.addr()).filter(|&len| len > 0)?;
    Some((start, len))
}
