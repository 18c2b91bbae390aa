//! A shell script as the simple commands it consists of. The words come from a shell parser's tokenizer; `reader` groups
//! them into commands and records what is around each.

use crate::reader::Reader;

/// A compound command, which other commands are inside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compound {
    /// `if`.
    If,
    /// `while`, `until`, `for`, `select`.
    Loop,
    /// `case`.
    Case,
    /// `{ }`.
    Group,
    /// `( )`.
    Subshell,
    /// The body of the function of this name. It runs where the function is called.
    Function(String),
}

/// A redirection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The descriptor that is redirected.
    pub descriptor: u32,
    /// The operator, such as `>>`.
    pub operator: String,
    /// The word after it.
    pub target: String,
}

/// A simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// Its words, quotes included. Empty if there are only redirections.
    pub words: Vec<String>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
    /// Whether it, or a compound around it, runs in the background (`&`).
    pub background: bool,
    /// Whether it, or a compound around it, is part of a pipeline.
    pub piped: bool,
    /// Whether it, or a compound around it, comes after `&&` or `||`.
    pub conditional: bool,
    /// The compounds around it, the outermost first.
    pub within: Vec<Compound>,
}

impl Command {
    /// Whether standard error is redirected to anywhere.
    pub fn redirects_errors(&self) -> bool {
        self.redirects.iter().any(|redirect| match redirect.operator.as_str() {
            "&>" | "&>>" => true,
            "|&" => true,
            // `>&file` of bash and csh.
            ">&" if redirect.descriptor == 1 => {
                redirect.target != "-" && !redirect.target.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => redirect.descriptor == 2,
        })
    }

    /// Whether the command is inside a function.
    pub fn in_function(&self) -> bool {
        self.within.iter().any(|compound| matches!(compound, Compound::Function(_)))
    }

    /// Whether the command is inside a loop.
    pub fn in_loop(&self) -> bool {
        self.within.contains(&Compound::Loop)
    }

    /// Whether the command is inside `( )`.
    pub fn in_subshell(&self) -> bool {
        self.within.contains(&Compound::Subshell)
    }

    /// Whether the script may end without having come here.
    pub fn is_conditional(&self) -> bool {
        let decides = |compound: &Compound| matches!(compound, Compound::If | Compound::Loop | Compound::Case);
        self.conditional || self.within.iter().any(decides)
    }
}

/// A character that looks like one of the shell's own and is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lookalike {
    /// The line, from 1.
    pub line: usize,
    /// The character.
    pub character: char,
}

/// A script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// Its simple commands, in order.
    pub commands: Vec<Command>,
    /// The lines on which a word ends with a carriage return outside quotes. `commands` is without them.
    pub returns: Vec<usize>,
    /// Characters outside quotes that look like a blank, a hyphen or a quote.
    pub lookalikes: Vec<Lookalike>,
}

/// The deepest nesting that is read: the tokenizer is recursive, and the stack is finite.
const DEEPEST: usize = 150;

/// How deep a script is nested, or more.
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

impl Script {
    /// Reads a script; `None` if it is no valid shell script, or one that the tokenizer does not understand.
    ///
    /// Where a word ends with a carriage return, the commands are those of the script without any.
    pub fn new(text: &str) -> Option<Script> {
        let read = |text: &str| Reader::read(&brush_parser::tokenize_str(text).ok()?);
        if depth(text) > DEEPEST {
            return None;
        }
        let script = read(text);
        match &script {
            Some(script) if !script.returns.is_empty() => {}
            None if text.contains("\r\n") => {}
            _ => return script,
        }
        let intended = read(text.replace("\r\n", "\n").trim_end_matches('\r'))?;
        let first = text.split('\n').position(|line| line.ends_with('\r')).unwrap_or(0) + 1;
        Some(Script { returns: script.map_or(vec![first], |script| script.returns), ..intended })
    }

