//! Selects lines of standard input and writes them to logs that rotate by themselves. See `lib.rs`.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;

entry!(multilog::PROGRAM, multilog::run);
