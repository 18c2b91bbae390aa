//! What is seen of the services, and of all else, while the tree ends.

/// What is seen of a supervise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// It runs.
    There,
    /// It does not.
    Gone,
}

/// What is in the pipe to a logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Lines that the logger will read.
    Lines,
    /// Nothing, or nobody who would ever read it.
    Nothing,
}

/// What is seen of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The service's supervise.
    pub main: Sight,
    /// Its logger's supervise, and the pipe between the two.
    pub log: Option<(Sight, Rest)>,
}

impl Seen {
    /// Whether nothing of a service runs, and nothing is left to be logged.
    pub fn is_done(&self) -> bool {
        let log_done = matches!(self.log, None | Some((Sight::Gone, Rest::Nothing)));
        self.main == Sight::Gone && log_done
    }
}

/// What is left besides the supervises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Children {
    /// We have children.
    Some,
    /// We have none.
    None,
}
