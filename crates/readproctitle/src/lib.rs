//! What readproctitle shows: three dots and the end of all that was read, in a title whose length never changes.

/// How many dots always stay at the left.
const DOTS: usize = 3;

/// The text of a title.
pub struct Text {
    /// The three dots, further dots as long as little was read, then the end of what was read. At least `LEAST` long.
    bytes: Vec<u8>,
}

impl Text {
    /// The least length: the three dots, and room for something after them.
    pub const LEAST: usize = 5;

    /// A title of `len` dots, or of the least length.
    #[must_use]
    pub fn new(len: usize) -> Text {
        Text { bytes: vec![b'.'; len.max(Text::LEAST)] }
    }

    /// Puts what was read at the end, and moves the rest to the left. A NUL would end the title and is skipped.
    pub fn push(&mut self, read: &[u8]) {
        let len = self.bytes.len();
        self.bytes.extend(read.iter().filter(|&&byte| byte != 0));
        let surplus = self.bytes.len() - len;
        self.bytes.drain(DOTS..DOTS + surplus);
    }

    /// The title as it is now.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The title of this length after each of these was read.
    fn after(len: usize, read: &[&[u8]]) -> Vec<u8> {
        let mut text = Text::new(len);
        for bytes in read {
            text.push(bytes);
        }
        text.bytes().to_vec()
    }

    #[test]
    fn a_title_begins_as_dots() {
        assert_eq!(after(5, &[]), b".....");
        assert_eq!(after(12, &[]), b"............");
    }

    #[test]
    fn text_comes_in_from_the_right_and_three_dots_stay() {
        assert_eq!(after(10, &[b"ab"]), b"........ab");
        assert_eq!(after(10, &[b"ab", b"cd\n"]), b".....abcd\n");
        assert_eq!(after(10, &[b"abcdefghijkl"]), b"...fghijkl");
        assert_eq!(after(5, &[b"a", b"b", b"c"]), b"...bc");
    }

    #[test]
    fn nul_is_skipped() {
        assert_eq!(after(8, &[b"a\0b\0", b"\0"]), b"......ab");
    }
}
