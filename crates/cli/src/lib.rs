//! What the programs that a person types have in common: long options, signals at a terminal. The
//! programs of 0.76 need none of it.
#![forbid(unsafe_code)]

pub mod long_options;
pub mod terminal_signals;
