//! Random input for everything that parses: where the original is installed, the same into both and the same out.
//!
//! A plain `cargo test` tries a few cases of each; `make fuzz` goes on for a while (`daemontools_tests::fuzz`).

mod control;
mod env_files;
mod labels;
mod limits;
mod multilog;
mod options;
mod run_scripts;
mod status;

use daemontools_tests::{Invocation, Output, Programs, Tree};

/// Runs the original and ours in a tree of their own: what they said and how they ended.
struct Both {
    original: &'static Programs,
    tree: Tree,
}

impl Both {
    /// None, and says so, where the original is not installed.
    fn new(what: &str) -> Option<Both> {
        let original = Programs::original(what)?;
        Some(Both { original, tree: Tree::of(Programs::ours()) })
    }

    /// The original's outcome and ours.
    fn run(&self, program: &str, start: impl Fn(Invocation) -> Invocation) -> [Output; 2] {
        [self.original, Programs::ours()].map(|programs| start(self.tree.command_of(programs, program)).run())
    }
}
