//! How a program goes on as another file of the same program: in the same process, by execve(2), with the state that the
//! file before it wrote into a sealed memfd.
//!
//! The state is text, a `key value` a line. Its first line is the program's name and the version of the format, its last
//! line is `end`. Every descriptor in it is a number that stays open over the execve. A moment of the monotonic clock and a
//! span are nanoseconds.
//!
//! A reader refuses a key that it does not know, because the service could be harmed by what it ignores: a later version
//! puts a `?` before the name of a key that earlier ones may pass over.

mod multilog;
mod reader;
mod running;
mod supervise;
mod supervise_lines;
mod svscan;

pub use multilog::MultilogState;
pub use running::{Running, Stop, StopCause, StopStep};
pub use supervise::{Life, Rest, SuperviseState};
pub use svscan::{ServiceState, SuperviseProcess, SvscanState};

use crate::text::Decimal;
use crate::text::number;

/// The variable of the environment that says where the state is. A program removes it before it does anything else.
pub const VARIABLE: &[u8] = b"DAEMONTOOLS_RESUME";

/// The version of the variable's value.
const VERSION: &[u8] = b"1";

/// The only argument of a program that is asked whether it can go on with a state.
pub const TRIAL: &[u8] = b"--can-resume";

/// What a program says on standard output that can.
pub const ABLE: &[u8] = b"able\n";

/// The key of a line that every state may have: the descriptor of the connection to who asked, which waits until it is
/// closed. Only then the new program goes on.
const CALLER: &[u8] = b"?caller";

/// A state with such a line.
pub fn with_caller(state: &[u8], caller: i32) -> Vec<u8> {
    let number = Decimal::new(u64::try_from(caller).unwrap_or_default());
    let body = state.strip_suffix(b"end\n").unwrap_or(state);
    [body, CALLER, b" ", number.as_bytes(), b"\nend\n"].concat()
}

/// The descriptor of such a line.
pub fn caller(state: &[u8]) -> Option<i32> {
    let (_, value) = crate::text::pairs(state).find(|(key, _)| *key == CALLER)?;
    i32::try_from(number(value)?).ok().filter(|&caller| caller > 2)
}

/// The value of `VARIABLE`: `1 PID FD`. A process that inherits the variable by mistake has another process id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The process that it is meant for.
    pub pid: u32,
    /// The memfd, sealed against writing, growing, shrinking and further seals.
    pub memfd: i32,
}

impl Handover {
    /// The value.
    pub fn to_value(self) -> Vec<u8> {
        let memfd = u64::try_from(self.memfd).unwrap_or_default();
        let (pid, memfd) = (Decimal::new(u64::from(self.pid)), Decimal::new(memfd));
        [VERSION, b" ", pid.as_bytes(), b" ", memfd.as_bytes()].concat()
    }

    /// What a value means; `None`: it is none of ours.
    pub fn from_value(value: &[u8]) -> Option<Handover> {
        let mut words = value.split(|&byte| byte == b' ');
        let (version, pid, memfd) = (words.next()?, words.next()?, words.next()?);
        let pid = u32::try_from(number(pid)?).ok()?;
        let memfd = i32::try_from(number(memfd)?).ok()?;
        (version == VERSION && words.next().is_none() && memfd > 2).then_some(Handover { pid, memfd })
    }
}

/// Why a state cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// It is not the state of this program, or of a version that this one does not know.
    Foreign,
    /// Its end is missing.
    Torn,
    /// This line is not known, malformed, or there for the second time.
    Line(Vec<u8>),
    /// A line of this key is missing.
    Missing(&'static str),
    /// Two descriptors have the same number, or one is standard input, output or error.
    Descriptors,
}

impl Unusable {
    /// The reason in a sentence.
    pub fn words(&self) -> Vec<u8> {
        match self {
            Unusable::Foreign => b"the state is not of a version that is known".to_vec(),
            Unusable::Torn => b"the state is torn".to_vec(),
            Unusable::Line(line) => [b"a line of the state is not known: ", line.as_slice()].concat(),
            Unusable::Missing(key) => [b"a line of the state is missing: ", key.as_bytes()].concat(),
            Unusable::Descriptors => b"the descriptors of the state are not distinct".to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_in_no_programs_way() {
        let state = with_caller(b"svscan 1\nend\n", 7);
        assert_eq!(state, b"svscan 1\n?caller 7\nend\n");
        assert_eq!((caller(&state), caller(b"svscan 1\nend\n")), (Some(7), None));
        assert_eq!(SvscanState::from_text(&state), Ok(SvscanState::default()));
    }

    #[test]
    fn the_variable_leads_back_and_others_are_none() {
        let handover = Handover { pid: 4242, memfd: 7 };
        assert_eq!(handover.to_value(), b"1 4242 7");
        assert_eq!(Handover::from_value(b"1 4242 7"), Some(handover));
        for value in [&b""[..], b"1", b"1 2", b"2 4242 7", b"1 4242 7 8", b"1 4242 2", b"1 -1 7", b"1 4242 99999999999"]
        {
            assert_eq!(Handover::from_value(value), None);
        }
    }
}
