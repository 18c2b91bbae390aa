//! An open directory, and who may have chosen it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::rc::Rc;

use daemontools_sys::fd::{open_private, open_private_at};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};

use crate::error::Error;
use crate::file::RegularFile;
use crate::identity::is_root;
use crate::walk::{Found, Node, Planters, walk, with_rights_of_all};
use crate::writers::{READ, SEARCH, Sort, WRITE, Writers};

/// An open directory, and who may have chosen it. What is reached from here is read only if all of these could read it.
#[derive(Debug)]
pub struct Directory {
    node: Node,
    /// Where absolute names begin.
    root: Rc<Node>,
    writers: Writers,
}

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: OsString,
    /// The number of the inode.
    pub inode: u64,
}

impl Directory {
    /// The current directory, which the user has chosen. It need not be readable.
    pub fn current() -> nix::Result<Directory> {
        Directory::under(open(c".")?, open(c"/")?)
    }

    /// The root directory as the process with this number sees it, which may be another one than ours.
    pub fn root_of(process: u32) -> nix::Result<Directory> {
        let root = || open(format!("/proc/{process}/root").as_str());
        Directory::under(root()?, root()?)
    }

    /// A directory that is open, and that the user has chosen.
    pub fn opened(fd: OwnedFd) -> nix::Result<Directory> {
        Directory::under(Node::of(fd)?, open(c"/")?)
    }

    fn under(node: Node, root: Node) -> nix::Result<Directory> {
        Ok(Directory { node, root: Rc::new(root), writers: Writers::default() })
    }

    /// The same directory, where others too may have chosen what is looked up in it: those who may write the script that
    /// names it, say.
    pub fn chosen_by(&self, others: &Writers) -> nix::Result<Directory> {
        let mut writers = self.writers.clone();
        if is_root() {
            writers.add(others);
        }
        Ok(Directory { node: self.node.duplicate()?, root: Rc::clone(&self.root), writers })
    }

    /// Who besides root may have chosen it; nobody, unless we are root.
    pub fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Whether, for root, somebody else may have chosen it or may write it.
    pub fn is_writable_by_others(&self) -> bool {
        is_root() && !(self.writers.is_empty() && self.node.facts.writers().is_empty())
    }

    /// What fstat(2) says of it.
    pub fn metadata(&self) -> &FileStat {
        &self.node.found
    }

    /// The directory that `path` leads to from here. ENOTDIR: it is none.
    pub fn directory(&self, path: &Path) -> Result<Directory, Error> {
        self.as_directory(self.find(path, Planters::All)?)
    }

    /// The same, where only the owners of links count as who may have chosen it, of links in directories that others than
    /// root may write: for paths that have always been followed, and of which only a planted link is a surprise.
    pub fn directory_by_links(&self, path: &Path) -> Result<Directory, Error> {
        self.as_directory(self.find(path, Planters::OwnersOfLinks)?)
    }

    fn as_directory(&self, Found { node, writers }: Found) -> Result<Directory, Error> {
        if node.facts.sort != Sort::Directory {
            return Err(Errno::ENOTDIR.into());
        }
        Ok(Directory { node, root: Rc::clone(&self.root), writers })
    }

    /// The regular file that `path` leads to from here, opened for reading.
    pub fn file(&self, path: &Path) -> Result<RegularFile, Error> {
        RegularFile::open(self.find(path, Planters::All)?)
    }

    /// The writing end of the FIFO that `path` leads to from here, if some process reads it (else ENXIO); without waiting.
    pub fn fifo(&self, path: &Path) -> Result<OwnedFd, Error> {
        let Found { node, writers } = self.find(path, Planters::All)?;
        if SFlag::from_bits_truncate(node.found.st_mode) & SFlag::S_IFMT != SFlag::S_IFIFO {
            return Err(Error::NotFifo);
        }
        let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK;
        with_rights_of_all(&node.facts, &writers, WRITE, || {
            open_private(node.magic_link().as_str(), flags, Mode::empty())
        })
    }

    /// What stat(2) says of what `path` leads to from here, whatever it is.
    pub fn stat(&self, path: &Path) -> Result<FileStat, Error> {
        Ok(self.find(path, Planters::All)?.node.found)
    }

    /// What fstatat(2) says of an entry, a link too, without asking with anybody's rights: to compare files, not to show
    /// anything.
    pub fn stat_entry(&self, name: impl AsRef<OsStr>) -> nix::Result<FileStat> {
        fstatat(&self.node.fd, name.as_ref(), AtFlags::AT_SYMLINK_NOFOLLOW)
    }

    /// The names in it, in the order of the directory, without `.` and `..`.
    pub fn names(&self) -> Result<Vec<Name>, Error> {
        let mut names = Vec::new();
        for entry in self.entries()?.iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(Name { name: OsString::from_vec(name.to_vec()), inode: entry.ino() });
            }
        }
        Ok(names)
    }

    /// The first of these names that `is_wanted`, without keeping the others.
    pub fn find_name(&self, is_wanted: impl Fn(&[u8]) -> bool) -> Result<Option<OsString>, Error> {
        let mut entries = self.entries()?;
        let found = entries.iter().flatten().find(|entry| is_wanted(entry.file_name().to_bytes()));
        Ok(found.map(|entry| OsString::from_vec(entry.file_name().to_bytes().to_vec())))
    }

    /// The directory, open to read its entries.
    fn entries(&self) -> Result<Dir, Error> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
        let fd = with_rights_of_all(&self.node.facts, &self.writers, READ | SEARCH, || {
            open_private_at(&self.node.fd, c".", flags, Mode::empty())
        })?;
        Ok(Dir::from_fd(fd)?)
    }

    fn find(&self, path: &Path, planters: Planters) -> Result<Found, Error> {
        if path.as_os_str().is_empty() {
            return Err(Errno::ENOENT.into());
        }
        if is_root() {
            return walk(&self.node, &self.root, path, self.writers.clone(), planters);
        }
        let node = Node::of(open_private_at(&self.node.fd, path, OFlag::O_PATH, Mode::empty())?)?;
        Ok(Found { node, writers: Writers::default() })
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.node.fd.as_fd()
    }
}

/// A directory that is named by ourselves.
fn open<P: ?Sized + nix::NixPath>(path: &P) -> nix::Result<Node> {
    Node::of(open_private(path, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())?)
}
