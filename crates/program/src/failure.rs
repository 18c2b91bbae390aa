//! How a program says that something went wrong: `PROGRAM: fatal: unable to WHAT: REASON`, one line, one write.

use nix::errno::Errno;

use crate::entry::Exit;
use crate::errno::reason;
use crate::printable::{is_printable, printable};
use crate::stdio;
use daemontools_sys::fd::STDERR;

/// What a program says about itself.
pub struct Program {
    /// Its name, which each message begins with.
    pub name: &'static str,
    /// The whole usage line without the newline, as 0.76 prints it.
    pub usage: &'static str,
    /// One sentence for `--help`: what it does.
    pub about: &'static str,
}

/// The programs of 0.76. They print names as 0.76 does; all others escape them (`printable`).
const OF_0_76: [&str; 17] = [
    "envdir",
    "envuidgid",
    "fghack",
    "multilog",
    "pgrphack",
    "readproctitle",
    "setlock",
    "setuidgid",
    "softlimit",
    "supervise",
    "svc",
    "svok",
    "svscan",
    "svscanboot",
    "svstat",
    "tai64n",
    "tai64nlocal",
];

impl Program {
    /// Prints `PROGRAM: warning: WORDS`, a line in one write: the program goes on. Allocates nothing, unless something is
    /// to be escaped.
    pub fn warn<const N: usize>(&self, words: [&[u8]; N]) {
        self.say_words(b": warning: ", words, None);
    }

    /// Prints `PROGRAM: warning: WORDS: REASON`, a line in one write: the program goes on. Allocates nothing, unless
    /// something is to be escaped.
    pub fn warn_because<const N: usize>(&self, words: [&[u8]; N], errno: Errno) {
        self.say_words(b": warning: ", words, Some(errno));
    }

    /// Prints `PROGRAM: fatal: WORDS: REASON`, a line in one write, and gives the exit code. For a forked child, which
    /// has no `run` to return to. Allocates nothing, unless something is to be escaped.
    pub fn fail_because<const N: usize>(&self, words: [&[u8]; N], errno: Errno) -> Exit {
        self.say_words(b": fatal: ", words, Some(errno));
        Exit::TROUBLE
    }

    fn say_words<const N: usize>(&self, kind: &[u8], words: [&[u8]; N], errno: Option<Errno>) {
        let reason = errno.map_or("", reason).as_bytes();
        let colon: &[u8] = if errno.is_some() { b": " } else { b"" };
        if self.prints_names_as_they_are() || words.iter().all(|word| is_printable(word)) {
            const { assert!(N + 5 <= MOST_PIECES) };
            let mut pieces: [&[u8]; MOST_PIECES] = [b""; MOST_PIECES];
            let all = [self.name.as_bytes(), kind].into_iter().chain(words).chain([colon, reason, b"\n"]);
            pieces.iter_mut().zip(all).for_each(|(place, piece)| *place = piece);
            say(pieces);
        } else {
            let words = words.concat();
            say([self.name.as_bytes(), kind, printable(&words).as_bytes(), colon, reason, b"\n"]);
        }
    }

    /// Prints `PROGRAM`, `before`, the text, a newline and the line `after`, if there is one, in one write. Allocates
    /// nothing, unless something is to be escaped.
    fn say(&self, before: &[u8], text: &[u8], after: &[u8]) {
        let end: &[u8] = if after.is_empty() { b"" } else { b"\n" };
        let name = self.name.as_bytes();
        if is_printable(text) || self.prints_names_as_they_are() {
            say([name, before, text, b"\n", after, end]);
        } else {
            say([name, before, printable(text).as_bytes(), b"\n", after, end]);
        }
    }

    fn prints_names_as_they_are(&self) -> bool {
        OF_0_76.contains(&self.name)
    }
}

/// How many pieces a message that is written without allocating has at most.
const MOST_PIECES: usize = 16;

/// How `run` ends: an exit code, or a failure to be told.
pub type Outcome = Result<Exit, Failure>;

/// A sentence for standard error and the exit code that goes with it.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    form: Form,
    text: Vec<u8>,
    errno: Option<Errno>,
}

/// What is printed around the text.
#[derive(Debug)]
enum Form {
    /// Nothing is printed at all.
    Silent,
    /// The usage line; before it, if there is a text, `PROGRAM: TEXT`.
    Usage,
    /// `PROGRAM: fatal: TEXT`.
    Fatal,
}

