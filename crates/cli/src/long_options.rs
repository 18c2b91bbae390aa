//! Long options and their values, read by lexopt. Paths stay bytes, and a mistake becomes the line
//! `PROGRAM: WHAT IS WRONG` before the usage line, exit 100.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use daemontools_program::failure::Failure;
use daemontools_sys::args::Args;
use lexopt::Parser;

/// A parser of the program's arguments.
pub fn parser(args: Args) -> Parser {
    Parser::from_args(args.map(|word| OsStr::from_bytes(word.to_bytes()).to_owned()))
}

/// What lexopt found wrong.
pub fn misused(error: lexopt::Error) -> Failure {
    Failure::misused([error.to_string().as_bytes()])
}

/// The value of the option that was just read.
pub fn value(parser: &mut Parser) -> Result<OsString, Failure> {
    parser.value().map_err(misused)
}

/// A number written in decimal digits alone; `None` for anything else, and where it does not fit.
pub fn digits<T: std::str::FromStr>(text: &OsStr) -> Option<T> {
    let text = text.to_str()?;
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// A span of time: `500ms`, `10s`, `2m`, `1h`, with a fraction if need be (`1.5s`). A bare number counts `bare`.
pub fn span(text: &OsStr, bare: Duration) -> Option<Duration> {
    let text = text.to_str()?;
    let unit_at = text.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let unit = match unit {
        "" => bare,
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return None,
    };
    // Whole numbers are exact; what has a fraction is near enough.
    match digits(OsStr::new(number)) {
        Some(count) => unit.checked_mul(count),
        None => {
            let count: f64 = number.parse().ok()?;
            Duration::try_from_secs_f64(count * unit.as_secs_f64()).ok()
        }
    }
}

/// The same, as the value of an option.
pub fn time(text: &OsStr, bare: Duration) -> Result<Duration, Failure> {
    span(text, bare).ok_or_else(|| Failure::misused([b"not a time: ", text.as_bytes()]))
}

/// Remembers a choice; a different one before it is a contradiction.
pub fn choose<T: PartialEq>(chosen: &mut Option<T>, choice: T) -> Result<(), Failure> {
    match chosen.replace(choice) {
        earlier if earlier.is_some() && earlier != *chosen => Err(Failure::misused([b"options contradict each other"])),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_unit_or_the_one_that_bare_numbers_count() {
        let millisecond = Duration::from_millis(1);
        let read = |text: &str| span(OsStr::new(text), millisecond);
        for (text, milliseconds) in [
            ("250", 250),
            ("0", 0),
            ("500ms", 500),
            ("10s", 10_000),
            ("1.5s", 1500),
            ("2m", 120_000),
            ("1h", 3_600_000),
        ] {
            assert_eq!(read(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in
            ["", "s", "-1", "soon", "1d", "1 s", "inf", "nan", "1e3", "1.2.3", "+1", "99999999999999999999s", "."]
        {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_choice_may_be_repeated_but_not_changed() {
        let mut chosen = None;
        assert!(choose(&mut chosen, 'a').is_ok() && choose(&mut chosen, 'a').is_ok());
        assert!(choose(&mut chosen, 'b').is_err());
    }
}
