//! The script: what the arguments ask for.
//!
//! As in 0.76, an argument that begins with none of the known letters is no action and no error. Those that begin with a
//! colon are `settings`.

use std::ffi::CStr;

use daemontools_program::failure::Failure;
use daemontools_program::number::scan;

use crate::group;
use crate::pattern::Pattern;
use crate::settings::{Change, Settings};

/// What is done with each line, in order. `S` is a status file, `L` a log: first their names, later open files.
#[derive(Debug, PartialEq, Eq)]
pub enum Action<S, L> {
    /// `+PATTERN`: selects the line if it matches.
    Select(Pattern),
    /// `-PATTERN`: deselects the line if it matches.
    Deselect(Pattern),
    /// `e`: a selected line is shown on standard error.
    Alert,
    /// `=FILE`: a selected line becomes the content of the file.
    Status(S),
    /// `DIR`: a selected line is written to the log.
    Log(L),
}

/// A log as the arguments describe it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The directory, as it was typed.
    pub dir: &'static CStr,
    /// How large its current file may get.
    pub size: u64,
    /// How many files it may have, the current one counted; as many as there is room for if something else limits them.
    pub keep: u64,
    /// The command that each finished file goes through.
    pub processor: Option<&'static CStr>,
    /// How else it is kept.
    pub settings: Settings,
}

/// The whole script.
#[derive(Debug, PartialEq, Eq)]
pub struct Script {
    /// Whether each line gets a stamp first.
    pub stamp: bool,
    /// What then happens with it.
    pub actions: Vec<Action<&'static CStr, Plan>>,
}

/// The smallest size that counts.
const SMALLEST: u64 = 4096;
/// The largest size that counts.
const LARGEST: u64 = 16_777_215;
/// The fewest files that count.
const FEWEST: u64 = 2;

impl Script {
    /// The script that these words spell. Fails on a setting that is not understood, and on a group that is not known.
    pub fn new(words: impl IntoIterator<Item = &'static CStr>) -> Result<Script, Failure> {
        let mut words = words.into_iter().peekable();
        let stamp = words.next_if(|word| word.to_bytes().starts_with(b"t")).is_some();
        let (mut size, mut keep, mut processor, mut settings) = (99_999, None, None, Settings::default());
        let mut actions = Vec::new();
        for word in words {
            let Some((letter, value)) = split(word) else { continue };
            match letter {
                b'+' => actions.push(Action::Select(Pattern::new(value.to_bytes()))),
                b'-' => actions.push(Action::Deselect(Pattern::new(value.to_bytes()))),
                b'e' => actions.push(Action::Alert),
                b'=' => actions.push(Action::Status(value)),
                b's' => size = scan(value.to_bytes()).0.clamp(SMALLEST, LARGEST),
                b'n' => keep = Some(scan(value.to_bytes()).0.max(FEWEST)),
                b'!' => processor = Some(value),
                b'.' | b'/' => {
                    let limited = settings.max_age.is_some() || settings.max_total.is_some();
                    let keep = keep.unwrap_or(if limited { u64::MAX } else { 10 });
                    let settings = settings.agreed()?;
                    actions.push(Action::Log(Plan { dir: word, size, keep, processor, settings }));
                }
                b':' => match settings.set(value.to_bytes())? {
                    Change::Noted => {}
                    Change::OfStamps if stamp => {}
                    Change::OfStamps => return Err(Failure::fatal([word.to_bytes(), b" needs t as the first action"])),
                    Change::Size(bytes) => size = bytes,
                    Change::GroupOf(name) => settings.group = Some(group::by_name(name)?),
                },
                _ => {}
            }
        }
        Ok(Script { stamp, actions })
    }
}

