//! The loop: look at what is there, deal with it, wait. Everything that has been dealt with is written before the wait.

use daemontools_program::entry::Exit;
use daemontools_program::failure::{Outcome, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::signal::Signals;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};

use crate::dispatch::Dispatcher;
use crate::input::{Input, Look, unreadable};
use crate::line::{LineState, Lines};
use crate::retry::retry;
use crate::script::Script;

/// Runs a script on standard input.
pub fn run(script: Script) -> Outcome {
    umask(Mode::from_bits_truncate(0o022));
    let signals = uninterrupted(|| Signals::watch(&[Signal::SIGTERM, Signal::SIGALRM])).unable([b"watch signals"])?;
    uninterrupted(block_broken_pipe).unable([b"block signals"])?;
    let mut dispatch = Dispatcher::open(script, &signals)?;
    let mut input = Input::stdin()?;
    copy(&mut input, &mut dispatch, &signals);
    dispatch.close();
    Ok(Exit::OK)
}

/// Nobody who closes our standard error shall end a log with it. (Blocked only: a processor gets what we were started
/// with, as with all signals.)
fn block_broken_pipe() -> nix::Result<()> {
    let mut broken_pipe = SigSet::empty();
    broken_pipe.add(Signal::SIGPIPE);
    broken_pipe.thread_block()
}

/// Deals with lines until the input ends, or until SIGTERM has come and a line is complete.
fn copy(input: &mut Input, dispatch: &mut Dispatcher<'_>, signals: &Signals) {
    let mut state = LineState::new(dispatch.stamp_length());
    let mut lines = Lines::All;
    loop {
        while let Ok(Some(signal)) = signals.take() {
            match signal {
                Signal::SIGALRM => dispatch.rotate(),
                _ => lines = Lines::One,
            }
        }
        if lines == Lines::One && state.between_lines() && !input.holds() {
            return;
        }
        let look = retry(|| input.look().map_err(unreadable));
        let bytes = input.bytes();
        if let Some((ready, _)) =
            bytes.split_at_checked(state.ready(bytes, lines)).filter(|(ready, _)| !ready.is_empty())
        {
            dispatch.deal(ready);
            state.pass(ready);
            let ready = ready.len();
            input.deal(ready, state.between_lines());
            continue;
        }
        if !bytes.is_empty() {
            state.begin();
            dispatch.begin();
        }
        match look {
            Look::Now => {
                if input.wait(signals) {
                    dispatch.give_back();
                }
            }
            Look::End => return end(bytes, &state, dispatch),
        }
    }
}

/// Deals with what is left, which gets the newline that it lacks.
fn end(bytes: &[u8], state: &LineState, dispatch: &mut Dispatcher<'_>) {
    if !state.between_lines() {
        dispatch.deal(bytes);
        dispatch.deal(b"\n");
    }
}
