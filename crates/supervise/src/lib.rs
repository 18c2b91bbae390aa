//! supervise without its `main`: the machine decides, the event loop performs.
#![forbid(unsafe_code)]

mod actions;
mod event_loop;
mod fifos;
mod history;
mod lock;
mod machine;
mod publisher;
mod replace;

pub use event_loop::supervise;
