//! Reading what a processor has packed with gzip, zstd or xz, in memory with a limit.
//!
//! gzip needs 32 KiB. The other two announce in a file how much of what was unpacked they look back to, which may be
//! gigabytes in a file of a few bytes: what needs more than `LIMIT` is not unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::OwnedFd;

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::xz_limit::Limit;

/// How much memory a decoder may take for what it looks back to, in bytes; as much as zstd allows by itself.
const LIMIT: u64 = 128 << 20;

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
    pub fn of(magic: &[u8]) -> Option<Packing> {
        match magic {
            [0x1f, 0x8b, 8, ..] => Some(Packing::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packing::Zstd),
            [0xfd, b'7', b'z', b'X', b'Z', 0] => Some(Packing::Xz),
            _ => None,
        }
    }

    /// Reads what is packed in a file, from the start.
    pub fn unpack(self, file: OwnedFd) -> Box<dyn Read> {
        let input = BufReader::with_capacity(64 * 1024, FromStart { file: File::from(file), at: 0 });
        match self {
            Packing::Gzip => Box::new(MultiGzDecoder::new(input)),
            Packing::Xz => Box::new(XzReader::new(Limit::new(input, LIMIT), true)),
            Packing::Zstd => Box::new(Frames { input: Some(Peekable { input, head: Vec::new() }), frame: None }),
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

/// A reader whose next bytes can be looked at.
struct Peekable<R> {
    input: R,
    /// What has been looked at and not been read yet.
    head: Vec<u8>,
}

impl<R: Read> Peekable<R> {
    /// The next bytes: `count` of them, unless the input ends.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        let missing = count.saturating_sub(self.head.len());
        self.input.by_ref().take(missing as u64).read_to_end(&mut self.head)?;
        Ok(&self.head)
    }
}

impl<R: Read> Read for Peekable<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.head.is_empty() {
            return self.input.read(buffer);
        }
        let count = self.head.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(self.head.drain(..count)) {
            *to = from;
        }
        Ok(count)
    }
}

/// One zstd frame after the other: the decoder knows single ones.
struct Frames<R: Read> {
    /// Where the next frame begins; none while a frame is being read.
    input: Option<Peekable<R>>,
    frame: Option<Box<StreamingDecoder<Peekable<R>, FrameDecoder>>>,
}

impl<R: Read> Read for Frames<R> {
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
            let header = input.peek(ZSTD_HEADER)?;
            if header.is_empty() {
                return Ok(0);
            }
            if zstd_window(header).is_some_and(|window| window > LIMIT) {
                let limit = LIMIT >> 20;
                return Err(io::Error::other(format!("it needs a window of more than {limit} MiB to be unpacked")));
            }
            let frame = StreamingDecoder::new(input).map_err(|error| io::Error::other(error.to_string()))?;
            self.frame = Some(Box::new(frame));
        }
    }
}

/// How many bytes the longest header of a frame has.
const ZSTD_HEADER: usize = 18;

/// How much of what it unpacks the decoder of a frame keeps, from the frame's header (RFC 8878, 3.1.1.1).
fn zstd_window(header: &[u8]) -> Option<u64> {
    let descriptor = *header.get(4)?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let window = *header.get(5)?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    let dictionary = *[0_usize, 1, 2, 4].get(usize::from(descriptor & 3))?;
    let length = *[1_usize, 2, 4, 8].get(usize::from(descriptor >> 6))?;
    let size = header.get(5 + dictionary..5 + dictionary + length)?;
    let size = size.iter().rev().fold(0, |size, &byte| (size << 8) | u64::from(byte));
    Some(if length == 2 { size + 256 } else { size })
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

    #[test]
    fn the_window_of_a_zstd_frame_is_in_its_header() {
        let window = |header: &[u8]| zstd_window(&[b"\x28\xb5\x2f\xfd", header].concat());
        assert_eq!(window(&[0x00, 0x00]), Some(1024));
        assert_eq!(window(&[0x04, 0x88]), Some(128 << 20));
        assert_eq!(window(&[0x00, 0xa9]), Some((1 << 31) / 8 * 9));
        assert_eq!(window(&[0x20, 200]), Some(200));
        assert_eq!(window(&[0x61, 9, 0x34, 0x12]), Some(0x1234 + 256));
        assert_eq!(window(&[0xa0, 0, 0, 0, 0x80]), Some(1 << 31));
        assert_eq!(window(&[0xe0, 0, 0]), None);
    }
}
