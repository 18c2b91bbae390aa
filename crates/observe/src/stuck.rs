//! Whether a logger reads its pipe: judged from several looks at the pipe. Pure, time comes in.

use std::time::Duration;

use daemontools_program::clock::Instant;

/// How long a logger may leave its pipe full.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may leave some bytes in it: nobody waits for it yet, and our multilog leaves a line without an end there for a
/// second, which on a busy machine takes longer.
const MORE_PATIENCE: Duration = Duration::from_secs(5);
/// A process that has read more bytes than this reads its pipe, even if the pipe is as full as before. Fewer may be signals,
/// or what our multilog copies out of the pipe, and leaves there, each time that it tries again.
const MUCH: u64 = 128 * 1024;

/// What a look at a pipe and its reader found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// How many bytes wait in it.
    pub unread: u32,
    /// Whether a writer would have to wait.
    pub full: bool,
    /// How many bytes the reader has read in its life; `None`: that is not known.
    pub read: Option<u64>,
    /// Whether the reader is running, or ready to run.
    pub runs: bool,
}

/// What is known after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The pipe is read.
    Reads,
    /// Not enough time has passed.
    Undecided,
    /// Nothing was read for a while.
    Stuck(Sample),
}

/// A pipe with bytes in it, over some time.
#[derive(Clone, Copy, Debug)]
pub struct Suspect {
    since: Instant,
    first: Sample,
    last: Sample,
    /// Whether the reader has always been running, or ready to run: it may be waiting for a processor.
    ran: bool,
}

impl Suspect {
    /// The pipe as it was first seen; `None`: there is nothing to suspect.
    pub fn new(sample: Sample, now: Instant) -> Option<Suspect> {
        (sample.unread > 0).then_some(Suspect { since: now, first: sample, last: sample, ran: sample.runs })
    }

    /// Takes another look.
    pub fn saw(&mut self, sample: Sample, now: Instant) -> Verdict {
        let read = self.first.read.zip(sample.read).is_some_and(|(before, after)| after > before.saturating_add(MUCH));
        if read || sample.unread == 0 || sample.unread < self.last.unread {
            return Verdict::Reads;
        }
        self.last = sample;
        self.ran &= sample.runs;
        let patience = if sample.full { PATIENCE } else { MORE_PATIENCE };
        match () {
            () if now.since(self.since) < patience => Verdict::Undecided,
            () if self.ran => Verdict::Reads,
            () => Verdict::Stuck(sample),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Sample = Sample { unread: 65_536, full: true, read: Some(5000), runs: false };

    /// The verdict after looks half a second apart.
    fn judge(samples: &[Sample]) -> Option<Verdict> {
        let start = Instant(Duration::from_secs(9));
        let mut suspect = Suspect::new(*samples.first()?, start)?;
        let mut verdict = None;
        for (count, sample) in (1..).zip(samples.iter().skip(1)) {
            verdict = Some(suspect.saw(*sample, start + Duration::from_millis(500) * count));
        }
        verdict
    }

    #[test]
    fn what_is_not_read_for_some_seconds_is_stuck() {
        assert_eq!(judge(&[FULL; 4]), Some(Verdict::Undecided));
        assert_eq!(judge(&[FULL; 5]), Some(Verdict::Stuck(FULL)));
        let few = Sample { unread: 80, full: false, read: None, ..FULL };
        let more = Sample { unread: 160, ..few };
        assert_eq!(judge(&[few, few, more, more, more]), Some(Verdict::Undecided));
        assert_eq!(judge(&[&[few, few][..], &[more; 9]].concat()), Some(Verdict::Stuck(more)));
        // Signals are read too, and copies.
        let signal = Sample { read: Some(9108), ..FULL };
        assert_eq!(judge(&[FULL, FULL, signal, signal, signal]), Some(Verdict::Stuck(signal)));
    }

    #[test]
    fn what_is_read_is_not() {
        assert_eq!(judge(&[Sample { unread: 0, full: false, ..FULL }]), None);
        for moved in [
            Sample { unread: 65_000, ..FULL },
            Sample { unread: 0, ..FULL },
            Sample { read: Some(5000 + (1 << 20)), ..FULL },
        ] {
            assert_eq!(judge(&[FULL, FULL, FULL, FULL, moved]), Some(Verdict::Reads), "{moved:?}");
        }
        // It has had no processor in all the time; one that runs now and then, a processor's parent say, has.
        let runs = Sample { runs: true, ..FULL };
        assert_eq!(judge(&[runs; 5]), Some(Verdict::Reads));
        assert_eq!(judge(&[runs, runs, FULL, runs, runs]), Some(Verdict::Stuck(runs)));
    }
}
