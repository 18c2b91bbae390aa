//! Lines that multilog itself writes into a log, if its settings ask for them: how many lines it dropped, and how long it
//! waited. They come between two lines, never within one.

use std::fmt::Write;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_lines::stamp_text::StampText;
use daemontools_program::clock::Instant;
use daemontools_sys::local_time::LocalTime;
use memchr::{memchr, memchr_iter, memrchr};

/// What is to be told, and where a line begins.
pub struct OwnLines {
    /// Whether lines are dropped while there is no room.
    pub drops: bool,
    /// Whether waits are told.
    tells_waits: bool,
    /// Where lines have stamps.
    stamp: Option<StampText>,
    prefix: &'static [u8],
    tail: Tail,
    dropped: Option<Dropped>,
    /// Since when it waits, and for what.
    waits: Option<(Instant, &'static str)>,
    /// How long it has waited, and for what.
    waited: Option<(Duration, &'static str)>,
}

/// The end of what has been written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tail {
    /// How many bytes of a line that has not ended are at the end of the current file.
    unfinished: usize,
    /// Whether that line began in an earlier file.
    began_earlier: bool,
}

/// Lines that were dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dropped {
    from: Label,
    to: Label,
    lines: u64,
    bytes: u64,
    /// Whether the last of them has not ended.
    inside: bool,
    /// Whether the first of them is in the log in part.
    is_torn: bool,
}

impl OwnLines {
    /// For a log with these settings. `stamp` is there if its lines have stamps.
    pub fn new(drops: bool, tells_waits: bool, stamp: Option<StampText>, prefix: &'static [u8]) -> OwnLines {
        let tail = Tail::default();
        OwnLines { drops, tells_waits, stamp, prefix, tail, dropped: None, waits: None, waited: None }
    }

    /// Notes what has been written to the current file.
    pub fn note_written(&mut self, bytes: &[u8]) {
        match memrchr(b'\n', bytes) {
            Some(newline) => self.tail = Tail { unfinished: bytes.len() - newline - 1, began_earlier: false },
            None => self.tail.unfinished += bytes.len(),
        }
    }

    /// Notes that an empty file begins.
    pub fn renew(&mut self) {
        self.tail = Tail { unfinished: 0, began_earlier: !self.is_between_lines() };
    }

    /// Whether what has been written ends with a line.
    fn is_between_lines(&self) -> bool {
        self.tail == Tail::default()
    }

    /// How many bytes at the end of the file are the beginning of a line, all of it.
    pub fn begun(&self) -> usize {
        if self.tail.began_earlier { 0 } else { self.tail.unfinished }
    }

    /// Begins to drop lines, of which `cut` bytes have been taken back.
    pub fn begin_to_drop(&mut self, now: Label, cut: usize) {
        self.tail.unfinished -= cut.min(self.tail.unfinished);
        let (inside, is_torn) = (cut > 0 || !self.is_between_lines(), !self.is_between_lines());
        self.dropped = Some(Dropped { from: now, to: now, lines: 0, bytes: cut as u64, inside, is_torn });
    }

    /// Whether lines are being dropped.
    pub fn is_dropping(&self) -> bool {
        self.dropped.is_some()
    }

    /// Drops lines.
    pub fn note_dropped(&mut self, bytes: &[u8], now: Label) {
        if let Some(dropped) = &mut self.dropped {
            dropped.lines += memchr_iter(b'\n', bytes).count() as u64;
            dropped.bytes += bytes.len() as u64;
            dropped.inside = !bytes.ends_with(b"\n");
            dropped.to = now;
        }
    }

    /// How many of these bytes, which come next, belong to a line whose beginning was dropped.
    pub fn to_be_dropped(&self, bytes: &[u8]) -> usize {
        let inside = self.dropped.is_some_and(|dropped| dropped.inside);
        if inside { memchr(b'\n', bytes).map_or(bytes.len(), |newline| newline + 1) } else { 0 }
    }

    /// Whether it can be told now how many were dropped.
    pub fn tells_dropped(&self) -> bool {
        self.dropped.is_some_and(|dropped| !dropped.inside)
    }

    /// The line that tells how many were dropped, if any were.
    pub fn dropped_line(&mut self) -> Vec<u8> {
        let Some(dropped) = self.dropped else { return Vec::new() };
        let mut line = if dropped.is_torn { b"\n".to_vec() } else { Vec::new() };
        self.head(dropped.to, &mut line);
        line.extend_from_slice(dropped.text().as_bytes());
        line.push(b'\n');
        line
    }

    /// Notes that the line that tells how many were dropped was written, or that nobody can be told.
    pub fn forget_dropped(&mut self) {
        self.dropped = None;
    }

    /// How many were dropped, as text.
    pub fn dropped_text(&self) -> Option<String> {
        self.dropped.as_ref().map(Dropped::text)
    }

