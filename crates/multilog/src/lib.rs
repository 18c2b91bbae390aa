//! multilog: the words of the command line (`script`, `settings`, `group`, `pattern`), where lines begin and end (`line`),
//! what happens to them (`dispatch`, `actions`, `prefilter`, `log`, `pending`, `own_lines`, `rewriter`, `status_file`), how the
//! files of a log come and go (`quota`, `overrun`, `rotation`, `recovery`, `archive`, `schedule` decide without touching a
//! file; `cyclog`, `processor` and `packer` do it), and the input that loses nothing (`input`, `window`, `peek`, `claim`,
//! `front`, `buffer`). The loop around it all is `event_loop`.
#![forbid(unsafe_code)]

use daemontools_core::resume::MultilogState;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_sys::args::Args;
use daemontools_sys::title::CommandLine;
use daemontools_upgrade::{Given, answer, given};

mod actions;
mod age;
mod archive;
mod buffer;
mod claim;
mod cyclog;
mod dispatch;
mod event_loop;
mod front;
mod group;
mod input;
mod line;
mod log;
mod overrun;
mod own_lines;
mod packer;
mod pattern;
mod peek;
mod pending;
mod prefilter;
mod processor;
mod quota;
mod recovery;
mod retry;
mod rewriter;
mod rotation;
mod schedule;
mod script;
mod settings;
mod status_file;
mod upgrade;
mod window;

/// What multilog says about itself. (In 0.76 there are no wrong arguments, and so no usage line.)
pub static PROGRAM: Program = Program {
    name: "multilog",
    usage: "multilog: usage: multilog action ...",
    about: "Reads lines from standard input and does with each what the actions say: \
            t stamp, +pattern -pattern select, e show, =file, sSIZE nNUM !processor and a directory for a log.",
};

/// Runs the script that the arguments spell, on standard input.
pub fn run(args: Args) -> Outcome {
    let given = given(&args)?;
    // The command line becomes the title while it waits.
    let (words, title) = CommandLine::take(args);
    match given {
        Given::Trial(state) => answer(MultilogState::from_text(&state).map(drop)),
        Given::Nothing => event_loop::run(script::Script::new(words)?, title, &MultilogState::default(), None),
        Given::State(state, caller) => {
            let state = MultilogState::from_text(&state)
                .map_err(|unusable| Failure::fatal([b"unable to go on: ", unusable.words().as_slice()]))?;
            event_loop::run(script::Script::new(words)?, title, &state, Some(caller))
        }
    }
}
