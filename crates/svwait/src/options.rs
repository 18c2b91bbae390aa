//! The command line of svwait: what was typed becomes what is wanted.

use std::ffi::{CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use daemontools_cli::long_options::{choose, digits, misused, parser, time, value};
use daemontools_program::failure::Failure;
use daemontools_service::name::service_path;
use daemontools_sys::args::Args;
use lexopt::Arg;

use crate::goal::{Except, Goal, State};

/// How many of the services have to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// All, at the same time.
    All,
    /// Any one.
    One,
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// What each service is waited for.
    pub goal: Goal,
    /// How many of them.
    pub quorum: Quorum,
    /// How long at most; `None`: as long as it takes.
    pub timeout: Option<Duration>,
    /// The service directories as they were given; at least one.
    pub dirs: Vec<CString>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let (mut state, mut quorum, mut timeout, mut lasting) = (None, None, None, None);
        let (mut dirs, mut except) = (Vec::new(), Except::Nothing);
        let mut parser = parser(args);
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Short('u') | Arg::Long("up") => choose(&mut state, State::Up)?,
                Arg::Short('r') | Arg::Long("ready") => choose(&mut state, State::Ready)?,
                Arg::Short('d') | Arg::Long("down") => choose(&mut state, State::Down)?,
                Arg::Long("done") => choose(&mut state, State::Done)?,
                Arg::Short('s') | Arg::Long("supervised") => choose(&mut state, State::Supervised)?,
                Arg::Short('x') | Arg::Long("unsupervised") => choose(&mut state, State::Unsupervised)?,
                Arg::Short('a') | Arg::Long("all") => choose(&mut quorum, Quorum::All)?,
                Arg::Short('o') | Arg::Long("one") => choose(&mut quorum, Quorum::One)?,
                Arg::Short('t') | Arg::Long("timeout") => {
                    timeout = Some(time(&value(&mut parser)?, Duration::from_millis(1))?);
                }
                Arg::Long("new-pid") => except = new_pid(parser.optional_value())?,
                Arg::Long("for") => lasting = Some(time(&value(&mut parser)?, Duration::from_secs(1))?),
                Arg::Value(dir) => {
                    dirs.extend(CString::new(dir.into_vec()).map(|given| service_path(&given)));
                }
                other => return Err(misused(other.unexpected())),
            }
        }
        let state = state.unwrap_or(State::Up);
        if lasting.is_some() && matches!(state, State::Done | State::Supervised | State::Unsupervised) {
            return Err(Failure::misused([b"--for goes with -u, -r and -d only"]));
        }
        if except != Except::Nothing && !matches!(state, State::Up | State::Ready) {
            return Err(Failure::misused([b"--new-pid goes with -u and -r only"]));
        }
        if dirs.is_empty() {
            return Err(Failure::usage());
        }
        let goal = Goal { state, lasting: lasting.unwrap_or_default(), except };
        Ok(Options { goal, quorum: quorum.unwrap_or(Quorum::All), timeout, dirs })
    }
}

/// Which process does not count: the one of this number, or the first one that is seen.
fn new_pid(given: Option<OsString>) -> Result<Except, Failure> {
    let Some(text) = given else { return Ok(Except::First) };
    let pid = digits(&text).map(Except::Pid);
    pid.ok_or_else(|| Failure::misused([b"not a process id: ", text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, Failure> {
        Options::parse(Args::leaked(words.iter().map(|&word| CString::new(word).unwrap())))
    }

    #[test]
    fn up_and_all_are_the_default() {
        let goal = Goal { state: State::Up, lasting: Duration::ZERO, except: Except::Nothing };
        let dirs = vec![c"a".to_owned(), c"b".to_owned()];
        assert_eq!(parse(&["a", "b"]).unwrap(), Options { goal, quorum: Quorum::All, timeout: None, dirs });
    }

    #[test]
    fn letters_combine_and_options_may_follow_a_directory() {
        let options = parse(&["x", "-uot250", "--for", "1.5", "--", "-y"]).unwrap();
        let lasting = Duration::from_millis(1500);
        assert_eq!(options.goal, Goal { state: State::Up, lasting, except: Except::Nothing });
        assert_eq!(parse(&["-r", "--new-pid", "x"]).unwrap().goal.except, Except::First);
        assert_eq!(parse(&["--new-pid=42", "x"]).unwrap().goal.except, Except::Pid(42));
        assert_eq!((options.quorum, options.timeout), (Quorum::One, Some(Duration::from_millis(250))));
        assert_eq!(options.dirs, [c"x".to_owned(), c"-y".to_owned()]);
    }

    #[test]
    fn nonsense_is_refused_with_its_reason() {
        let reason = |words: &[&str]| String::from_utf8_lossy(parse(words).unwrap_err().text()).into_owned();
        assert_eq!(reason(&["-z", "x"]), "invalid option '-z'");
        assert_eq!(reason(&["-u", "-d", "x"]), "options contradict each other");
        assert_eq!(reason(&["-t", "soon", "x"]), "not a time: soon");
        assert_eq!(reason(&["-t", "-1", "x"]), "not a time: -1");
        assert_eq!(reason(&["--for", "inf", "x"]), "not a time: inf");
        assert_eq!(reason(&["-x", "--for", "1", "x"]), "--for goes with -u, -r and -d only");
        assert_eq!(reason(&["-d", "--new-pid", "x"]), "--new-pid goes with -u and -r only");
        assert_eq!(reason(&["--new-pid=x", "x"]), "not a process id: x");
        assert_eq!(reason(&[]), "");
    }
}
