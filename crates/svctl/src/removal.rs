//! In which order a service that is disabled goes: the service first, then, when its logger has read all that is in the
//! pipe, the logger. Pure: what was seen comes in.

use daemontools_service::part::Part;

/// What was seen of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether its supervise runs.
    pub service: bool,
    /// Whether that of its logger runs.
    pub logger: bool,
    /// Whether its logger runs and there is something in its pipe that it has not read; false where that is not known.
    pub unread: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Send `dx` to the supervise of a part.
    End(Part),
    /// Wait until the supervise of a part has gone.
    WaitFor(Part),
    /// Wait until the logger has read what is in its pipe.
    Drain,
    /// All is gone.
    Done,
}

/// How far a service has come that is on its way out.
#[derive(Debug, Default)]
pub struct Removal {
    told: [bool; 2],
}

impl Removal {
    /// What is next. After `End` it is asked again.
    pub fn step(&mut self, seen: Seen) -> Step {
        let [service, logger] = &mut self.told;
        match seen {
            Seen { service: true, .. } if *service => Step::WaitFor(Part::Service),
            Seen { service: true, .. } => {
                *service = true;
                Step::End(Part::Service)
            }
            Seen { logger: true, .. } if *logger => Step::WaitFor(Part::Log),
            Seen { logger: true, unread: true, .. } => Step::Drain,
            Seen { logger: true, .. } => {
                *logger = true;
                Step::End(Part::Log)
            }
            Seen { logger: false, .. } => Step::Done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logger_goes_last_and_has_read_everything() {
        let mut removal = Removal::default();
        let seen = |service, logger, unread| Seen { service, logger, unread };
        for (seen, expected) in [
            (seen(true, true, true), Step::End(Part::Service)),
            (seen(true, true, true), Step::WaitFor(Part::Service)),
            (seen(false, true, true), Step::Drain),
            (seen(false, true, false), Step::End(Part::Log)),
            (seen(false, true, true), Step::WaitFor(Part::Log)),
            (seen(false, false, false), Step::Done),
        ] {
            assert_eq!(removal.step(seen), expected, "{seen:?}");
        }
    }

    #[test]
    fn what_does_not_run_is_not_waited_for() {
        let nothing = Seen { service: false, logger: false, unread: false };
        assert_eq!(Removal::default().step(nothing), Step::Done);
        assert_eq!(Removal::default().step(Seen { logger: true, ..nothing }), Step::End(Part::Log));
    }
}
