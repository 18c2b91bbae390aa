//! Labels into local time: the stream of lines.

pub mod stream;
