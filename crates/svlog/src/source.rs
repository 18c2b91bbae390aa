//! One log as a stream of lines: its files one after the other (`open_file`), cut into lines (`lines`), of which those in
//! a range of time are shown (`window`).
//!
//! A line that a full file cuts goes on in the next one; a line that a killed multilog left behind does not.

use std::collections::VecDeque;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::Program;
use daemontools_sys::fd::duplicate_private;
use daemontools_untrusted::{Directory, Error, RegularFile};
use nix::errno::Errno;

use crate::directory::{Kind, LastLine, LogFile, Snapshot};
use crate::file::Plain;
use crate::lines::Lines;
use crate::locate::Log;
use crate::open_file::{OpenFile, Pending};
use crate::range::{Range, select};
use crate::stamp::{self, Stamp};
use crate::window::{Verdict, Window};

/// How long a file that could not be read is left alone by who follows the log.
const RETRY: Duration = Duration::from_secs(1);
/// How many bytes of one line are passed over in a packed file: what is longer is no log, but made to be endless.
const ENDLESS: u64 = 16 << 20;

/// How a log is read.
#[derive(Clone, Copy)]
pub struct ReadOptions {
    /// Who warns.
    pub program: &'static Program,
    /// What is read.
    pub range: Range,
    /// Whether the last file stays open, as more may come, and a line without an end is waited for.
    pub growing: bool,
    /// Whether `key` is asked for.
    pub keyed: bool,
    /// Whether nothing is said of what cannot be read.
    pub quiet: bool,
}

/// One log.
pub struct Source {
    /// What it is called in the output, escaped.
    pub name: String,
    /// Where it is.
    pub log: Log,
    /// Whether something could not be read.
    pub trouble: bool,
    /// How many bytes of files have been read.
    pub read: u64,
    /// When a file that could not be read may be tried again.
    pub retry_at: Option<Instant>,
    pub options: ReadOptions,
    pub queue: VecDeque<Pending>,
    pub open: Option<OpenFile>,
    /// When the last file was certainly the one that grows, and all files before it had their names.
    pub seen: Option<Stamp>,
    dir: Directory,
    lines: Lines,
    window: Window,
    /// What was warned of last, so that it is said once.
    warned: Vec<u8>,
}

impl Source {
    /// The log whose directory is open as `dir`; nothing is to be read yet.
    pub fn new(name: String, log: Log, dir: Directory, options: ReadOptions) -> Source {
        Source {
            name,
            log,
            trouble: false,
            read: 0,
            retry_at: None,
            options,
            queue: VecDeque::new(),
            open: None,
            seen: None,
            dir,
            lines: Lines::default(),
            window: Window::new(options.range, options.keyed),
            warned: Vec::new(),
        }
    }

    /// Is to read these files, which are in the directory `dir`.
    pub fn take(&mut self, dir: Directory, snapshot: Snapshot) {
        let Snapshot { files, mut rotating, mut current, seen } = snapshot;
        (self.dir, self.seen) = (dir, seen);
        let first = |file: &LogFile| {
            let known = match file.kind {
                Kind::Old(..) => None,
                Kind::Rotating => rotating.as_ref(),
                Kind::Current => current.as_ref(),
            };
            let fd = match known {
                Some(fd) => duplicate_private(fd.as_fd()).ok()?,
                None => self.dir.file(Path::new(&file.name)).map(RegularFile::into_fd).ok()?,
            };
            Plain(fd).first_stamp().ok()?
        };
        let pending = select(files, &self.options.range, first).into_iter().map(|file| {
            let fd = match file.kind {
                Kind::Old(..) => None,
                Kind::Rotating => rotating.take(),
                Kind::Current => current.take(),
            };
            Pending::new(file, fd)
        });
        self.queue.extend(pending);
    }

    /// The directory whose files are read.
    pub fn dir(&self) -> &Directory {
        &self.dir
    }

    /// How many bytes the files that are still to be read have.
    pub fn left(&self) -> u64 {
        let size = |pending: &Pending| pending.open(&self.dir).ok()?.size().ok();
        self.queue.iter().filter_map(size).sum()
    }

