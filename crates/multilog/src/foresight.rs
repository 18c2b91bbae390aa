//! What a script makes of a line before the line has its stamp: most lines of a selective log go nowhere, and those cost
//! neither a look at the clock nor a copy. (Measured: with `t '-*' '+* error *'` and lines of which none is wanted, half
//! of the processor time.)
//!
//! A pattern is matched with the stamp, whose digits are not known yet. So each is led past a stamp of any digits once,
//! ahead of time, and what can be left of it then is matched with the line alone. Where that leaves a doubt, the line
//! gets its stamp and is judged as ever: nothing here selects a line, and a line that is passed on needlessly is safe.

use daemontools_core::label::Label;

use crate::line::WINDOW;
use crate::pattern::Pattern;
use crate::script::Action;

/// A script, as it looks at lines that are to be stamped.
pub struct Foresight {
    steps: Vec<Step>,
}

/// An action of the script.
enum Step {
    Select(Prospect),
    Deselect(Prospect),
    /// Whatever shows or keeps a selected line.
    Show,
}

impl Foresight {
    /// What these actions allow to be foreseen.
    pub fn new<S, L>(actions: &[Action<S, L>]) -> Foresight {
        let step = |action: &Action<S, L>| match action {
            Action::Select(pattern) => Step::Select(Prospect::of(pattern)),
            Action::Deselect(pattern) => Step::Deselect(Prospect::of(pattern)),
            Action::Alert | Action::Status(_) | Action::Log(_) => Step::Show,
        };
        Foresight { steps: actions.iter().map(step).collect() }
    }

    /// Whether this line, as much of it as is there, is sure to be neither shown nor kept, whatever its stamp will be.
    pub fn goes_nowhere(&self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let window = line.get(..WINDOW - STAMP.len()).unwrap_or(line);
        let mut selected = true;
        for step in &self.steps {
            let (prospect, selects) = match step {
                Step::Select(prospect) if !selected => (prospect, true),
                Step::Deselect(prospect) if selected => (prospect, false),
                Step::Show if selected => return false,
                Step::Select(_) | Step::Deselect(_) | Step::Show => continue,
            };
            match prospect.matches(window) {
                Some(true) => selected = selects,
                Some(false) => {}
                None => return false,
            }
        }
        true
    }
}

/// What can be left of a pattern behind a stamp and its space.
struct Prospect {
    /// Patterns of which one, but not known which, is to be matched with the line.
    left: Vec<Pattern>,
    /// Whether the stamp itself may keep the pattern from matching.
    may_fail: bool,
}

impl Prospect {
    fn of(pattern: &Pattern) -> Prospect {
        let mut places = vec![Some(pattern.words())];
        for symbol in STAMP {
            let mut next = Vec::new();
            for place in places.into_iter().flat_map(|place| beyond(place, symbol)).flatten() {
                if !next.contains(&place) {
                    next.push(place);
                }
            }
            places = next;
        }
        Prospect { may_fail: places.contains(&None), left: places.into_iter().flatten().map(Pattern::new).collect() }
    }

    /// Whether the pattern matches the line behind its stamp; `None` where that depends on the stamp.
    fn matches(&self, line: &[u8]) -> Option<bool> {
        let mut verdict = self.may_fail.then_some(false);
        for pattern in &self.left {
            let matches = pattern.matches(line);
            if verdict.is_some_and(|other| other != matches) {
                return None;
            }
            verdict = Some(matches);
        }
        verdict
    }
}

/// A byte of a stamp.
#[derive(Clone, Copy)]
enum Symbol {
    Digit,
    Byte(u8),
}

/// A stamp and the space behind it.
const STAMP: [Symbol; Label::TEXT + 1] = {
    let mut stamp = [Symbol::Digit; Label::TEXT + 1];
    let [first, .., last] = &mut stamp;
    (*first, *last) = (Symbol::Byte(b'@'), Symbol::Byte(b' '));
    stamp
};

impl Symbol {
    fn may_be(self, byte: u8) -> bool {
        match self {
            Symbol::Digit => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Symbol::Byte(known) => known == byte,
        }
    }

    fn may_differ_from(self, byte: u8) -> bool {
        match self {
            Symbol::Digit => true,
            Symbol::Byte(known) => known != byte,
        }
    }
}

/// What is left to be matched of a pattern: its last words, or nothing any more, since it has failed.
type Place = Option<&'static [u8]>;

