//! supervise without its `main`: `machine` decides, `event_loop` waits, `perform` does what the machine says.
#![forbid(unsafe_code)]

mod actions;
mod adopted;
mod cgroup;
mod cgroup_setting;
mod channels;
mod config;
mod event_loop;
mod fifos;
mod gate;
mod hierarchy;
mod history;
mod lock;
mod machine;
mod members;
mod notification;
mod notify_socket;
mod perform;
mod processes;
mod publisher;
mod reason;
mod record;
mod replace;
mod restart_policy;
mod settings;
mod settings_directory;
mod settings_reader;
mod signals;
mod startup;
mod supervisor;
mod upgrade;
mod warnings;

pub use event_loop::{resume, supervise};
