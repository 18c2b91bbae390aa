//! Several logs as one stream, by their stamps.

use crate::source::Source;

/// Logs that are read together.
pub struct Merge {
    /// The logs, in the order in which they were given.
    pub sources: Vec<Source>,
    /// Of each, whether its line waits for its turn.
    waiting: Vec<bool>,
    /// Whose line came last.
    latest: Option<usize>,
}

impl Merge {
    /// These logs.
    pub fn new(sources: Vec<Source>) -> Merge {
        Merge { waiting: vec![false; sources.len()], sources, latest: None }
    }

    /// The log whose line comes next; `None`: there is no line now. Of equal stamps the log that was given first comes
    /// first; a line without a stamp stays with the one before it.
    pub fn advance(&mut self) -> Option<&Source> {
        for (source, waiting) in self.sources.iter_mut().zip(&mut self.waiting) {
            if !*waiting {
                *waiting = source.advance();
            }
        }
        let waits = |number: usize| self.waiting.get(number) == Some(&true);
        let goes_on = |number: usize| self.sources.get(number).is_some_and(|source| !source.is_stamped());
        let next = match self.latest {
            Some(latest) if waits(latest) && goes_on(latest) => latest,
            _ => {
                let waiting = self.sources.iter().enumerate().filter(|(number, _)| waits(*number));
                // Of equal ones, `min_by` takes the first.
                waiting.min_by(|(_, one), (_, other)| one.key().cmp(&other.key()))?.0
            }
        };
        self.latest = Some(next);
        if let Some(waiting) = self.waiting.get_mut(next) {
            *waiting = false;
        }
        self.sources.get(next)
    }
}