impl Failure {
    /// Wrong arguments: the usage line, exit 100.
    pub fn usage() -> Failure {
        Failure { exit: Exit::MISUSE, form: Form::Usage, text: Vec::new(), errno: None }
    }

    /// A wrong option: `PROGRAM: ` and these words on a line of their own, then the usage line, exit 100.
    pub fn misused<const N: usize>(words: [&[u8]; N]) -> Failure {
        Failure { text: words.concat(), ..Failure::usage() }
    }

    /// Trouble: `PROGRAM: fatal: ` and these words, exit 111.
    pub fn fatal<const N: usize>(words: [&[u8]; N]) -> Failure {
        Failure { exit: Exit::TROUBLE, form: Form::Fatal, text: words.concat(), errno: None }
    }

    /// A failure without a message: the exit code alone tells.
    pub fn silent(exit: Exit) -> Failure {
        Failure { exit, form: Form::Silent, text: Vec::new(), errno: None }
    }

    /// The same with another exit code.
    pub fn exiting(self, exit: Exit) -> Failure {
        Failure { exit, ..self }
    }

    /// The sentence about a failed system call: these words, a colon, the reason; exit 111.
    pub fn because<const N: usize>(words: [&[u8]; N], errno: Errno) -> Failure {
        let mut failure = Failure::fatal(words);
        failure.add_reason(errno);
        failure
    }

    /// Room in the text for a reason, so that `add_reason` need not allocate (exec under a memory limit).
    pub(crate) fn reserve_reason(&mut self) {
        self.text.reserve_exact(64);
    }

    /// Appends a colon and the reason.
    pub(crate) fn add_reason(&mut self, errno: Errno) {
        self.errno = Some(errno);
        self.text.extend_from_slice(b": ");
        self.text.extend_from_slice(reason(errno).as_bytes());
    }

    /// Prints the failure as the end of `program`, in one write, and gives the exit code. Allocates nothing, unless a program that
    /// 0.76 does not have has something to escape.
    pub fn tell(&self, program: &Program) -> Exit {
        let usage = program.usage.as_bytes();
        match self.form {
            Form::Silent => {}
            Form::Usage if self.text.is_empty() => say([usage, b"\n"]),
            Form::Usage => program.say(b": ", &self.text, usage),
            Form::Fatal => program.say(b": fatal: ", &self.text, b""),
        }
        self.exit
    }

    /// Prints the failure as a warning of `program`, in one write: the program goes on.
    pub fn warn(&self, program: &Program) {
        program.say(b": warning: ", &self.text, b"");
    }

    /// The errno of the system call that failed; `None` where none did.
    pub fn errno(&self) -> Option<Errno> {
        self.errno
    }

    /// The words between `fatal: ` or `warning: ` and the newline.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// Names what was being done when a system call failed.
pub trait Unable<T> {
    /// Turns the errno into the failure `unable to WORDS: REASON`, exit 111.
    fn unable<const N: usize>(self, words: [&[u8]; N]) -> Result<T, Failure>;
}

impl<T> Unable<T> for nix::Result<T> {
    fn unable<const N: usize>(self, words: [&[u8]; N]) -> Result<T, Failure> {
        self.map_err(|errno| {
            let mut failure = Failure::fatal([b"unable to "]);
            for word in words {
                failure.text.extend_from_slice(word);
            }
            failure.add_reason(errno);
            failure
        })
    }
}

/// One line on standard error. There is nobody to tell if that fails.
fn say<const N: usize>(pieces: [&[u8]; N]) {
    let _ = stdio::write_pieces(STDERR, pieces);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_call_makes_the_sentence_of_0_76() {
        let failed: nix::Result<()> = Err(Errno::ENOENT);
        let failure = failed.unable([b"chdir to ", b"\xff"]).expect_err("it failed");
        assert_eq!(failure.text(), b"unable to chdir to \xff: file does not exist");
        assert_eq!(failure.exit, Exit::TROUBLE);
        assert_eq!(failure.errno(), Some(Errno::ENOENT));
    }

    #[test]
    fn misuse_is_100_and_silence_keeps_its_code() {
        assert_eq!(Failure::usage().exit, Exit::MISUSE);
        assert_eq!(Failure::usage().exiting(Exit::TROUBLE).exit, Exit::TROUBLE);
        assert_eq!(Failure::silent(Exit::MISUSE).exit, Exit::MISUSE);
    }
}
