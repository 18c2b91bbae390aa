//! The command line of svps: what was typed becomes what is wanted.

use std::ffi::CString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use daemontools_cli::long_options::{misused, parser, value};
use daemontools_observe::tree::Sort;
use daemontools_program::failure::Failure;
use daemontools_service::default_scan_dir::default_scan_dir;
use daemontools_sys::args::Args;
use lexopt::Arg;
use nix::sys::stat::lstat;

/// How the tree is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A table for people.
    Table,
    /// JSON objects, a line each.
    Json,
    /// The text of a Prometheus textfile collector.
    Metrics,
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The order.
    pub sort: Sort,
    /// The form.
    pub form: Form,
    /// Whether to show it again when something changes.
    pub watch: bool,
    /// The scan directory.
    pub dir: CString,
    /// The services that are wanted; none: all of them.
    pub names: Vec<CString>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let (mut sort, mut form, mut watch, mut given) = (Sort::Name, Form::Table, false, Vec::new());
        let mut parser = parser(args);
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Short('s') | Arg::Long("sort") => {
                    sort = match value(&mut parser)?.as_bytes() {
                        b"name" => Sort::Name,
                        b"trouble" => Sort::Trouble,
                        other => return Err(Failure::misused([b"no such order: ", other])),
                    }
                }
                Arg::Short('w') | Arg::Long("watch") => watch = true,
                Arg::Short('j') | Arg::Long("json") => choose(&mut form, Form::Json)?,
                Arg::Long("openmetrics") => choose(&mut form, Form::Metrics)?,
                Arg::Value(word) => given.extend(CString::new(word.into_vec())),
                other => return Err(misused(other.unexpected())),
            }
        }
        if watch && form == Form::Metrics {
            // A collector wants a whole file, not a stream.
            return Err(Failure::misused([b"--watch does not go with --openmetrics"]));
        }
        let (dir, names) = subject(given)?;
        Ok(Options { sort, form, watch, dir, names })
    }
}

/// Which scan directory, and which services in it, if not all, these words mean. A single word that is a path, or names
/// something here, is a scan directory.
fn subject(mut given: Vec<CString>) -> Result<(CString, Vec<CString>), Failure> {
    let is_path = |word: &CString| word.to_bytes().contains(&b'/') || lstat(word.as_c_str()).is_ok();
    let usual = CString::new(default_scan_dir().into_os_string().into_vec()).unwrap_or_default();
    match given.as_slice() {
        [] => Ok((usual, given)),
        [word] if is_path(word) || lstat([usual.as_bytes(), b"/", word.as_bytes()].concat().as_slice()).is_err() => {
            Ok((given.remove(0), Vec::new()))
        }
        words if words.len() > 1 && words.iter().any(|word| word.to_bytes().contains(&b'/')) => {
            Err(Failure::misused([b"one directory at a time"]))
        }
        _ => Ok((usual, given)),
    }
}

fn choose(form: &mut Form, choice: Form) -> Result<(), Failure> {
    if *form != Form::Table && *form != choice {
        return Err(Failure::misused([b"--json and --openmetrics exclude each other"]));
    }
    *form = choice;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Failure> {
        Options::parse(Args::leaked(words.iter().map(|&word| CString::new(word).unwrap())))
    }

    #[test]
    fn options_may_be_short_long_and_anywhere() {
        let expected =
            Options { sort: Sort::Trouble, form: Form::Json, watch: true, dir: c"./x".into(), names: vec![] };
        assert_eq!(parse(&["-wjs", "trouble", "./x"]).unwrap(), expected);
        assert_eq!(parse(&["./x", "--watch", "--json", "--sort=trouble"]).unwrap(), expected);
        let plain = Options { sort: Sort::Name, form: Form::Table, watch: false, dir: c"-y".into(), names: vec![] };
        assert_eq!(parse(&["--", "-y"]).unwrap(), plain);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let reason = |words: &[&str]| String::from_utf8_lossy(parse(words).unwrap_err().text()).into_owned();
        assert_eq!(reason(&["-z"]), "invalid option '-z'");
        assert_eq!(reason(&["-s", "age"]), "no such order: age");
        assert_eq!(reason(&["./a", "b"]), "one directory at a time");
        assert_eq!(reason(&["--json", "--openmetrics"]), "--json and --openmetrics exclude each other");
        assert_eq!(reason(&["-w", "--openmetrics"]), "--watch does not go with --openmetrics");
    }
}
