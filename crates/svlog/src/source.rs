//! One log as a stream of lines: its files one after the other, from the start of a range to its end.
//!
//! A line that a full file cuts goes on in the next one; a line that a killed multilog left behind does not. A line without
//! a stamp goes with the one before it: it is in the range if that one is, and comes after it when logs are merged.

use std::collections::VecDeque;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use daemontools_core::errno::reason;
use daemontools_core::failure::{Failure, Program, Unable};
use daemontools_core::label::Label;
use daemontools_core::sys::fd::duplicate_private;
use memchr::memchr;
use nix::errno::Errno;

use crate::bisect::{Boundary, ReadAt, boundary};
use crate::directory::{Ending, Entry, Kind, Snapshot, open};
use crate::file::Plain;
use crate::range::{Range, select};
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

/// A file that is still to be read.
pub(crate) struct Piece {
    pub(crate) entry: Entry,
    /// Open already, if it may get another name.
    pub(crate) fd: Option<OwnedFd>,
    /// Where to begin, if not where the range begins.
    pub(crate) start: Option<u64>,
}

/// The file that is being read.
pub(crate) struct Reading {
    pub(crate) plain: Plain,
    pub(crate) entry: Entry,
    input: Input,
}

/// Where its bytes come from.
enum Input {
    /// The file itself: where it goes on, and where it ends, if not at its end.
    Plain(u64, Option<u64>),
    /// What was packed in it.
    Packed(Box<dyn Read>),
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
    since: Option<Stamp>,
    until: Option<Stamp>,
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
            since: manner.range.since.map(Label::to_text),
            until: manner.range.until.map(Label::to_text),
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
        let size = |piece: &Piece| self.open(piece).and_then(|plain| plain.size()).unwrap_or(0);
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
        let ranged = self.since.is_some() || self.until.is_some() || self.shown.is_some();
        if !(ranged || self.manner.keyed) {
            return true;
        }
        let line = self.buffer.get(self.line.0..self.line.1).unwrap_or_default();
        let stamp = stamp::split(line).map(|(stamp, _)| *stamp);
        self.stamped = stamp.is_some();
        if let Some(stamp) = stamp {
            self.key = stamp;
            self.any_stamp = true;
            let late = self.until.is_some_and(|until| self.key > until);
            let again = self.shown.is_some_and(|shown| self.key <= shown);
            if !again {
                self.shown = None;
            }
            self.inside = !late && !again && self.since.is_none_or(|since| self.key >= since);
            if late && matches!(self.reading, Some(Reading { input: Input::Packed(_), .. })) {
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
            match self.begin(&piece) {
                Ok((plain, input)) => {
                    self.reading = Some(Reading { plain, entry: piece.entry, input });
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

    fn begin(&self, piece: &Piece) -> nix::Result<(Plain, Input)> {
        let plain = self.open(piece)?;
        let packing = if piece.entry.kind == Kind::Current { None } else { plain.packing()? };
        if let Some(packing) = packing {
            let input =
                plain.unpack(packing).map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
            return Ok((plain, Input::Packed(input)));
        }
        let (start, end) = self.bounds(&plain)?;
        Ok((plain, Input::Plain(piece.start.unwrap_or(start), end)))
    }

    pub(crate) fn open(&self, piece: &Piece) -> nix::Result<Plain> {
        match &piece.fd {
            Some(fd) => duplicate_private(fd.as_fd()).map(Plain),
            None => open(&self.path(&piece.entry)).map(Plain),
        }
    }

    /// Where the range begins in a file, and where it ends, if not with the file.
    pub(crate) fn bounds(&self, plain: &Plain) -> nix::Result<(u64, Option<u64>)> {
        let size = plain.size()?;
        let find = |before: &dyn Fn(&Stamp) -> bool| match boundary(plain, size, before)? {
            // The name of the file says that it may reach into the range, and nothing says more.
            Boundary::Unstamped => Ok(None),
            Boundary::At(at) => nix::Result::Ok(Some(at)),
        };
        let start = self.since.map(|since| find(&|stamp| *stamp < since)).transpose()?.flatten();
        let end = self.until.map(|until| find(&|stamp| *stamp <= until)).transpose()?.flatten();
        Ok((start.unwrap_or(0), end))
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

impl Reading {
    /// Reads on; 0 at the end, for now; or why not.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, String> {
        match &mut self.input {
            Input::Plain(at, end) => {
                let left = end.map_or(u64::MAX, |end| end.saturating_sub(*at));
                let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                let room = buffer.get_mut(..room).unwrap_or_default();
                let count = self.plain.read_at(*at, room).map_err(|errno| reason(errno).to_owned())?;
                if count == 0 && end.is_none() && self.entry.kind == Kind::Current {
                    // Somebody has emptied it: what comes now is new.
                    let size = self.plain.size().unwrap_or(*at);
                    if size < *at {
                        *at = 0;
                    }
                }
                *at += count as u64;
                Ok(count)
            }
            Input::Packed(input) => loop {
                match input.read(buffer) {
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    result => return result.map_err(|error| error.to_string()),
                }
            },
        }
    }
}
