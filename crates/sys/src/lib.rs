//! System calls that need `unsafe`: one call a block, a safe function around each. No other crate has any.

pub mod access_list;
mod arena;
pub mod args;
pub mod entry;
pub mod environ;
pub mod fd;
pub mod heap;
pub mod inotify;
pub mod link;
pub mod local_time;
#[cfg(all(target_env = "gnu", target_feature = "crt-static", not(test)))]
mod malloc;
mod mask;
pub mod memory;
pub mod pidfd;
pub mod pipe;
#[cfg(any(all(target_env = "gnu", target_feature = "crt-static"), test))]
mod pool;
pub mod priority;
pub mod process;
pub mod signal;
pub mod terminal;
pub mod title;
pub mod to_close;
pub mod trace;
// Where a panic ends the program. Tests unwind, and those who debug want to see the stack.
#[cfg(all(panic = "abort", not(debug_assertions), not(target_arch = "arm")))]
mod unwind;
