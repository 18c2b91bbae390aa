//! A pattern of `+` and `-`: bytes that match themselves, and stars.
//!
//! A star takes everything up to the first occurrence of the byte that follows it in the pattern, and nothing beyond:
//! there is no way back, so a match looks at each byte of the line once at most. A star at the end takes the rest.

use memchr::memchr;

/// A pattern, cut into pieces ahead of time.
#[derive(Debug, PartialEq, Eq)]
pub struct Pattern {
    /// As it was typed.
    words: &'static [u8],
    pieces: Vec<Piece>,
}

/// What a pattern is made of.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    /// These bytes, as they are.
    Text(&'static [u8]),
    /// A star and the byte it stops at, which the next piece begins with.
    Until(u8),
    /// A star at the end.
    Rest,
}

impl Pattern {
    /// The pattern that these words spell.
    pub fn new(words: &'static [u8]) -> Pattern {
        let (mut pieces, mut rest) = (Vec::new(), words);
        while let Some(&first) = rest.first() {
            let piece = match (first, rest.get(1)) {
                (b'*', None) => (Piece::Rest, 1),
                // The byte after the star may be a star again: then the first one stops at a star in the line.
                (b'*', Some(&stop)) => (Piece::Until(stop), 1),
                _ => {
                    let length = memchr(b'*', rest).unwrap_or(rest.len());
                    (Piece::Text(rest.get(..length).unwrap_or_default()), length)
                }
            };
            pieces.push(piece.0);
            rest = rest.get(piece.1..).unwrap_or_default();
        }
        Pattern { words, pieces }
    }

    /// The pattern as it was typed.
    pub fn words(&self) -> &'static [u8] {
        self.words
    }

    /// Whether the whole of `line` matches.
    pub fn matches(&self, mut line: &[u8]) -> bool {
        for piece in &self.pieces {
            let rest = match *piece {
                Piece::Rest => return true,
                Piece::Text(text) => line.strip_prefix(text),
                Piece::Until(stop) => memchr(stop, line).and_then(|at| line.get(at..)),
            };
            match rest {
                Some(rest) => line = rest,
                None => return false,
            }
        }
        line.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `matches` is held against: the pattern's bytes one by one.
    fn plain(pattern: &[u8], line: &[u8]) -> bool {
        match (pattern, line) {
            ([], _) => line.is_empty(),
            ([b'*'], _) => true,
            ([b'*', stop, ..], [byte, ..]) if stop == byte => plain(&pattern[1..], line),
            ([b'*', ..], [_, rest @ ..]) => plain(pattern, rest),
            ([byte, pattern @ ..], [other, rest @ ..]) => byte == other && plain(pattern, rest),
            (_, []) => false,
        }
    }

    #[test]
    fn the_manuals_examples() {
        assert!(Pattern::new(b"hello").matches(b"hello"));
        assert!(!Pattern::new(b"hello").matches(b"hello world"));
        let cleaned = Pattern::new(b"named[*]: Cleaned cache *");
        assert!(cleaned.matches(b"named[135]: Cleaned cache of 3121 RRs"));
        assert!(!cleaned.matches(b"named[135]] Cleaned cache of 3121 RRs"));
        assert!(Pattern::new(b"*").matches(b""));
        assert!(Pattern::new(b"").matches(b"") && !Pattern::new(b"").matches(b"x"));
    }

    #[test]
    fn a_star_never_goes_beyond_its_byte() {
        assert!(!Pattern::new(b"*xy").matches(b"xxy"));
        assert!(Pattern::new(b"*xy").matches(b"abxy"));
        // The first star stops at a star in the line, the second takes that one too.
        assert!(Pattern::new(b"**").matches(b"ab*cd") && !Pattern::new(b"**").matches(b"abcd"));
    }

    #[test]
    fn every_short_pattern_on_every_short_line() {
        let words = |letters: &'static [u8]| {
            let mut all = vec![Vec::new()];
            for from in 0..341 {
                for letter in letters {
                    let word: &Vec<u8> = &all[from];
                    all.push([word.as_slice(), &[*letter]].concat());
                }
            }
            all
        };
        for pattern in words(b"ab*c") {
            let pattern: &'static [u8] = pattern.leak();
            let compiled = Pattern::new(pattern);
            for line in words(b"ab*") {
                assert_eq!(compiled.matches(&line), plain(pattern, &line), "{pattern:?} {line:?}");
            }
        }
    }
}
