//! The files that a script reads into itself with `.` or `source`: they may define functions, set PATH and redirect.

use std::io::ErrorKind;
use std::path::Path;

use crate::file::read_start_named_by;
use crate::script::{Command, Script};
use crate::word::Word;

/// How much of a script is read, in bytes.
pub const MOST: u64 = 64 * 1024;

/// How many files are read for one script.
const FILES: usize = 16;

/// What a script reads into itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sourced {
    /// The scripts that were read.
    scripts: Vec<Script>,
    /// Whether there is something that was not read.
    pub unknown: bool,
}

impl Sourced {
    /// Reads what `script`, which is the file `run` in the service directory `dir`, reads. A file that is not there defines
    /// nothing.
    pub fn new(dir: &Path, run: &Path, script: &Script) -> Sourced {
        let mut sourced = Sourced::default();
        for command in &script.commands {
            let mut words = command.words.iter();
            if !words.next().is_some_and(|word| matches!(word.as_str(), "." | "source")) {
                continue;
            }
            match words.next().map(|raw| Word::new(raw)) {
                Some(Word::Literal(path)) => sourced.add(dir, run, &path),
                _ => sourced.unknown = true,
            }
        }
        sourced
    }

    fn add(&mut self, dir: &Path, run: &Path, path: &str) {
        if self.scripts.len() >= FILES {
            self.unknown = true;
            return;
        }
        let script = match read_start_named_by(run, &dir.join(path), MOST) {
            Ok(text) if !text.cut => Script::new(&String::from_utf8_lossy(&text.bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => return,
            _ => None,
        };
        match script {
            // One that reads others: these are not followed.
            Some(script) => {
                let reads =
                    |command: &Command| command.words.first().is_some_and(|word| word == "." || word == "source");
                self.unknown |= script.commands.iter().any(reads);
                self.scripts.push(script);
            }
            None => self.unknown = true,
        }
    }

    /// The commands of what was read.
    pub fn commands(&self) -> impl Iterator<Item = &Command> {
        self.scripts.iter().flat_map(|script| &script.commands)
    }

    /// Whether a function of this name is or may be defined there.
    pub fn may_define(&self, name: &str) -> bool {
        self.scripts.iter().flat_map(Script::functions).any(|function| function == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sourced {
        Sourced::new(Path::new("/dev"), Path::new("Cargo.toml"), &Script::new(text).unwrap())
    }

    #[test]
    fn what_is_not_read_may_define_anything() {
        assert_eq!(of("x\n. ./no-such-file\n"), Sourced::default());
        for text in [". $x\n", "source ~/x\n", ". /dev/zero\n", ".\n"] {
            assert!(of(text).unknown, "{text}");
        }
    }
}
