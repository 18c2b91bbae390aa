//! Brings the programs of a running tree to those that are installed now, in place.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use svupgrade::{PROGRAM, run};

entry!(PROGRAM, run::run);
