//! What a command starts in the end: through `exec`, `setuidgid`, `softlimit` and other programs that become another one,
//! and through `sh -c`, to the program itself; and what was given on the way.

use crate::account::Account;
use crate::ending::ending;
use crate::passing::{Changes, Named, Passing, passing};
use crate::script::Script;
use crate::word::Word;

/// Who a program runs as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RunsAs {
    /// The account of supervise.
    #[default]
    Supervise,
    /// This account.
    Account(Account),
    /// An account that cannot be known here.
    Unknown,
}

/// A program that is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// Whether the shell becomes it.
    pub exec: bool,
    /// Who it runs as.
    pub runs_as: RunsAs,
    /// Every account that is named, with the program that it is given to.
    pub accounts: Vec<(String, Account)>,
    /// The names of the programs on the way.
    pub through: Vec<String>,
    /// The programs on the way and the last one, as they are written.
    pub programs: Vec<Word>,
    /// Its name without a directory.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Word>,
    /// Whether standard error is redirected on the way.
    pub redirects_errors: bool,
    /// The values of `PATH` that are set on the way.
    pub paths: Vec<Word>,
    /// Directories of variables, which may set `PATH`, too.
    pub variables: Vec<Word>,
    /// The first of `programs` that is started in another directory or root; all after it are.
    pub elsewhere: Option<usize>,
    /// Whether it is a shell with a script that was not read.
    pub unread: bool,
}

/// Shells, whose scripts are read.
pub const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "ksh", "mksh", "busybox", "zsh"];
/// How many scripts may be inside one another, by `sh -c`.
pub const SCRIPTS: u32 = 4;

/// What the words of a command start; `None` if nothing (assignments, `exec` with redirections only).
pub fn launch(raw: &[String]) -> Option<Launch> {
    launch_at(raw, SCRIPTS)
}

/// The same, inside scripts so that only `depth` more may be inside it.
pub fn launch_at(raw: &[String], depth: u32) -> Option<Launch> {
    let mut words: Vec<Word> = raw.iter().map(|raw| Word::new(raw)).collect();
    words.reverse();
    let mut launch = Launch::default();
    loop {
        let word = words.pop()?;
        if launch.assigns(&word) {
            continue;
        }
        let name = word.text().rsplit('/').next().unwrap_or_default().to_owned();
        launch.programs.push(word);
        let only_finds = name == "command" && matches!(words.last().and_then(Word::literal), Some("-v" | "-V"));
        // `ip` becomes another program only as `ip netns exec NAME PROGRAM`.
        let only_sets = name == "ip" && !is_netns_exec(&words);
        let found = passing(&name).filter(|_| !only_finds && !only_sets);
        let Some(passing) = found else {
            words.reverse();
            let launch = Launch { program: name, arguments: words, ..launch };
            return Some(launch.through_shell(depth));
        };
        let by_shell = launch.through.iter().all(|name| matches!(name.as_str(), "command" | "builtin"));
        launch.exec |= name == "exec" && by_shell;
        launch.take(passing, &mut words)?;
        launch.through.push(name);
    }
}

impl Launch {
    /// Takes an assignment before the command, or one of `env`; whether it is one.
    fn assigns(&mut self, word: &Word) -> bool {
        let Some((name, value)) = word.text().split_once('=') else { return false };
        let assigns = self.through.last().is_none_or(|last| last == "env") && is_name(name);
        if assigns && name == "PATH" {
            self.paths.push(Word::new(value));
        }
        assigns
    }

    /// Takes the options and the words of a program that becomes another one.
    fn take(&mut self, passing: &Passing, words: &mut Vec<Word>) -> Option<()> {
        let options = options(passing, words);
        let mut account = None;
        if let Named::Option(letter, syntax) = passing.named {
            account = options.iter().find(|option| option.0 == letter).map(|option| (option.1.clone(), syntax));
        }
        for letter in options.iter().map(|option| option.0) {
            match (passing.name, letter) {
                ("chpst", '/' | 'C') | ("env", 'C') => self.moves(),
                _ => {}
            }
        }
        let variables = options.into_iter().filter(|option| passing.name == "chpst" && option.0 == 'e');
        self.variables.extend(variables.map(|option| option.1));
        for place in 0..passing.words {
            let word = words.pop()?;
            match passing.named {
                Named::FirstWord(syntax) | Named::Environment(syntax) if place == 0 => account = Some((word, syntax)),
                _ if passing.name.ends_with("fdmove") && place == 0 => {
                    self.redirects_errors |= word.literal() == Some("2");
                }
                _ if passing.changes == Changes::Variables && place == 0 => self.variables.push(word),
                _ => {}
            }
        }
        if passing.name == "ip" {
            // netns exec NAME
            words.truncate(words.len().saturating_sub(3));
        }
        if passing.changes == Changes::Place {
            self.moves();
        }
        self.run_as(passing, account);
        Some(())
    }