/// A word's first letter and the rest of it.
fn split(word: &'static CStr) -> Option<(u8, &'static CStr)> {
    let (letter, value) = word.to_bytes_with_nul().split_first()?;
    Some((*letter, CStr::from_bytes_with_nul(value).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(words: impl IntoIterator<Item = &'static CStr>) -> Script {
        Script::new(words).expect("a script")
    }

    fn plans(words: &[&'static CStr]) -> Vec<Plan> {
        let plan = |action| match action {
            Action::Log(plan) => Some(plan),
            Action::Select(_) | Action::Deselect(_) | Action::Alert | Action::Status(_) => None,
        };
        script(words.iter().copied()).actions.into_iter().filter_map(plan).collect()
    }

    #[test]
    fn actions_come_in_the_order_of_the_words() {
        let script = script([c"t", c"-*", c"+a", c"e", c"=f", c"./d"]);
        let plan = Plan { dir: c"./d", size: 99_999, keep: 10, processor: None, settings: Settings::default() };
        assert!(script.stamp);
        assert_eq!(
            script.actions,
            [
                Action::Deselect(Pattern::new(b"*")),
                Action::Select(Pattern::new(b"a")),
                Action::Alert,
                Action::Status(c"f"),
                Action::Log(plan),
            ]
        );
    }

    #[test]
    fn a_stamp_is_the_very_first_word_or_none() {
        assert!(script([c"tx"]).stamp);
        assert!(!script([c"x", c"t"]).stamp);
        assert!(script([c"t", c"t"]).actions.is_empty());
    }

    #[test]
    fn sizes_numbers_and_processors_count_for_the_logs_after_them() {
        let found = plans(&[c"./a", c"s5000x", c"n3", c"!p", c"/b", c"s1", c"n0", c"./c"]);
        assert_eq!(
            found[0],
            Plan { dir: c"./a", size: 99_999, keep: 10, processor: None, settings: Settings::default() }
        );
        assert_eq!(
            found[1],
            Plan { dir: c"/b", size: 5000, keep: 3, processor: Some(c"p"), settings: Settings::default() }
        );
        assert_eq!(
            found[2],
            Plan { dir: c"./c", size: 4096, keep: 2, processor: Some(c"p"), settings: Settings::default() }
        );
        assert_eq!(plans(&[c"s99999999", c"./d"])[0].size, 16_777_215);
        assert_eq!(plans(&[c"s-5000", c"./d"])[0].size, 4096);
        assert_eq!(plans(&[c"n18446744073709551619", c"./d"])[0].keep, 3);
    }

    #[test]
    fn what_is_no_action_is_passed_over() {
        assert!(script([c"", c"x", c"hello"]).actions.is_empty());
    }

    #[test]
    fn settings_count_for_the_logs_after_them() {
        let found =
            plans(&[c"./a", c":max-age=1d", c"s5000", c":size=1g", c"./b", c":size=1g", c"s5000", c"n3", c"./c"]);
        let kept = |plan: &Plan| (plan.size, plan.keep, plan.settings.max_age.is_some());
        assert_eq!(
            found.iter().map(kept).collect::<Vec<_>>(),
            [(99_999, 10, false), (1 << 30, u64::MAX, true), (5000, 3, true)]
        );
        // Where nothing else limits them any more, ten files are kept again.
        let found = plans(&[c":max-age=1d", c"./a", c":max-age=off", c":rotate=1h", c"./b", c":rotate=off", c"./c"]);
        let kept = |plan: &Plan| (plan.keep, plan.settings.rotate.is_some());
        assert_eq!(found.iter().map(kept).collect::<Vec<_>>(), [(u64::MAX, false), (10, true), (10, false)]);
        assert!(Script::new([c"./a", c":x"]).is_err());
    }

    #[test]
    fn there_is_no_form_of_stamps_without_stamps() {
        assert!(Script::new([c"t", c":stamp=iso", c"./a"]).is_ok());
        let failure = Script::new([c":stamp=iso", c"t", c"./a"]).expect_err("no stamps");
        assert_eq!(failure.text(), b":stamp=iso needs t as the first action");
    }
}
