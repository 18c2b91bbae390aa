//! The text that a line has to contain.

use memchr::memmem::Finder;

use crate::stamp;

/// What is sought in lines: a text as it is, without wildcards, in what follows the stamp.
pub struct Sought<'a>(Option<Finder<'a>>);

impl Sought<'_> {
    /// This text; `None`: every line is welcome.
    pub fn new(text: Option<&[u8]>) -> Sought<'_> {
        Sought(text.map(Finder::new))
    }

    /// Whether every line is welcome.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a line is.
    pub fn is_in(&self, line: &[u8]) -> bool {
        let Some(finder) = &self.0 else { return true };
        let text = stamp::split(line).map_or(line, |(_, text)| text);
        finder.find(text.strip_suffix(b"\n").unwrap_or(text)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_sought_behind_the_stamp() {
        let line = b"@400000003b9aca0a00000000 GET /*\n";
        for (text, found) in [("GET", true), (" GET", true), ("/*", true), ("3b9a", false), ("\n", false), ("", true)] {
            assert_eq!(Sought::new(Some(text.as_bytes())).is_in(line), found, "{text:?}");
        }
        assert!(Sought::new(Some(b"3b9a")).is_in(b"  3b9a\n"));
        assert!(Sought::new(None).is_everything());
    }
}
