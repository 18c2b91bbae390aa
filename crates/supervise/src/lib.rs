//! supervise without its `main`: the machine decides, the directory is made and locked, the event loop performs.
#![forbid(unsafe_code)]

pub mod directory;
pub mod event_loop;
pub mod machine;
