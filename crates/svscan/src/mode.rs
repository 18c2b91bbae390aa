//! Whether svscan is the init of its processes: told so by `--init [--grace SECONDS]`, or as process 1.
//!
//! It then adopts and reaps orphans, scans again at HUP, and stops the tree in order at TERM, INT or PWR (`stop`).

use std::ffi::CStr;
use std::time::Duration;

use daemontools_program::failure::Failure;
use daemontools_program::number;
use daemontools_sys::args::Args;

/// How long services have to end if nobody says otherwise; docker kills after 10 seconds.
const GRACE: Duration = Duration::from_secs(8);

/// What kind of svscan this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// 0.76's: a signal ends svscan, and the supervises go on.
    Classic,
    /// The init of its processes, which have this long to end.
    Init(Duration),
}

/// Whether svscan is process 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Process {
    /// It is.
    First,
    /// It is not.
    Other,
}

impl Life {
    /// Takes the options off the front of the arguments. Only in exactly this form are they options: 0.76 has none, and
    /// everything else is a directory's name.
    pub fn take(args: &mut Args, process: Process) -> Result<Life, Failure> {
        if args.peek() != Some(c"--init") {
            return Ok(match process {
                Process::First => Life::Init(GRACE),
                Process::Other => Life::Classic,
            });
        }
        args.next();
        if args.peek() != Some(c"--grace") {
            return Ok(Life::Init(GRACE));
        }
        args.next();
        match args.next() {
            Some(word) => seconds(word).map(Life::Init),
            None => Err(Failure::misused([b"--grace needs a number of seconds"])),
        }
    }
}

fn seconds(word: &CStr) -> Result<Duration, Failure> {
    let bytes = word.to_bytes();
    match number::scan(bytes) {
        // More digits could wrap; 31 years are enough for anybody.
        (seconds, digits @ 1..=9) if digits == bytes.len() => Ok(Duration::from_secs(seconds)),
        _ => Err(Failure::misused([b"--grace needs a number of seconds, not ", bytes])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `words` mean to a process that is not 1, and the arguments that stay; or the complaint.
    fn take(words: &[&CStr]) -> Result<(Life, Vec<&'static CStr>), String> {
        let mut args = Args::leaked(words.iter().map(|&word| word.to_owned()));
        match Life::take(&mut args, Process::Other) {
            Ok(life) => Ok((life, args.collect())),
            Err(failure) => Err(String::from_utf8_lossy(failure.text()).into_owned()),
        }
    }

    #[test]
    fn options_are_options_only_at_the_front_and_in_order() {
        let init = |seconds| Life::Init(Duration::from_secs(seconds));
        assert_eq!(take(&[c"x"]), Ok((Life::Classic, vec![c"x"])));
        assert_eq!(take(&[c"--grace", c"2"]), Ok((Life::Classic, vec![c"--grace", c"2"])));
        assert_eq!(take(&[c"x", c"--init"]), Ok((Life::Classic, vec![c"x", c"--init"])));
        assert_eq!(take(&[c"--init"]), Ok((init(8), vec![])));
        assert_eq!(take(&[c"--init", c"--grace", c"0", c"x"]), Ok((init(0), vec![c"x"])));
    }

    #[test]
    fn a_grace_is_a_plain_number() {
        for word in [c"", c"x", c"2s", c"-1", c"1.5", c"1234567890"] {
            assert!(take(&[c"--init", c"--grace", word]).is_err(), "{word:?}");
        }
        assert!(take(&[c"--init", c"--grace"]).is_err());
    }

    #[test]
    fn process_1_needs_not_be_told() {
        assert_eq!(Life::take(&mut Args::leaked([]), Process::First).ok(), Some(Life::Init(GRACE)));
    }
}
