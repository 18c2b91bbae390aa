//! Whether the programs that a script starts are there.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::advice::is_harmless;
use crate::ending::Ending;
use crate::file::Origin;
use crate::launch::SHELLS;
use crate::script::Script;
use crate::sourced::Sourced;
use crate::word::Word;

/// Where programs usually are. supervise's own PATH is not known.
const USUAL: [&str; 7] = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin", "/command"];
/// Directories whose content comes and goes.
const PASSING: [&str; 4] = ["/run/", "/tmp/", "/var/run/", "/proc/"];

/// What was found out about a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is there, or it is not known whether it is.
    Perhaps,
    /// It is not there.
    No,
    /// It is there, and cannot be executed.
    NotExecutable,
}

/// Where programs are looked for.
#[derive(Clone, Debug)]
pub struct Search {
    dirs: Vec<PathBuf>,
    /// Whether there may be others.
    open: bool,
}

impl Search {
    /// Our own PATH, and the usual places.
    pub fn usual() -> Search {
        let own = env::var_os("PATH").unwrap_or_default();
        Search { dirs: env::split_paths(&own).chain(USUAL.map(PathBuf::from)).collect(), open: false }
    }

    /// Adds the value of an assignment to PATH.
    fn add(&mut self, value: &Word) {
        let raw = value.text().trim_matches('"');
        for part in raw.split(':').filter(|part| !matches!(*part, "$PATH" | "${PATH}")) {
            self.dirs.push(part.into());
            self.open |= part.contains(['$', '`', '~']);
        }
    }

    /// Looks for a program as execvp(3) does; relative directories are seen from `dir`.
    pub fn find(&self, dir: &Path, origin: &Origin, name: &str) -> Found {
        let is_in = |place: &PathBuf| look(origin, &dir.join(place).join(name)) == Found::Perhaps;
        if self.open || name.is_empty() || self.dirs.iter().any(is_in) { Found::Perhaps } else { Found::No }
    }
}

/// A program of the ending that is not there: as it is written, and what was found.
pub fn missing(
    dir: &Path,
    origin: &Origin,
    script: &Script,
    ending: &Ending,
    sourced: &Sourced,
) -> Option<(String, Found)> {
    let launch = &ending.launch;
    let (command, commands) = (&ending.command, &script.commands);
    if command.is_conditional() {
        return None;
    }
    let mut search = Search::usual();
    let set = |word: &String| {
        word.strip_prefix("PATH").and_then(|rest| rest.trim_start_matches('+').strip_prefix('=')).map(Word::new)
    };
    let sets = commands.iter().chain(sourced.commands()).flat_map(|command| command.words.iter().filter_map(set));
    sets.chain(launch.paths.iter().cloned()).for_each(|value| search.add(&value));
    let may_set = |variables: &Word| {
        variables.literal().is_none_or(|variables| look(origin, &dir.join(variables).join("PATH")) != Found::No)
    };
    search.open |= sourced.unknown || launch.variables.iter().any(may_set);
    let starts_with = |names: &[&str]| {
        commands.iter().filter_map(|command| command.words.first()).any(|word| names.contains(&word.as_str()))
    };
    let moves = starts_with(&["cd", "pushd", "mount"]);
    let renames = sourced.unknown || starts_with(&["alias", "eval"]);
    let known = launch.programs.len().min(launch.elsewhere.unwrap_or(usize::MAX));
    let mut by_shell = true;
    for word in launch.programs.iter().take(known) {
        let text = word.literal()?;
        let name = text.rsplit('/').next().unwrap_or_default();
        let shell_s_own = by_shell
            && (is_harmless(text)
                || sourced.may_define(text)
                || matches!(text, "exec" | "command" | "builtin")
                || renames);
        by_shell = by_shell && text != "exec" || SHELLS.contains(&name);
        let found = match text.contains('/') {
            _ if shell_s_own || is_mentioned(script, ending, text) => continue,
            true if PASSING.iter().any(|place| text.starts_with(place)) => continue,
            true if !text.starts_with('/') && moves => continue,
            true => look(origin, &dir.join(text)),
            false => search.find(dir, origin, text),
        };
        if found != Found::Perhaps {
            return Some((text.into(), found));
        }
    }
    None
}

/// Whether another command names the program: to test whether it is there, or to make it.
fn is_mentioned(script: &Script, ending: &Ending, program: &str) -> bool {
    let others = script.commands.iter().filter(|command| command.words != ending.command.words);
    let is = |raw: &String| Word::new(raw).literal() == Some(program);
    let mut words = others.flat_map(|command| command.words.iter().skip(1));
    words.any(is)
}

fn look(origin: &Origin, path: &Path) -> Found {
    match origin.look(path) {
        Ok(found) if found.is_program() => Found::Perhaps,
        Ok(_) => Found::NotExecutable,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Found::No,
        // It may not be looked at, or is on a disk that fails.
        Err(_) => Found::Perhaps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ending::ending;

    fn of(text: &str) -> Option<String> {
        let script = Script::new(text).unwrap();
        missing(
            Path::new("/etc"),
            &Origin::script(Path::new("Cargo.toml")),
            &script,
            &ending(&script, 1)?,
            &Sourced::default(),
        )
        .map(|(program, _)| program)
    }

    #[test]
    fn programs_that_are_not_there() {
        for (script, expected) in [
            ("exec multiog t ./main\n", "multiog"),
            ("exec /opt/no-such/app\n", "/opt/no-such/app"),
            ("exec nice no-such-app\n", "no-such-app"),
            ("exec no-such-tool -x sh\n", "no-such-tool"),
            ("exec sh -c 'exec no-such-app'\n", "no-such-app"),
            ("no-such-app\nX=1\n", "no-such-app"),
            ("exec no-such-app --user no-such-app\n", "no-such-app"),
            ("f() { exec no-such-app; }\nf\n", "no-such-app"),
            ("PATH=/no/such:$PATH\nexec no-such-app\n", "no-such-app"),
            ("exec ./passwd\n", "./passwd"),
            ("exec /etc\n", "/etc"),
        ] {
            assert_eq!(of(script).as_deref(), Some(expected), "{script}");
        }
    }

    #[test]
    fn programs_that_may_be_there() {
        for script in [
            "exec sh\n",
            "exec /bin/sh\n",
            "exec $APP\n",
            "[ -x /opt/no-such/app ] && exec /opt/no-such/app\n",
            "test -x /opt/no-such/app || exit\nexec /opt/no-such/app\n",
            "command -v no-such-app || exit\nexec no-such-app\n",
            "cp x /var/x/app\nexec /var/x/app\n",
            "if x; then exec no-such-app; fi\n",
            "PATH=$HOME/bin:$PATH\nexec no-such-app\n",
            "exec chpst -/ /jail /no-such-app\n",
            "cd /srv && exec ./no-such-app\n",
            "cd /srv\nexec ./no-such-app\n",
            "exec /run/x/app\n",
            "f() { exec sh; }\nf\n",
            "alias no-such-app=sh\nno-such-app\n",
            "exec bash -lc 'exec no-such-app'\n",
        ] {
            assert_eq!(of(script), None, "{script}");
        }
    }
}
