//! svscan without its `main`: `table` decides what runs, `watch` notices changes, `event_loop` performs. How a tree is
//! stopped is decided in `shutdown` and performed by `shutdown_loop`.
#![forbid(unsafe_code)]

pub mod event_loop;
mod exit_with;
pub mod mode;
mod pending;
mod quiet_period;
mod scan;
mod scan_dir;
mod scan_schedule;
mod settling;
mod shutdown;
mod shutdown_loop;
mod signals;
mod sorted_map;
mod start;
mod stragglers;
mod supervised;
mod table;
mod upgrade;
mod watch;
