//! What stat(2) found: which kind of file, and whether two are the same one.

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

/// Whether two files that stat(2) described are the same one, under whatever names.
pub fn is_same(one: &FileStat, other: &FileStat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

#[cfg(test)]
mod tests {
    use nix::sys::stat::stat;

    use super::*;

    #[test]
    fn a_file_is_the_same_under_another_name() {
        let [root, dot, proc] = ["/", "/.", "/proc"].map(|path| stat(path).unwrap());
        assert!(is_same(&root, &dot) && !is_same(&root, &proc));
        let (mut elsewhere, mut beside) = (root, root);
        elsewhere.st_dev += 1;
        beside.st_ino += 1;
        assert!(!is_same(&root, &elsewhere) && !is_same(&root, &beside));
    }
}
