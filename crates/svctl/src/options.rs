//! The command line: options, a verb, names. What follows `log` belongs to svlog.

use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use daemontools_cli::long_options::{misused, parser, span, value};
use daemontools_core::control::Command;
use daemontools_core::settings::value as setting;
use daemontools_program::failure::Failure;
use daemontools_service::default_scan_dir::default_scan_dir;
use daemontools_sys::args::Args;
use lexopt::Arg;

/// Where the directories of services usually are.
const SERVICES: &CStr = c"/etc/sv";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Show the tree, or all that is known of some services.
    Status,
    /// Bring services into a state and wait until they are there.
    Act(Act),
    /// Send a signal.
    Kill(Command),
    /// Make links in the scan directory.
    Enable,
    /// Take them away.
    Disable,
    /// Say what is not as wanted and why.
    Why,
    /// Read logs.
    Log,
    /// The last ends.
    History,
    /// The names of all services.
    List,
    /// The scripts and settings of a service.
    Cat,
    /// Edit the script of a service.
    Edit,
}

/// A state to bring a service into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It runs.
    Start,
    /// It does not run.
    Stop,
    /// A new process of it runs.
    Restart,
    /// It has run to its end.
    Once,
    /// It was told to read its configuration again.
    Reload,
    /// Its process is stopped.
    Pause,
    /// Its process goes on.
    Resume,
}

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The scan directory.
    pub dir: CString,
    /// What is to be done.
    pub verb: Verb,
    /// How long to wait; `None`: as long as the verb and the service's settings say.
    pub timeout: Option<Duration>,
    /// Whether to wait at all.
    pub wait: bool,
    /// Whether to print JSON objects.
    pub json: bool,
    /// Where `enable` looks for a name.
    pub from: CString,
    /// Whether `disable` leaves the service alone.
    pub keep_running: bool,
    /// The words after the verb.
    pub names: Vec<CString>,
}

impl Options {
    /// Reads the arguments.
    pub fn parse(args: Args) -> Result<Options, Failure> {
        let mut parser = parser(args);
        let (mut dir, mut verb, mut timeout, mut wait, mut names) = (None, None, None, true, Vec::new());
        let (mut from, mut keep_running, mut json) = (None, false, false);
        while let Some(arg) = parser.next().map_err(misused)? {
            match arg {
                Arg::Long("dir") => dir = Some(value(&mut parser)?),
                Arg::Short('t') | Arg::Long("timeout") => timeout = Some(time(&value(&mut parser)?)?),
                Arg::Long("no-wait") => wait = false,
                Arg::Short('j') | Arg::Long("json") => json = true,
                Arg::Long("from") if verb == Some(Verb::Enable) => from = Some(value(&mut parser)?),
                Arg::Long("keep-running") if verb == Some(Verb::Disable) => keep_running = true,
                // What both do anyway.
                Arg::Long("now") if matches!(verb, Some(Verb::Enable | Verb::Disable)) => {}
                Arg::Short('s') | Arg::Long("signal") if matches!(verb, Some(Verb::Kill(_))) => {
                    verb = Some(Verb::Kill(signal(&value(&mut parser)?)?));
                }
                Arg::Value(word) => match verb {
                    None => verb = Some(named(&word)?),
                    Some(_) => names.push(word),
                },
                arg => return Err(misused(arg.unexpected())),
            }
            if verb == Some(Verb::Log) {
                names.extend(parser.raw_args().map_err(misused)?);
            }
        }
        let verb = verb.ok_or_else(Failure::usage)?;
        let needs_name = !matches!(verb, Verb::Status | Verb::Why | Verb::List);
        if needs_name && names.is_empty() {
            return Err(Failure::misused([b"which service?"]));
        }
        if json && matches!(verb, Verb::Log | Verb::Cat | Verb::Edit | Verb::Kill(_)) {
            return Err(Failure::misused([b"this verb has no --json"]));
        }
        let dir = dir.unwrap_or_else(|| default_scan_dir().into_os_string());
        let names = names.into_iter().map(c_string).collect::<Result<_, _>>()?;
        let from = from.map_or_else(|| Ok(SERVICES.into()), c_string)?;
        Ok(Options { dir: c_string(dir)?, verb, timeout, wait, json, from, keep_running, names })
    }
}

