//! How a process ended, as files and settings name it.

use crate::signal::Signal;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It exited with this code.
    Code(u8),
    /// This signal killed it.
    Signal(Signal),
    /// That cannot be found out: it was not a child of the supervise that saw it end.
    Unknown,
}

impl End {
    /// The words in a sentence: `exit 7`, `SEGV`, `unknown end`.
    pub fn words(self) -> String {
        match self {
            End::Code(code) => format!("exit {code}"),
            End::Signal(signal) => signal.name(),
            End::Unknown => "unknown end".into(),
        }
    }
}
