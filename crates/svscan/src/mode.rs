//! Whether svscan is the init of its processes: it is as process 1, and with `--init`, which has options of its own.
//!
//! An init adopts and reaps orphans, scans again on HUP, and stops the tree in order on TERM, INT or PWR (`shutdown`).

use std::ffi::CStr;
use std::time::Duration;

use daemontools_core::settings::value;
use daemontools_program::failure::Failure;
use daemontools_program::number;
use daemontools_sys::args::Args;

/// How long services may take to end unless `--grace` says otherwise. It fits into the 10 seconds after which docker
/// kills a container.
const GRACE: Duration = Duration::from_secs(8);

/// What svscan does with signals and orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As in 0.76: a signal ends svscan, and the supervises go on.
    Classic,
    /// svscan is the init of its processes.
    Init(Init),
}

/// How an init stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Init {
    /// How long services may take to end (`--grace`).
    pub grace: Duration,
    /// The entry of the scan directory whose end stops the tree (`--exit-with`).
    pub exit_with: Option<&'static CStr>,
}

/// Whether svscan is process 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pid1 {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl Mode {
    /// How many descriptors stay free beside those that serve loggers: one to read a directory with, and a second one for
    /// the ordered stop, which opens a file in the directory of a service.
    pub fn spare_descriptors(self) -> usize {
        match self {
            Mode::Classic => 1,
            Mode::Init(_) => 2,
        }
    }

    /// Takes the options off the front of the arguments. 0.76 has no options, so every other word is a directory.
    pub fn take(args: &mut Args, is_pid1: Pid1) -> Result<Mode, Failure> {
        let mut init = Init { grace: GRACE, exit_with: None };
        if args.peek() != Some(c"--init") {
            return Ok(match is_pid1 {
                Pid1::Yes => Mode::Init(init),
                Pid1::No => Mode::Classic,
            });
        }
        args.next();
        loop {
            if args.peek() == Some(c"--grace") {
                args.next();
                init.grace = span(args.next())?;
            } else if args.peek() == Some(c"--exit-with") {
                args.next();
                init.exit_with = Some(entry(args.next())?);
            } else {
                return Ok(Mode::Init(init));
            }
        }
    }
}

/// The name of an entry of the scan directory that may be a service.
fn entry(word: Option<&'static CStr>) -> Result<&'static CStr, Failure> {
    let Some(name) = word else { return Err(Failure::misused([b"--exit-with needs the name of a service in dir"])) };
    let bytes = name.to_bytes();
    if bytes.is_empty() || bytes.starts_with(b".") || bytes.contains(&b'/') {
        return Err(Failure::misused([b"--exit-with needs the name of a service in dir, not ", bytes]));
    }
    Ok(name)
}

/// A time with a unit, or a number of seconds.
fn span(word: Option<&CStr>) -> Result<Duration, Failure> {
    let Some(word) = word else { return Err(Failure::misused([b"--grace needs a time such as 25s"])) };
    let bytes = word.to_bytes();
    match number::scan(bytes) {
        // More digits could overflow; nine are 31 years.
        (seconds, digits @ 1..=9) if digits == bytes.len() => Ok(Duration::from_secs(seconds)),
        _ => value::time(bytes).map_err(|_| Failure::misused([b"--grace needs a time such as 25s, not ", bytes])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `words` mean to a process that is not 1, and the arguments that are left; or the complaint.
    fn take(words: &[&CStr]) -> Result<(Mode, Vec<&'static CStr>), String> {
        let mut args = Args::leaked(words.iter().map(|&word| word.to_owned()));
        match Mode::take(&mut args, Pid1::No) {
            Ok(mode) => Ok((mode, args.collect())),
            Err(failure) => Err(String::from_utf8_lossy(failure.text()).into_owned()),
        }
    }

    #[test]
    fn options_are_options_only_at_the_front_and_in_order() {
        let init = |seconds| Mode::Init(Init { grace: Duration::from_secs(seconds), exit_with: None });
        assert_eq!(take(&[c"x"]), Ok((Mode::Classic, vec![c"x"])));
        assert_eq!(take(&[c"--grace", c"2"]), Ok((Mode::Classic, vec![c"--grace", c"2"])));
        assert_eq!(take(&[c"x", c"--init"]), Ok((Mode::Classic, vec![c"x", c"--init"])));
        assert_eq!(take(&[c"--init"]), Ok((init(8), vec![])));
        assert_eq!(take(&[c"--init", c"--grace", c"0", c"x"]), Ok((init(0), vec![c"x"])));
        assert_eq!(take(&[c"--init", c"--grace", c"25s", c"x"]), Ok((init(25), vec![c"x"])));
        assert_eq!(take(&[c"--init", c"--grace", c"2m", c"x"]), Ok((init(120), vec![c"x"])));
    }

    #[test]
    fn the_options_of_an_init_come_in_any_order() {
        let both = Mode::Init(Init { grace: Duration::from_secs(2), exit_with: Some(c"web") });
        for words in [[c"--grace", c"2", c"--exit-with", c"web"], [c"--exit-with", c"web", c"--grace", c"2"]] {
            assert_eq!(take(&[&[c"--init"], &words[..], &[c"x"]].concat()), Ok((both, vec![c"x"])));
        }
        assert_eq!(take(&[c"--exit-with", c"web"]), Ok((Mode::Classic, vec![c"--exit-with", c"web"])));
    }

    #[test]
    fn the_service_to_exit_with_is_an_entry() {
        for word in [c"", c".", c".x", c"a/log", c"/web"] {
            assert!(take(&[c"--init", c"--exit-with", word]).is_err(), "{word:?}");
        }
        assert!(take(&[c"--init", c"--exit-with"]).is_err());
    }

    #[test]
    fn a_grace_is_a_number_of_seconds_or_a_time() {
        for word in [c"", c"x", c"2d", c"-1", c"1.5", c"1234567890"] {
            assert!(take(&[c"--init", c"--grace", word]).is_err(), "{word:?}");
        }
        assert!(take(&[c"--init", c"--grace"]).is_err());
    }

    #[test]
    fn process_1_is_an_init_without_an_option() {
        assert_eq!(
            Mode::take(&mut Args::leaked([]), Pid1::Yes).ok(),
            Some(Mode::Init(Init { grace: GRACE, exit_with: None }))
        );
    }
}
