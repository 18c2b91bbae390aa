//! multilog: the words of the command line (`script`, `pattern`), where lines begin and end (`line`), what is done with
//! them (`editor`, `foresight`, `log`, `status_file`), how a log's files come and go (`quota`, `rotation`, `recovery`, `old`, all of
//! it decided without a file being touched; `cyclog`, `processor`, `insist`, where they are), and the input that loses
//! nothing (`input`, `peek`, `buffer`). The loop around it all is `event_loop`.
#![forbid(unsafe_code)]

use daemontools_program::failure::Program;

pub mod buffer;
pub mod cyclog;
pub mod editor;
pub mod event_loop;
pub mod foresight;
pub mod input;
pub mod insist;
pub mod line;
pub mod log;
pub mod old;
pub mod pattern;
pub mod peek;
pub mod processor;
pub mod quota;
pub mod recovery;
pub mod rotation;
pub mod script;
pub mod status_file;

/// What multilog says about itself. (In 0.76 there are no wrong arguments, and so no usage line.)
pub static PROGRAM: Program = Program {
    name: "multilog",
    usage: "multilog: usage: multilog action ...",
    about: "Reads lines from standard input and does with each what the actions say: \
            t stamp, +pattern -pattern select, e show, =file, sSIZE nNUM !processor and a directory for a log.",
};
