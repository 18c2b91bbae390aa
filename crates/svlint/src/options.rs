//! The command line of svlint: what was typed becomes what is wanted.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use daemontools_program::failure::Failure;
use daemontools_service::default_scan_dir::default_scan_dir;
use daemontools_service::name::service_path;
use daemontools_sys::args::Args;
use lexopt::{Arg, Parser};

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// Whether to print objects.
    pub json: bool,
    /// What to read; at least one.
    pub dirs: Vec<PathBuf>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let words = args.map(|word| OsStr::from_bytes(word.to_bytes()).to_owned());
        let (mut json, mut dirs) = (false, Vec::new());
        let mut parser = Parser::from_args(words);
        let misused = |error: lexopt::Error| Failure::misused([error.to_string().as_bytes()]);
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Short('j') | Arg::Long("json") => json = true,
                Arg::Value(given) => {
                    let path = CString::new(given.into_vec()).map(|given| service_path(&given).into_bytes());
                    dirs.extend(path.map(|path| PathBuf::from(OsString::from_vec(path))));
                }
                other => return Err(misused(other.unexpected())),
            }
        }
        if dirs.is_empty() {
            dirs.push(default_scan_dir());
        }
        Ok(Options { json, dirs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Failure> {
        Options::parse(Args::leaked(words.iter().map(|&word| CString::new(word).unwrap())))
    }

    #[test]
    fn options_may_be_anywhere() {
        let dirs = vec![PathBuf::from("a"), PathBuf::from("-b")];
        assert_eq!(parse(&["a", "-j", "--", "-b"]).unwrap(), Options { json: true, dirs });
        assert_eq!(parse(&["-z"]).unwrap_err().text(), b"invalid option '-z'");
    }
}
