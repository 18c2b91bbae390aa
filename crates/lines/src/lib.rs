//! The machinery of programs that lines flow through: finding lines, stamping them, reading a pipe in large pieces,
//! showing a stamp as local time.
#![forbid(unsafe_code)]

pub mod local_time_cache;
pub mod newlines;
pub mod pipe_size;
pub mod stamp_text;
mod stamped_lines;
pub mod stamper;
pub mod stdin_reader;
