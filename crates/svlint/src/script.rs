//! A shell script as the simple commands that it consists of. The words come from a shell parser's tokenizer; here they
//! are only put together: which belong to one command, what follows it, and within what it stands.

use brush_parser::{Token, tokenize_str};

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing special.
    Next,
    /// `&`: it goes into the background.
    Background,
    /// `|`: its output goes to the next command.
    Pipe,
}

/// One simple command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Where it begins, from 1.
    pub line: usize,
    /// Its words, quotes and all. Empty where there are only redirections.
    pub words: Vec<String>,
    /// Its redirections: descriptor, operator, target.
    pub redirects: Vec<(u32, String, String)>,
    /// What follows.
    pub after: After,
    /// The compounds around it: `if`, `while`, `{` and so on, the outermost first.
    pub within: Vec<&'static str>,
}

impl Command {
    /// Whether standard error is led anywhere.
    pub fn leads_errors(&self) -> bool {
        self.redirects.iter().any(|(descriptor, operator, target)| match operator.as_str() {
            "&>" | "&>>" => true,
            // `>&file`, as some shells have it.
            ">&" if *descriptor == 1 => target != "-" && !target.bytes().all(|byte| byte.is_ascii_digit()),
            _ => *descriptor == 2,
        })
    }
}

/// How deep a script may be nested that is read. The tokenizer calls itself, and has one stack.
const DEEPEST: usize = 150;

/// How deep a script is nested at most, or deeper.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' => depth += 1,
            b')' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = depth.max(deepest);
    }
    deepest
}

/// The commands of a script, in order; `None` if the shell would not understand it, or we do not.
pub fn commands(text: &str) -> Option<Vec<Command>> {
    if depth(text) > DEEPEST {
        return None;
    }
    let tokens = tokenize_str(text).ok()?;
    let mut reader = Reader { commands: Vec::new(), current: None, within: Vec::new(), pattern: false };
    let mut tokens = tokens.iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            Token::Operator(operator, place) if is_redirection(operator) => {
                let descriptor = reader.descriptor(place.start.index, operator);
                let target = match tokens.next() {
                    Some(Token::Word(word, _)) => word.clone(),
                    _ => return None,
                };
                if operator.starts_with("<<") && operator != "<<<" {
                    // The text and the word that ends it.
                    tokens.next();
                    tokens.next();
                }
                reader.current(place.start.line).redirects.push((descriptor, operator.clone(), target));
            }
            Token::Operator(operator, _) => reader.operator(operator),
            Token::Word(word, place) => reader.word(word, place.start.line, place.end.index),
        }
    }
    reader.end(After::Next);
    Some(reader.commands)
}

fn is_redirection(operator: &str) -> bool {
    matches!(operator, ">" | ">>" | "<" | "<<" | "<<-" | "<<<" | ">&" | "<&" | "<>" | ">|" | "&>" | "&>>")
}

struct Reader {
    commands: Vec<Command>,
    /// The command that is being read, and where its last word ended.
    current: Option<(Command, i32)>,
    within: Vec<&'static str>,
    /// Whether the next words are a pattern of `case`, or what goes before it.
    pattern: bool,
}

impl Reader {
    fn current(&mut self, line: i32) -> &mut Command {
        let line = usize::try_from(line).unwrap_or(0);
        let within = &self.within;
        let begin = || {
            let within = within.clone();
            (Command { line, words: Vec::new(), redirects: Vec::new(), after: After::Next, within }, 0)
        };
        &mut self.current.get_or_insert_with(begin).0
    }

    /// The descriptor that a redirection at this place is about: the number right before it, else what is usual.
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

    fn word(&mut self, word: &str, line: i32, end: i32) {
        let first = self.current.as_ref().is_none_or(|(command, _)| command.words.is_empty());
        if first && self.reserved(word) {
            return;
        }
        if self.pattern {
            return;
        }
        self.current(line).words.push(word.to_owned());
        if let Some((_, at)) = &mut self.current {
            *at = end;
        }
    }

    /// Takes a word that belongs to the shell's grammar; whether it was one.
    fn reserved(&mut self, word: &str) -> bool {
        match word {
            "esac" => self.leave("case"),
            _ if self.pattern => return false,
            "if" => self.within.push("if"),
            "while" | "until" => self.within.push("while"),
            "{" => self.within.push("{"),
            "for" | "select" => {
                self.within.push("while");
                // The list up to the newline or `;` is no command.
                self.current(0).words.push("for".into());
            }
            "case" => {
                self.within.push("case");
                self.pattern = true;
            }
            "fi" => self.leave("if"),
            "done" => self.leave("while"),
            "}" => self.leave("{"),
            "then" | "else" | "elif" | "do" | "!" | "time" => {}
            _ => return false,
        }
        true
    }

