//! What softlimit's options mean: which letter is for which resources, and what a limit's text asks for.

use daemontools_program::number::scan;
use nix::sys::resource::Resource;

/// The option letters; each takes a value.
pub const LETTERS: &[u8] = b"a:c:d:f:l:m:o:p:r:s:t:";

/// The resources that an option is about.
#[must_use]
pub fn resources(letter: u8) -> &'static [Resource] {
    use Resource::*;
    match letter {
        b'a' => &[RLIMIT_AS],
        b'c' => &[RLIMIT_CORE],
        b'd' => &[RLIMIT_DATA],
        b'f' => &[RLIMIT_FSIZE],
        b'l' => &[RLIMIT_MEMLOCK],
        b'm' => &[RLIMIT_DATA, RLIMIT_STACK, RLIMIT_MEMLOCK, RLIMIT_AS],
        b'o' => &[RLIMIT_NOFILE],
        b'p' => &[RLIMIT_NPROC],
        b'r' => &[RLIMIT_RSS],
        b's' => &[RLIMIT_STACK],
        b't' => &[RLIMIT_CPU],
        _ => &[],
    }
}

/// The soft limit that somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// As much as the hard limit allows.
    Hard,
    /// This much.
    At(u64),
}

impl Wish {
    /// Reads `=` or a decimal number: no digits at all are 0, and a number too large wraps, as in 0.76. `None` for
    /// anything else.
    #[must_use]
    pub fn read(text: &[u8]) -> Option<Wish> {
        if text == b"=" {
            return Some(Wish::Hard);
        }
        let (value, digits) = scan(text);
        (digits == text.len()).then_some(Wish::At(value))
    }

    /// The soft limit to set below this hard one.
    #[must_use]
    pub fn soft(self, hard: u64) -> u64 {
        match self {
            Wish::Hard => hard,
            Wish::At(value) => value.min(hard),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_the_hard_one() {
        assert_eq!(Wish::read(b"="), Some(Wish::Hard));
        assert_eq!(Wish::read(b""), Some(Wish::At(0)));
        assert_eq!(Wish::read(b"0042"), Some(Wish::At(42)));
        assert_eq!(Wish::read(b"18446744073709551617"), Some(Wish::At(1)));
        for text in ["==", "=5", "5=", "-5", "+5", " 5", "5k", "0x10"] {
            assert_eq!(Wish::read(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_soft_limit_never_passes_the_hard_one() {
        assert_eq!(Wish::At(5).soft(9), 5);
        assert_eq!(Wish::At(10).soft(9), 9);
        assert_eq!(Wish::Hard.soft(9), 9);
        assert_eq!(Wish::At(u64::MAX).soft(u64::MAX), u64::MAX);
    }

    #[test]
    fn each_letter_has_its_resources() {
        for (at, &letter) in LETTERS.iter().enumerate() {
            assert_eq!(resources(letter).is_empty(), at % 2 == 1, "{}", char::from(letter));
        }
    }
}
