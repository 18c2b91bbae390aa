//! The command line of svlog.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use daemontools_cli::long_options::{digits, misused, parser, value};
use daemontools_core::label::Label;
use daemontools_program::clock::time_of_day;
use daemontools_program::failure::Failure;
use daemontools_sys::args::Args;
use daemontools_sys::local_time::LocalTime;
use lexopt::Arg;

use crate::filter::Filter;
use crate::format::{Bytes, Style};
use crate::range::Range;
use crate::time_spec::{Context, Edge};

/// How many lines `-f` begins with if nothing else is asked for.
const FOLLOW_TAIL: usize = 10;

/// What is wanted.
#[derive(Debug, Default)]
pub struct Options {
    /// Whether to go on as lines come.
    pub follow: bool,
    /// How many lines at most, the last ones.
    pub lines: Option<usize>,
    /// From when to when.
    pub range: Range,
    /// What a line has to contain.
    pub filter: Filter,
    /// How times are shown.
    pub style: Style,
    /// How lines are shown; `None`: as standard output needs it.
    pub bytes: Option<Bytes>,
    /// The services and log directories as they were given; at least one.
    pub dirs: Vec<OsString>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let context = Context { now: time_of_day(), zone: LocalTime::of };
        let mut parser = parser(args);
        let mut options = Options::default();
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Short('f') | Arg::Long("follow") => options.follow = true,
                Arg::Short('n') | Arg::Long("lines") => options.lines = Some(number(&value(&mut parser)?)?),
                Arg::Short('S') | Arg::Long("since") => {
                    options.range.since = Some(moment(&context, &value(&mut parser)?, Edge::Since)?);
                }
                Arg::Short('U') | Arg::Long("until") => {
                    options.range.until = Some(moment(&context, &value(&mut parser)?, Edge::Until)?);
                }
                Arg::Short('g') | Arg::Long("grep") => options.filter = filter(&value(&mut parser)?)?,
                Arg::Short('o') | Arg::Long("output") => options.style = style(&value(&mut parser)?)?,
                Arg::Long("raw") => options.bytes = Some(Bytes::Raw),
                Arg::Long("escape") => options.bytes = Some(Bytes::Escaped),
                Arg::Value(dir) => options.dirs.push(dir),
                other => return Err(misused(other.unexpected())),
            }
        }
        if options.dirs.is_empty() {
            return Err(Failure::usage());
        }
        if options.follow && options.range.until.is_some() {
            return Err(Failure::misused([b"-f and -U contradict each other"]));
        }
        if options.follow && options.range.since.is_none() {
            options.lines.get_or_insert(FOLLOW_TAIL);
        }
        Ok(options)
    }
}

fn number(text: &OsString) -> Result<usize, Failure> {
    digits(text).ok_or_else(|| Failure::misused([b"not a number of lines: ", text.as_bytes()]))
}

fn moment(context: &Context<impl Fn(i64) -> Option<LocalTime>>, text: &OsString, edge: Edge) -> Result<Label, Failure> {
    text.to_str()
        .and_then(|text| context.read(text, edge))
        .ok_or_else(|| Failure::misused([b"not a time: ", text.as_bytes()]))
}

fn filter(text: &OsString) -> Result<Filter, Failure> {
    let pattern = text.to_str().ok_or("it is no UTF-8").map_err(str::to_owned).and_then(Filter::pattern);
    pattern.map_err(|why| Failure::misused([b"not a pattern: ", text.as_bytes(), b": ", why.as_bytes()]))
}

fn style(text: &OsString) -> Result<Style, Failure> {
    Style::by_name(text.as_bytes())
        .ok_or_else(|| Failure::misused([b"not local, utc, unix, tai64n or json: ", text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn args(words: &[&str]) -> Args {
        Args::leaked(words.iter().map(|&word| CString::new(word).unwrap()))
    }

    #[test]
    fn options_mean_what_they_say() {
        assert_eq!(Options::parse(args(&["--raw", "--escape", "x"])).unwrap().bytes, Some(Bytes::Escaped));
        assert_eq!(Options::parse(args(&["--raw", "x"])).unwrap().bytes, Some(Bytes::Raw));
        let words = ["-fn20", "-g", "-x", "-S", "@400000003b9aca0a00000000", "-o", "json", "web", "--", "-odd"];
        let options = Options::parse(args(&words)).unwrap();
        let since = Some(Label::from_unix(1_000_000_000, 0));
        assert_eq!((options.follow, options.lines), (true, Some(20)));
        assert_eq!(options.range, Range { since, until: None });
        assert!(options.filter.accepts(b"a-x") && !options.filter.accepts(b"x"));
        assert_eq!((options.style, options.dirs), (Style::Json, vec!["web".into(), "-odd".into()]));
    }

    #[test]
    fn following_begins_with_the_last_lines_unless_told_otherwise() {
        assert_eq!(Options::parse(args(&["-f", "x"])).unwrap().lines, Some(10));
        assert_eq!(Options::parse(args(&["-f", "-S", "-1h", "x"])).unwrap().lines, None);
        assert_eq!(Options::parse(args(&["-f", "-n", "0", "x"])).unwrap().lines, Some(0));
        assert_eq!(Options::parse(args(&["x"])).unwrap().lines, None);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let reason =
            |words: &[&str]| String::from_utf8_lossy(Options::parse(args(words)).unwrap_err().text()).into_owned();
        assert_eq!(reason(&["-z", "x"]), "invalid option '-z'");
        assert_eq!(reason(&["-n", "many", "x"]), "not a number of lines: many");
        assert_eq!(reason(&["-S", "noon", "x"]), "not a time: noon");
        assert_eq!(reason(&["-g", "a(b", "x"]), "not a pattern: a(b: unclosed group");
        assert_eq!(reason(&["-o", "xml", "x"]), "not local, utc, unix, tai64n or json: xml");
        assert_eq!(reason(&["-f", "-U", "now", "x"]), "-f and -U contradict each other");
        assert_eq!(reason(&["-f"]), "");
    }
}
