//! One log as a stream of lines: its files one after the other, from the start of a range to its end.
//!
//! A line that a full file cuts goes on in the next one; a line that a killed multilog left behind does not. A line without
//! a stamp goes with the one before it: it is in the range if that one is, and comes after it when logs are merged.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use daemontools_core::label::Label;
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_sys::fd::duplicate_private;
use memchr::memchr;
use nix::errno::Errno;

use crate::directory::{Ending, Entry, Kind, Snapshot, open};
use crate::file::Plain;
use crate::range::{Range, select};
use crate::reading::{Edges, Piece, Reading};
use crate::stamp::{self, Stamp};

/// How a log is read.
#[derive(Clone, Copy)]
pub struct Manner {
    /// Who warns.
    pub program: &'static Program,
    /// What is read.
    pub range: Range,
    /// Whether the last file stays open, as more may come, and a line without an end is waited for.
    pub growing: bool,
    /// Whether somebody asks for keys.
    pub keyed: bool,
}

/// One log.
pub struct Source {
    /// What it is called in the output.
    pub name: Vec<u8>,
    /// Its directory.
    pub dir: PathBuf,
    /// Whether something could not be read.
    pub trouble: bool,
    /// How many bytes of files have been read.
    pub read: u64,
    pub(crate) manner: Manner,
    pub(crate) edges: Edges,
    pub(crate) queue: VecDeque<Piece>,
    pub(crate) reading: Option<Reading>,
    /// What has been read, from `start` to `filled`; there is no newline between `start` and `searched`.
    buffer: Vec<u8>,
    start: usize,
    searched: usize,
    filled: usize,
    /// Where the line is in the buffer.
    line: (usize, usize),
    /// The stamp that the line goes by.
    pub(crate) key: Stamp,
    /// Whether that is its own.
    stamped: bool,
    /// Whether a line of the file had one.
    any_stamp: bool,
    /// Whether the line's stamp is in the range.
    inside: bool,
    /// Lines up to this stamp have been shown already.
    pub(crate) shown: Option<Stamp>,
    /// When the last file was certainly the one that grows, and all files before it had their names.
    pub(crate) seen: Option<Label>,
}

/// How much is read at once.
const BLOCK: usize = 128 * 1024;

impl Source {
    /// The log in `dir`; nothing is to be read yet.
    pub fn new(name: Vec<u8>, dir: PathBuf, manner: Manner) -> Source {
        Source {
            name,
            dir,
            trouble: false,
            read: 0,
            manner,
            edges: Edges::of(&manner.range),
            queue: VecDeque::new(),
            reading: None,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            filled: 0,
            line: (0, 0),
            key: [0; Label::TEXT],
            stamped: false,
            any_stamp: false,
            inside: true,
            shown: None,
            seen: None,
        }
    }

    /// Is to read these files.
    pub fn take(&mut self, snapshot: Snapshot) {
        let Snapshot { entries, mut rotating, mut current, seen } = snapshot;
        self.seen = seen;
        let first = |entry: &Entry| {
            let known = match entry.kind {
                Kind::Old(..) => None,
                Kind::Rotating => rotating.as_ref(),
                Kind::Current => current.as_ref(),
            };
            let fd = known.map_or_else(|| open(&self.path(entry)), |fd| duplicate_private(fd.as_fd()));
            Plain(fd.ok()?).first_stamp().ok()?
        };
        let entries = select(entries, &self.manner.range, first);
        let pieces = entries.into_iter().map(|entry| {
            let fd = match entry.kind {
                Kind::Old(..) => None,
                Kind::Rotating => rotating.take(),
                Kind::Current => current.take(),
            };
            Piece { entry, fd, start: None }
        });
        self.queue.extend(pieces);
    }

    /// How many bytes the files that are still to be read have.
    pub fn left(&self) -> u64 {
        let size = |piece: &Piece| piece.open(&self.dir).and_then(|plain| plain.size()).unwrap_or(0);
        self.queue.iter().map(size).sum()
    }

    /// Goes on to the next line. `false`: there is none now.
    pub fn advance(&mut self) -> bool {
        loop {
            let rest = self.buffer.get(self.searched..self.filled).unwrap_or_default();
            let end = match memchr(b'\n', rest) {
                Some(newline) => self.searched + newline + 1,
                None => {
                    self.searched = self.filled;
                    if self.fill() {
                        continue;
                    }
                    if self.manner.growing || self.start == self.filled {
                        return false;
                    }
                    self.filled
                }
            };
            self.line = (self.start, end);
            (self.start, self.searched) = (end, end);
            if self.accept() {
                return true;
            }
        }
    }

