//! svps: what was asked, the tree as it is now, the forms in which it is shown, and the loop of `--watch`.
#![forbid(unsafe_code)]

pub mod json;
pub mod metrics;
pub mod options;
pub mod run;
pub mod span;
pub mod table;
pub mod tree;
pub mod watch;