/// The verb of this name.
fn named(word: &OsString) -> Result<Verb, Failure> {
    Ok(match word.as_bytes() {
        b"status" => Verb::Status,
        b"start" | b"up" => Verb::Act(Act::Start),
        b"stop" | b"down" => Verb::Act(Act::Stop),
        b"restart" => Verb::Act(Act::Restart),
        b"once" => Verb::Act(Act::Once),
        b"reload" => Verb::Act(Act::Reload),
        b"pause" => Verb::Act(Act::Pause),
        b"resume" => Verb::Act(Act::Resume),
        b"kill" => Verb::Kill(Command::Terminate),
        b"enable" => Verb::Enable,
        b"disable" => Verb::Disable,
        b"why" => Verb::Why,
        b"log" => Verb::Log,
        b"history" => Verb::History,
        b"list" => Verb::List,
        b"cat" => Verb::Cat,
        b"edit" => Verb::Edit,
        other => return Err(Failure::misused([b"no such verb: ", other])),
    })
}

/// A time with its unit; a bare number is refused, as everywhere in settings.
fn time(text: &OsString) -> Result<Duration, Failure> {
    let has_unit = !text.as_bytes().last().is_some_and(u8::is_ascii_digit);
    let time = span(text, Duration::ZERO).filter(|_| has_unit);
    time.ok_or_else(|| Failure::misused([b"not a time, as in 10s or 2m: ", text.as_bytes()]))
}

/// The command that sends this signal.
fn signal(text: &OsString) -> Result<Command, Failure> {
    let number = setting::signal(text.as_bytes()).ok().map(daemontools_core::signal::Signal::number);
    Ok(match number {
        Some(1) => Command::Hangup,
        Some(2) => Command::Interrupt,
        Some(3) => Command::Quit,
        Some(9) => Command::Kill,
        Some(10) => Command::User1,
        Some(12) => Command::User2,
        Some(14) => Command::Alarm,
        Some(15) => Command::Terminate,
        Some(18) => Command::Continue,
        Some(19) => Command::Pause,
        Some(28) => Command::Window,
        Some(_) => return Err(Failure::misused([b"supervise has no command for the signal ", text.as_bytes()])),
        None => return Err(Failure::misused([b"no such signal: ", text.as_bytes()])),
    })
}

fn c_string(word: OsString) -> Result<CString, Failure> {
    // A word of the command line has no NUL; a variable of the environment has none either.
    CString::new(word.into_vec()).map_err(|_| Failure::misused([b"a name with a NUL byte"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, String> {
        let args = Args::leaked(words.iter().map(|word| CString::new(*word).unwrap()));
        Options::parse(args).map_err(|failure| String::from_utf8_lossy(failure.text()).into_owned())
    }

    #[test]
    fn options_stand_anywhere_and_a_verb_comes_before_its_names() {
        let options = parse(&["--dir", "d", "stop", "-t", "2m", "web", "--no-wait", "db"]).unwrap();
        let expected = Options {
            dir: c"d".into(),
            verb: Verb::Act(Act::Stop),
            timeout: Some(Duration::from_secs(120)),
            wait: false,
            json: false,
            from: c"/etc/sv".into(),
            keep_running: false,
            names: vec![c"web".into(), c"db".into()],
        };
        assert_eq!(options, expected);
    }

    #[test]
    fn what_follows_log_is_svlog_s() {
        let options = parse(&["log", "-n", "5", "web", "--dir"]).unwrap();
        assert_eq!(options.names, ["-n", "5", "web", "--dir"].map(|word| CString::new(word).unwrap()));
    }

    #[test]
    fn signals_have_names_and_numbers() {
        for (words, command) in [
            (&["kill", "web"][..], Command::Terminate),
            (&["kill", "-s", "HUP", "web"], Command::Hangup),
            (&["kill", "-s", "SIGUSR1", "web"], Command::User1),
            (&["kill", "--signal=9", "web"], Command::Kill),
        ] {
            assert_eq!(parse(words).map(|options| options.verb), Ok(Verb::Kill(command)));
        }
        assert_eq!(parse(&["kill", "-s", "SEGV", "web"]), Err("supervise has no command for the signal SEGV".into()));
        assert_eq!(parse(&["kill", "-s", "FOO", "web"]), Err("no such signal: FOO".into()));
    }

    #[test]
    fn misuse_is_told() {
        assert_eq!(parse(&["fly", "web"]), Err("no such verb: fly".into()));
        assert_eq!(parse(&["start"]), Err("which service?".into()));
        assert_eq!(parse(&["start", "-t", "10", "web"]), Err("not a time, as in 10s or 2m: 10".into()));
        assert!(parse(&[]).is_err() && parse(&["start", "--fly", "web"]).is_err());
        assert!(parse(&["status"]).is_ok() && parse(&["why"]).is_ok());
    }
}
