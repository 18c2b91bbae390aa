//! svlint: what a run script says (`script`, `launch`, `daemons`, `advice`), what a directory holds (`service`, `log`,
//! `tree`), what happens right now (`live`), and how it is told (`finding`, `shell`).
#![forbid(unsafe_code)]

pub mod access;
pub mod advice;
pub mod daemons;
pub mod finding;
pub mod launch;
pub mod live;
pub mod log;
pub mod options;
pub mod script;
pub mod service;
pub mod shell;
pub mod tree;
