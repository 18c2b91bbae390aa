//! The words of the command line, as the C runtime handed them over.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int};

/// The arguments after the program's own name: what is left of argv, front to back, never copied, any bytes.
pub struct Args {
    /// The words not taken yet. Each pointer is a C string that lives as long as the process.
    rest: &'static [*const c_char],
    /// The program's own name, if there is one.
    program: Option<*const c_char>,
}

impl Args {
    /// Takes argv over from the C runtime, without its first word.
    ///
    /// # Safety
    /// `argv` holds `argc` pointers to C strings, and both arrays and strings stay as they are until the process ends,
    /// as C promises to `main`.
    pub unsafe fn from_main(argc: c_int, argv: *const *const c_char) -> Args {
        let count = usize::try_from(argc).unwrap_or(0);
        if argv.is_null() || count == 0 {
            return Args { rest: &[], program: None };
        }
        // SAFETY: the caller promises `argc` pointers at `argv`, valid until the process ends.
        let words = unsafe { std::slice::from_raw_parts(argv, count) };
        Args { rest: words.get(1..).unwrap_or(&[]), program: words.first().copied() }
    }

    /// The same over words of our own making, which are never freed: for tests.
    pub fn leaked(words: impl IntoIterator<Item = CString>) -> Args {
        let words: Vec<*const c_char> = words.into_iter().map(|word| word.into_raw().cast_const()).collect();
        Args { rest: words.leak(), program: None }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next word, which stays.
    pub fn peek(&self) -> Option<&'static CStr> {
        // SAFETY: each pointer in `rest` is a C string that lives until the process ends (`from_main`, `leaked`).
        self.rest.first().map(|&word| unsafe { CStr::from_ptr(word) })
    }

    /// The last word's memory, for programs that write into it, and the end of this list, so that nothing else reads it.
    pub(super) fn into_last(self) -> Option<*const c_char> {
        self.rest.last().copied()
    }

    /// The memory of all words, the program's own name first, for programs that write into it; copies of those not taken
    /// yet; and the end of this list, so that nothing else reads the words.
    pub(super) fn into_copies(self) -> (Vec<*const c_char>, Vec<&'static CStr>) {
        let memory = self.program.into_iter().chain(self.rest.iter().copied()).collect();
        let copies = self.map(|word| &*Box::leak(word.to_owned().into_boxed_c_str())).collect();
        (memory, copies)
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        let word = self.peek();
        self.rest = self.rest.get(1..).unwrap_or(&[]);
        word
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.rest.len(), Some(self.rest.len()))
    }
}

impl ExactSizeIterator for Args {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_in_order_and_as_they_are() {
        let mut args = Args::leaked([c"-a".into(), c"\xff".into(), c"".into()]);
        assert_eq!(args.len(), 3);
        assert_eq!(args.peek(), Some(c"-a"));
        assert_eq!(args.next(), Some(c"-a"));
        assert_eq!(args.next(), Some(c"\xff"));
        assert_eq!(args.next(), Some(c""));
        assert!(args.is_empty());
        assert_eq!(args.next(), None);
    }
}
