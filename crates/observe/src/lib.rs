//! What is known about a service, in the form in which every program shows it.
#![forbid(unsafe_code)]

pub mod json;
