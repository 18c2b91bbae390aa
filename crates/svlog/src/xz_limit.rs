//! Holding the dictionary of an xz file against a limit before the decoder, which has none, asks for that memory.
//!
//! The bytes that the decoder reads pass through `Limit`, which understands just enough of the container
//! (<https://tukaani.org/xz/xz-file-format.txt>) to know where the header of the next block is: the lengths of headers,
//! chunks and checks. Whether all of these are sound is for the decoder to say.

use std::io::{self, Read};

/// A reader whose bytes are an xz file that asks for no larger dictionary than allowed.
pub struct Limit<R> {
    input: R,
    limit: u64,
    scanner: Scanner,
}

impl<R: Read> Limit<R> {
    /// Allows dictionaries of `limit` bytes.
    pub fn new(input: R, limit: u64) -> Limit<R> {
        Limit { input, limit, scanner: Scanner::default() }
    }
}

impl<R: Read> Read for Limit<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        let largest = self.scanner.scan(buffer.get(..count).unwrap_or_default());
        if largest > self.limit {
            let limit = self.limit >> 20;
            return Err(io::Error::other(format!("it needs a dictionary of more than {limit} MiB to be unpacked")));
        }
        Ok(count)
    }
}

/// What the bytes that come next are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The header of a stream.
    StreamHeader,
    /// The first byte of a block, or of the index.
    BlockSize,
    /// The rest of the header of a block.
    BlockHeader,
    /// The first byte of a chunk.
    Control,
    /// That byte and what follows it: sizes.
    ChunkHeader,
    /// A number of the index: how many there are, and then these.
    Number,
    /// Zeros that may follow a stream, and the first byte of the next one.
    Padding,
}

/// How many bytes the decoder takes for a record of the index.
const RECORD: u64 = 16;

/// Follows an xz file byte by byte.
#[derive(Debug)]
struct Scanner {
    part: Part,
    /// The bytes of this part so far.
    seen: Vec<u8>,
    /// How many bytes this part has.
    length: usize,
    /// How many bytes come before the next part.
    skip: u64,
    /// How many bytes a block or an index has so far, for its padding.
    counted: u64,
    /// How many bytes of a check follow each block.
    check: u64,
    /// How many numbers of the index are to come; `None`: how many is the next one.
    numbers: Option<u64>,
}

impl Default for Scanner {
    fn default() -> Scanner {
        let (part, length) = (Part::StreamHeader, 12);
        Scanner { part, seen: Vec::new(), length, skip: 0, counted: 0, check: 0, numbers: None }
    }
}

impl Scanner {
    /// Goes on with these bytes; the most memory that a header in them asks for.
    fn scan(&mut self, mut bytes: &[u8]) -> u64 {
        let mut largest = 0;
        loop {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
            self.skip -= skipped as u64;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let Some((&byte, rest)) = bytes.split_first() else { return largest };
            bytes = rest;
            self.seen.push(byte);
            let is_whole = match self.part {
                Part::Number => byte & 0x80 == 0 || self.seen.len() == 9,
                _ => self.seen.len() >= self.length,
            };
            if is_whole {
                largest = largest.max(self.end_part());
            }
        }
    }

    /// Goes on to the next part; the memory that this one asks for.
    fn end_part(&mut self) -> u64 {
        let seen = std::mem::take(&mut self.seen);
        let first = seen.first().copied().unwrap_or(0);
        match self.part {
            Part::StreamHeader => {
                // None, 4 bytes, 8, 16, 32, 64: three kinds of each.
                let kind = seen.get(7).copied().unwrap_or(0) & 15;
                self.check = if kind == 0 { 0 } else { 4 << ((kind - 1) / 3) };
                self.begin(Part::BlockSize, 1);
            }
            Part::BlockSize if first == 0 => {
                (self.counted, self.numbers) = (1, None);
                self.begin(Part::Number, 9);
            }
            Part::BlockSize => self.begin(Part::BlockHeader, usize::from(first) * 4 + 3),
            Part::BlockHeader => {
                self.counted = 0;
                self.begin(Part::Control, 1);
                return dictionary(&seen);
            }
            Part::Control => match first {
                0 => {
                    self.skip = (self.counted + 1).wrapping_neg() % 4 + self.check;
                    self.begin(Part::BlockSize, 1);
                }
                1 | 2 => self.begin_chunk(first, 3),
                0x80..=0xbf => self.begin_chunk(first, 5),
                _ => self.begin_chunk(first, 6),
            },
            Part::ChunkHeader => {
                let sizes = if first < 3 { seen.get(1..3) } else { seen.get(3..5) };
                let [high, low] = *sizes.and_then(|sizes| sizes.first_chunk()).unwrap_or(&[0, 0]);
                self.skip = u64::from(u16::from_be_bytes([high, low])) + 1;
                self.counted += seen.len() as u64 + self.skip;
                self.begin(Part::Control, 1);
            }
            Part::Number => return self.end_number(&seen),
            Part::Padding if first == 0 => {}
            Part::Padding => {
                self.seen.push(first);
                self.begin(Part::StreamHeader, 12);
            }
        }
        0
    }

