//! A `run`, from its first byte to its last command.

use std::collections::HashSet;
use std::path::Path;

use daemontools_program::printable::printable;

use crate::advice::{Context, advice, redirects_all_errors};
use crate::code::Code;
use crate::ending::{Ending, ending};
use crate::file::{Origin, exists};
use crate::finding::Finding;
use crate::foreign_command::{foreign_commands, instead_of_chpst};
use crate::interpreter::{INVOKE_RUN, Interpreter, interpreter, means_shell};
use crate::launch::{SCRIPTS, is_login, launch};
use crate::log::directories;
use crate::multilog::ignored;
use crate::programs::{Found, missing};
use crate::script::{Lookalike, Script};
use crate::service::{Report, Role};
use crate::sourced::Sourced;

/// What some editors put before the first line.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Report {
    /// Looks at all of a `run`.
    pub fn read_script(&mut self, dir: &Path, run: &Path, text: &[u8], role: Role) {
        let first = text.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default();
        if !self.first_line(dir, run, first) {
            return;
        }
        let Some(script) = Script::new(&String::from_utf8_lossy(text)) else { return };
        let returns = !self.findings.iter().any(|finding| finding.path == run && finding.code == Code::CarriageReturn);
        if let Some(line) = script.returns.first().filter(|_| returns) {
            self.carriage_return(run, text, *line, &script);
        }
        self.lookalikes(run, &script);
        let mut sourced = Sourced::new(dir, run, &script);
        // A login shell and Debian's invoke-run read files of their own.
        let reads = |word: &str| is_login(word) || word.rsplit('/').next() == Some(INVOKE_RUN);
        sourced.unknown |= String::from_utf8_lossy(first).split_ascii_whitespace().skip(1).any(reads);
        self.commands(dir, run, &script, &sourced, role);
        // A character that should not be there is the cause of all else on its line.
        let odd = |line: Option<usize>| script.lookalikes.iter().any(|lookalike| Some(lookalike.line) == line);
        self.findings.retain(|finding| finding.path != run || finding.code == Code::Lookalike || !odd(finding.line));
    }

    fn commands(&mut self, dir: &Path, run: &Path, script: &Script, sourced: &Sourced, role: Role) {
        self.accounts(run, script);
        for (line, what, fix) in foreign_commands(script, |service| has_status(dir, service)) {
            let finding =
                Finding::new(Code::ForeignCommand, run, printable(what.as_bytes()), printable(fix.as_bytes()));
            self.findings.push(finding.at(line));
        }
        let Some(ending) = ending(script, SCRIPTS) else { return };
        self.missing_program(dir, run, script, &ending, sourced);
        let (logs, findings) = directories(dir, run, script, &ending);
        self.logs.extend(logs);
        self.findings.extend(findings);
        if ending.launch.program == "multilog" {
            for (what, fix) in ignored(&ending.launch.arguments) {
                let finding =
                    Finding::new(Code::ActionIgnored, run, printable(what.as_bytes()), printable(fix.as_bytes()));
                self.findings.push(finding.at(ending.command.line));
            }
        }
        let program = &ending.launch.program;
        if ending.launch.through.is_empty() && (sourced.may_define(program) || (sourced.unknown && is_bare(&ending))) {
            return;
        }
        let errors_led = sourced.unknown || sourced.commands().any(redirects_all_errors);
        for (code, line, what, fix) in advice(script, &ending, Context { has_logger: role == Role::Logged, errors_led })
        {
            let finding = Finding::new(code, run, printable(what.as_bytes()), printable(fix.as_bytes()));
            self.findings.push(finding.at(line));
        }
    }

    /// Looks at the interpreter; whether it is a shell.
    pub fn first_line(&mut self, dir: &Path, run: &Path, line: &[u8]) -> bool {
        let mut first = |code, what: String, fix: String| self.findings.push(Finding::new(code, run, what, fix).at(1));
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        if line.starts_with(BYTE_ORDER_MARK) {
            let what = "this begins with a byte order mark and not with #!, and the kernel does not execute it";
            first(Code::NoInterpreterLine, what.into(), "remove it: sed -i '1s/^\\xef\\xbb\\xbf//' run".into());
            return false;
        }
        let Some(interpreter_line) = line.strip_prefix(b"#!") else {
            let what = "this does not begin with #!, and the kernel does not execute it";
            first(Code::NoInterpreterLine, what.into(), "let its first line be #!/bin/sh".into());
            return false;
        };
        let without = interpreter_line.strip_suffix(b"\r");
        if without.is_some() {
            let what = "this line ends with a carriage return, which becomes part of its last word";
            first(Code::CarriageReturn, what.into(), RETURNS.into());
        }
        match interpreter(dir, &Origin::script(run), without.unwrap_or(interpreter_line)) {
            Interpreter::Shell => true,
            Interpreter::Other => false,
            Interpreter::Fails(what, fix) => {
                first(Code::InterpreterMissing, what, fix);
                means_shell(interpreter_line)
            }
        }
    }

    fn carriage_return(&mut self, run: &Path, text: &[u8], line: usize, script: &Script) {
        let what = "this line ends with a carriage return, which becomes part of its last word";
        let ends = text.split(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\r") && !line.starts_with(b"#"));
        // Those inside quotes belong to the text.
        let fix = if ends.count() > script.returns.len() { "remove it, and leave those in quotes" } else { RETURNS };
        self.findings.push(Finding::new(Code::CarriageReturn, run, what, fix).at(line));
    }

    fn lookalikes(&mut self, run: &Path, script: &Script) {
        let mut last = 0;
        for Lookalike { line, character } in &script.lookalikes {
            if std::mem::replace(&mut last, *line) == *line {
                continue;
            }
            let (name, instead) = describe(*character);
            let what =
                format!("{name} (U+{:04X}) is part of the word, and only looks like {instead}", u32::from(*character));
            let finding = Finding::new(Code::Lookalike, run, what, format!("replace it by {instead}"));
            self.findings.push(finding.at(*line));
        }
    }

    fn accounts(&mut self, run: &Path, script: &Script) {
        let mut seen = HashSet::new();
        for command in &script.commands {
            for (tool, account) in launch(&command.words).map(|launched| launched.accounts).unwrap_or_default() {
                if !seen.insert(account.text.clone()) {
                    continue;
                }
                let Some((what, name)) = account.unknown() else { continue };
                let number = name.bytes().all(|byte| byte.is_ascii_digit());
                let fix = match what {
                    "account" if number => format!("{tool} takes the name of an account, and no number"),
                    _ => "make it, or name another one".into(),
                };
                let what = format!("there is no {what} {}", printable(name.as_bytes()));
                self.findings.push(Finding::new(Code::AccountUnknown, run, what, fix).at(command.line));
            }
        }
    }

    fn missing_program(&mut self, dir: &Path, run: &Path, script: &Script, ending: &Ending, sourced: &Sourced) {
        let origin = Origin::script(run);
        let Some((program, found)) = missing(dir, &origin, script, ending, sourced) else { return };
        let name = printable(program.as_bytes());
        let here = !program.contains('/') && origin.look(&dir.join(&program)).is_ok_and(|found| found.is_file());
        let what = match found {
            Found::NotExecutable => format!("{name} is no executable file"),
            _ if program.contains('/') => format!("there is no program {name}"),
            _ => format!("there is no program {name} in PATH"),
        };
        let fix = match found {
            Found::NotExecutable => "make it executable, or name another one".into(),
            _ if name == "chpst" => {
                let instead = instead_of_chpst(&ending.command.words);
                format!("install it, or write in its place {}", printable(instead.as_bytes()))
            }
            _ if here => format!("write ./{name}: the directory of the service is not in PATH"),
            _ => "install it, or correct its name".into(),
        };
        self.findings.push(Finding::new(Code::ProgramMissing, run, what, fix).at(ending.command.line));
    }
}

