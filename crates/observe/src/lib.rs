//! What is known about services, in the forms in which every program shows it: a table for people, and JSON.
#![forbid(unsafe_code)]

pub mod blocked;
pub mod json;
pub mod layout;
pub mod logger;
mod process;
pub mod span;
mod stuck;
pub mod table;
pub mod tree;
