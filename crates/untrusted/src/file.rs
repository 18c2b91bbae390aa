//! A regular file, open for reading, and who may have written it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use daemontools_program::stdio;
use daemontools_sys::fd::open_private;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};
use nix::sys::statfs::fstatfs;
use nix::unistd::{Whence, lseek};

use crate::error::{Error, Kind};
use crate::walk::{Found, with_rights_of_all};
use crate::writers::{READ, Writers};

/// File systems whose files the kernel makes up: reading one may take something away, wait, or never end (statfs(2)).
const MADE_UP: [i64; 12] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x6373_6673, // securityfs
    0xf97c_ff8c, // selinuxfs
    0x27_e0eb,   // cgroup
    0x6367_7270, // cgroup2
    0xcafe_4a11, // bpf
    0x6265_6570, // configfs
    0xde5e_81e4, // efivarfs
    0x6165_676c, // pstore
];
/// How much is read at once.
const BLOCK: usize = 16 * 1024;

/// A regular file, open for reading.
#[derive(Debug)]
pub struct RegularFile {
    fd: OwnedFd,
    found: FileStat,
    writers: Writers,
}

impl RegularFile {
    /// Opens what was found, with the rights of all who may have chosen it. Does not wait, whatever it is.
    pub(crate) fn open(found: Found) -> Result<RegularFile, Error> {
        let Found { node, mut writers } = found;
        if let Some(kind) = kind(node.found.st_mode) {
            return Err(Error::NotRegular(kind));
        }
        let made_up = |kind: i64| MADE_UP.contains(&(kind & 0xffff_ffff));
        if fstatfs(&node.fd).is_ok_and(|found| made_up(widened(found.filesystem_type().0))) {
            return Err(Error::NotRegular(Kind::Kernel));
        }
        // By this name it is the file that was looked at, and none that has been put in its place.
        let name = node.magic_link();
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let fd = with_rights_of_all(&node.facts, &writers, READ, || open_private(name.as_str(), flags, Mode::empty()))?;
        writers.add(&node.facts.writers());
        Ok(RegularFile { fd, found: node.found, writers })
    }

    /// Who besides root may have chosen what is in it. Whether we are root or not, its owner is among them.
    pub fn writers(&self) -> &Writers {
        &self.writers
    }

    /// What fstat(2) said of it when it was opened.
    pub fn metadata(&self) -> &FileStat {
        &self.found
    }

    /// Its content, from where it was read last, or the start, at most `limit` bytes of it; whether there is more.
    pub fn read_up_to(&self, limit: usize) -> nix::Result<(Vec<u8>, bool)> {
        let (mut content, mut block) = (Vec::new(), vec![0; BLOCK]);
        loop {
            match stdio::read(&self.fd, &mut block)? {
                0 => return Ok((content, false)),
                count => content.extend_from_slice(block.get(..count).unwrap_or_default()),
            }
            if content.len() > limit {
                content.truncate(limit);
                return Ok((content, true));
            }
        }
    }

    /// The last bytes of its content, at most `limit` of them; whether there are more before them.
    pub fn read_end(&self, limit: usize) -> nix::Result<(Vec<u8>, bool)> {
        let size = u64::try_from(fstat(&self.fd)?.st_size).unwrap_or(0);
        let from = size.saturating_sub(limit as u64);
        lseek(&self.fd, i64::try_from(from).unwrap_or(i64::MAX), Whence::SeekSet)?;
        let (content, _) = self.read_up_to(limit)?;
        Ok((content, from > 0))
    }

    /// The open file.
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl AsFd for RegularFile {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// What it is, if it is no regular file.
fn kind(mode: libc::mode_t) -> Option<Kind> {
    match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => None,
        SFlag::S_IFDIR => Some(Kind::Directory),
        SFlag::S_IFIFO => Some(Kind::Fifo),
        SFlag::S_IFSOCK => Some(Kind::Socket),
        _ => Some(Kind::Device),
    }
}

#[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
fn widened(number: impl Into<i128>) -> i64 {
    let number: i128 = number.into();
    number as i64
}
