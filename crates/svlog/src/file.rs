//! An open file of a log: plain, or packed by a processor with gzip, zstd or xz, which its first bytes tell.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use daemontools_sys::fd::duplicate_private;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::sys::uio::pread;
use ruzstd::decoding::StreamingDecoder;

use crate::bisect::ReadAt;
use crate::stamp::{self, Stamp};

/// How much of a file is looked at for its first stamp.
const NEAR: usize = 64 * 1024;

/// A file as it stands on the disk, read anywhere.
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
}

impl Plain {
    /// Its size now.
    pub fn size(&self) -> nix::Result<u64> {
        fstat(&self.0).map(|stat| u64::try_from(stat.st_size).unwrap_or(0))
    }

    /// Which file it is, whatever its name.
    pub fn inode(&self) -> nix::Result<u64> {
        fstat(&self.0).map(|stat| stat.st_ino)
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
            Some(packing) => {
                let _ = self.unpack(packing).and_then(|input| input.take(NEAR as u64).read_to_end(&mut text));
            }
            None => {
                text.resize(NEAR, 0);
                let count = self.read_at(0, &mut text)?;
                text.truncate(count);
            }
        }
        let mut stamps = text.split(|&byte| byte == b'\n').filter_map(stamp::split);
        Ok(stamps.next().map(|(stamp, _)| *stamp))
    }

    /// Reads what is packed in it, from the start.
    pub fn unpack(&self, packing: Packing) -> io::Result<Box<dyn Read>> {
        let input =
            BufReader::with_capacity(64 * 1024, FromStart { file: File::from(duplicate(self.0.as_fd())?), at: 0 });
        Ok(match packing {
            Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
            Packing::Xz => Box::new(XzReader::new(input, true)),
            Packing::Zstd => Box::new(Frames { input: Some(input), frame: None }),
        })
    }
}

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// By gzip.
    Gzip,
    /// By zstd.
    Zstd,
    /// By xz.
    Xz,
}

impl Packing {
    /// What a file begins with tells.
    fn of(magic: &[u8]) -> Option<Packing> {
        match magic {
            [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Packing::Xz),
            _ => None,
        }
    }
}

/// A file read from its start, whatever its offset.
struct FromStart {
    file: File,
    at: u64,
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = std::os::unix::fs::FileExt::read_at(&self.file, buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// One zstd frame after the other: the decoder knows single ones.
struct Frames<R: BufRead> {
    /// Where the next frame begins; none while a frame is being read.
    input: Option<R>,
    frame: Option<Box<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let count = frame.read(buffer)?;
                if count > 0 || buffer.is_empty() {
                    return Ok(count);
                }
                self.input = self.frame.take().map(|frame| frame.into_inner());
            }
            let Some(mut input) = self.input.take() else { return Ok(0) };
            if input.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = StreamingDecoder::new(input).map_err(|error| io::Error::other(error.to_string()))?;
            self.frame = Some(Box::new(frame));
        }
    }
}

fn duplicate(fd: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    Ok(duplicate_private(fd)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_packing() {
        assert_eq!(Packing::of(b"\x1f\x8b\x08\0\0\0"), Some(Packing::Gzip));
        assert_eq!(Packing::of(b"\x28\xb5\x2f\xfd\0\0"), Some(Packing::Zstd));
        assert_eq!(Packing::of(b"\xfd7zXZ\0"), Some(Packing::Xz));
        assert_eq!(Packing::of(b"@40000"), None);
        assert_eq!(Packing::of(b""), None);
    }
}
