//! The pattern that a line has to contain: a regular expression, matched against what follows the stamp.

use regex::bytes::Regex;

use crate::stamp;

/// What is sought in lines.
#[derive(Clone, Debug, Default)]
pub struct Sought(Option<Regex>);

impl Sought {
    /// This pattern; or why it is none.
    pub fn pattern(pattern: &str) -> Result<Sought, String> {
        Regex::new(pattern).map(|regex| Sought(Some(regex))).map_err(|error| {
            // The last line of several has the reason, the others point at the place.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
        })
    }

    /// Whether every line is welcome.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether a line is.
    pub fn is_in(&self, line: &[u8]) -> bool {
        let Some(pattern) = &self.0 else { return true };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        pattern.is_match(stamp::split(line).map_or(line, |(_, rest)| rest.strip_prefix(b" ").unwrap_or(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_sought_behind_the_stamp() {
        let line = b"@400000003b9aca0a00000000 GET /* \xff caf\xc3\xa9\n";
        for (pattern, found) in [
            ("GET", true),
            ("^GET /", true),
            (r"/\*", true),
            ("(?i)get|put", true),
            ("PUT|POST", false),
            ("caf.$", true),
            (r"(?-u)\xff", true),
            ("3b9a", false),
            ("^ ", false),
            ("\n", false),
            ("", true),
        ] {
            assert_eq!(Sought::pattern(pattern).unwrap().is_in(line), found, "{pattern:?}");
        }
        assert!(Sought::pattern("3b9a").unwrap().is_in(b"  3b9a\n"));
        assert!(Sought::default().is_everything() && Sought::default().is_in(line));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        assert_eq!(Sought::pattern("a(b").unwrap_err(), "unclosed group");
        assert_eq!(Sought::pattern("*").unwrap_err(), "repetition operator missing expression");
    }
}
