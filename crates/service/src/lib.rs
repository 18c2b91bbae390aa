//! A service seen from outside: its directory, its supervise, its status, and what these say in one word.
#![forbid(unsafe_code)]

pub mod blocked;
pub mod by_path;
pub mod default_scan_dir;
pub mod details;
mod finder;
pub mod name;
pub mod part;
pub mod report;
pub mod service_dir;
pub mod status_error;
mod supervise_file;
