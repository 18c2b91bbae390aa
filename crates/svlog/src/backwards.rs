//! The last lines of a log, found from its end backwards.

use std::collections::VecDeque;

use crate::directory::Kind;
use crate::reading::Piece;
use crate::sought::Sought;
use crate::source::{Manner, Source};
use crate::stamp::Stamp;
use crate::tail::{self, Tail};

impl Source {
    /// Forgets the files before the last `lines` lines in which `sought` is, and of the first file that is left what comes
    /// before them; maybe a line too few is forgotten. `tick` is told how many bytes were read to find them.
    pub fn keep_last(&mut self, lines: usize, sought: &Sought, tick: &mut dyn FnMut(u64)) {
        let (mut left, mut kept) = (lines, VecDeque::new());
        while let Some(mut piece) = self.queue.pop_back() {
            let found = if lines == 0 { self.end(&piece) } else { self.last(&piece, left, sought) };
            match found {
                Ok(Tail::At(start)) => {
                    self.key = self.stamp_before(&piece, start).unwrap_or(self.key);
                    piece.start = Some(start);
                    left = 0;
                }
                Ok(Tail::Fewer(count)) => left = left.saturating_sub(count),
                // It will be told when the file is read.
                Err(_) => {}
            }
            kept.push_front(piece);
            tick(self.read);
            if left == 0 {
                break;
            }
        }
        self.queue = kept;
    }

    /// The stamp that a line at `at` goes by if it has none of its own.
    fn stamp_before(&self, piece: &Piece, at: u64) -> Option<Stamp> {
        tail::stamp_before(&piece.open(&self.dir).ok()?, at).ok()?
    }

    /// Where a file ends; what is no whole line yet is still to come.
    fn end(&self, piece: &Piece) -> nix::Result<Tail> {
        let plain = piece.open(&self.dir)?;
        let size = plain.size()?;
        Ok(match tail::last(&plain, 0, size, 0)? {
            Tail::Fewer(_) => Tail::At(0),
            at @ Tail::At(_) => at,
        })
    }

    /// Where the last lines of a file begin.
    fn last(&mut self, piece: &Piece, lines: usize, sought: &Sought) -> nix::Result<Tail> {
        let plain = piece.open(&self.dir)?;
        let packed = piece.entry.kind != Kind::Current && plain.packing()?.is_some();
        if !packed && sought.is_everything() {
            let (start, end) = self.edges.within(&plain)?;
            return tail::last(&plain, start, end.map_or_else(|| plain.size(), Ok)?, lines);
        }
        // Only reading tells.
        let manner = Manner { growing: false, ..self.manner };
        let mut reader = Source::new(Vec::new(), self.dir.clone(), manner);
        reader.queue.push_back(Piece { entry: piece.entry.clone(), fd: Some(plain.0), start: None });
        let mut count = 0;
        while reader.advance() {
            count += usize::from(sought.is_in(reader.line()));
        }
        self.read += reader.read;
        Ok(Tail::Fewer(count))
    }
}
