//! svscan without its `main`: the table decides what runs, the watch tells of changes, the shell performs.
#![forbid(unsafe_code)]

pub mod grace;
pub mod shell;
pub mod start;
pub mod table;
pub mod watch;
