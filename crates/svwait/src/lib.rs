//! svwait: what was asked, when it is reached, how changes are heard of, and the loop around these.
#![forbid(unsafe_code)]

pub mod event_loop;
pub mod goal;
pub mod options;
pub mod watch;
