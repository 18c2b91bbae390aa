//! The new program: whether it is to go on with a state, and which.

use std::ffi::{CStr, CString};
use std::os::fd::OwnedFd;

use daemontools_core::resume::{ABLE, Handover, TRIAL, Unusable, VARIABLE, caller};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::stdio::write_pieces;
use daemontools_sys::args::Args;
use daemontools_sys::environ;
use daemontools_sys::fd::{STDOUT, is_inherited, seals, take_over};
use nix::sys::prctl::set_name;
use nix::unistd::getpid;

use crate::memfd;

/// What a program was started with.
pub enum Given {
    /// Nothing: it is an ordinary start.
    Nothing,
    /// The state, and the question whether it can be used.
    Trial(Vec<u8>),
    /// The state with which it goes on.
    State(Vec<u8>, Caller),
}

/// Who asked for it, and waits until this is dropped.
pub struct Caller(#[expect(dead_code, reason = "open until it is dropped")] Option<OwnedFd>);

/// Finds out, and removes the variable from the environment, so that no child ever gets it. To be called before anything is
/// opened. What is not meant for this process stays.
pub fn given(args: &Args) -> Result<Given, Failure> {
    let Some((place, handover)) = environ::entries().enumerate().find_map(|(place, entry)| Some((place, read(entry)?)))
    else {
        return Ok(Given::Nothing);
    };
    let is_ours = i32::try_from(handover.pid) == Ok(getpid().as_raw());
    if !is_ours || !is_inherited(handover.memfd) || seals(handover.memfd) & memfd::SEALS.bits() != memfd::SEALS.bits() {
        return Ok(Given::Nothing);
    }
    environ::remove(place);
    let file = take_over(handover.memfd).unable([b"read the state"])?;
    let text = memfd::text(&file).unable([b"read the state"])?;
    let is_trial = args.len() == 1 && args.peek().is_some_and(|word| word.to_bytes() == TRIAL);
    if is_trial {
        return Ok(Given::Trial(text));
    }
    take_name(&text);
    let caller = Caller(caller(&text).and_then(|number| take_over(number).ok()));
    Ok(Given::State(text, caller))
}

/// Gives the process the name of the program: that of the file is `exe`, where a program has executed itself again.
fn take_name(state: &[u8]) {
    let name = state.split(|&byte| byte == b' ').next().and_then(|name| CString::new(name).ok());
    if let Some(name) = name {
        // Without it, only svupgrade would not find the process.
        let _ = set_name(&name);
    }
}

/// The answer to a trial: a line on standard output.
pub fn answer(verdict: Result<(), Unusable>) -> Outcome {
    let (text, exit) = match verdict {
        Ok(()) => (ABLE.to_vec(), Exit::OK),
        Err(unusable) => ([unusable.words(), b"\n".to_vec()].concat(), Exit::TROUBLE),
    };
    write_pieces(STDOUT, [&text]).unable([b"write output"])?;
    Ok(exit)
}

fn read(entry: &CStr) -> Option<Handover> {
    Handover::from_value(entry.to_bytes().strip_prefix(VARIABLE)?.strip_prefix(b"=")?)
}