    /// The programs that follow are started in another place.
    fn moves(&mut self) {
        self.elsewhere.get_or_insert(self.programs.len());
    }

    fn run_as(&mut self, passing: &Passing, account: Option<(Word, crate::account::Syntax)>) {
        let Some((word, syntax)) = account else {
            if passing.named == Named::Somehow {
                self.runs_as = RunsAs::Unknown;
            }
            return;
        };
        let account = word.literal().and_then(|text| Account::new(syntax, text));
        self.accounts.extend(account.clone().map(|account| (passing.name.to_owned(), account)));
        if !matches!(passing.named, Named::Environment(_)) {
            self.runs_as = account.map_or(RunsAs::Unknown, RunsAs::Account);
        }
    }

    /// `sh -c SCRIPT`: what the script starts at its end.
    fn through_shell(self, depth: u32) -> Launch {
        if !SHELLS.contains(&self.program.as_str()) {
            return self;
        }
        let login = self.arguments.iter().any(|word| word.literal().is_some_and(is_login));
        let arguments = self.arguments.iter().skip_while(|word| word.literal() == Some("sh"));
        let mut arguments = arguments.skip_while(|word| word.literal().is_some_and(is_plain_option));
        let gives_script = |text: &str| text.starts_with('-') && text.ends_with('c');
        if !arguments.next().and_then(Word::literal).is_some_and(gives_script) || depth == 0 {
            return Launch { unread: true, ..self };
        }
        let script = arguments.next().and_then(Word::literal).and_then(Script::new);
        let redirects = |script: &Script| script.commands.iter().any(|command| command.redirects_errors());
        let last = script.as_ref().and_then(|script| ending(script, depth.saturating_sub(1)));
        let (Some(script), Some(last)) = (&script, last) else { return Launch { unread: true, ..self } };
        let inner = last.launch;
        Launch {
            exec: self.exec,
            runs_as: if inner.runs_as == RunsAs::Supervise { self.runs_as } else { inner.runs_as },
            accounts: [self.accounts, inner.accounts].concat(),
            through: [self.through, vec![self.program], inner.through].concat(),
            elsewhere: self.elsewhere.or(inner.elsewhere.map(|place| place + self.programs.len())),
            programs: [self.programs, inner.programs].concat(),
            redirects_errors: self.redirects_errors || inner.redirects_errors || redirects(script),
            // A login shell may set any PATH.
            paths: [self.paths, inner.paths, login.then(|| Word::Dynamic("$PATH:$HOME".into())).into_iter().collect()]
                .concat(),
            variables: [self.variables, inner.variables].concat(),
            unread: self.unread || inner.unread,
            ..inner
        }
    }
}

/// Whether an argument of a shell makes it read the files of a login or of a terminal, which may set and define anything.
pub fn is_login(text: &str) -> bool {
    text == "--login" || (text.starts_with('-') && !text.starts_with("--") && text.contains(['l', 'i']))
}

/// `-e`, `-o pipefail` and so on, but not `-c`.
fn is_plain_option(text: &str) -> bool {
    text == "pipefail" || (text.len() > 1 && text.starts_with(['-', '+']) && !text.ends_with('c'))
}

fn is_netns_exec(words: &[Word]) -> bool {
    let last = words.iter().rev().take(2).filter_map(Word::literal);
    last.eq(["netns", "exec"])
}

/// Takes the options off; those that have a value.
fn options(passing: &Passing, words: &mut Vec<Word>) -> Vec<(char, Word)> {
    let mut options = Vec::new();
    loop {
        let letters = match words.last().and_then(Word::literal) {
            Some(text) if text.starts_with('-') && (text.len() > 1 || passing.name == "env") => text.to_owned(),
            // A dynamic word here may be options or a program: `softlimit $LIMITS`.
            _ => return options,
        };
        words.pop();
        let letters = letters.get(1..).unwrap_or_default();
        if letters == "-" {
            return options;
        }
        if letters.starts_with('-') {
            if passing.long_valued.iter().any(|long| long.strip_prefix('-') == Some(letters)) {
                words.pop();
            }
            continue;
        }
        let Some(at) = letters.find(|letter| passing.valued.contains(letter)) else { continue };
        let mut value = letters.get(at..).unwrap_or_default().chars();
        let letter = value.next().unwrap_or_default();
        let value = match value.as_str() {
            "" => words.pop(),
            attached => Some(Word::Literal(attached.into())),
        };
        options.extend(value.map(|value| (letter, value)));
    }
}

