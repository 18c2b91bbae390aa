//! svscan without its `main`: the table decides what runs, the watch tells of changes, the event loop performs; how a tree
//! ends is decided in the farewell and done by stop.
#![forbid(unsafe_code)]

pub mod event_loop;
pub mod farewell;
pub mod grace;
pub mod init;
pub mod look;
pub mod making;
pub mod pace;
pub mod service;
pub mod sight;
pub mod start;
pub mod stop;
pub mod strays;
pub mod table;
pub mod watch;
