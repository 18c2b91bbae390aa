//! What makes a program: the way in and out, arguments, messages, waiting, running another program.
#![forbid(unsafe_code)]

pub mod account;
pub mod clock;
pub mod directory;
pub mod entry;
pub mod errno;
pub mod exec;
pub mod failure;
pub mod file_kind;
pub mod limits;
pub mod number;
pub mod options;
pub mod path;
pub mod printable;
pub mod procfs;
pub mod stdio;
pub mod wait;

#[doc(hidden)]
pub use daemontools_sys::c_main;