    /// Notes that it has to wait, and for what.
    pub fn begin_to_wait(&mut self, now: Instant, reason: &'static str) {
        if self.tells_waits && self.dropped.is_none() {
            self.waits.get_or_insert((now, reason));
        }
    }

    /// Notes that it goes on.
    pub fn go_on(&mut self, now: Instant) {
        if let Some((since, reason)) = self.waits.take() {
            let before = self.waited.map_or(Duration::ZERO, |(span, _)| span);
            self.waited = Some((before + now.since(since), reason));
        }
    }

    /// Whether it can be told now how long it has waited.
    pub fn tells_waited(&self) -> bool {
        self.waited.is_some() && self.is_between_lines()
    }

    /// The line that tells how long it has waited, if it has.
    pub fn waited_line(&mut self, now: Label) -> Vec<u8> {
        let Some((span, reason)) = self.waited else { return Vec::new() };
        let mut line = Vec::new();
        self.head(now, &mut line);
        line.extend_from_slice(format!("multilog: waited {} s: {reason}\n", span.as_secs()).as_bytes());
        line
    }

    /// Notes that this line was written.
    pub fn forget_waited(&mut self) {
        self.waited = None;
    }

    /// What each line begins with.
    fn head(&mut self, label: Label, line: &mut Vec<u8>) {
        match &mut self.stamp {
            Some(stamp) => stamp.append(label, line),
            None => line.extend_from_slice(self.prefix),
        }
    }
}

impl Dropped {
    fn text(&self) -> String {
        let plural = |count| if count == 1 { "" } else { "s" };
        let Dropped { from, to, lines, bytes, .. } = *self;
        let mut text = format!("multilog: dropped {lines} line{}, {bytes} byte{}", plural(lines), plural(bytes));
        for (word, label) in [("from", from), ("to", to)] {
            // Writing to a string does not fail.
            let _ = write!(text, ", {word} {}", utc(label.to_unix()));
        }
        text
    }
}

/// A moment as ISO 8601 has it, in UTC.
fn utc(unix: i64) -> String {
    match LocalTime::utc(unix) {
        Some(LocalTime { year, month, day, hour, minute, second }) => {
            format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
        }
        None => unix.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Label = Label::from_unix(1_000_000_000, 7);
    const LATER: Label = Label::from_unix(1_000_000_060, 0);

    fn own(stamp: bool) -> OwnLines {
        OwnLines::new(true, true, stamp.then(StampText::tai64n), b"")
    }

    fn told(own: &mut OwnLines) -> String {
        String::from_utf8(own.dropped_line()).expect("text")
    }

    #[test]
    fn what_is_dropped_is_counted() {
        let mut own = own(true);
        own.note_written(b"one\ntw");
        assert_eq!(own.begun(), 2);
        // The beginning of a line was taken back.
        own.begin_to_drop(NOW, 2);
        assert!(own.is_dropping() && !own.tells_dropped());
        own.note_dropped(b"o\nthree\nfo", LATER);
        assert_eq!((own.to_be_dropped(b"ur\nfive\n"), own.to_be_dropped(b"ur")), (3, 2));
        own.note_dropped(b"ur\n", LATER);
        assert!(own.tells_dropped() && own.to_be_dropped(b"five\n") == 0);
        let expected = "@400000003b9aca4600000000 multilog: dropped 3 lines, 15 bytes, \
                        from 2001-09-09T01:46:40Z, to 2001-09-09T01:47:40Z\n";
        assert_eq!(told(&mut own), expected);
        own.forget_dropped();
        assert!(!own.is_dropping() && told(&mut own).is_empty());
    }

    #[test]
    fn a_line_that_cannot_be_taken_back_gets_an_end_before() {
        let mut own = own(false);
        own.note_written(b"a line that goes on in the next fi");
        own.renew();
        own.note_written(b"le");
        assert_eq!(own.begun(), 0);
        own.begin_to_drop(NOW, 0);
        own.note_dropped(b"\n", NOW);
        assert!(told(&mut own).starts_with("\nmultilog: dropped 1 line, 1 byte, from "));
    }

    #[test]
    fn a_wait_is_told_between_two_lines() {
        let mut own = own(true);
        let at = |seconds| Instant(Duration::from_secs(seconds));
        own.note_written(b"a li");
        own.begin_to_wait(at(100), "out of disk space");
        own.begin_to_wait(at(105), "permission denied");
        assert!(!own.tells_waited());
        own.go_on(at(412));
        assert!(!own.tells_waited());
        own.note_written(b"ne\n");
        assert!(own.tells_waited());
        let line = own.waited_line(NOW);
        assert_eq!(line, b"@400000003b9aca0a00000007 multilog: waited 312 s: out of disk space\n");
        own.forget_waited();
        assert!(!own.tells_waited() && own.waited_line(NOW).is_empty());
    }
}
