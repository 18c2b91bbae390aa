//! A running tree of the original, taken over: each supervise and svscan of daemontools 0.76 is made to execute ours while it
//! sleeps, in the same process, with the same parent, children, descriptors and lock.
//!
//! `process` is what /proc tells (`proc_reader`), `recognise` decides what that is. `replace` stops a process by ptrace(2)
//! and lets it run a `stub`, which becomes our program or undoes everything, whatever becomes of us meanwhile. `supervise`
//! and `svscan` say what each goes on with.
#![forbid(unsafe_code)]

mod arch;
mod multilog;
mod proc_reader;
mod process;
mod recognise;
mod refusal;
mod replace;
mod stub;
mod supervise;
mod svscan;
mod takeover;
mod tracee;

pub use multilog::Multilog;
pub use refusal::Refusal;
pub use supervise::Supervise;
pub use svscan::Svscan;
pub use takeover::Taken;
