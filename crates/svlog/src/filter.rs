//! The pattern that a line has to contain: a regular expression, matched against what follows the stamp.

use regex::bytes::Regex;

use crate::stamp;

/// Which lines are shown.
#[derive(Clone, Debug, Default)]
pub struct Filter(Option<Regex>);

impl Filter {
    /// Those with this pattern; or why it is none.
    pub fn pattern(pattern: &str) -> Result<Filter, String> {
        Regex::new(pattern).map(|regex| Filter(Some(regex))).map_err(|error| {
            // The last line of several has the reason, the others point at the place.
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            reason.strip_prefix("error: ").unwrap_or(reason).to_owned()
        })
    }

    /// Whether every line is shown.
    pub fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// Whether this line is shown.
    pub fn accepts(&self, line: &[u8]) -> bool {
        let Some(pattern) = &self.0 else { return true };
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        pattern.is_match(stamp::split(line).map_or(line, |(_, rest)| rest.strip_prefix(b" ").unwrap_or(rest)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_matched_after_the_stamp() {
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
            assert_eq!(Filter::pattern(pattern).unwrap().accepts(line), found, "{pattern:?}");
        }
        assert!(Filter::pattern("3b9a").unwrap().accepts(b"  3b9a\n"));
        assert!(Filter::default().is_everything() && Filter::default().accepts(line));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        assert_eq!(Filter::pattern("a(b").unwrap_err(), "unclosed group");
        assert_eq!(Filter::pattern("*").unwrap_err(), "repetition operator missing expression");
    }
}