/// Whether this may be the name of a variable.
pub fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Launch> {
        launch(&Script::new(line).unwrap().commands[0].words)
    }

    fn account(launch: &Launch) -> Option<&str> {
        match &launch.runs_as {
            RunsAs::Account(account) => Some(&account.text),
            RunsAs::Supervise | RunsAs::Unknown => None,
        }
    }

    #[test]
    fn the_program_is_found_behind_others() {
        for (line, program, runs_as, exec) in [
            ("exec foo -d", "foo", None, true),
            ("/usr/sbin/foo", "foo", None, false),
            ("exec setuidgid log multilog t ./main", "multilog", Some("log"), true),
            ("exec env - PATH=/a A=b envdir ./env softlimit -m 9 -o9 tcpserver 0 25 x", "tcpserver", None, true),
            ("exec chpst -Pe env -u www:www -m 9 httpd", "httpd", Some("www:www"), true),
            ("exec chpst -uwww httpd", "httpd", Some("www"), true),
            ("A=1 B=2 setlock -nx f foo", "foo", None, false),
            ("exec -a x nice -n 5 foo", "foo", None, true),
            ("exec softlimit -- foo", "foo", None, true),
            ("exec setuidgid $U foo", "foo", None, true),
            ("exec 'f'oo \"-d\"", "foo", None, true),
            ("command -v sshd", "command", None, false),
            ("command sshd", "sshd", None, false),
            ("exec envuidgid dns softlimit -d300 /usr/bin/dnscache", "dnscache", None, true),
            ("exec s6-setuidgid 1000:1000 foo", "foo", Some("1000:1000"), true),
            ("exec ip netns exec blue foo -x", "foo", None, true),
            ("ip link set lo up", "ip", None, false),
            ("exec envdir ./env sh -c 'exec setuidgid a foo 2>&1'", "foo", Some("a"), true),
            ("exec sh -ec 'x; exec bash -c \"foo -x\"'", "foo", None, true),
            ("exec setpriv --reuid a --regid=b --clear-groups foo", "foo", None, true),
            ("exec sh -c 'exec setuidgid ${USER+\"$USER\"} foo \\\n x'", "foo", None, true),
            ("command exec foo", "foo", None, true),
            ("exec sh ./start.sh", "sh", None, true),
        ] {
            let launch = of(line).unwrap();
            assert_eq!((launch.program.as_str(), account(&launch), launch.exec), (program, runs_as, exec), "{line}");
        }
        let arguments = [Word::Literal("-d".into()), Word::Dynamic("$x".into())];
        assert_eq!(of("exec foo '-d' $x").unwrap().arguments, arguments);
        let launch = of("exec envuidgid dns setuidgid www foo").unwrap();
        assert_eq!(launch.accounts.iter().map(|named| named.1.text.as_str()).collect::<Vec<_>>(), ["dns", "www"]);
        assert_eq!(of("exec"), None);
        assert_eq!(of("A=1"), None);
    }

    #[test]
    fn what_happens_on_the_way_is_kept() {
        assert!(of("exec fdmove -c 2 1 foo").unwrap().redirects_errors);
        assert!(of("exec envdir ./env sh -c 'exec foo 2>&1'").unwrap().redirects_errors);
        assert!(!of("exec sh -c 'exec foo'").unwrap().redirects_errors);
        assert!(of("exec sh -c \"exec foo $X\"").unwrap().unread);
        assert!(of("exec sh start").unwrap().unread);
        assert!(of("exec sh").unwrap().unread);
        assert_eq!(of("exec envdir ./env foo").unwrap().variables, [Word::Literal("./env".into())]);
        assert_eq!(of("exec chpst -e env/ foo").unwrap().variables, [Word::Literal("env/".into())]);
        assert_eq!(of("PATH=/x:$PATH foo").unwrap().paths, [Word::Dynamic("/x:$PATH".into())]);
        assert_eq!(of("exec chpst -/ /jail foo").unwrap().elsewhere, Some(2));
        assert_eq!(of("exec nice sh -c 'exec chroot . foo'").unwrap().elsewhere, Some(5));
    }
}