    /// The names of the functions that the script defines.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        self.commands.iter().flat_map(|command| &command.within).filter_map(|compound| match compound {
            Compound::Function(name) => Some(name.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command as `line: words [redirections] marks @within`.
    fn read(text: &str) -> Vec<String> {
        let show = |command: &Command| {
            let redirect = |it: &Redirect| format!("[{}{}{}]", it.descriptor, it.operator, it.target);
            let words = [command.words.clone(), command.redirects.iter().map(redirect).collect()].concat().join(" ");
            let mark = |is: bool, mark: &'static str| if is { mark } else { "" };
            let marks = [mark(command.background, " &"), mark(command.piped, " |"), mark(command.conditional, " ?")];
            let within: String = command.within.iter().map(|within| format!(" @{within:?}")).collect();
            format!("{}: {words}{}{within}", command.line, marks.concat())
        };
        Script::new(text).unwrap().commands.iter().map(show).collect()
    }

    #[test]
    fn words_redirections_and_lines() {
        let script = "#!/bin/sh\n# exec nothing\nexec 2>&1\nexec a \\\n  -v \"x y\" 2 > out\nb </dev/null & c 2>>e|d\n";
        let expected =
            ["3: exec [2>&1]", "4: exec a -v \"x y\" 2 [1>out]", "6: b [0</dev/null] &", "6: c [2>>e] |", "6: d |"];
        assert_eq!(read(script), expected);
    }

    #[test]
    fn compounds_are_recorded() {
        let script = "if [ -f x ]; then\n exec a\nelse b\nfi\nfor i in 1 2; do c; done\nwhile d; do e; done\n\
                      case $x in\n p|q) f;; (r) g ;;\nesac\nh() {\n i\n}\n(j)\n{ k; }\nfunction m { n; }\n\
                      function o () { p; }\nl\nq() ( r )\nfor ((i=0; i<3; i++)); do s; done\nt\n";
        let expected = [
            "1: [ -f x ] @If",
            "2: exec a @If",
            "3: b @If",
            "5: c @Loop",
            "6: d @Loop",
            "6: e @Loop",
            "8: f @Case",
            "8: g @Case",
            "11: i @Function(\"h\") @Group",
            "13: j @Subshell",
            "14: k @Group",
            "15: n @Function(\"m\") @Group",
            "16: p @Function(\"o\") @Group",
            "17: l",
            "18: r @Function(\"q\") @Subshell",
        ];
        let commands = read(script);
        assert_eq!(commands[..expected.len()], expected);
        assert_eq!(commands[commands.len() - 2..], ["19: s @Loop", "20: t"]);
        assert_eq!(Script::new(script).unwrap().functions().collect::<Vec<_>>(), ["h", "m", "o", "q"]);
    }

    #[test]
    fn a_compound_passes_on_what_is_around_it() {
        let expected = ["1: a & @Subshell", "1: b | @Group", "1: c |", "1: d", "1: e ? @Group", "1: f ?"];
        assert_eq!(read("(a) & { b; } | c; d && { e; } || f\n"), expected);
        assert_eq!(read("a &&\n\n b; c\n"), ["1: a", "3: b ?", "3: c"]);
        assert_eq!(read("[[ -f a && ( b || c ) ]] && d\n"), ["1: [[ -f a && ( b || c ) ]]", "1: d ?"]);
        assert_eq!(read("a |& b\n"), ["1: a [2|&] |", "1: b |"]);
    }

    #[test]
    fn a_here_document_is_no_command() {
        assert_eq!(
            read("cat <<E >f\nexec a &\nE\nb <<<'c d'\ne\n"),
            ["1: cat [0<<E] [1>f]", "4: b [0<<<'c d']", "5: e"]
        );
    }

    #[test]
    fn carriage_returns_that_end_a_word_are_told_from_those_in_quotes() {
        let returns = |text: &str| Script::new(text).unwrap().returns;
        assert_eq!(read("if a\r\nthen\r\nexec b \\\r\n-c 2>&1\r\nfi\r\n"), ["1: a @If", "3: exec b -c [2>&1] @If"]);
        assert_eq!(returns("cat <<E\nx\nE\r\na\n"), [3], "the text has no end");
        assert_eq!(returns("a\r\n\r\nb 2>&1\r\n"), [1, 2, 3]);
        for text in ["a 'x\r\n'\n", "a \"x\r\n\"\n", "# x\r\na\n", "cat <<E\nx\r\nE\n", "a\n"] {
            assert_eq!(returns(text), [0; 0], "{text:?}");
        }
    }

    #[test]
    fn characters_that_look_like_others_are_found_outside_quotes() {
        let found = |text: &str| Script::new(text).unwrap().lookalikes;
        assert_eq!(found("a\nexec b\u{a0}-f\n"), [Lookalike { line: 2, character: '\u{a0}' }]);
        assert_eq!(found("exec b \u{2013}f\n"), [Lookalike { line: 1, character: '\u{2013}' }]);
        for text in ["exec b '\u{a0}'\n", "# \u{a0}\n", "echo \u{201c}x\u{201d}\n", "cat <<E\n\u{a0}\nE\n"] {
            assert_eq!(found(text), [], "{text:?}");
        }
    }

    #[test]
    fn where_errors_go() {
        let redirects = |text: &str| Script::new(text).unwrap().commands.iter().any(Command::redirects_errors);
        for text in ["a 2>&1", "a 2>/dev/null", "exec 2>&1", "a &>f", "a >f 2>&1", "a |& b"] {
            assert!(redirects(text), "{text}");
        }
        for text in ["a", "a >f", "a >&2", "a <&2", "a 12>&1"] {
            assert!(!redirects(text), "{text}");
        }
    }

    #[test]
    fn nonsense_is_none_and_no_panic() {
        for text in ["a 'b", "a >", "(((", "case x in", "esac fi done ) }", "$(", "\u{0}", "function", "f()", "[[ a"] {
            let _ = Script::new(text);
        }
        for opening in ["$(", "(", "${", "<(", "$((", "{ ", "`", "'", "if ", "<<E\n", "a\\\n", "f()", "[[ "] {
            let _ = Script::new(&opening.repeat(20_000));
        }
        assert_eq!(Script::new("a 'b"), None);
    }
}
