//! An environment from a directory: what one file asks for, and the walk through all of them.

pub mod change;
pub mod directory;
