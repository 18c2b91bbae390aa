//! What stands at the front of a pipe, as far as it has been copied: if it is another time something else, another reader has
//! taken it. That is noticed without a system call.

/// How many bytes are compared.
const LENGTH: usize = 32;

/// The first bytes of a copy that are still in the pipe; none if nothing is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Front {
    bytes: [u8; LENGTH],
    length: usize,
}

impl Front {
    /// Notes what has been copied and is still in the pipe.
    pub fn note(&mut self, copy: &[u8]) {
        self.length = copy.len().min(LENGTH);
        self.bytes.iter_mut().zip(copy).for_each(|(to, from)| *to = *from);
    }

    /// Whether a later copy of the front of the pipe begins so.
    pub fn is_at(&self, copy: &[u8]) -> bool {
        self.bytes.get(..self.length).is_some_and(|bytes| copy.starts_with(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_is_there_unless_it_was_taken() {
        let mut front = Front::default();
        assert!(front.is_at(b"") && front.is_at(b"anything"));
        front.note(b"abc");
        assert!(front.is_at(b"abc") && front.is_at(b"abcd") && !front.is_at(b"ab") && !front.is_at(b"bcd"));
        front.note(&[b'x'; 100]);
        assert!(front.is_at(&[b'x'; 32]) && !front.is_at(&[b'x'; 31]));
        front.note(b"");
        assert!(front.is_at(b"y"));
    }
}
