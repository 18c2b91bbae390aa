//! What a multilog goes on with. Its logs are on the disk; its input is in the pipe, but for the beginning of a line.

use super::Unusable;
use super::reader::{Writer, label, lines, mask, mask_text, unknown};
use crate::label::{Label, from_hex, hex};
use crate::text::number;

/// The program of this state.
const PROGRAM: &[u8] = b"multilog";

/// How many bytes of a line are out of the pipe before any of them is written, at most.
const MOST_UNFINISHED: usize = 1000;

/// What a multilog goes on with. Its arguments, its directory and its standard input stay as they were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultilogState {
    /// The signals that a processor finds blocked: bit 0 is signal 1. `None`: those that are blocked now, less those that
    /// multilog waits for.
    pub child_mask: Option<u64>,
    /// The size of the pipe at standard input before it was enlarged, in bytes.
    pub pipe_size: Option<u64>,
    /// The beginning of the next line that is no longer in the pipe and not in a log yet, in hex.
    pub unfinished: Vec<u8>,
    /// When that line began.
    pub begun: Option<Label>,
}

impl MultilogState {
    /// The text of the state.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Writer::new(PROGRAM);
        if let Some(mask) = self.child_mask {
            text.line(b"child-mask", &mask_text(mask));
        }
        text.number(b"pipe-size", self.pipe_size);
        if !self.unfinished.is_empty() {
            text.line(b"unfinished", &hex(&self.unfinished));
        }
        text.label(b"begun", self.begun);
        text.finish()
    }

    /// What a text means.
    pub fn from_text(text: &[u8]) -> Result<MultilogState, Unusable> {
        let mut state = MultilogState::default();
        for (key, value) in lines(text, PROGRAM)? {
            let taken = match key {
                b"child-mask" if state.child_mask.is_none() => mask(value).map(|mask| state.child_mask = Some(mask)),
                b"pipe-size" if state.pipe_size.is_none() => number(value).map(|size| state.pipe_size = Some(size)),
                b"unfinished" if state.unfinished.is_empty() => {
                    let bytes = from_hex(value).filter(|bytes| (1..=MOST_UNFINISHED).contains(&bytes.len()));
                    bytes.filter(|bytes| !bytes.contains(&b'\n')).map(|bytes| state.unfinished = bytes)
                }
                b"begun" if state.begun.is_none() => label(value).map(|begun| state.begun = Some(begun)),
                [b'?', ..] => Some(()),
                _ => None,
            };
            taken.ok_or_else(|| unknown(key, value))?;
        }
        Ok(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_documented_and_leads_back() {
        let state = MultilogState {
            child_mask: Some(1),
            pipe_size: Some(65536),
            unfinished: b"a\xff".to_vec(),
            begun: Some(Label::from_unix(1, 2)),
        };
        let text = b"multilog 1
child-mask 0000000000000001
pipe-size 65536
unfinished 61ff
begun @400000000000000b00000002
end
";
        assert_eq!(state.to_text().escape_ascii().to_string(), text.escape_ascii().to_string());
        assert_eq!(MultilogState::from_text(text), Ok(state));
        assert_eq!(MultilogState::from_text(b"multilog 1\n?new 1\nend\n"), Ok(MultilogState::default()));
    }

    #[test]
    fn what_is_malformed_or_not_known_is_refused() {
        let long = format!("unfinished {}", "61".repeat(1001));
        for line in ["new 1", "unfinished 6", "unfinished 610a", "unfinished ", "begun @4", "pipe-size x", &long] {
            let text = format!("multilog 1\n{line}\nend\n");
            assert_eq!(MultilogState::from_text(text.as_bytes()), Err(Unusable::Line(line.as_bytes().to_vec())));
        }
        assert_eq!(MultilogState::from_text(b"multilog 1\n"), Err(Unusable::Torn));
    }
}
