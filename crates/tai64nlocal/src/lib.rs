//! Labels into local time: the stream of lines, and the almanac that knows the time of day.

pub mod almanac;
pub mod stream;
