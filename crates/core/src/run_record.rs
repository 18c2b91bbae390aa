//! One run of a service that is over: how it ended, when, and what it used. `supervise/details` has the last one,
//! `supervise/history` the last 64, both in these words.
//!
//! | word | value |
//! |---|---|
//! | `code` | the exit code |
//! | `signal` | the name of the signal that ended it, without `SIG` |
//! | `unknown` | nothing: the end was not seen, so there is neither a code nor a signal |
//! | `core` | nothing: a core was dumped |
//! | `oom` | nothing: the kernel ended it because memory ran out |
//! | `ran-ms` | how long it ran, in milliseconds |
//! | `cpu-ms` | processor time of the service and the children it waited for, in milliseconds |
//! | `peak-kb` | its largest resident memory, in units of 1024 bytes |
//! | `judged` | nothing: `no-restart` or `restart-limit` was there to say whether this end is final |

use std::time::Duration;

use crate::end::End;
use crate::label::Label;
use crate::signal::Signal;
use crate::text::Decimal;

/// A run that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunRecord {
    /// When it ended.
    pub at: Label,
    /// How.
    pub end: End,
    /// Whether a core was dumped.
    pub core: bool,
    /// Whether the kernel ended it because memory ran out.
    pub oom: bool,
    /// How long it ran.
    pub ran: Duration,
    /// Processor time; `None`: not known.
    pub cpu: Option<Duration>,
    /// The largest resident memory, in units of 1024 bytes; `None`: not known.
    pub peak_kb: Option<u64>,
    /// Whether a setting, `no-restart` or `restart-limit`, was there to say whether this end is final.
    pub judged: bool,
}

impl RunRecord {
    /// A record that says how a run ended and nothing else.
    pub fn new(at: Label, end: End) -> RunRecord {
        RunRecord { at, end, core: false, oom: false, ran: Duration::ZERO, cpu: None, peak_kb: None, judged: false }
    }

    /// The record as words with blanks between them, the label first, in `line`, whose room is enough (`LINE`).
    pub fn write_line(&self, line: &mut LineBuffer) {
        line.len = 0;
        line.put(&self.at.to_text());
        match self.end {
            End::Code(code) => line.pair(b"code", Decimal::new(u64::from(code)).as_bytes()),
            End::Signal(signal) => line.pair(b"signal", SignalWord::new(signal).as_bytes()),
            End::Unknown => line.put(b" unknown"),
        }
        if self.core {
            line.put(b" core");
        }
        if self.oom {
            line.put(b" oom");
        }
        line.pair(b"ran-ms", milliseconds(self.ran).as_bytes());
        if let Some(cpu) = self.cpu {
            line.pair(b"cpu-ms", milliseconds(cpu).as_bytes());
        }
        if let Some(peak) = self.peak_kb {
            line.pair(b"peak-kb", Decimal::new(peak).as_bytes());
        }
        if self.judged {
            line.put(b" judged");
        }
    }

    /// What such a line means. Words that are not known are passed over, so that a newer supervise may add some.
    pub fn from_line(line: &[u8]) -> Option<RunRecord> {
        let (at, rest) = Label::from_text(line)?;
        let mut record = RunRecord::new(at, End::Unknown);
        let mut words = rest.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let mut seen_end = false;
        while let Some(word) = words.next() {
            match word {
                b"unknown" => seen_end = true,
                b"core" => record.core = true,
                b"oom" => record.oom = true,
                b"judged" => record.judged = true,
                b"code" | b"signal" => {
                    record.end = end(word, words.next()?)?;
                    seen_end = true;
                }
                b"ran-ms" => record.ran = Duration::from_millis(number(words.next()?)?),
                b"cpu-ms" => record.cpu = Some(Duration::from_millis(number(words.next()?)?)),
                b"peak-kb" => record.peak_kb = Some(number(words.next()?)?),
                _ => {}
            }
        }
        seen_end.then_some(record)
    }
}

/// Room for one record as a line.
pub struct LineBuffer {
    bytes: [u8; LineBuffer::SIZE],
    len: usize,
}

impl LineBuffer {
    /// More than the longest line needs.
    pub const SIZE: usize = 160;

