//! The first line of a script, as the kernel reads it: `#!`, blanks (space, tab), a path, and all the rest as one argument.

use std::io::ErrorKind;
use std::path::Path;

use daemontools_program::printable::printable;

use crate::file::Origin;
use crate::launch::{SHELLS, is_name};
use crate::programs::{Found, Search};

/// Debian's for runit: it reads files with variables, and becomes sh with the script.
pub const INVOKE_RUN: &str = "invoke-run";

/// What the kernel makes of a first line.
#[derive(Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// A shell, whose commands are read.
    Shell,
    /// Another program.
    Other,
    /// It cannot be started: what is wrong, and what to do.
    Fails(String, String),
}

/// Reads what is after `#!`. A path without a slash in front is seen from the service directory `dir`.
pub fn interpreter(dir: &Path, origin: &Origin, line: &[u8]) -> Interpreter {
    let line = String::from_utf8_lossy(line);
    let line = line.trim_matches([' ', '\t']);
    let (path, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let argument = argument.trim_matches([' ', '\t']);
    let fails = |what: String, fix: &str| Interpreter::Fails(what, fix.into());
    let executable = |path: &str| match origin.look(&dir.join(path)) {
        Ok(found) => found.is_program(),
        // It may not be looked at.
        Err(error) => error.kind() == ErrorKind::PermissionDenied,
    };
    if path.is_empty() {
        return fails("there is no interpreter after #!".into(), "let the first line be #!/bin/sh");
    }
    // Other blanks are no blanks for the kernel.
    let meant = path.split(|character: char| !character.is_ascii_graphic()).next().unwrap_or_default();
    if !executable(path) {
        let what = format!("the interpreter {} is missing or not executable", visible(path));
        return match meant != path && executable(meant) {
            true => Interpreter::Fails(what, format!("remove what comes after {meant}, which only looks like a blank")),
            false if meant.ends_with("/with-contenv") => {
                let instead = match argument.split([' ', '\t']).next().unwrap_or_default() {
                    "" | "sh" => "/bin/sh".to_owned(),
                    program if program.starts_with('/') => program.to_owned(),
                    program => format!("/usr/bin/env {program}"),
                };
                let why = "a service has the environment that svscan was started with";
                Interpreter::Fails(what, format!("write #!{instead}: {why}"))
            }
            false => fails(what, "install it, or name another one"),
        };
    }
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let shell = match name(path).as_str() {
        "env" => match by_env(dir, origin, argument) {
            Ok(program) => name(&program),
            Err(fails) => return fails,
        },
        // s6-overlay's, which adds variables.
        "with-contenv" => name(argument),
        name => {
            if SHELLS.contains(&name) && argument.contains([' ', '\t']) {
                let what = format!("{name} gets {} as one argument, which it does not understand", visible(argument));
                return fails(what, "leave one option here, and put the others into a set command below");
            }
            name.to_owned()
        }
    };
    if SHELLS.contains(&shell.as_str()) || shell == INVOKE_RUN { Interpreter::Shell } else { Interpreter::Other }
}

/// Whether a first line that fails was meant for a shell.
pub fn means_shell(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let mut names = line.split(|character: char| !character.is_ascii_graphic() || character == '/');
    names.any(|name| SHELLS.contains(&name))
}

/// The program that `env` starts, given this one argument.
fn by_env(dir: &Path, origin: &Origin, argument: &str) -> Result<String, Interpreter> {
    let splits = argument.strip_prefix("-S").or_else(|| argument.strip_prefix("--split-string"));
    let assigns = |word: &&str| word.split_once('=').is_some_and(|(name, _)| is_name(name));
    let program = match splits {
        Some(rest) => {
            let words = rest.trim_start_matches('=').split([' ', '\t']).filter(|word| !word.is_empty());
            words.into_iter().find(|word| !assigns(word) && !word.starts_with('-')).unwrap_or_default()
        }
        None if argument.starts_with('-') => return Ok(String::new()),
        None => argument,
    };
    if program.contains([' ', '\t']) {
        let what = format!("env gets {} as one word, and looks for a program of that name", visible(program));
        return Err(Interpreter::Fails(what, format!("write #!/usr/bin/env -S {program}")));
    }
    let found = match program.contains('/') {
        true => Found::Perhaps,
        false => Search::usual().find(dir, origin, program),
    };
    match found {
        Found::Perhaps => Ok(program.into()),
        Found::No | Found::NotExecutable => Err(Interpreter::Fails(
            format!("env finds no program {} in PATH", visible(program)),
            "install it, or name another one".into(),
        )),
    }
}

/// A name between quotes, in which blanks of all kinds can be seen.
fn visible(name: &str) -> String {
    let show = |character: char| match character.is_whitespace() && !matches!(character, ' ' | '\t') {
        true => character.escape_unicode().to_string(),
        false => printable(character.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    format!("\"{}\"", name.chars().map(show).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Interpreter {
        interpreter(Path::new("/bin"), &Origin::script(Path::new("Cargo.toml")), line.as_bytes())
    }

    #[test]
    fn what_takes_the_place_of_with_contenv() {
        for (argument, instead) in
            [("sh", "/bin/sh"), ("", "/bin/sh"), ("bash", "/usr/bin/env bash"), ("/bin/bash -e", "/bin/bash")]
        {
            match of(&format!("/no/with-contenv {argument}")) {
                Interpreter::Fails(_, fix) => assert!(fix.starts_with(&format!("write #!{instead}: ")), "{fix}"),
                other => panic!("{argument}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_the_kernel_starts() {
        for line in
            ["/bin/sh", " /bin/sh", "/bin/sh -e", "/bin/sh \t", "sh", "/usr/bin/env sh", "/usr/bin/env -S sh -e"]
        {
            assert_eq!(of(line), Interpreter::Shell, "{line}");
        }
        for line in ["/bin/cat", "/bin/cat -a -b", "/usr/bin/env cat", "/usr/bin/env -i"] {
            assert_eq!(of(line), Interpreter::Other, "{line}");
        }
        for (line, what) in [
            ("", "there is no interpreter after #!"),
            ("/no/sh", "the interpreter \"/no/sh\" is missing or not executable"),
            ("/bin/sh\u{a0}", "the interpreter \"/bin/sh\\u{a0}\" is missing or not executable"),
            ("/bin/sh\u{c}", "the interpreter \"/bin/sh\\u{c}\" is missing or not executable"),
            ("/bin/sh -e -u", "sh gets \"-e -u\" as one argument, which it does not understand"),
            ("/usr/bin/env sh -e", "env gets \"sh -e\" as one word, and looks for a program of that name"),
            ("/usr/bin/env no-such", "env finds no program \"no-such\" in PATH"),
            ("/usr/bin/env -S no-such -e", "env finds no program \"no-such\" in PATH"),
        ] {
            match of(line) {
                Interpreter::Fails(found, _) => assert_eq!(found, what),
                other => panic!("{line:?}: {other:?}"),
            }
        }
    }
}