    /// The line, with its newline if it has one.
    pub fn line(&self) -> &[u8] {
        self.buffer.get(self.line.0..self.line.1).unwrap_or_default()
    }

    /// The stamp that the line goes by.
    pub fn key(&self) -> &Stamp {
        &self.key
    }

    /// Whether the line has a stamp of its own.
    pub fn is_stamped(&self) -> bool {
        self.stamped
    }

    /// Whether the line is wanted; takes note of its stamp.
    fn accept(&mut self) -> bool {
        if self.edges.is_everything() && self.shown.is_none() && !self.manner.keyed {
            return true;
        }
        let line = self.buffer.get(self.line.0..self.line.1).unwrap_or_default();
        let stamp = stamp::split(line).map(|(stamp, _)| *stamp);
        self.stamped = stamp.is_some();
        if let Some(stamp) = stamp {
            self.key = stamp;
            self.any_stamp = true;
            let again = self.shown.is_some_and(|shown| self.key <= shown);
            if !again {
                self.shown = None;
            }
            self.inside = !again && self.edges.has(&self.key);
            if self.edges.is_before(&self.key) && self.reading.as_ref().is_some_and(Reading::is_packed) {
                // What follows in this file is late too.
                (self.start, self.searched, self.filled) = (0, 0, 0);
                self.line = (0, 0);
                self.reading = None;
            }
        }
        self.inside
    }

    /// Reads more, from the next file if need be. `false`: there is no more now.
    fn fill(&mut self) -> bool {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            (self.start, self.filled) = (0, self.filled - self.start);
            self.searched = self.filled;
        }
        if self.buffer.len() < self.filled + BLOCK {
            self.buffer.resize((self.filled * 2).max(self.filled + BLOCK), 0);
        }
        loop {
            let Some(reading) = &mut self.reading else {
                if self.open_next() {
                    continue;
                }
                return false;
            };
            match reading.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Ok(0) if self.manner.growing && self.queue.is_empty() => return false,
                Ok(0) => {
                    if self.close() {
                        return true;
                    }
                }
                Ok(count) => {
                    self.filled += count;
                    self.read += count as u64;
                    return true;
                }
                Err(why) => {
                    let name = self.dir.join(&reading.entry.name);
                    self.warn(&Failure::fatal([
                        b"unable to read ",
                        name.as_os_str().as_bytes(),
                        b": ",
                        why.as_bytes(),
                    ]));
                    if self.close() {
                        return true;
                    }
                }
            }
        }
    }

    /// Leaves the file that was read to its end. `true`: its last line was torn, and gets an end.
    pub(crate) fn close(&mut self) -> bool {
        let Some(reading) = self.reading.take() else { return false };
        let Kind::Old(finished, ending) = reading.entry.kind else { return false };
        if !self.any_stamp {
            // What comes now came after that.
            self.key = self.key.max(finished.to_text());
        }
        if ending == Ending::Whole || self.start == self.filled {
            return false;
        }
        match self.buffer.get_mut(self.filled) {
            Some(byte) => *byte = b'\n',
            None => self.buffer.push(b'\n'),
        }
        self.filled += 1;
        true
    }

    /// Begins with the next file. `false`: there is none.
    fn open_next(&mut self) -> bool {
        while let Some(piece) = self.queue.pop_front() {
            match Reading::begin(&piece, &self.dir, &self.edges) {
                Ok(reading) => {
                    self.reading = Some(reading);
                    (self.inside, self.any_stamp) = (true, false);
                    return true;
                }
                // multilog has thrown it away meanwhile.
                Err(Errno::ENOENT) => {}
                Err(errno) => self.complain(&piece.entry, errno),
            }
        }
        false
    }

    pub(crate) fn path(&self, entry: &Entry) -> PathBuf {
        self.dir.join(&entry.name)
    }

    pub(crate) fn complain(&mut self, entry: &Entry, errno: Errno) {
        let path = self.path(entry);
        let failed: nix::Result<()> = Err(errno);
        if let Err(failure) = failed.unable([b"read ", path.as_os_str().as_bytes()]) {
            self.warn(&failure);
        }
    }

    fn warn(&mut self, failure: &Failure) {
        failure.warn(self.manner.program);
        self.trouble = true;
    }
}
