//! What came of asking a process, in words: done, refused, busy. (The reasons of refusals come from the process itself, from
//! `daemontools_upgrade` and from `daemontools_takeover`.)

use std::time::Duration;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It runs the new file already.
    Current,
    /// It could be done.
    Able,
    /// It was done; for how long nothing else was.
    Upgraded(Duration),
    /// It was told to end and is started again.
    Restarted,
    /// It is left alone: its run script would execute the same old file, at this path, again.
    FindsItself(String),
    /// Not now.
    Busy(Vec<u8>),
    /// Not at all, for this reason.
    Refused(Vec<u8>),
    /// It does not answer.
    Silent,
    /// It has ended, by itself or because of what was asked.
    Gone,
}

impl Verdict {
    /// Whether everything is as it should be.
    pub fn is_fine(&self) -> bool {
        use Verdict::{Able, Current, FindsItself, Restarted, Upgraded};
        matches!(self, Current | Able | Upgraded(_) | Restarted | FindsItself(_))
    }

    /// The words.
    pub fn words(&self) -> Vec<u8> {
        let because = |what: &str, reason: &[u8]| [what.as_bytes(), reason].concat();
        match self {
            Verdict::Current => b"up to date".to_vec(),
            Verdict::Able => b"can be upgraded".to_vec(),
            Verdict::Upgraded(pause) => format!("upgraded in {:.1} ms", pause.as_secs_f64() * 1000.0).into_bytes(),
            Verdict::Restarted => b"told to finish its line and end; its supervise starts it again".to_vec(),
            Verdict::FindsItself(file) => {
                format!("left alone: its run script finds {file} again; change that or its PATH, then svc -t")
                    .into_bytes()
            }
            Verdict::Busy(reason) => because("busy: ", reason),
            Verdict::Refused(reason) => because("refused: ", reason),
            Verdict::Silent => b"no answer: it is older than svupgrade, or stopped".to_vec(),
            Verdict::Gone => b"has ended".to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_came_of_it() {
        let words = |verdict: Verdict| String::from_utf8(verdict.words()).unwrap();
        assert_eq!(words(Verdict::Upgraded(Duration::from_micros(2340))), "upgraded in 2.3 ms");
        assert_eq!(words(Verdict::Busy(b"finish is running".to_vec())), "busy: finish is running");
        assert!(Verdict::Current.is_fine() && !Verdict::Silent.is_fine() && !Verdict::Gone.is_fine());
    }
}