    fn leave(&mut self, compound: &str) {
        self.pattern = false;
        if let Some(at) = self.within.iter().rposition(|within| *within == compound) {
            self.within.truncate(at);
        }
        if self.within.last() == Some(&"function") {
            self.within.pop();
        }
    }

    fn operator(&mut self, operator: &str) {
        match operator {
            "&" => self.end(After::Background),
            "|" | "|&" => self.end(After::Pipe),
            ";;" | ";&" | ";;&" => {
                self.end(After::Next);
                self.pattern = self.within.last() == Some(&"case");
            }
            ")" if self.pattern => self.pattern = false,
            "(" if self.pattern => {}
            "(" => {
                // `name()` begins a function, whose body is run by whoever calls it.
                let function = self.current.take().is_some();
                self.within.push(if function { "()" } else { "(" });
            }
            ")" => {
                self.end(After::Next);
                match self.within.last() {
                    Some(&"()") => *self.within.last_mut().unwrap_or(&mut "") = "function",
                    _ => self.leave("("),
                }
            }
            _ => self.end(After::Next),
        }
    }

    fn end(&mut self, after: After) {
        let Some((mut command, _)) = self.current.take() else { return };
        command.after = after;
        if command.words.first().map(String::as_str) != Some("for") {
            self.commands.push(command);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command as `line: words [redirections] after @within`.
    fn read(text: &str) -> Vec<String> {
        let show = |command: &Command| {
            let redirects: Vec<_> = command.redirects.iter().map(|(n, op, to)| format!("[{n}{op}{to}]")).collect();
            let words = [command.words.clone(), redirects].concat().join(" ");
            let after = match command.after {
                After::Next => "",
                After::Background => " &",
                After::Pipe => " |",
            };
            let within: String = command.within.iter().map(|within| format!(" @{within}")).collect();
            format!("{}: {words}{after}{within}", command.line)
        };
        commands(text).unwrap().iter().map(show).collect()
    }

    #[test]
    fn words_redirections_and_lines() {
        let script = "#!/bin/sh\n# exec nothing\nexec 2>&1\nexec a \\\n  -v \"x y\" 2 > out\nb </dev/null & c 2>>e|d\n";
        let expected =
            ["3: exec [2>&1]", "4: exec a -v \"x y\" 2 [1>out]", "6: b [0</dev/null] &", "6: c [2>>e] |", "6: d"];
        assert_eq!(read(script), expected);
    }

    #[test]
    fn compounds_are_told() {
        let script = "if [ -f x ]; then\n exec a\nelse b\nfi\nfor i in 1 2; do c; done\nwhile d; do e; done\n\
                      case $x in\n p|q) f;; (r) g ;;\nesac\nh() {\n i\n}\n(j)\n{ k; }\nl\n";
        let expected = [
            "1: [ -f x ] @if",
            "2: exec a @if",
            "3: b @if",
            "5: c @while",
            "6: d @while",
            "6: e @while",
            "8: f @case",
            "8: g @case",
            "11: i @function @{",
            "13: j @(",
            "14: k @{",
            "15: l",
        ];
        let commands = read(script);
        assert_eq!(commands, expected);
    }

    #[test]
    fn a_text_in_the_script_is_no_command() {
        assert_eq!(
            read("cat <<E >f\nexec a &\nE\nb <<<'c d'\ne\n"),
            ["1: cat [0<<E] [1>f]", "4: b [0<<<'c d']", "5: e"]
        );
    }

    #[test]
    fn where_errors_go() {
        let leads = |text: &str| commands(text).unwrap().iter().any(Command::leads_errors);
        for text in ["a 2>&1", "a 2>/dev/null", "exec 2>&1", "a &>f", "a >f 2>&1"] {
            assert!(leads(text), "{text}");
        }
        for text in ["a", "a >f", "a >&2", "a <&2", "a 12>&1"] {
            assert!(!leads(text), "{text}");
        }
    }

    #[test]
    fn nonsense_is_none_and_no_panic() {
        for text in ["a 'b", "a >", "(((", "case x in", "esac fi done ) }", "$(", "\u{0}"] {
            let _ = commands(text);
        }
        for opening in ["$(", "(", "${", "<(", "$((", "{ ", "`", "'", "if ", "<<E\n", "a\\\n"] {
            let _ = commands(&opening.repeat(50_000));
        }
        assert_eq!(commands("a 'b"), None);
    }
}
