//! The lines of a state: written, and read by one who refuses what it does not know.

use std::time::Duration;

use super::Unusable;
use crate::label::Label;
use crate::text::number;
use crate::text::{Decimal, pairs};

/// The last line of each state: without it, the state is torn.
const END: &[u8] = b"end";
/// The version of the formats.
const VERSION: &[u8] = b"1";
/// A word that stands for nothing.
pub const NONE: &[u8] = b"-";

/// A state that is being written.
pub struct Writer(Vec<u8>);

impl Writer {
    /// The first line: whose state it is.
    pub fn new(program: &[u8]) -> Writer {
        let mut writer = Writer(Vec::new());
        writer.line(program, VERSION);
        writer
    }

    /// A line.
    pub fn line(&mut self, key: &[u8], value: &[u8]) {
        self.lines(&[key, b" ", value, b"\n"].concat());
    }

    /// Whole lines.
    pub fn lines(&mut self, lines: &[u8]) {
        self.0.extend_from_slice(lines);
    }

    /// A line without a value, if it is true.
    pub fn flag(&mut self, key: &[u8], is_set: bool) {
        if is_set {
            self.lines(&[key, b"\n"].concat());
        }
    }

    /// A line with a number, if there is one.
    pub fn number(&mut self, key: &[u8], value: Option<u64>) {
        if let Some(value) = value {
            self.line(key, Decimal::new(value).as_bytes());
        }
    }

    /// A line with a descriptor, if there is one.
    pub fn descriptor(&mut self, key: &[u8], value: Option<i32>) {
        self.number(key, value.and_then(|value| u64::try_from(value).ok()));
    }

    /// A line with a span or a moment, if there is one.
    pub fn span(&mut self, key: &[u8], value: Option<Duration>) {
        self.number(key, value.map(nanoseconds));
    }

    /// A line with a label, if there is one.
    pub fn label(&mut self, key: &[u8], value: Option<Label>) {
        if let Some(value) = value {
            self.line(key, &value.to_text());
        }
    }

    /// The whole, with its last line.
    pub fn finish(mut self) -> Vec<u8> {
        self.lines(END);
        self.lines(b"\n");
        self.0
    }
}

/// A key and its value.
pub type Line<'a> = (&'a [u8], &'a [u8]);

/// The lines of a state, without the first and the last.
pub fn lines<'a>(text: &'a [u8], program: &[u8]) -> Result<Vec<Line<'a>>, Unusable> {
    let mut lines = pairs(text);
    if lines.next() != Some((program, VERSION)) {
        return Err(Unusable::Foreign);
    }
    let mut lines: Vec<_> = lines.collect();
    if !text.ends_with(b"\n") || lines.pop() != Some((END, b"")) {
        return Err(Unusable::Torn);
    }
    Ok(lines)
}

/// A line as a reason.
pub fn unknown(key: &[u8], value: &[u8]) -> Unusable {
    Unusable::Line([key, b" ", value].concat())
}

/// A word for a number, or for none.
pub fn word(value: Option<u64>) -> Vec<u8> {
    value.map_or(NONE.to_vec(), |value| Decimal::new(value).as_bytes().to_vec())
}

/// A number or nothing, of such a word.
pub fn optional(word: &[u8]) -> Option<Option<u64>> {
    if word == NONE { Some(None) } else { number(word).map(Some) }
}

/// A span as a number.
pub fn nanoseconds(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

/// The span of a line.
pub fn span(value: &[u8]) -> Option<Duration> {
    number(value).map(Duration::from_nanos)
}

/// The descriptor of a line.
pub fn descriptor(value: &[u8]) -> Option<i32> {
    number(value).and_then(|value| i32::try_from(value).ok())
}

/// The label of a line.
pub fn label(value: &[u8]) -> Option<Label> {
    Label::from_text(value).filter(|(_, rest)| rest.is_empty()).map(|(label, _)| label)
}

/// Nothing, as the value of a line that is a switch.
pub fn flag(value: &[u8]) -> Option<bool> {
    value.is_empty().then_some(true)
}

/// A mask of signals: bit 0 is signal 1, in hex.
pub fn mask(value: &[u8]) -> Option<u64> {
    (value.len() == 16).then(|| crate::label::hex_number(value)).flatten()
}

/// The text of a mask.
pub fn mask_text(mask: u64) -> Vec<u8> {
    let halves = [(mask >> 32) as u32, mask as u32].map(crate::label::hex_digits);
    halves.concat()
}

/// Whether these can be the descriptors of a state: distinct, and none of the standard ones.
pub fn check_descriptors(mut all: Vec<i32>) -> Result<(), Unusable> {
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    if all.len() < count || all.first().is_some_and(|&first| first <= 2) { Err(Unusable::Descriptors) } else { Ok(()) }
}
