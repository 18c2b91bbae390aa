//! The flags of a program, read as the program itself reads its arguments.

use crate::word::Word;

/// How a program reads its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Syntax {
    /// The option letters that have a value, in the same word or the next one.
    pub valued: &'static str,
    /// The long options whose value is in the next word, where it is not after `=`.
    pub long_valued: &'static [&'static str],
    /// Whether letters may be joined: `-dp 80`. Otherwise each word is one flag: `-foreground`.
    pub clusters: bool,
    /// After how many other words options end; `usize::MAX` where they may come anywhere.
    pub operands: usize,
}

impl Syntax {
    /// Letters that may be joined, options anywhere.
    pub const USUAL: Syntax = Syntax { valued: "", long_valued: &[], clusters: true, operands: usize::MAX };
    /// Each word is a flag.
    pub const WORDS: Syntax = Syntax { clusters: false, ..Syntax::USUAL };
}

/// A flag, or another word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// `-f`, `--daemon`, or the word itself.
    pub name: String,
    /// Its value.
    pub value: Option<String>,
}

impl Flag {
    /// Whether the value says no.
    pub fn is_off(&self) -> bool {
        let off = |value: &String| ["no", "off", "false", "0"].contains(&value.to_ascii_lowercase().as_str());
        self.value.as_ref().is_some_and(off)
    }
}

/// The flags and other words among the arguments, up to where the options end. A dynamic word may be a flag, a value or
/// nothing; where words are counted, no word after one is read.
pub fn flags(syntax: Syntax, arguments: &[Word]) -> Vec<Flag> {
    let mut flags = Vec::new();
    let mut operands = 0;
    let mut arguments = arguments.iter();
    while let Some(word) = arguments.next() {
        let Some(text) = word.literal() else {
            match syntax.operands {
                usize::MAX => continue,
                _ => break,
            }
        };
        let plain = |name: &str| Flag { name: name.into(), value: None };
        if text == "--" {
            break;
        }
        if text.starts_with("--") {
            let mut flag = match text.split_once('=') {
                Some((name, value)) => Flag { name: name.into(), value: Some(value.into()) },
                None => plain(text),
            };
            if flag.value.is_none() && syntax.long_valued.contains(&text) {
                flag.value = arguments.next().map(|word| word.text().into());
            }
            flags.push(flag);
        } else if text.starts_with('-') && text.len() > 1 {
            flags.extend(short(syntax, text, &mut arguments));
        } else {
            flags.push(plain(text));
            operands += 1;
            if operands >= syntax.operands {
                break;
            }
        }
    }
    flags
}

/// The flags of a word such as `-dp`.
fn short<'a>(syntax: Syntax, text: &str, rest: &mut impl Iterator<Item = &'a Word>) -> Vec<Flag> {
    let mut next = || rest.next().map(|word| word.text().to_owned());
    if !syntax.clusters {
        let valued = text.len() == 2 && text.ends_with(|letter| syntax.valued.contains(letter));
        return vec![Flag { name: text.into(), value: if valued { next() } else { None } }];
    }
    let mut flags = Vec::new();
    let mut letters = text.strip_prefix('-').unwrap_or(text).chars();
    while let Some(letter) = letters.next() {
        let name = format!("-{letter}");
        if syntax.valued.contains(letter) {
            let attached = letters.as_str();
            let value = if attached.is_empty() { next() } else { Some(attached.into()) };
            flags.push(Flag { name, value });
            break;
        }
        flags.push(Flag { name, value: None });
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(syntax: Syntax, line: &str) -> Vec<String> {
        let words: Vec<Word> = line.split(' ').map(Word::new).collect();
        let show = |flag: Flag| [Some(flag.name), flag.value].into_iter().flatten().collect::<Vec<_>>().join("=");
        flags(syntax, &words).into_iter().map(show).collect()
    }

    #[test]
    fn each_program_reads_its_own_way() {
        let valued = Syntax { valued: "pu", long_valued: &["--user"], ..Syntax::USUAL };
        assert_eq!(
            read(valued, "-dp 80 -uwww x --user d --y=z -- -e"),
            ["-d", "-p=80", "-u=www", "x", "--user=d", "--y=z"]
        );
        assert_eq!(read(valued, "-p $P -d"), ["-p=$P", "-d"]);
        assert_eq!(read(valued, "$P -d"), ["-d"]);
        let two = Syntax { operands: 2, ..valued };
        assert_eq!(read(two, "-d host -e tail -f"), ["-d", "host", "-e", "tail"]);
        assert_eq!(read(two, "$host -e"), [""; 0]);
        let words = Syntax { valued: "f", ..Syntax::WORDS };
        assert_eq!(read(words, "-f -db -dontfork - x"), ["-f=-db", "-dontfork", "-", "x"]);
    }

    #[test]
    fn a_value_may_say_no() {
        for (value, off) in [("OFF", true), ("no", true), ("0", true), ("yes", false), ("/var/log/x", false)] {
            assert_eq!(Flag { name: "--daemonize".into(), value: Some(value.into()) }.is_off(), off);
        }
    }
}
