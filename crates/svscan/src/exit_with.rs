//! `--exit-with NAME`: when the service NAME has ended, the tree stops and svscan exits with the service's exit code.
//!
//! Its supervise alone decides when it has ended for good: by `no-restart` or `restart-limit` it is `done` or `failed`, and
//! where neither setting is there for supervise, which does not use what others may write, its first end is final.

use std::ffi::CStr;

use daemontools_core::details::{self, Details, State};
use daemontools_core::end::End;
use daemontools_core::run_record::RunRecord;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_program::stdio::read;
use daemontools_sys::fd::open_private;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat, stat};

/// The service whose end is waited for.
pub struct ExitWith {
    name: &'static CStr,
    /// The end that was recorded before svscan started: a supervise that was killed leaves its details behind.
    before: Option<RunRecord>,
}

impl ExitWith {
    /// The service of this name in the current directory, which must exist: a wrong name would be waited for for ever.
    pub fn new(name: &'static CStr) -> Result<ExitWith, Failure> {
        stat(name).unable([b"stat ", name.to_bytes()])?;
        let before = with_details(name, |details| details.last_end).flatten();
        Ok(ExitWith { name, before })
    }

    /// The same, as a state says.
    pub fn resume(name: &'static CStr, before: Option<RunRecord>) -> ExitWith {
        ExitWith { name, before }
    }

    /// The end that does not count.
    pub fn before(&self) -> Option<RunRecord> {
        self.before
    }

    /// The exit code of svscan once the service has ended for good.
    pub fn exit(&self) -> Option<Exit> {
        with_details(self.name, |details| exit_code(details, self.before)).flatten()
    }
}

/// The exit code as a shell has it: 128 and the number of a signal.
fn exit_code(details: &Details<'_>, before: Option<RunRecord>) -> Option<Exit> {
    let last = details.last_end.filter(|last| Some(*last) != before)?;
    let is_final = matches!(details.state, State::Done | State::Failed) || !last.judged;
    is_final.then(|| match last.end {
        End::Code(code) => Exit(code),
        End::Signal(signal) => Exit(u8::try_from(128 + signal.number()).unwrap_or(u8::MAX)),
        End::Unknown => Exit::TROUBLE,
    })
}

fn with_details<T>(name: &CStr, look: impl FnOnce(&Details<'_>) -> T) -> Option<T> {
    let path = [name.to_bytes(), b"/", details::PATH.to_bytes()].concat();
    with_file(&path, details::MAX_SIZE, |contents| Details::read(contents).as_ref().map(look)).flatten()
}

/// Reads a regular file, `size` bytes at most.
fn with_file<T>(path: &[u8], size: usize, look: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).ok()?;
    if Kind::of(&fstat(&file).ok()?) != Kind::File {
        return None;
    }
    let mut contents = vec![0; size];
    let length = read(&file, &mut contents).ok()?;
    contents.get(..length).map(look)
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::label::Label;
    use daemontools_core::signal::Signal;

    fn at(seconds: i64) -> Label {
        Label::from_unix(seconds, 0)
    }

    fn details(state: State, end: Option<End>, judged: bool) -> Details<'static> {
        let last_end = end.map(|end| RunRecord { judged, ..RunRecord::new(at(7), end) });
        Details { last_end, ..Details::new(state, at(8)) }
    }

    #[test]
    fn without_settings_the_first_end_is_final() {
        let exit = |end| exit_code(&details(State::Waiting, end, false), None);
        assert_eq!(exit(None), None);
        assert_eq!(exit(Some(End::Code(7))), Some(Exit(7)));
        let killed = Signal::from_number(15).map(End::Signal);
        assert!(killed.is_some());
        assert_eq!(exit(killed), Some(Exit(143)));
    }

    #[test]
    fn with_settings_supervise_says_when_it_is() {
        for (state, expected) in
            [(State::Waiting, None), (State::Up, None), (State::Done, Some(Exit(7))), (State::Failed, Some(Exit(7)))]
        {
            assert_eq!(exit_code(&details(state, Some(End::Code(7)), true), None), expected);
        }
    }

    #[test]
    fn an_end_of_an_earlier_life_does_not_count() {
        let old = RunRecord::new(at(7), End::Code(7));
        assert_eq!(exit_code(&details(State::Down, Some(End::Code(7)), false), Some(old)), None);
        let other = RunRecord::new(at(6), End::Code(7));
        assert_eq!(exit_code(&details(State::Down, Some(End::Code(7)), false), Some(other)), Some(Exit(7)));
    }
}
