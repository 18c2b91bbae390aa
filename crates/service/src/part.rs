//! The two parts of a service: the service itself and its logger.

/// A service or its logger, where code deals with either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The service itself.
    Service,
    /// Its logger, in `log/`.
    Log,
}

impl Part {
    /// Both, the service first.
    pub const BOTH: [Part; 2] = [Part::Service, Part::Log];

    /// What to append to the path of the service directory to get the directory of this part: nothing, or `/log`.
    pub fn path_suffix(self) -> &'static str {
        match self {
            Part::Service => "",
            Part::Log => "/log",
        }
    }
}
