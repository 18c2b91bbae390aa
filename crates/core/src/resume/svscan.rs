//! What an svscan goes on with.

use std::time::Duration;

use super::Unusable;
use super::reader::{
    NONE, Writer, check_descriptors, descriptor, lines, mask, mask_text, nanoseconds, optional, unknown, word,
};
use crate::label::{from_hex, hex};
use crate::run_record::{LineBuffer, RunRecord};
use crate::text::number;

/// The program of this state.
const PROGRAM: &[u8] = b"svscan";

/// What an svscan goes on with. Its current directory stays the scan directory, its arguments stay as they were. It looks at
/// every entry of the directory again: only what it cannot find out is here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SvscanState {
    /// The signals that a supervise finds blocked: bit 0 is signal 1. `None`: those that are blocked now, less those that
    /// svscan waits for.
    pub child_mask: Option<u64>,
    /// The soft and the hard limit of open files that a supervise gets; `None`: those that hold now. (All ones: no limit.)
    pub open_files: Option<(u64, u64)>,
    /// A descriptor whose number is above all that svscan was started with, and below those of the pipes.
    pub last: Option<i32>,
    /// The last end of the service of `--exit-with` that was before svscan began.
    pub ended_before: Option<RunRecord>,
    /// The services.
    pub services: Vec<ServiceState>,
}

/// One service: the line `service DEVICE INODE SUPERVISE LOGGER READER WRITER NAME`, where `-` stands for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceState {
    /// The device of its directory.
    pub device: u64,
    /// The inode of its directory.
    pub inode: u64,
    /// The supervise of the service itself.
    pub supervise: SuperviseProcess,
    /// The supervise of its logger, if it has one.
    pub logger: Option<SuperviseProcess>,
    /// The reading and the writing end of the pipe to the logger.
    pub pipe: Option<(i32, i32)>,
    /// The name of an entry that leads to it, in hex.
    pub name: Vec<u8>,
}

/// A supervise: `PID@NANOSECONDS` while it runs, `@NANOSECONDS` while it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuperviseProcess {
    /// It runs as this process since this moment (monotonic).
    Running(u32, Duration),
    /// It does not run, and may be started at this moment (monotonic).
    Idle(Duration),
}

impl SuperviseProcess {
    fn to_word(self) -> Vec<u8> {
        let (pid, at) = match self {
            SuperviseProcess::Running(pid, since) => (word(Some(u64::from(pid))), since),
            SuperviseProcess::Idle(until) => (Vec::new(), until),
        };
        [&pid[..], b"@", &word(Some(nanoseconds(at)))].concat()
    }

    fn from_word(word: &[u8]) -> Option<SuperviseProcess> {
        let at = word.iter().position(|&byte| byte == b'@')?;
        let (pid, moment) = (word.get(..at)?, Duration::from_nanos(number(word.get(at + 1..)?)?));
        if pid.is_empty() {
            return Some(SuperviseProcess::Idle(moment));
        }
        let pid = u32::try_from(i32::try_from(number(pid)?).ok()?).ok().filter(|&pid| pid > 0)?;
        Some(SuperviseProcess::Running(pid, moment))
    }
}

impl SvscanState {
    /// Every descriptor that must stay open over the execve.
    pub fn descriptors(&self) -> Vec<i32> {
        let pipes = self.services.iter().filter_map(|service| service.pipe);
        pipes.flat_map(|(reader, writer)| [reader, writer]).chain(self.last).collect()
    }

    /// The text of the state.
    pub fn to_text(&self) -> Vec<u8> {
        let mut text = Writer::new(PROGRAM);
        if let Some(mask) = self.child_mask {
            text.line(b"child-mask", &mask_text(mask));
        }
        if let Some((soft, hard)) = self.open_files {
            text.line(b"open-files", &[word(Some(soft)), word(Some(hard))].join(&b' '));
        }
        text.descriptor(b"last", self.last);
        if let Some(run) = &self.ended_before {
            let mut line = LineBuffer::new();
            run.write_line(&mut line);
            text.line(b"ended-before", line.as_bytes());
        }
        for service in &self.services {
            text.line(b"service", &service.to_words());
        }
        text.finish()
    }

    /// What a text means.
    pub fn from_text(text: &[u8]) -> Result<SvscanState, Unusable> {
        let mut state = SvscanState::default();
        for (key, value) in lines(text, PROGRAM)? {
            let taken = match key {
                b"child-mask" if state.child_mask.is_none() => mask(value).map(|mask| state.child_mask = Some(mask)),
                b"open-files" if state.open_files.is_none() => {
                    limits(value).map(|limits| state.open_files = Some(limits))
                }
                b"last" if state.last.is_none() => descriptor(value).map(|last| state.last = Some(last)),
                b"ended-before" if state.ended_before.is_none() => {
                    RunRecord::from_line(value).map(|run| state.ended_before = Some(run))
                }
                b"service" => ServiceState::from_words(value).map(|service| state.services.push(service)),
                [b'?', ..] => Some(()),
                _ => None,
            };
            taken.ok_or_else(|| unknown(key, value))?;
        }
        check_descriptors(state.descriptors())?;
        Ok(state)
    }
}

