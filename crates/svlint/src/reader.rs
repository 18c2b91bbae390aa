//! Groups the tokens of a script into simple commands.

use brush_parser::Token;

use crate::script::{Command, Compound, Lookalike, Redirect, Script};
use crate::word::{Quote, characters};

/// A compound command that has begun.
struct Begun {
    compound: Compound,
    piped: bool,
    conditional: bool,
    /// How many commands there were before it.
    first: usize,
}

/// What has been read so far.
#[derive(Default)]
pub struct Reader {
    script: Script,
    /// The command that is being read, and where its last word ended.
    current: Option<(Command, i32)>,
    within: Vec<Begun>,
    /// The first command of the compound that has just ended.
    ended: Option<usize>,
    /// `|` was read, and the next command is the other side.
    piped: bool,
    /// `&&` or `||` was read, and the next command depends on the one before.
    conditional: bool,
    /// The next words belong to a pattern of `case`, or come before it.
    pattern: bool,
    /// The next words belong to `[[`.
    test: bool,
    /// `function` was read, and its name is next.
    naming: bool,
    /// A function whose name was read, and whose body is next.
    function: Option<String>,
    /// The `(` of `name()` was read.
    parenthesis: bool,
}

impl Reader {
    /// The script that these tokens spell; `None` if a redirection has no target.
    pub fn read(tokens: &[Token]) -> Option<Script> {
        let mut reader = Reader::default();
        let mut tokens = tokens.iter();
        while let Some(token) = tokens.next() {
            match token {
                Token::Operator(operator, place) if is_redirection(operator) && !reader.test => {
                    let line = line(place.start.line);
                    let descriptor = reader.descriptor(place.start.index, operator);
                    let Some(Token::Word(target, _)) = tokens.next() else { return None };
                    if operator.starts_with("<<") && operator != "<<<" {
                        // The text and the word that ends it.
                        tokens.next();
                        tokens.next();
                    }
                    reader.look_for_return(target, line);
                    let redirect = Redirect { descriptor, operator: operator.clone(), target: target.clone() };
                    reader.current(line).redirects.push(redirect);
                }
                Token::Operator(operator, place) => reader.operator(operator, line(place.start.line)),
                Token::Word(word, place) => reader.word(word, line(place.start.line), place.end.index),
            }
        }
        reader.end();
        Some(reader.script)
    }

    /// The command that is being read, which may begin here.
    fn current(&mut self, line: usize) -> &mut Command {
        let begin = || {
            self.ended = None;
            let around = self.within.last();
            let command = Command {
                line,
                piped: std::mem::take(&mut self.piped) || around.is_some_and(|begun| begun.piped),
                conditional: std::mem::take(&mut self.conditional) || around.is_some_and(|begun| begun.conditional),
                within: self.within.iter().map(|begun| begun.compound.clone()).collect(),
                ..Command::default()
            };
            (command, 0)
        };
        &mut self.current.get_or_insert_with(begin).0
    }

    /// The descriptor of a redirection at this place: the number right before it, else the usual one.
    fn descriptor(&mut self, place: i32, operator: &str) -> u32 {
        let usual = if operator.starts_with('<') { 0 } else { 1 };
        let Some((command, end)) = &mut self.current else { return usual };
        let number = command.words.last().and_then(|word| word.parse().ok());
        match number {
            Some(number) if *end == place => {
                command.words.pop();
                number
            }
            _ => usual,
        }
    }

    /// Records a carriage return that ends the word, outside quotes.
    fn look_for_return(&mut self, word: &str, line: usize) {
        if word.ends_with('\r') {
            self.script.returns.push(line + word.matches('\n').count());
        }
    }

    fn word(&mut self, word: &str, line: usize, end: i32) {
        self.look_for_return(word, line);
        let first = self.current.as_ref().is_none_or(|(command, _)| command.words.is_empty());
        if (first && !self.test && self.reserved(word, line)) || self.pattern {
            return;
        }
        if std::mem::take(&mut self.naming) {
            self.function = Some(word.to_owned());
            return;
        }
        self.begin_subshell_body();
        self.test |= first && word == "[[";
        self.test &= word != "]]";
        let command = self.current(line);
        command.words.push(word.to_owned());
        let speaks = command.words.first().is_some_and(|first| matches!(first.as_str(), "echo" | "printf" | "logger"));
        if let Some((_, at)) = &mut self.current {
            *at = end;
        }
        if !speaks {
            let found = characters(word).find(|(quote, character)| *quote == Quote::None && looks_alike(*character));
            self.script.lookalikes.extend(found.map(|(_, character)| Lookalike { line, character }));
        }
    }

