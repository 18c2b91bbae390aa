//! Everything that two programs share; a list of modules and no code.

pub mod account;
pub mod almanac;
pub mod clock;
pub mod control;
pub mod entry;
pub mod errno;
pub mod exec;
pub mod failure;
pub mod flood;
pub mod intake;
pub mod label;
pub mod newlines;
pub mod number;
pub mod options;
pub mod printable;
pub mod ring;
pub mod scan_dir;
pub mod service;
pub mod service_dir;
pub mod stamper;
pub mod starts;
pub mod status;
pub mod stdio;
pub mod sys;
pub mod wait;
