//! The words that are given to multilog: which of them it ignores, and what was probably meant.

use crate::multilog_settings;
use crate::word::Word;

/// What a word does, by its first letter. As in 0.76, a word with another letter is no action and no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    /// Puts a stamp before each line; only as the first word.
    Stamp,
    /// Selects or deselects lines, for what comes after it.
    Select,
    /// Writes the line to standard error.
    Alert,
    /// Writes the line into a file.
    Status,
    /// A number, for the directories after it.
    Number,
    /// A command, for the directories after it.
    Processor,
    /// A setting, for the directories after it.
    Setting,
    /// Writes the line to the log in this directory.
    Directory,
}

/// multilog(8), by first letters.
const ACTIONS: [(char, Action); 11] = [
    ('t', Action::Stamp),
    ('+', Action::Select),
    ('-', Action::Select),
    ('e', Action::Alert),
    ('=', Action::Status),
    ('s', Action::Number),
    ('n', Action::Number),
    ('!', Action::Processor),
    (':', Action::Setting),
    ('.', Action::Directory),
    ('/', Action::Directory),
];

/// What a word is: an action, nothing that multilog knows, or something that only the shell knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Action(Action),
    Ignored,
    Unknown,
}

/// A word that does not do what it seems to say: what is wrong, what to do.
pub type Ignored = (String, String);

/// The words that multilog ignores, or takes for something else.
pub fn ignored(words: &[Word]) -> Vec<Ignored> {
    let kinds: Vec<Kind> = words.iter().map(kind).collect();
    let texts: Vec<&str> = words.iter().map(Word::text).collect();
    let unknown = kinds.contains(&Kind::Unknown);
    let stamped = matches!(kinds.first(), Some(Kind::Unknown | Kind::Action(Action::Stamp)));
    let mut found: Vec<Ignored> = Vec::new();
    for (place, (text, kind)) in texts.iter().zip(&kinds).enumerate() {
        let rest = kinds.get(place + 1..).unwrap_or_default();
        let finding = match kind {
            Kind::Unknown => None,
            Kind::Ignored => no_action(text),
            Kind::Action(action) => misread(text, *action, place, stamped).or_else(|| {
                // An unknown word may be a directory.
                if unknown { None } else { too_late(text, *action, rest, &texts, &kinds) }
            }),
        };
        found.extend(finding);
    }
    let keeps =
        |kind: &Kind| matches!(kind, Kind::Unknown | Kind::Action(Action::Directory | Action::Status | Action::Alert));
    if found.is_empty() && !kinds.iter().any(keeps) {
        found.push((
            "multilog is given no directory, and throws every line away".into(),
            "add a directory that begins with . or /, such as ./main".into(),
        ));
    }
    found
}

fn kind(word: &Word) -> Kind {
    let text = word.text();
    match (text.chars().next(), word.literal()) {
        (None, _) => Kind::Unknown,
        // A pattern that the shell may take for one of its own begins with its letter all the same.
        (Some('+' | '-'), _) => Kind::Action(Action::Select),
        (_, None) => Kind::Unknown,
        (Some(letter), _) => {
            let found = ACTIONS.iter().find(|(known, _)| *known == letter);
            found.map_or(Kind::Ignored, |(_, action)| Kind::Action(*action))
        }
    }
}

/// A word that begins with no letter of an action.
fn no_action(text: &str) -> Option<Ignored> {
    let what = format!("multilog ignores {text}, which is none of its actions");
    let fix = match text {
        "T" => "write t as the first action".into(),
        "E" => "write e".into(),
        _ if text.contains('/')
            || text.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character)) =>
        {
            format!("if it is a directory, write ./{text}; else remove it")
        }
        _ => "remove it".into(),
    };
    Some((what, fix))
}

/// A word that begins with the letter of an action and is read differently from how it looks.
fn misread(text: &str, action: Action, place: usize, stamped: bool) -> Option<Ignored> {
    let value = text.get(1..).unwrap_or_default();
    let letter = text.get(..1).unwrap_or_default();
    let directory = || format!("if it is a directory, write ./{text}");
    match action {
        Action::Stamp if place > 0 => Some((
            format!("multilog ignores {text}: t counts as the first action only"),
            "make it the first action".into(),
        )),
        Action::Stamp | Action::Alert if !value.is_empty() => {
            Some((format!("multilog takes {text} for {letter}, and ignores the rest of it"), directory()))
        }
        Action::Number if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) => {
            let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
            let number = if digits.is_empty() { "0" } else { &digits };
            let what = format!("multilog takes {text} for {letter}{number}, and ignores the rest of it");
            let unit = value.get(digits.len()..).unwrap_or_default().to_ascii_lowercase();
            let fix = match (multiple(&digits, &unit), letter) {
                (Some(bytes), "s") => format!("write {}", size(bytes)),
                (Some(files), _) => format!("write n{files}"),
                (None, _) if value.starts_with(|first: char| first.is_ascii_alphabetic()) => directory(),
                (None, _) => format!("write {letter} and a number"),
            };
            Some((what, fix))
        }
        Action::Setting => multilog_settings::wrong(text, stamped),
        _ => None,
    }
}

