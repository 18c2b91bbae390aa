//! Why something about a service could not be found out, as the one sentence that all programs print.

use daemontools_program::errno::reason;
use daemontools_program::failure::Failure;
use nix::errno::Errno;

/// The reason where something else is in the place of a FIFO.
pub(crate) const NOT_FIFO: &str = "not a FIFO";

/// What was being done to which file of a service directory, and why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusError {
    /// A verb, as in `unable to open supervise/status`.
    doing: &'static str,
    /// The file, seen from the service directory; empty: the directory itself.
    file: &'static str,
    cause: Cause,
}

/// Why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A system call failed.
    Errno(Errno),
    /// The file is too short to be a status.
    TooShort,
    /// What should be a FIFO is something else, perhaps a link that leads to any file.
    NotFifo,
}

impl StatusError {
    /// A system call that failed on `file`, which is empty for the service directory itself.
    pub fn new(doing: &'static str, file: &'static str, errno: Errno) -> StatusError {
        StatusError { doing, file, cause: Cause::Errno(errno) }
    }

    /// The service directory could not be entered.
    pub fn chdir(errno: Errno) -> StatusError {
        StatusError::new("chdir", "", errno)
    }

    /// A status that has fewer than 18 bytes.
    pub(crate) fn too_short() -> StatusError {
        StatusError { doing: "read", file: "supervise/status", cause: Cause::TooShort }
    }

    /// What is in the place of a FIFO is not one.
    pub(crate) fn not_fifo(file: &'static str) -> StatusError {
        StatusError { doing: "open", file, cause: Cause::NotFifo }
    }

    /// Whether something other than a FIFO is in the place of one.
    pub fn is_not_fifo(&self) -> bool {
        self.cause == Cause::NotFifo
    }

    /// The errno, where a system call failed.
    pub fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            Cause::TooShort | Cause::NotFifo => None,
        }
    }

    /// Whether the file, or a directory on the way to it, does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(self.cause, Cause::Errno(Errno::ENOENT | Errno::ENOTDIR))
    }

    /// The sentence, with the file as seen from the service directory: `unable to open supervise/status: access denied`.
    pub fn sentence(&self) -> String {
        let gap = if self.file.is_empty() { "" } else { " " };
        ["unable to ", self.doing, gap, self.file, ": ", self.reason()].concat()
    }

    /// The sentence, with the file's path from `dir`: `unable to open DIR/supervise/status: access denied`. Exit 111.
    pub fn in_dir(&self, dir: &[u8]) -> Failure {
        let slash: &[u8] = if self.file.is_empty() { b"" } else { b"/" };
        let words = [b"unable to ", self.doing.as_bytes(), b" ", dir, slash, self.file.as_bytes()];
        match self.cause {
            Cause::Errno(errno) => Failure::because(words, errno),
            Cause::TooShort | Cause::NotFifo => Failure::fatal([&words.concat(), b": ", self.reason().as_bytes()]),
        }
    }

    fn reason(&self) -> &'static str {
        match self.cause {
            Cause::Errno(errno) => reason(errno),
            Cause::TooShort => "bad format",
            Cause::NotFifo => NOT_FIFO,
        }
    }
}

/// `None` for what does not exist.
pub fn if_there<T>(found: Result<T, StatusError>) -> Result<Option<T>, StatusError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_is_that_of_0_76() {
        let denied = StatusError::new("open", "supervise/ok", Errno::EACCES);
        assert_eq!(denied.sentence(), "unable to open supervise/ok: access denied");
        assert_eq!(denied.in_dir(b"web").text(), b"unable to open web/supervise/ok: access denied");
        assert_eq!(StatusError::too_short().sentence(), "unable to read supervise/status: bad format");
        assert_eq!(StatusError::chdir(Errno::ENOENT).sentence(), "unable to chdir: file does not exist");
    }
}