/// Where in a pattern a match can stand, one symbol further on: up to two places.
fn beyond(place: Place, symbol: Symbol) -> [Option<Place>; 2] {
    let (byte, here, further) = match place {
        Some([b'*']) => return [Some(place), None],
        Some([b'*', stop, further @ ..]) => (*stop, place, further),
        Some([byte, further @ ..]) => (*byte, None, further),
        Some([]) | None => return [Some(None), None],
    };
    [symbol.may_be(byte).then_some(Some(further)), symbol.may_differ_from(byte).then_some(here)]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All words of up to four of these letters.
    fn words(letters: &'static [u8]) -> Vec<&'static [u8]> {
        let mut all: Vec<Vec<u8>> = vec![Vec::new()];
        for from in 0.. {
            let Some(word) = all.get(from).filter(|word| word.len() < 4).cloned() else { break };
            all.extend(letters.iter().map(|letter| [word.as_slice(), &[*letter]].concat()));
        }
        all.into_iter().map(|word| &*word.leak()).collect()
    }

    const STAMPS: [&[u8]; 4] = [
        b"@4000000068a1b2c3075bcd15 ",
        b"@400000000000000000000000 ",
        b"@4000000068a1b2c30000000d ",
        b"@400000000000000a00000001 ",
    ];

    #[test]
    fn what_is_foreseen_is_what_comes() {
        let lines = words(b"ax *");
        let (mut sure, mut open) = (0, 0);
        for pattern in words(b"*@4a x").into_iter().map(Pattern::new) {
            let prospect = Prospect::of(&pattern);
            for line in &lines {
                let Some(foreseen) = prospect.matches(line) else {
                    open += 1;
                    continue;
                };
                sure += 1;
                for stamp in STAMPS {
                    let stamped = [stamp, line].concat();
                    assert_eq!(foreseen, pattern.matches(&stamped), "{:?} {stamped:?}", pattern.words());
                }
            }
        }
        assert!(sure > 50 * open && open > 0, "{sure} are foreseen, {open} are not");
    }

    #[test]
    fn usual_patterns_leave_no_doubt() {
        let foresee = |pattern, line| Prospect::of(&Pattern::new(pattern)).matches(line);
        assert_eq!(foresee(b"*", b"x"), Some(true));
        assert_eq!(foresee(b"* error *", b"error 5"), Some(true));
        assert_eq!(foresee(b"* error *", b"no error 5"), Some(false));
        assert_eq!(foresee(b"*debug: *", b"notice"), Some(false));
        // Some stamps have a d, at which the star would stop.
        assert_eq!(foresee(b"*debug: *", b"debug: 5"), None);
        assert_eq!(foresee(b"@*", b""), Some(true));
        assert_eq!(foresee(b"", b""), Some(false));
    }

    #[test]
    fn a_line_goes_nowhere_only_if_nobody_wants_it() {
        let pattern = |words| Pattern::new(words);
        let nowhere = |actions: &[Action<(), ()>], line| Foresight::new(actions).goes_nowhere(line);
        let none = || Action::Deselect(pattern(b"*"));
        let some = || Action::Select(pattern(b"* a*"));
        assert!(nowhere(&[none(), some(), Action::Log(())], b"b\n"));
        assert!(!nowhere(&[none(), some(), Action::Log(())], b"a\n"));
        assert!(!nowhere(&[Action::Log(()), none(), some(), Action::Log(())], b"b\n"));
        assert!(!nowhere(&[Action::Alert, none()], b"b\n"));
        assert!(!nowhere(&[Action::Status(()), none()], b"b\n"));
        assert!(!nowhere(&[none(), Action::Select(pattern(b"*d*")), Action::Log(())], b"xd\n"));
        assert!(nowhere(&[], b"b\n") && nowhere(&[none(), Action::Alert], b"b"));
    }

    #[test]
    fn the_window_counts_the_stamp() {
        let actions: [Action<(), ()>; 3] =
            [Action::Deselect(Pattern::new(b"*")), Action::Select(Pattern::new(b"*z*")), Action::Log(())];
        let foresight = Foresight::new(&actions);
        let line = |before: usize| [vec![b'x'; before], b"z".to_vec()].concat();
        assert!(!foresight.goes_nowhere(&line(973)));
        assert!(foresight.goes_nowhere(&line(974)));
    }
}