    /// A number of the index; the memory that the index asks for.
    fn end_number(&mut self, number: &[u8]) -> u64 {
        self.counted += number.len() as u64;
        let left = match self.numbers {
            None => number_of(&mut &*number).unwrap_or(u64::MAX).saturating_mul(2),
            Some(left) => left - 1,
        };
        let records = if self.numbers.is_none() { left / 2 } else { 0 };
        self.numbers = Some(left);
        if left == 0 {
            // Zeros, a checksum, and what ends a stream.
            self.skip = self.counted.wrapping_neg() % 4 + 4 + 12;
            self.begin(Part::Padding, 1);
        }
        records.saturating_mul(RECORD)
    }

    fn begin(&mut self, part: Part, length: usize) {
        (self.part, self.length) = (part, length);
    }

    fn begin_chunk(&mut self, control: u8, length: usize) {
        self.seen.push(control);
        self.begin(Part::ChunkHeader, length);
    }
}

/// Takes a number of the format from the front: seven bits a byte, the lowest first.
fn number_of(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..9 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// The dictionary that the header of a block asks for, given without its first byte: 0 where there is none.
fn dictionary(header: &[u8]) -> u64 {
    let Some((&flags, mut rest)) = header.split_first() else { return 0 };
    // The sizes of the block, packed and not.
    for present in [0x40, 0x80] {
        if flags & present != 0 && number_of(&mut rest).is_none() {
            return 0;
        }
    }
    let mut largest = 0;
    for _ in 0..=(flags & 3) {
        let (Some(id), Some(size)) = (number_of(&mut rest), number_of(&mut rest)) else { return largest };
        let properties = usize::try_from(size).ok().and_then(|size| rest.split_at_checked(size));
        let Some((properties, more)) = properties else { return largest };
        rest = more;
        if id == 0x21 {
            largest = largest.max(properties.first().map_or(0, |&code| dictionary_size(code)));
        }
    }
    largest
}

/// What the one byte of LZMA2's properties means.
fn dictionary_size(code: u8) -> u64 {
    match code {
        0..=39 => (2 | u64::from(code & 1)) << (code / 2 + 11),
        40 => u64::from(u32::MAX),
        // The decoder refuses it.
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_format() {
        assert_eq!(
            [0, 1, 2, 22, 28, 40].map(dictionary_size),
            [4096, 6144, 8192, 8 << 20, 64 << 20, u64::from(u32::MAX)]
        );
    }

    /// A stream with a block for each dictionary code: a chunk that is not compressed, an end, padding, a CRC64.
    fn stream(codes: &[u8]) -> Vec<u8> {
        let mut file = [&b"\xfd7zXZ\0"[..], &[0, 4, 1, 2, 3, 4]].concat();
        for &code in codes {
            // Before it another filter, whose property looks like a number that goes on.
            file.extend([3, 0x01, 3, 1, 0xff, 0x21, 1, code, 0, 0, 0, 0, 9, 9, 9, 9]);
            // Ten bytes that are not packed, six that are, an end: 17 bytes.
            file.extend([1, 0, 6, 1, 2, 3, 4, 5, 6, 7, 0x80, 0, 0, 0, 0, 0xff, 0]);
            file.extend([0; 3]);
            file.extend([0xfd; 8]);
        }
        // The index, its padding, its checksum, and the end.
        file.extend([0, codes.len() as u8]);
        codes.iter().for_each(|_| file.extend([5, 6]));
        file.extend(vec![0; (2 + 2 * codes.len()).wrapping_neg() % 4]);
        file.extend([7; 16]);
        file
    }

    #[test]
    fn every_block_of_every_stream_is_looked_at() {
        for (codes, expected) in [(&[22][..], 8 << 20), (&[0, 40], u64::from(u32::MAX)), (&[0, 0, 30], 128 << 20)] {
            let file = [stream(&[0]), vec![0; 4], stream(codes)].concat();
            for piece in [1, 7, file.len()] {
                let mut scanner = Scanner::default();
                let found = file.chunks(piece).map(|piece| scanner.scan(piece)).max();
                assert_eq!(found, Some(expected), "{codes:?} {piece}");
            }
        }
    }

    #[test]
    fn an_index_of_too_many_records_counts_too() {
        let mut file = stream(&[0]);
        let index = file.len() - 16 - 4;
        file.truncate(index);
        file.extend([0, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        assert_eq!(Scanner::default().scan(&file), u64::from(u32::MAX) * RECORD);
    }

    #[test]
    fn too_large_a_dictionary_is_an_error_before_the_decoder_sees_it() {
        let read = |limit| Limit::new(&stream(&[30])[..], limit).read(&mut [0; 100]).is_ok();
        assert!(read(128 << 20) && !read((128 << 20) - 1));
    }
}