    /// An empty line.
    pub fn new() -> LineBuffer {
        LineBuffer { bytes: [0; LineBuffer::SIZE], len: 0 }
    }

    /// What the line says, without a newline.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    fn pair(&mut self, word: &[u8], value: &[u8]) {
        for piece in [b" ", word, b" ", value] {
            self.put(piece);
        }
    }

    fn put(&mut self, piece: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + piece.len()) {
            room.copy_from_slice(piece);
            self.len += piece.len();
        }
    }
}

impl Default for LineBuffer {
    fn default() -> LineBuffer {
        LineBuffer::new()
    }
}

/// The name of a signal without memory from the heap: as in `Signal::name`, but a real-time signal is a number.
struct SignalWord {
    name: &'static [u8],
    number: Decimal,
}

impl SignalWord {
    fn new(signal: Signal) -> SignalWord {
        let number = u64::try_from(signal.number()).unwrap_or_default();
        SignalWord { name: signal.static_name().unwrap_or_default(), number: Decimal::new(number) }
    }

    fn as_bytes(&self) -> &[u8] {
        if self.name.is_empty() { self.number.as_bytes() } else { self.name }
    }
}

fn milliseconds(span: Duration) -> Decimal {
    Decimal::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// The end that a word and its value say.
fn end(word: &[u8], value: &[u8]) -> Option<End> {
    match word {
        b"code" => u8::try_from(number(value)?).ok().map(End::Code),
        _ => {
            let by_number = || i32::try_from(number(value)?).ok().and_then(Signal::from_number);
            Signal::from_name(value).or_else(by_number).map(End::Signal)
        }
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    crate::text::number(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(record: &RunRecord) -> String {
        let mut line = LineBuffer::new();
        record.write_line(&mut line);
        String::from_utf8(line.as_bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_record_is_a_line_of_words() {
        let at = Label::from_unix(1_000_000_000, 1);
        let record = RunRecord {
            ran: Duration::from_millis(1234),
            cpu: Some(Duration::from_millis(7)),
            peak_kb: Some(2048),
            ..RunRecord::new(at, End::Code(7))
        };
        assert_eq!(line(&record), "@400000003b9aca0a00000001 code 7 ran-ms 1234 cpu-ms 7 peak-kb 2048");
        let record = RunRecord { core: true, oom: true, ..RunRecord::new(at, End::Signal(Signal::TERM)) };
        assert_eq!(line(&record), "@400000003b9aca0a00000001 signal TERM core oom ran-ms 0");
        assert_eq!(line(&RunRecord::new(at, End::Unknown)), "@400000003b9aca0a00000001 unknown ran-ms 0");
    }

    #[test]
    fn every_record_leads_back_and_the_longest_fits() {
        let signals = (1..=64).filter_map(Signal::from_number).map(End::Signal);
        let ends = (0..=255).map(End::Code).chain(signals).chain([End::Unknown]);
        for end in ends {
            let record = RunRecord {
                core: true,
                oom: true,
                ran: Duration::from_millis(u64::MAX),
                cpu: Some(Duration::from_millis(u64::MAX)),
                peak_kb: Some(u64::MAX),
                judged: true,
                ..RunRecord::new(Label::new(u64::MAX, u32::MAX), end)
            };
            assert_eq!(RunRecord::from_line(line(&record).as_bytes()), Some(record));
        }
    }

    #[test]
    fn words_of_a_newer_version_are_passed_over_and_garbage_is_none() {
        let newer = b"@400000003b9aca0a00000001 code 7 colour red ran-ms 5";
        assert_eq!(RunRecord::from_line(newer).map(|record| record.ran), Some(Duration::from_millis(5)));
        for line in [
            &b""[..],
            b"@400000003b9aca0a00000001",
            b"@400000003b9aca0a00000001 code",
            b"code 7",
            b"@400000003b9aca0a00000001 code 256 ran-ms 1",
            b"@400000003b9aca0a00000001 code 7 ran-ms",
        ] {
            assert_eq!(RunRecord::from_line(line), None, "{line:?}");
        }
    }
}
