//! The loop: look at what is there, deal with it, wait. Everything that has been dealt with is written before the wait.

use daemontools_program::entry::Exit;
use daemontools_program::failure::{Outcome, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::signal::Signals;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::{Mode, umask};

use crate::editor::Editor;
use crate::input::{Input, Look, unreadable};
use crate::insist::insist;
use crate::line::{Place, Reach};
use crate::script::Script;

/// Runs a script on standard input.
pub fn run(script: Script) -> Outcome {
    umask(Mode::from_bits_truncate(0o022));
    let signals = uninterrupted(|| Signals::watch(&[Signal::SIGTERM, Signal::SIGALRM])).unable([b"watch signals"])?;
    uninterrupted(block_broken_pipe).unable([b"block signals"])?;
    let mut editor = Editor::open(script, &signals)?;
    let mut input = Input::stdin()?;
    copy(&mut input, &mut editor, &signals);
    editor.close();
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
fn copy(input: &mut Input, editor: &mut Editor<'_>, signals: &Signals) {
    let mut place = Place::new(editor.stamp_length());
    let mut reach = Reach::All;
    loop {
        while let Ok(Some(signal)) = signals.take() {
            match signal {
                Signal::SIGALRM => editor.rotate(),
                _ => reach = Reach::One,
            }
        }
        if reach == Reach::One && place.between_lines() && !input.holds() {
            return;
        }
        let look = insist(|| input.look().map_err(unreadable));
        let bytes = input.bytes();
        if let Some((ready, _)) =
            bytes.split_at_checked(place.ready(bytes, reach)).filter(|(ready, _)| !ready.is_empty())
        {
            editor.deal(ready);
            place.pass(ready);
            let ready = ready.len();
            input.deal(ready, place.between_lines());
            continue;
        }
        if !bytes.is_empty() {
            place.begin();
            editor.begin();
        }
        match look {
            Look::Now => {
                if input.wait(signals) {
                    editor.give_back();
                }
            }
            Look::End => return end(bytes, &place, editor),
        }
    }
}

/// Deals with what is left, which gets the newline that it lacks.
fn end(bytes: &[u8], place: &Place, editor: &mut Editor<'_>) {
    if !place.between_lines() {
        editor.deal(bytes);
        editor.deal(b"\n");
    }
}