    /// Takes a word of the shell's grammar; whether it was one.
    fn reserved(&mut self, word: &str, line: usize) -> bool {
        match word {
            "esac" => self.leave(&Compound::Case),
            _ if self.pattern || self.naming => return false,
            "if" => self.enter(Compound::If),
            "while" | "until" => self.enter(Compound::Loop),
            "{" => self.enter(Compound::Group),
            "for" | "select" => {
                self.enter(Compound::Loop);
                // The list up to the newline or `;` is no command.
                self.current(line).words.push("for".into());
            }
            "case" => {
                self.enter(Compound::Case);
                self.pattern = true;
            }
            "function" => self.naming = true,
            "fi" => self.leave(&Compound::If),
            "done" => self.leave(&Compound::Loop),
            "}" => self.leave(&Compound::Group),
            "then" | "else" | "elif" | "do" | "!" | "time" => {}
            _ => return false,
        }
        true
    }

    /// A compound begins; it may be the body of a function.
    fn enter(&mut self, compound: Compound) {
        let around = self.within.last();
        let piped = std::mem::take(&mut self.piped) || around.is_some_and(|begun| begun.piped);
        let conditional = std::mem::take(&mut self.conditional) || around.is_some_and(|begun| begun.conditional);
        let first = self.script.commands.len();
        let function = self.function.take().map(Compound::Function);
        self.parenthesis = false;
        self.ended = None;
        for compound in function.into_iter().chain([compound]) {
            self.within.push(Begun { compound, piped, conditional, first });
        }
    }

    /// A compound ends, and so does the function whose body it is.
    fn leave(&mut self, compound: &Compound) {
        self.pattern = false;
        self.end();
        let Some(at) = self.within.iter().rposition(|begun| begun.compound == *compound) else { return };
        self.ended = self.within.get(at).map(|begun| begun.first);
        self.within.truncate(at);
        if matches!(self.within.last(), Some(Begun { compound: Compound::Function(_), .. })) {
            self.within.pop();
        }
    }

    /// `function name (`, and no `)`: the body is a subshell.
    fn begin_subshell_body(&mut self) {
        if self.parenthesis {
            self.enter(Compound::Subshell);
        }
    }

    fn operator(&mut self, operator: &str, line: usize) {
        if self.test && operator != "\n" {
            return self.current(line).words.push(operator.to_owned());
        }
        match operator {
            "&" => self.mark(|command| command.background = true),
            "|" if self.pattern => {}
            "|" | "|&" => {
                if operator == "|&" {
                    let redirect = Redirect { descriptor: 2, operator: "|&".into(), target: String::new() };
                    self.current(line).redirects.push(redirect);
                }
                self.mark(|command| command.piped = true);
                self.piped = true;
            }
            "&&" | "||" => {
                self.end();
                self.conditional = true;
            }
            ";;" | ";&" | ";;&" => {
                self.end();
                self.pattern = self.within.last().is_some_and(|begun| begun.compound == Compound::Case);
            }
            ")" if self.pattern => self.pattern = false,
            "(" if self.pattern => {}
            "(" => self.open(),
            ")" if self.parenthesis => self.parenthesis = false,
            ")" => self.leave(&Compound::Subshell),
            _ if self.current.is_none() => self.ended = None,
            _ => self.end(),
        }
    }

    /// `(`: of `name()`, or of a subshell.
    fn open(&mut self) {
        self.begin_subshell_body();
        let named = self.current.take().and_then(|(command, _)| command.words.into_iter().next());
        match named {
            Some(name) if name != "for" => {
                self.function = Some(name);
                self.parenthesis = true;
            }
            _ if self.function.is_some() => self.parenthesis = true,
            _ => self.enter(Compound::Subshell),
        }
    }

    /// Marks the command or the compound that ends here.
    fn mark(&mut self, mark: impl Fn(&mut Command)) {
        let first = match self.current {
            Some(_) => self.script.commands.len(),
            None => self.ended.unwrap_or(self.script.commands.len()),
        };
        self.end();
        self.script.commands.iter_mut().skip(first).for_each(mark);
    }

    fn end(&mut self) {
        self.ended = None;
        self.test = false;
        let Some((command, _)) = self.current.take() else { return };
        if command.words.first().map(String::as_str) != Some("for") {
            self.script.commands.push(command);
        }
    }
}

fn line(number: i32) -> usize {
    usize::try_from(number).unwrap_or(0)
}

fn is_redirection(operator: &str) -> bool {
    matches!(operator, ">" | ">>" | "<" | "<<" | "<<-" | "<<<" | ">&" | "<&" | "<>" | ">|" | "&>" | "&>>")
}

/// Whether a character is read as a blank, a hyphen or a quote by people only. What the shell splits at is in `IFS`
/// after an expansion; between the words of a script, blanks are the space and the tab.
fn looks_alike(character: char) -> bool {
    let blank = character.is_whitespace() && !matches!(character, ' ' | '\t' | '\n' | '\r');
    let invisible = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    let hyphen = matches!(character, '\u{2010}'..='\u{2015}' | '\u{2212}');
    let quote = matches!(character, '\u{2018}'..='\u{201f}');
    blank || invisible || hyphen || quote
}