/// Whether a service, as sv names it in a script of the service in `dir`, is asked to have runit's status.
fn has_status(dir: &Path, service: &str) -> bool {
    let tree = dir.parent().unwrap_or(dir);
    let service = if service == "." { dir.to_path_buf() } else { tree.join(service) };
    [service.join("supervise.d/status"), tree.join(".supervise.d/status")].iter().any(|path| exists(path))
}

const RETURNS: &str = "remove them all: sed -i 's/\\r$//' run";

/// Whether the shell itself looks for the program, and may find a function.
fn is_bare(ending: &Ending) -> bool {
    !ending.launch.programs.iter().any(|word| word.text().as_bytes().contains(&b'/'))
}

/// What a character is called, and what it looks like.
fn describe(character: char) -> (&'static str, &'static str) {
    match character {
        '\u{a0}' | '\u{202f}' => ("a no-break space", "a blank"),
        '\u{c}' => ("a form feed", "a blank"),
        '\u{b}' => ("a vertical tab", "a blank"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => ("a dash", "a hyphen (-)"),
        '\u{2018}'..='\u{201b}' => ("a typographic quote", "a quote (')"),
        '\u{201c}'..='\u{201f}' => ("a typographic quote", "a quote (\")"),
        '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => ("an invisible character", "nothing"),
        _ => ("another kind of blank", "a blank"),
    }
}
