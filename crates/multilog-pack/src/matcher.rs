//! Finds what has come before: what ruzstd's own code for it looks for at one level only, here at several. For each place of
//! the window there is a link to the one before it that begins with the same bytes; the level says how many of them are
//! tried.
//!
//! What is found keeps clear of what ruzstd 0.8.1 writes wrongly, matches longer than 65538 bytes and more than 32511
//! sequences in a block, and of what makes it panic: a block in which no match has bytes before it.

use ruzstd::encoding::{CompressionLevel, Matcher, Sequence};

/// How far back a match may be, in bytes, a power of two.
const WINDOW: usize = 1 << 20;
/// How much is packed at a time, in bytes: the largest block of zstd.
const BLOCK: usize = 128 * 1024;
/// How many bytes a place is found by, which is the shortest match: so there are at most 26214 in a block.
const SHORTEST: usize = 5;
/// The longest match.
const LONGEST: usize = 65_538;
/// A match of that length is taken without a look at others.
const LONG_ENOUGH: usize = 256;
/// The logarithm of how many different beginnings are told apart.
const SLOTS: u32 = 17;

/// What has been read, up to twice the window, and where in it to look.
pub struct Chains {
    /// The bytes, of which the last block is at the end.
    bytes: Vec<u8>,
    /// Where the last block begins.
    block: usize,
    /// For each kind of beginning, one more than its last place; 0 if there is none.
    heads: Vec<u32>,
    /// For each place in the window, one more than the place before it with the same kind of beginning.
    links: Vec<u32>,
    /// How many places are tried.
    depth: u32,
}

/// A repetition of what was so many bytes before.
#[derive(Clone, Copy)]
struct Match {
    offset: usize,
    length: usize,
}

impl Match {
    /// What it saves, roughly in quarters of a byte: the offset has to be written.
    fn gain(self) -> usize {
        (4 * self.length).saturating_sub(self.offset.max(1).ilog2() as usize)
    }
}

impl Chains {
    /// Looks at 2 places at level 2, and at twice as many at each further one.
    pub fn new(level: u32) -> Chains {
        Chains {
            bytes: Vec::with_capacity(2 * WINDOW + BLOCK),
            block: 0,
            heads: vec![0; 1 << SLOTS],
            links: vec![0; WINDOW],
            depth: 1 << level.saturating_sub(1).min(8),
        }
    }

    /// Which kind of beginning the bytes at this place have.
    fn slot(&self, at: usize) -> Option<usize> {
        let beginning = self.bytes.get(at..at + SHORTEST)?;
        let number = beginning.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        usize::try_from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS)).ok()
    }

    /// Makes it a place to be found.
    fn add(&mut self, at: usize) {
        let Some(head) = self.slot(at).and_then(|slot| self.heads.get_mut(slot)) else { return };
        if let (Ok(place), Some(link)) = (u32::try_from(at + 1), self.links.get_mut(at % WINDOW)) {
            *link = std::mem::replace(head, place);
        }
    }

    /// The best match for what is at this place, among earlier ones.
    fn best(&self, at: usize) -> Option<Match> {
        let mut place = self.heads.get(self.slot(at)?).copied()?;
        let ahead = self.bytes.get(at..self.bytes.len().min(at + LONGEST))?;
        let mut best: Option<Match> = None;
        for _ in 0..self.depth {
            let Some(from) = usize::try_from(place).ok().and_then(|place| place.checked_sub(1)) else { break };
            let Some(offset) = at.checked_sub(from).filter(|offset| (1..WINDOW).contains(offset)) else { break };
            let found = Match { offset, length: common(self.bytes.get(from..)?, ahead) };
            if found.length >= SHORTEST && best.is_none_or(|best| found.gain() > best.gain()) {
                best = Some(found);
            }
            if found.length >= LONG_ENOUGH {
                break;
            }
            place = self.links.get(from % WINDOW).copied()?;
        }
        best
    }

    /// The bytes from one place to another.
    fn between(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    /// Forgets what is out of the window, so that places stay small.
    fn forget(&mut self) {
        while self.bytes.len() >= 2 * WINDOW {
            self.bytes.drain(..WINDOW);
            for place in self.heads.iter_mut().chain(&mut self.links) {
                *place = place.saturating_sub(WINDOW as u32);
            }
        }
    }
}

/// How many bytes at the beginning are the same.
fn common(one: &[u8], other: &[u8]) -> usize {
    let words = one.chunks_exact(8).zip(other.chunks_exact(8)).take_while(|(one, other)| one == other).count() * 8;
    let rest = one.iter().skip(words).zip(other.iter().skip(words));
    words + rest.take_while(|(one, other)| one == other).count()
}

impl Matcher for Chains {
    fn get_next_space(&mut self) -> Vec<u8> {
        vec![0; BLOCK]
    }

    fn get_last_space(&mut self) -> &[u8] {
        self.between(self.block, self.bytes.len())
    }

    fn commit_space(&mut self, space: Vec<u8>) {
        self.forget();
        self.block = self.bytes.len();
        self.bytes.extend_from_slice(&space);
    }

    fn skip_matching(&mut self) {
        // One byte again and again: its last places are as good as all.
        let end = self.bytes.len();
        (end.saturating_sub(LONG_ENOUGH).max(self.block)..end).for_each(|at| self.add(at));
    }

    fn start_matching(&mut self, mut handle_sequence: impl for<'a> FnMut(Sequence<'a>)) {
        let end = self.bytes.len();
        // The first match comes after a byte.
        let (mut literals, mut at) = (self.block, self.block + 1);
        self.add(self.block);
        while at < end {
            let found = self.best(at);
            self.add(at);
            let Some(mut best) = found else {
                at += 1;
                continue;
            };
            // There may be a better one a byte later. That byte costs something, too.
            while let Some(later) = self.best(at + 1).filter(|later| later.gain() > best.gain() + 4) {
                at += 1;
                self.add(at);
                best = later;
            }
            let literal = self.between(literals, at);
            handle_sequence(Sequence::Triple { literals: literal, offset: best.offset, match_len: best.length });
            (at + 1..at + best.length).for_each(|at| self.add(at));
            at += best.length;
            literals = at;
        }
        handle_sequence(Sequence::Literals { literals: self.between(literals, end) });
    }

    fn reset(&mut self, _: CompressionLevel) {
        self.bytes.clear();
        self.block = 0;
        self.heads.fill(0);
        self.links.fill(0);
    }

    fn window_size(&self) -> u64 {
        WINDOW as u64
    }
}
