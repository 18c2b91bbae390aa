//! supervise without its `main`: the machine decides, the directory is made and locked, the shell performs.
#![forbid(unsafe_code)]

pub mod directory;
pub mod machine;
pub mod shell;
