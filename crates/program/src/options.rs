//! Options in the traditional way. They end at the first word that does not begin with `-`, at a lone `-`, which stays
//! an argument, or at `--…`, which is swallowed. Letters combine; a value is the rest of its word or the next word.

use std::ffi::CStr;

use crate::failure::Failure;
use daemontools_sys::args::Args;

/// One option.
#[derive(Debug, PartialEq, Eq)]
pub enum Opt {
    /// A letter alone.
    Flag(u8),
    /// A letter and its value.
    Value(u8, &'static CStr),
}

/// Takes options off the front of the arguments; what is left then is the arguments proper.
pub struct Options<'a> {
    args: &'a mut Args,
    /// The letters, each followed by `:` if it takes a value.
    letters: &'static [u8],
    /// What is left of the word that is being read.
    word: Option<&'static CStr>,
}

impl<'a> Options<'a> {
    /// Reads options off `args`. `letters` lists them, each followed by `:` if it takes a value.
    pub fn new(args: &'a mut Args, letters: &'static [u8]) -> Options<'a> {
        Options { args, letters, word: None }
    }

    /// What is left of the current word, or of the next one if that holds options.
    fn letters_at_hand(&mut self) -> Option<&'static CStr> {
        if let Some(word) = self.word.take().filter(|word| !word.is_empty()) {
            return Some(word);
        }
        let rest = self.args.peek().and_then(|word| tail(word, b'-')).filter(|rest| !rest.is_empty())?;
        self.args.next();
        if rest.to_bytes().starts_with(b"-") { None } else { Some(rest) }
    }

    /// The value of the option before `rest`: `rest`, or the next word where `rest` is empty.
    fn value(&mut self, letter: u8, rest: &'static CStr) -> Result<Opt, Failure> {
        let value = if rest.is_empty() { self.args.next() } else { Some(rest) };
        match value {
            Some(value) => Ok(Opt::Value(letter, value)),
            None => Err(Failure::misused([b"option requires an argument -- ", &[letter]])),
        }
    }
}

impl Iterator for Options<'_> {
    type Item = Result<Opt, Failure>;

    fn next(&mut self) -> Option<Result<Opt, Failure>> {
        let word = self.letters_at_hand()?;
        let letter = *word.to_bytes().first()?;
        let rest = tail(word, letter)?;
        let known = self.letters.iter().position(|&known| known == letter && letter != b':');
        let takes_value = known.and_then(|at| self.letters.get(at + 1)) == Some(&b':');
        Some(match (known, takes_value) {
            (None, _) => Err(Failure::misused([b"illegal option -- ", &[letter]])),
            (Some(_), true) => self.value(letter, rest),
            (Some(_), false) => {
                self.word = Some(rest);
                Ok(Opt::Flag(letter))
            }
        })
    }
}

/// A word without its first byte, if that is `first`.
fn tail(word: &'static CStr, first: u8) -> Option<&'static CStr> {
    let (head, rest) = word.to_bytes_with_nul().split_first()?;
    if *head != first {
        return None;
    }
    CStr::from_bytes_with_nul(rest).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Opt::{Flag, Value};

    /// What `letters` make of `words`: the options, up to an error's text, and the arguments that stay.
    fn parse(letters: &'static [u8], words: &[&CStr]) -> (Vec<Opt>, Option<String>, Vec<&'static CStr>) {
        let mut args = Args::leaked(words.iter().map(|&word| word.to_owned()));
        let mut options = Vec::new();
        let mut error = None;
        for option in Options::new(&mut args, letters) {
            match option {
                Ok(option) => options.push(option),
                Err(failure) => {
                    error = Some(String::from_utf8_lossy(failure.text()).into_owned());
                    break;
                }
            }
        }
        (options, error, args.collect())
    }

    #[test]
    fn letters_combine_and_end_at_the_first_other_word() {
        let (options, error, rest) = parse(b"ud", &[c"-ud", c"-u", c"dir", c"-d"]);
        assert_eq!(options, [Flag(b'u'), Flag(b'd'), Flag(b'u')]);
        assert_eq!((error, rest), (None, vec![c"dir", c"-d"]));
    }

    #[test]
    fn a_lone_dash_stays_and_two_dashes_are_swallowed() {
        assert_eq!(parse(b"u", &[c"-u", c"-", c"x"]), (vec![Flag(b'u')], None, vec![c"-", c"x"]));
        assert_eq!(parse(b"u", &[c"-u", c"--", c"-u"]), (vec![Flag(b'u')], None, vec![c"-u"]));
        assert_eq!(parse(b"u", &[c"--long", c"-u"]), (vec![], None, vec![c"-u"]));
    }

    #[test]
    fn a_value_is_the_rest_of_its_word_or_the_next_word() {
        let (options, error, rest) = parse(b"a:b", &[c"-ba12", c"-a", c"-b", c"x"]);
        assert_eq!(options, [Flag(b'b'), Value(b'a', c"12"), Value(b'a', c"-b")]);
        assert_eq!((error, rest), (None, vec![c"x"]));
    }

    #[test]
    fn wrong_letters_and_missing_values_are_told() {
        assert_eq!(parse(b"a:", &[c"-z"]).1.as_deref(), Some("illegal option -- z"));
        assert_eq!(parse(b"a:", &[c"-:"]).1.as_deref(), Some("illegal option -- :"));
        assert_eq!(parse(b"u", &[c"-u-"]).1.as_deref(), Some("illegal option -- -"));
        assert_eq!(parse(b"a:", &[c"-a"]).1.as_deref(), Some("option requires an argument -- a"));
    }
}
