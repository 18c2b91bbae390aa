//! The last lines of a whole log, found file by file from the newest one backwards (`tail` does one file).

use std::collections::VecDeque;

use daemontools_untrusted::{Error, Writers};

use crate::directory::Kind;
use crate::filter::Filter;
use crate::open_file::{Pending, within};
use crate::source::{ReadOptions, Source};
use crate::stamp::Stamp;
use crate::tail::{self, Tail};

impl Source {
    /// Forgets the files before the last `lines` lines that the filter accepts, and of the first file that is left what
    /// comes before them; maybe a line too few is forgotten. `tick` is told how many bytes were read to find them.
    pub fn keep_last(&mut self, lines: usize, filter: &Filter, tick: &mut dyn FnMut(u64)) {
        let (mut left, mut kept) = (lines, VecDeque::new());
        while let Some(mut pending) = self.queue.pop_back() {
            let found = if lines == 0 { self.end(&pending) } else { self.last(&pending, left, filter) };
            match found {
                Ok(Tail::At(start)) => {
                    if let Some(key) = self.stamp_before(&pending, start) {
                        self.set_key(key);
                    }
                    pending.start = Some(start);
                    left = 0;
                }
                Ok(Tail::Fewer(count)) => left = left.saturating_sub(count),
                // That is told when the file is read.
                Err(_) => {}
            }
            kept.push_front(pending);
            tick(self.read);
            if left == 0 {
                break;
            }
        }
        self.queue = kept;
    }

    /// The stamp that a line at `at` goes by if it has none of its own.
    fn stamp_before(&self, pending: &Pending, at: u64) -> Option<Stamp> {
        tail::stamp_before(&pending.open(self.dir()).ok()?, at).ok()?
    }

    /// Where a file ends; what is no whole line yet is still to come.
    fn end(&self, pending: &Pending) -> Result<Tail, Error> {
        let plain = pending.open(self.dir())?;
        let size = plain.size()?;
        Ok(match tail::last(&plain, 0, size, 0)? {
            Tail::Fewer(_) => Tail::At(0),
            at @ Tail::At(_) => at,
        })
    }

    /// Where the last lines of a file begin.
    fn last(&mut self, pending: &Pending, lines: usize, filter: &Filter) -> Result<Tail, Error> {
        let plain = pending.open(self.dir())?;
        let packed = pending.file.kind != Kind::Current && plain.packing()?.is_some();
        if !packed && filter.is_everything() {
            let (start, end) = within(&plain, &self.options.range)?;
            return Ok(tail::last(&plain, start, end.map_or_else(|| plain.size(), Ok)?, lines)?);
        }
        // Only reading tells. What cannot be read is told when the file is shown.
        let options = ReadOptions { growing: false, quiet: true, ..self.options };
        let dir = self.dir().chosen_by(&Writers::default())?;
        let mut reader = Source::new(String::new(), self.log.clone(), dir, options);
        reader.queue.push_back(Pending::new(pending.file.clone(), Some(plain.0)));
        let mut count = 0;
        while reader.advance() {
            count += usize::from(filter.accepts(reader.line()));
        }
        self.read += reader.read;
        Ok(Tail::Fewer(count))
    }
}
