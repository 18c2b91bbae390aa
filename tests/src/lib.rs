//! The harness of the suite: which programs are under test, service trees, running, waiting, scrubbing.
//!
//! It knows the programs as processes and bytes only and depends on none of our crates:
//! a format that is tested through its own code proves nothing.

pub mod accounts;
pub mod boot;
pub mod cyclog;
pub mod fault;
pub mod fuzz;
pub mod invocation;
pub mod pipe;
pub mod proc;
pub mod process;
pub mod programs;
pub mod random;
pub mod rooted;
pub mod run;
pub mod scrub;
pub mod skip;
pub mod status;
pub mod takeover;
pub mod tree;
pub mod wait;

pub use invocation::Invocation;
pub use pipe::{broken_pipe, close, pipe};
pub use process::{End, Output, Process, exits};
pub use programs::Programs;
pub use random::Random;
pub use skip::{left_out, needs_root, open_files, spare_user};
pub use tree::Tree;
pub use wait::{until, until_random_moment, value};

/// No arguments, typed: `tree.run("svc", NONE)`.
pub const NONE: [&str; 0] = [];
