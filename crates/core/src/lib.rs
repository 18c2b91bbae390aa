//! The formats that daemontools programs exchange through files and FIFOs, as pure functions on bytes: no system call, no
//! dependency but tai64. This is the crate for other tools that read or write them.
#![forbid(unsafe_code)]

pub mod control;
pub mod details;
pub mod end;
pub mod history;
pub mod identity;
pub mod label;
pub mod notify;
pub mod proc_stat;
pub mod restarts;
pub mod resume;
mod rolling_counter;
pub mod run_record;
pub mod settings;
pub mod signal;
pub mod status;
pub mod text;
