//! svlint: what a run script says (`word`, `reader`, `script`), what it starts (`passing`, `account`, `launch`, `ending`,
//! `sourced`), what is wrong with that (`flags`, `daemons`, `advice`, `interpreter`, `programs`, `multilog` and its
//! `multilog_settings`,
//! `foreign_command`, all of it `run_script`), what a
//! directory holds (`file`, `service`, `settings`, `foreign`, `log`, `access`, `tree`), what happens right now (`live`, and `wanted`, which
//! is pure), and how it is reported
//! (`code`, `finding`, `run`).
#![forbid(unsafe_code)]

mod access;
mod account;
mod advice;
mod code;
mod daemons;
mod ending;
mod file;
mod finding;
mod flags;
mod foreign;
mod foreign_command;
mod interpreter;
mod launch;
mod live;
mod log;
mod multilog;
mod multilog_settings;
mod options;
mod passing;
mod programs;
mod reader;
mod run;
mod run_script;
mod script;
mod service;
mod settings;
mod sourced;
mod tree;
mod wanted;
mod word;

pub use options::Options;
pub use run::lint;