    /// Goes on to the next line. `false`: there is none now.
    pub fn advance(&mut self) -> bool {
        loop {
            let found = self.lines.advance() || {
                if self.fill() {
                    continue;
                }
                !self.options.growing && self.lines.advance_to_end()
            };
            if !found {
                return false;
            }
            if self.is_wanted() {
                return true;
            }
        }
    }

    /// The line, with its newline if it has one.
    pub fn line(&self) -> &[u8] {
        self.lines.line()
    }

    /// Whether the line is the beginning of one that is too long.
    pub fn is_cut(&self) -> bool {
        self.lines.is_cut()
    }

    /// The stamp that the line goes by.
    pub fn key(&self) -> Stamp {
        self.window.key()
    }

    /// Sets the stamp that lines go by which come before any stamp.
    pub fn set_key(&mut self, key: Stamp) {
        self.window.set_key(key);
    }

    /// Whether the line has a stamp of its own.
    pub fn is_stamped(&self) -> bool {
        self.window.is_stamped()
    }

    /// Lines up to this stamp have been shown already.
    pub fn skip_to(&mut self, shown: Option<Stamp>) {
        self.window.skip_to(shown);
    }

    /// Whether the line is in the range.
    fn is_wanted(&mut self) -> bool {
        if self.window.ignores_stamps() {
            return true;
        }
        match self.window.judge(stamp::split(self.lines.line()).map(|(stamp, _)| stamp)) {
            Verdict::Shown => true,
            Verdict::Over if self.open.as_ref().is_some_and(OpenFile::is_packed) => {
                self.lines.clear();
                self.open = None;
                false
            }
            Verdict::Hidden | Verdict::Over => false,
        }
    }

    /// Reads more, from the next file if need be. `false`: there is no more now.
    fn fill(&mut self) -> bool {
        loop {
            let Some(open) = &mut self.open else {
                if self.open_next() {
                    continue;
                }
                return false;
            };
            if open.is_packed() && self.lines.passed() > ENDLESS {
                if self.give_up("it has a line without an end") {
                    return true;
                }
                continue;
            }
            match open.read(self.lines.room()) {
                Ok(0) if self.options.growing && self.queue.is_empty() => return false,
                Ok(0) => {
                    if self.close() {
                        return true;
                    }
                }
                Ok(count) => {
                    self.lines.fill(count);
                    self.read += count as u64;
                    return true;
                }
                // A file that is followed stays open, and is read on when that works again.
                Err(why) if self.options.growing && self.queue.is_empty() && !open.is_packed() => {
                    let file = open.file.clone();
                    self.warn(&file, &why);
                    return false;
                }
                Err(why) => {
                    if self.give_up(&why) {
                        return true;
                    }
                }
            }
        }
    }

    /// Leaves a file that cannot be read on. `true`: the line that has begun gets an end.
    fn give_up(&mut self, why: &str) -> bool {
        if let Some(open) = &self.open {
            let file = open.file.clone();
            self.warn(&file, why);
        }
        self.close() || self.lines.end_line()
    }

    /// Leaves the file that was read to its end. `true`: its last line was torn, and gets an end.
    pub fn close(&mut self) -> bool {
        let Some(open) = self.open.take() else { return false };
        let Kind::Old(finished, last_line) = open.file.kind else { return false };
        self.window.end_file(finished);
        last_line == LastLine::Torn && self.lines.end_line()
    }

    /// Begins with the next file. `false`: there is none.
    fn open_next(&mut self) -> bool {
        while let Some(pending) = self.queue.pop_front() {
            match OpenFile::begin(&pending, &self.dir, &self.options.range) {
                Ok(open) => {
                    self.open = Some(open);
                    self.window.begin_file();
                    return true;
                }
                // multilog has thrown it away meanwhile.
                Err(Error::System(Errno::ENOENT)) => {}
                Err(error) => self.warn(&pending.file, &error.reason()),
            }
        }
        false
    }

    /// Warns that a file cannot be read, once for each reason.
    fn warn(&mut self, file: &LogFile, why: &str) {
        self.trouble = true;
        self.retry_at = Some(Instant::now() + RETRY);
        let path = self.log.path.join(&file.name);
        let words = [path.as_os_str().as_bytes(), b": ", why.as_bytes()];
        if !self.options.quiet && self.warned != words.concat() {
            self.warned = words.concat();
            self.options.program.warn([b"unable to read ", &self.warned]);
        }
    }
}
