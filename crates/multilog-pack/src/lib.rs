//! Packing and unpacking of a stream, with gzip or zstd, in bounded memory. (svlog unpacks by itself, since it reads what
//! others have packed, too.)
//!
//! ruzstd itself packs at one level; from level 2 on, `matcher` tells it what is repeated. Its code for that is young: what it
//! made is unpacked and compared by `main`, and where it is not what was packed, `Method::ZstdStored` takes its place, a zstd
//! frame that holds the bytes as they are.
#![forbid(unsafe_code)]

mod matcher;

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::encoding::{CompressionLevel, FrameCompressor, Matcher};

use crate::matcher::Chains;

/// How to pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// gzip at a level from 1 to 9.
    Gzip(u32),
    /// zstd at a level from 1 to 9.
    Zstd(u32),
    /// zstd, without making it smaller.
    ZstdStored,
}

impl Method {
    /// The method and the level that these words name.
    pub fn named(name: &[u8], level: Option<&[u8]>) -> Option<Method> {
        let level = match level {
            None => None,
            Some(&[level @ b'1'..=b'9']) => Some(u32::from(level - b'0')),
            Some(_) => return None,
        };
        match name {
            b"gzip" => Some(Method::Gzip(level.unwrap_or(6))),
            b"zstd" => Some(Method::Zstd(level.unwrap_or(3))),
            _ => None,
        }
    }

    /// Packs `input` into `output`.
    pub fn pack(self, input: impl Read, output: impl Write) -> io::Result<()> {
        match self {
            Method::Gzip(level) => gzip(input, output, level),
            Method::Zstd(..=1) => zstd(input, output, FrameCompressor::new(CompressionLevel::Fastest)),
            Method::Zstd(level) => {
                let compressor = FrameCompressor::new_with_matcher(Chains::new(level), CompressionLevel::Fastest);
                zstd(input, output, compressor)
            }
            Method::ZstdStored => zstd(input, output, FrameCompressor::new(CompressionLevel::Uncompressed)),
        }
    }

    /// Reads what `pack` has made.
    fn unpacked<'a>(self, packed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
        Ok(match self {
            Method::Gzip(_) => Box::new(MultiGzDecoder::new(packed)),
            Method::Zstd(_) | Method::ZstdStored => {
                Box::new(StreamingDecoder::new(packed).map_err(|error| io::Error::other(error.to_string()))?)
            }
        })
    }

    /// Whether `packed` is `original`, packed.
    pub fn is_packed(self, packed: impl Read, mut original: impl Read) -> io::Result<bool> {
        // What cannot be unpacked is not what was packed.
        let Ok(mut unpacked) = self.unpacked(packed) else { return Ok(false) };
        let (mut one, mut other) = (vec![0; PIECE], vec![0; PIECE]);
        loop {
            let Ok(count) = fill(&mut unpacked, &mut one) else { return Ok(false) };
            let expected = fill(&mut original, &mut other)?;
            if one.get(..count) != other.get(..expected) {
                return Ok(false);
            }
            if count == 0 {
                return Ok(true);
            }
        }
    }
}

/// How much is read at a time, in bytes.
const PIECE: usize = 64 * 1024;

/// Reads until the buffer is full or the input has ended; returns how much that is.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match input.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn gzip(mut input: impl Read, output: impl Write, level: u32) -> io::Result<()> {
    let mut encoder = GzEncoder::new(output, Compression::new(level));
    io::copy(&mut input, &mut encoder)?;
    encoder.finish()?.flush()
}

fn zstd<R: Read, W: Write, M: Matcher>(
    input: R,
    output: W,
    mut compressor: FrameCompressor<Careful<R>, Careful<W>, M>,
) -> io::Result<()> {
    compressor.set_source(Careful { stream: input, error: None });
    compressor.set_drain(Careful { stream: output, error: None });
    compressor.compress();
    let failed = compressor.take_source().and_then(|input| input.error);
    let Some(mut output) = compressor.take_drain() else { return Ok(()) };
    match failed.or(output.error) {
        Some(error) => Err(error),
        None => output.stream.flush(),
    }
}

/// A stream whose first error is kept: the compressor would panic. From then on there is nothing to read, and what is
/// written goes nowhere.
struct Careful<S> {
    stream: S,
    error: Option<io::Error>,
}

impl<S: Read> Read for Careful<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.error.is_some() {
            return Ok(0);
        }
        // The compressor wants full blocks, and no interruptions.
        Ok(fill(&mut self.stream, buffer).unwrap_or_else(|error| {
            self.error = Some(error);
            0
        }))
    }
}

impl<S: Write> Write for Careful<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none() {
            self.error = self.stream.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METHODS: [Method; 7] = [
        Method::Gzip(1),
        Method::Gzip(9),
        Method::Zstd(1),
        Method::Zstd(2),
        Method::Zstd(3),
        Method::Zstd(9),
        Method::ZstdStored,
    ];

