//! One command for a person: starts, stops, restarts and explains the services of a tree.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use svctl::{PROGRAM, run};

entry!(PROGRAM, run::run);