/// What a number with a unit says; `None` if it is no unit.
fn multiple(digits: &str, unit: &str) -> Option<u64> {
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" if unit == "b" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// The largest size that multilog makes a file.
const LARGEST: u64 = 16_777_215;

fn size(bytes: u64) -> String {
    match bytes > LARGEST {
        true => format!("s{LARGEST}, which is the largest size"),
        false => format!("s{bytes}"),
    }
}

/// A word that counts for what comes after it, where nothing comes.
fn too_late(text: &str, action: Action, rest: &[Kind], texts: &[&str], kinds: &[Kind]) -> Option<Ignored> {
    let follows =
        |actions: &[Action]| rest.iter().any(|kind| matches!(kind, Kind::Action(found) if actions.contains(found)));
    let last = kinds.iter().rposition(|kind| *kind == Kind::Action(Action::Directory)).and_then(|at| texts.get(at))?;
    let idle = match action {
        Action::Number | Action::Processor | Action::Setting => !follows(&[Action::Directory]),
        Action::Select => !follows(&[Action::Directory, Action::Alert, Action::Status]),
        _ => false,
    };
    let what = format!("multilog ignores {text}: it counts for what comes after it, and nothing does");
    idle.then(|| (what, format!("move it before {last}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Vec<String> {
        let words: Vec<Word> = line.split(' ').filter(|raw| !raw.is_empty()).map(Word::new).collect();
        ignored(&words).into_iter().map(|(what, fix)| format!("{what} - {fix}")).collect()
    }

    #[test]
    fn what_multilog_obeys() {
        for line in [
            "t ./main",
            "t s16777215 n20 ./main",
            "t n3 !./compress s5000 /var/log/x",
            "t -* +*foo ./foo +* ./all",
            "t ./main -* +*ERROR e",
            "t ./main =./status",
            "e",
            "-* =./status",
            "t $DIR s500",
            "t \"s$SIZE\" ./main",
            "t s99999999 ./main",
            "'-*:status:*' ./main",
            "t :stamp=iso :prefix=web: :line-max=64k ./main",
            "$STAMP :stamp=utc ./main",
        ] {
            assert_eq!(of(line), [""; 0], "{line}");
        }
    }

    #[test]
    fn what_multilog_ignores() {
        for (line, expected) in [
            (
                "t main",
                "multilog ignores main, which is none of its actions - if it is a directory, write ./main; else remove it",
            ),
            (
                "d ./main",
                "multilog ignores d, which is none of its actions - if it is a directory, write ./d; else remove it",
            ),
            ("T ./main", "multilog ignores T, which is none of its actions - write t as the first action"),
            ("n5 t ./main", "multilog ignores t: t counts as the first action only - make it the first action"),
            (
                "t ./main s5000",
                "multilog ignores s5000: it counts for what comes after it, and nothing does - move it before ./main",
            ),
            (
                "./main n5",
                "multilog ignores n5: it counts for what comes after it, and nothing does - move it before ./main",
            ),
            (
                "./main !gzip",
                "multilog ignores !gzip: it counts for what comes after it, and nothing does - move it before ./main",
            ),
            (
                "./main -*x",
                "multilog ignores -*x: it counts for what comes after it, and nothing does - move it before ./main",
            ),
            ("s10M ./main", "multilog takes s10M for s10, and ignores the rest of it - write s10485760"),
            (
                "s1GB ./main",
                "multilog takes s1GB for s1, and ignores the rest of it - write s16777215, which is the largest size",
            ),
            ("s ./main", "multilog takes s for s0, and ignores the rest of it - write s and a number"),
            ("n=5 ./main", "multilog takes n=5 for n0, and ignores the rest of it - write n and a number"),
            ("n2k ./main", "multilog takes n2k for n2, and ignores the rest of it - write n2048"),
            (
                "t syslog",
                "multilog takes syslog for s0, and ignores the rest of it - if it is a directory, write ./syslog",
            ),
            (
                "t error ./main",
                "multilog takes error for e, and ignores the rest of it - if it is a directory, write ./error",
            ),
            ("tcp ./main", "multilog takes tcp for t, and ignores the rest of it - if it is a directory, write ./tcp"),
            (
                "t",
                "multilog is given no directory, and throws every line away - add a directory that begins with . or /, such as ./main",
            ),
            (
                "t :max-age=3d ./main :max-size=1g ./big",
                &format!(
                    "multilog does not know the setting :max-size=1g, and does not start - write one of {}",
                    multilog_settings::names()
                ),
            ),
            (
                ":stamp=iso ./main",
                "multilog does not start with :stamp=iso, since lines have no stamps - write t as the first action",
            ),
            (
                "t :max-age=30 ./main",
                "multilog does not understand the value of :max-age=30, and does not start - write it as in :max-age=30d",
            ),
            (
                "./main :sync=1s",
                "multilog ignores :sync=1s: it counts for what comes after it, and nothing does - move it before ./main",
            ),
        ] {
            assert_eq!(of(line), [expected], "{line}");
        }
    }
}
