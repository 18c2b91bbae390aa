//! The command line of svupgrade.

use std::path::PathBuf;
use std::time::Duration;

use daemontools_cli::long_options::{misused, parser, time, value};
use daemontools_program::failure::Failure;
use daemontools_service::default_scan_dir::default_scan_dir;
use daemontools_sys::args::Args;
use daemontools_upgrade::Order;
use lexopt::Arg;

/// How long a process may be busy before it is given up.
const USUAL_TIMEOUT: Duration = Duration::from_secs(30);

/// What a number without a unit counts.
const SECOND: Duration = Duration::from_secs(1);

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// To do it, or only to say what would be done.
    pub order: Order,
    /// Where the new programs are; `None`: beside this one.
    pub bin: Option<PathBuf>,
    /// How long to wait for processes that cannot do it at once.
    pub timeout: Duration,
    /// The scan directories; at least one.
    pub dirs: Vec<PathBuf>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let mut options = Options { order: Order::Upgrade, bin: None, timeout: USUAL_TIMEOUT, dirs: Vec::new() };
        let mut parser = parser(args);
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Long("check") => options.order = Order::Check,
                Arg::Long("bin") => options.bin = Some(value(&mut parser)?.into()),
                Arg::Short('t') | Arg::Long("timeout") => options.timeout = time(&value(&mut parser)?, SECOND)?,
                Arg::Value(dir) => options.dirs.push(dir.into()),
                other => return Err(misused(other.unexpected())),
            }
        }
        if options.dirs.is_empty() {
            options.dirs.push(default_scan_dir());
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    fn parse(words: &[&str]) -> Result<Options, Failure> {
        Options::parse(Args::leaked(words.iter().map(|&word| CString::new(word).unwrap())))
    }

    #[test]
    fn options_and_directories_are_read() {
        let options = parse(&["--check", "--bin", "/new", "-t", "500ms", "a", "b"]).unwrap();
        let expected = Options {
            order: Order::Check,
            bin: Some("/new".into()),
            timeout: Duration::from_millis(500),
            dirs: vec!["a".into(), "b".into()],
        };
        assert_eq!(options, expected);
        assert_eq!(parse(&["x"]).unwrap().order, Order::Upgrade);
        assert_eq!(parse(&[]).unwrap().dirs.len(), 1, "the usual scan directory");
    }

    #[test]
    fn nonsense_is_refused() {
        let reason = |words: &[&str]| String::from_utf8_lossy(parse(words).unwrap_err().text()).into_owned();
        assert_eq!(reason(&["-z"]), "invalid option '-z'");
        assert_eq!(reason(&["-t", "soon"]), "not a time: soon");
    }
}
