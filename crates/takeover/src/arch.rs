//! What differs between machines: the numbers of calls, registers, and the instructions that are put into a process.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
mod other;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
pub use other::*;
#[cfg(target_arch = "x86_64")]
pub use x86_64::*;

/// What a system call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallKind {
    /// It waits for descriptors.
    Poll,
    /// It sleeps.
    Sleep,
    /// The kernel goes on with one of these, after an interruption.
    Restarted,
    /// Anything else.
    Other,
}
