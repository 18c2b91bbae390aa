//! Reading, as root, what is reached through a directory, a link or a script that another account may write: only what
//! that account could read itself. If we do not run as root, links are followed
//! normally.
//!
//! A `Directory` knows which accounts may have chosen it (`writers`). A path is followed component by component from an
//! open directory (`walk`), each directory that somebody else may write adds its writers, and from then on the kernel is
//! asked with their rights: each of them has to be allowed to search every directory and to read the file (`identity`).
//! Since every step holds what it found open, nothing changes between the check and the use.
//!
//! Only regular files are opened (`file`), without blocking, and never a device, a FIFO or a file that the kernel makes
//! up (`/proc`, `/sys`).
#![forbid(unsafe_code)]

mod access_list;
mod directory;
mod error;
mod file;
mod identity;
#[cfg(test)]
mod tests;
mod walk;
mod writers;

pub use directory::{Directory, Name};
pub use error::{Error, Kind};
pub use file::RegularFile;
pub use identity::is_root;
pub use writers::{Writer, Writers};