impl ServiceState {
    fn to_words(&self) -> Vec<u8> {
        let ends = self.pipe.map(|(reader, writer)| [reader, writer].map(|end| u64::try_from(end).unwrap_or_default()));
        let [reader, writer] = ends.map_or([None, None], |ends| ends.map(Some));
        let words = [
            word(Some(self.device)),
            word(Some(self.inode)),
            self.supervise.to_word(),
            self.logger.map_or(NONE.to_vec(), SuperviseProcess::to_word),
            word(reader),
            word(writer),
            hex(&self.name),
        ];
        words.join(&b' ')
    }

    fn from_words(value: &[u8]) -> Option<ServiceState> {
        let mut words = value.split(|&byte| byte == b' ');
        let device = number(words.next()?)?;
        let inode = number(words.next()?)?;
        let supervise = SuperviseProcess::from_word(words.next()?)?;
        let logger = match words.next()? {
            NONE => None,
            word => Some(SuperviseProcess::from_word(word)?),
        };
        let (reader, writer) = (words.next()?, words.next()?);
        let pipe = match (optional(reader)?, optional(writer)?) {
            (Some(_), Some(_)) => Some((descriptor(reader)?, descriptor(writer)?)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => return None,
        };
        let name = from_hex(words.next()?)?;
        let fits = !name.is_empty() && !name.contains(&0) && !name.contains(&b'/') && words.next().is_none();
        fits.then_some(ServiceState { device, inode, supervise, logger, pipe, name })
    }
}

fn limits(value: &[u8]) -> Option<(u64, u64)> {
    let at = value.iter().position(|&byte| byte == b' ')?;
    Some((number(value.get(..at)?)?, number(value.get(at + 1..)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::end::End;
    use crate::label::Label;

    fn state() -> SvscanState {
        let second = Duration::from_secs;
        let web = ServiceState {
            device: 64769,
            inode: 12,
            supervise: SuperviseProcess::Running(42, second(7)),
            logger: Some(SuperviseProcess::Idle(second(12))),
            pipe: Some((5, 6)),
            name: b"web".to_vec(),
        };
        let odd = ServiceState {
            inode: 13,
            supervise: SuperviseProcess::Idle(Duration::from_nanos(1)),
            logger: None,
            pipe: None,
            name: b"a b\n\xff".to_vec(),
            ..web.clone()
        };
        SvscanState {
            child_mask: Some(0x1_0000),
            open_files: Some((1024, u64::MAX)),
            last: Some(4),
            ended_before: Some(RunRecord::new(Label::from_unix(1, 2), End::Code(7))),
            services: vec![web, odd],
        }
    }

    #[test]
    fn the_text_is_as_documented_and_leads_back() {
        let text = b"svscan 1
child-mask 0000000000010000
open-files 1024 18446744073709551615
last 4
ended-before @400000000000000b00000002 code 7 ran-ms 0
service 64769 12 42@7000000000 @12000000000 5 6 776562
service 64769 13 @1 - - - 6120620aff
end
";
        assert_eq!(state().to_text().escape_ascii().to_string(), text.escape_ascii().to_string());
        assert_eq!(SvscanState::from_text(text), Ok(state()));
        assert_eq!(SvscanState::from_text(b"svscan 1\n?new 1\nend\n"), Ok(SvscanState::default()));
    }

    #[test]
    fn what_is_torn_malformed_or_not_known_is_refused() {
        let text = state().to_text();
        for length in 0..text.len() {
            assert!(SvscanState::from_text(&text[..length]).is_err(), "the first {length} bytes");
        }
        for line in [
            "new 1",
            "service 1 2 3@4 - - - ",
            "service 1 2 3@4 - - - 2f",
            "service 1 2 3@4 - - - 00",
            "service 1 2 3@4 - 5 - 61",
            "service 1 2 0@4 - - - 61",
            "service 1 2 34 - - - 61",
            "service 1 2 3@4 - - - 6",
            "service 1 2 3@4 - - - 61 62",
            "open-files 1",
            "child-mask 1",
        ] {
            let text = format!("svscan 1\n{line}\nend\n");
            assert_eq!(SvscanState::from_text(text.as_bytes()), Err(Unusable::Line(line.as_bytes().to_vec())));
        }
        let twice = b"svscan 1\nservice 1 2 3@4 @1 5 5 61\nend\n";
        assert_eq!(SvscanState::from_text(twice), Err(Unusable::Descriptors));
    }
}
