//! What a command starts in the end: through `exec`, `setuidgid`, `softlimit` and other programs that become another one,
//! to the program itself, with what was said on the way.

use brush_parser::unquote_str;

/// A word of a script: what it says, or that only the shell will know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// This, whatever happens.
    Literal(String),
    /// Something with a `$` or a backquote in it, as it stands in the script.
    Open(String),
}

impl Word {
    /// What a word in a script means.
    pub fn new(raw: &str) -> Word {
        match raw.contains(['$', '`']) {
            true => Word::Open(raw.into()),
            false => Word::Literal(unquote_str(raw)),
        }
    }

    /// What it says, if that is known.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Word::Literal(text) => Some(text),
            Word::Open(_) => None,
        }
    }
}

/// A program that is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// Whether the shell becomes it.
    pub exec: bool,
    /// The account that it runs under, where one is named: `user`, or `user:group` and more groups.
    pub account: Option<String>,
    /// Every account that is named.
    pub accounts: Vec<String>,
    /// The programs on the way.
    pub through: Vec<String>,
    /// Its name without a directory.
    pub program: String,
    /// Its arguments.
    pub arguments: Vec<Word>,
}

/// How a program that becomes another one takes its arguments.
struct Passing {
    name: &'static str,
    /// Its option letters that have a value.
    valued: &'static str,
    /// How many words come before the next program.
    words: usize,
    /// Where the account is named.
    account: Account,
}

#[derive(PartialEq, Eq)]
enum Account {
    Nowhere,
    /// In the first word.
    FirstWord,
    /// In the first word; the program is told of it, and runs as before.
    Told,
    /// In the value of this option.
    Option(char),
}

const fn passing(name: &'static str, valued: &'static str, words: usize) -> Passing {
    Passing { name, valued, words, account: Account::Nowhere }
}

const fn becoming(name: &'static str) -> Passing {
    Passing { name, valued: "", words: 1, account: Account::FirstWord }
}

/// The programs that become another one.
const PASSING: [Passing; 22] = [
    passing("exec", "a", 0),
    passing("command", "", 0),
    passing("env", "uCS", 0),
    passing("nice", "n", 0),
    passing("ionice", "cnp", 0),
    passing("nohup", "", 0),
    passing("setsid", "", 0),
    passing("stdbuf", "ieo", 0),
    passing("pgrphack", "", 0),
    passing("fghack", "", 0),
    passing("envdir", "", 1),
    passing("s6-envdir", "L", 1),
    passing("softlimit", "acdflmoprst", 0),
    passing("s6-softlimit", "acdflmoprst", 0),
    passing("setlock", "", 1),
    passing("s6-setlock", "t", 1),
    Passing { name: "envuidgid", valued: "", words: 1, account: Account::Told },
    becoming("setuidgid"),
    becoming("s6-setuidgid"),
    becoming("setuser"),
    Passing { name: "chpst", valued: "uUbenlLmdopfctrsC/", words: 0, account: Account::Option('u') },
    passing("argv0", "", 0),
];

/// What the words of a command start; `None` if nothing (assignments only).
pub fn launch(raw: &[String]) -> Option<Launch> {
    let mut words: Vec<Word> = raw.iter().map(|raw| Word::new(raw)).collect();
    words.reverse();
    let mut launch = Launch::default();
    loop {
        let word = words.pop()?;
        let text = match &word {
            Word::Literal(text) | Word::Open(text) => text,
        };
        let assigns = is_assignment(text);
        if assigns && (launch.through.is_empty() || launch.through.last().is_some_and(|last| last == "env")) {
            continue;
        }
        let name = text.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(passing) = PASSING.iter().find(|passing| passing.name == name) else {
            words.reverse();
            return Some(Launch { program: name, arguments: words, ..launch });
        };
        if name == "command" && matches!(words.last().and_then(Word::literal), Some("-v" | "-V")) {
            // It only tells where a program is.
            return Some(Launch { program: name, arguments: words, ..launch });
        }
        launch.exec |= name == "exec" && launch.through.is_empty();
        let mut account = options(passing, &mut words);
        for place in 0..passing.words {
            let word = words.pop()?;
            if place == 0 && matches!(passing.account, Account::FirstWord | Account::Told) {
                account = Some(word);
            }
        }
        if let Some(account) = account {
            let spec = account.literal();
            launch.accounts.extend(spec.and_then(|spec| spec.split(':').next()).map(String::from));
            if passing.account != Account::Told {
                launch.account = spec.map(String::from);
            }
        }
        launch.through.push(name);
    }
}

/// Takes the options off; the word that names an account, if one does.
fn options(passing: &Passing, words: &mut Vec<Word>) -> Option<Word> {
    let mut account = None;
    loop {
        let letters = match words.last().and_then(Word::literal) {
            Some(text) if text.starts_with('-') => text.get(1..).unwrap_or_default().to_owned(),
            // An open word at this place: `softlimit $LIMITS` or a program; nobody can know.
            _ => return account,
        };
        words.pop();
        if letters.starts_with('-') {
            return account;
        }
        if let Some(at) = letters.find(|letter| passing.valued.contains(letter)) {
            let (letter, value) = letters.split_at(at);
            let _ = letter;
            let mut value = value.chars();
            let letter = value.next();
            let value = match value.as_str() {
                "" => words.pop(),
                attached => Some(Word::Literal(attached.into())),
            };
            if letter.is_some_and(|letter| passing.account == Account::Option(letter)) {
                account = value;
            }
        }
    }
}

fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    first && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Launch> {
        launch(&line.split(' ').map(String::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_program_is_found_behind_others() {
        for (line, program, account, exec) in [
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
        ] {
            let launch = of(line).unwrap();
            assert_eq!(
                (launch.program.as_str(), launch.account.as_deref(), launch.exec),
                (program, account, exec),
                "{line}"
            );
        }
        assert_eq!(of("exec foo '-d' $x").unwrap().arguments, [Word::Literal("-d".into()), Word::Open("$x".into())]);
        assert_eq!(of("exec envuidgid dns setuidgid www foo").unwrap().accounts, ["dns", "www"]);
        assert_eq!(of("exec"), None);
        assert_eq!(of("A=1"), None);
    }
}