    fn packed(method: Method, bytes: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        method.pack(bytes, &mut packed).expect("pack");
        packed
    }

    /// Lines, bytes without order, the same byte again and again, nothing; shorter and longer than a block of zstd.
    fn samples() -> Vec<Vec<u8>> {
        let lines: Vec<u8> = (0..20_000).flat_map(|number| format!("@4000 line {number}: ok\n").into_bytes()).collect();
        let mut state = 1_u64;
        let noise = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        });
        let noise: Vec<u8> = noise.take(400_000).collect();
        vec![vec![], b"x".to_vec(), lines[..5000].to_vec(), lines, noise, vec![b'\n'; 131_072], vec![0; 300_001]]
    }

    #[test]
    fn what_is_packed_is_what_is_unpacked() {
        for method in METHODS {
            for bytes in samples() {
                let packed = packed(method, &bytes);
                assert!(method.is_packed(&packed[..], &bytes[..]).expect("read"), "{method:?}, {} bytes", bytes.len());
            }
        }
    }

    /// A match may go over the border of a block, over more than the window, and never too far back.
    #[test]
    fn what_is_repeated_is_found_wherever_it_is() {
        let (lines, noise) = (&samples()[3], &samples()[4]);
        let period: Vec<u8> = b"abcdefgh".iter().copied().cycle().take(300_000).collect();
        let long = [&noise[..], lines, &noise[..], &period[..], &noise[..], &period[..], lines].concat();
        assert!(long.len() > 2 << 20);
        for method in [Method::Zstd(2), Method::Zstd(9)] {
            for bytes in [&period, &long] {
                let packed = packed(method, bytes);
                assert!(method.is_packed(&packed[..], &bytes[..]).expect("read"), "{method:?}, {} bytes", bytes.len());
            }
        }
        assert!(packed(Method::Zstd(2), &long).len() < 700_000);
    }

    #[test]
    fn lines_become_much_smaller() {
        let lines = &samples()[3];
        for method in METHODS.into_iter().filter(|&method| method != Method::ZstdStored) {
            assert!(packed(method, lines).len() * 4 < lines.len(), "{method:?}: {}", packed(method, lines).len());
        }
    }

    #[test]
    fn the_next_level_packs_smaller() {
        let lines: Vec<u8> = (0..20_000_u64)
            .flat_map(|number| {
                let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                format!("{} GET /{:04} {}\n", mixed >> 44, mixed % 7919 % 500, mixed % 311).into_bytes()
            })
            .collect();
        let sizes = [1, 2, 3, 5, 9].map(|level| packed(Method::Zstd(level), &lines).len());
        assert!(sizes.is_sorted_by(|one, next| one > next), "{sizes:?}");
    }

    #[test]
    fn what_is_anything_else_is_noticed() {
        for method in METHODS {
            let bytes = &samples()[2];
            let packed = packed(method, bytes);
            let check = |packed: &[u8], bytes: &[u8]| method.is_packed(packed, bytes).expect("read");
            assert!(!check(&packed, &bytes[1..]) && !check(&packed, &[&bytes[..], b"x"].concat()));
            assert!(!check(&packed[..packed.len() - 9], bytes) && !check(b"", bytes) && !check(b"nothing", bytes));
        }
    }

    /// Fails after some bytes.
    struct Broken(usize);

    impl Read for Broken {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(self.0);
            self.0 -= count;
            if count == 0 { Err(io::Error::other("broken")) } else { Ok(count) }
        }
    }

    impl Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.0);
            self.0 -= count;
            if count == 0 { Err(io::Error::other("broken")) } else { Ok(count) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_error_on_either_side_is_told() {
        for method in METHODS {
            for room in [0, 5, 200_000] {
                assert!(method.pack(Broken(room), Vec::new()).is_err(), "{method:?}: {room}");
            }
            for room in [0, 5] {
                assert!(method.pack(&samples()[3][..], Broken(room)).is_err(), "{method:?}: {room}");
            }
        }
    }

    #[test]
    fn methods_have_names() {
        assert_eq!(Method::named(b"gzip", None), Some(Method::Gzip(6)));
        assert_eq!(Method::named(b"gzip", Some(b"9")), Some(Method::Gzip(9)));
        assert_eq!(Method::named(b"zstd", Some(b"1")), Some(Method::Zstd(1)));
        assert_eq!(Method::named(b"zstd", None), Some(Method::Zstd(3)));
        for (name, level) in
            [(&b"gzip"[..], Some(&b"0"[..])), (b"gzip", Some(b"10")), (b"zstd", Some(b"19")), (b"xz", None)]
        {
            assert_eq!(Method::named(name, level), None);
        }
    }
}
