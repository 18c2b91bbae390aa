//! What kind of file stat(2) found.

use nix::sys::stat::{FileStat, SFlag};

/// The kinds that our programs tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, which only lstat(2) finds.
    Link,
    /// A FIFO.
    Fifo,
    /// A device or a socket.
    Special,
}

impl Kind {
    /// The kind of the file that stat(2) described.
    pub fn of(found: &FileStat) -> Kind {
        match SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Kind::File,
            SFlag::S_IFDIR => Kind::Directory,
            SFlag::S_IFLNK => Kind::Link,
            SFlag::S_IFIFO => Kind::Fifo,
            _ => Kind::Special,
        }
    }
}
