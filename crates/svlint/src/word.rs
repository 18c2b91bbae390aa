//! A word of a script: what it says once the quotes are taken off, if that is known before the shell runs.

/// A word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// The text, without quotes.
    Literal(String),
    /// A word that the shell expands, as it is written in the script.
    Dynamic(String),
}

impl Word {
    /// What a word in a script means.
    pub fn new(raw: &str) -> Word {
        match is_dynamic(raw) {
            true => Word::Dynamic(raw.into()),
            false => Word::Literal(characters(raw).map(|(_, character)| character).collect()),
        }
    }

    /// The text, if it is known.
    pub fn literal(&self) -> Option<&str> {
        match self {
            Word::Literal(text) => Some(text),
            Word::Dynamic(_) => None,
        }
    }

    /// The text, or what is written in its place.
    pub fn text(&self) -> &str {
        match self {
            Word::Literal(text) | Word::Dynamic(text) => text,
        }
    }
}

/// How a character is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quote {
    /// Not at all.
    None,
    /// By a backslash before it.
    Backslash,
    /// By `'` around it.
    Single,
    /// By `"` around it.
    Double,
}

/// The characters of a raw word, without the quotes themselves, and without newlines that a backslash takes away.
pub fn characters(raw: &str) -> impl Iterator<Item = (Quote, char)> {
    let mut quote = Quote::None;
    let mut characters = raw.chars().peekable();
    std::iter::from_fn(move || {
        loop {
            let character = characters.next()?;
            match (quote, character) {
                (Quote::None | Quote::Double, '\\') => match characters.next_if(|next| is_escaped(quote, *next)) {
                    Some('\n') => {}
                    Some(escaped) => return Some((Quote::Backslash, escaped)),
                    None => return Some((quote, character)),
                },
                (Quote::None, '\'') => quote = Quote::Single,
                (Quote::None, '"') => quote = Quote::Double,
                (Quote::Single, '\'') | (Quote::Double, '"') => quote = Quote::None,
                _ => return Some((quote, character)),
            }
        }
    })
}

/// Whether a backslash before a character quotes it.
fn is_escaped(quote: Quote, next: char) -> bool {
    quote == Quote::None || matches!(next, '$' | '`' | '"' | '\\' | '\n')
}

/// Whether the shell puts something else in the place of this word: a variable, the output of a command, file names.
fn is_dynamic(raw: &str) -> bool {
    let expands = |(quote, character): (Quote, char)| match quote {
        Quote::None => matches!(character, '$' | '`' | '*' | '?'),
        Quote::Double => matches!(character, '$' | '`'),
        Quote::Backslash | Quote::Single => false,
    };
    raw.starts_with('~') || characters(raw).any(expands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_shell_expands_is_dynamic() {
        for raw in ["$x", "a$x", "\"$x\"", "`x`", "a*", "~/x", "'a'$x", "$'a'", "\"a`b`\""] {
            assert_eq!(Word::new(raw), Word::Dynamic(raw.into()));
        }
        for (raw, text) in [
            ("'$x'", "$x"),
            ("\\$x", "$x"),
            ("\"a b\"", "a b"),
            ("'*'", "*"),
            ("a'b'c", "abc"),
            ("[", "["),
            ("'${x+\"y\"}\\\n'", "${x+\"y\"}\\\n"),
            ("a\\\nb", "ab"),
            ("\"a\\b\\$\"", "a\\b$"),
        ] {
            assert_eq!(Word::new(raw), Word::Literal(text.into()), "{raw}");
        }
    }

    #[test]
    fn each_character_has_its_quote() {
        let found: Vec<_> = characters("a\\b'c'\"d\\$\"f\\").collect();
        let expected = [
            (Quote::None, 'a'),
            (Quote::Backslash, 'b'),
            (Quote::Single, 'c'),
            (Quote::Double, 'd'),
            (Quote::Backslash, '$'),
            (Quote::None, 'f'),
            (Quote::None, '\\'),
        ];
        assert_eq!(found, expected);
    }
}
