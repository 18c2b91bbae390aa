//! Several logs as one stream, by their stamps.

use crate::source::Source;

/// Logs that are read together.
pub struct Merge {
    /// The logs, in the order in which they were given.
    pub sources: Vec<Source>,
    /// Of each, whether its line waits for its turn.
    waiting: Vec<bool>,
    /// Whose line came last.
    latest: usize,
}

impl Merge {
    /// These logs.
    pub fn new(sources: Vec<Source>) -> Merge {
        Merge { waiting: vec![false; sources.len()], sources, latest: 0 }
    }

    /// The log whose line comes next; `None`: there is no line now. Of equal stamps the one that came last goes on, so
    /// that a line without a stamp stays with its own.
    pub fn advance(&mut self) -> Option<&Source> {
        let mut next: Option<(usize, &Source)> = None;
        for (number, (source, waiting)) in self.sources.iter_mut().zip(&mut self.waiting).enumerate() {
            if !*waiting {
                *waiting = source.advance();
            }
            let earlier = |(_, other): &(usize, &Source)| match source.key().cmp(other.key()) {
                std::cmp::Ordering::Less => true,
                std::cmp::Ordering::Equal => number == self.latest,
                std::cmp::Ordering::Greater => false,
            };
            if *waiting && next.as_ref().is_none_or(earlier) {
                next = Some((number, source));
            }
        }
        let (number, source) = next?;
        self.latest = number;
        if let Some(waiting) = self.waiting.get_mut(number) {
            *waiting = false;
        }
        Some(source)
    }
}
