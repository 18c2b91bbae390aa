//! An open file of a log as it stands on the disk, read anywhere; its holes; whether it is packed.

use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use daemontools_sys::fd::duplicate_private;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::sys::uio::pread;
use nix::unistd::{Whence, lseek};

use crate::bisect::ReadAt;
use crate::stamp::{self, Stamp};
use crate::unpack::Packing;

/// How much of a file is looked at for its first stamp.
const NEAR: usize = 64 * 1024;

/// A file as it stands on the disk.
#[derive(Debug)]
pub struct Plain(pub OwnedFd);

impl ReadAt for Plain {
    fn read_at(&self, at: u64, buffer: &mut [u8]) -> nix::Result<usize> {
        let at = i64::try_from(at).map_err(|_| Errno::EOVERFLOW)?;
        loop {
            match pread(&self.0, buffer, at) {
                Err(Errno::EINTR) => {}
                result => return result,
            }
        }
    }

    fn next_data(&self, at: u64) -> u64 {
        self.seek(at, Whence::SeekData).unwrap_or(at)
    }
}

impl Plain {
    /// Its size now.
    pub fn size(&self) -> nix::Result<u64> {
        fstat(&self.0).map(|stat| u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Where the first byte at `at` or after it is that lies in a hole; the end of the file if there is none.
    pub fn next_hole(&self, at: u64) -> u64 {
        self.seek(at, Whence::SeekHole).unwrap_or(u64::MAX)
    }

    /// What lseek(2) finds; `u64::MAX`: nothing. `None`: the file system does not know of holes.
    fn seek(&self, at: u64, whence: Whence) -> Option<u64> {
        match lseek(&self.0, i64::try_from(at).ok()?, whence) {
            Ok(found) => u64::try_from(found).ok(),
            Err(Errno::ENXIO) => Some(u64::MAX),
            Err(_) => None,
        }
    }

    /// How it is packed, if it is.
    pub fn packing(&self) -> nix::Result<Option<Packing>> {
        let mut magic = [0; 6];
        let count = self.read_at(0, &mut magic)?;
        Ok(Packing::of(magic.get(..count).unwrap_or_default()))
    }

    /// The first stamp in it, if there is one near its start.
    pub fn first_stamp(&self) -> nix::Result<Option<Stamp>> {
        let mut text = Vec::new();
        match self.packing()? {
            // What is broken says so when it is read.
            Some(packing) => drop(self.unpack(packing)?.take(NEAR as u64).read_to_end(&mut text)),
            None => {
                text.resize(NEAR, 0);
                let count = self.read_at(0, &mut text)?;
                text.truncate(count);
            }
        }
        let mut stamps = text.split(|&byte| byte == b'\n').filter_map(stamp::split);
        Ok(stamps.next().map(|(stamp, _)| stamp))
    }

    /// Reads what is packed in it, from the start.
    pub fn unpack(&self, packing: Packing) -> nix::Result<Box<dyn Read>> {
        Ok(packing.unpack(duplicate_private(self.0.as_fd())?))
    }
}
