//! Reads files that another account may have put there: regular files only, opened without waiting, and no further than a
//! bound.

use std::fs::{File, OpenOptions, metadata};
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::libc::{O_NOCTTY, O_NONBLOCK};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the file goes on.
    pub cut: bool,
}

/// The first bytes of a file, `most` at most. A file of size 0 is not read: files of /proc have this size, and reading
/// one may wait, or take what others should get.
pub fn read_start(path: &Path, most: u64) -> Result<Part> {
    let (file, size) = open(path)?;
    read(file, size.min(most), size > most)
}

/// The last bytes of a file, `most` at most.
pub fn read_end(path: &Path, most: u64) -> Result<Part> {
    let (mut file, size) = open(path)?;
    file.seek(SeekFrom::Start(size.saturating_sub(most)))?;
    read(file, size.min(most), size > most)
}

fn read(file: File, length: u64, cut: bool) -> Result<Part> {
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(Part { bytes, cut })
}

/// Opens a regular file, and says how large it is. Opening anything else may do something, so its kind is looked at
/// before, and once more afterwards.
fn open(path: &Path) -> Result<(File, u64)> {
    let regular = |found: std::fs::Metadata| match found.is_file() {
        true => Ok(found.len()),
        false => Err(Error::from(ErrorKind::InvalidInput)),
    };
    regular(metadata(path)?)?;
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK | O_NOCTTY).open(path)?;
    let size = regular(file.metadata()?)?;
    Ok((file, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_and_no_more_than_their_size() {
        assert_eq!(read_start(Path::new("/dev/zero"), 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_start(Path::new("/"), 9).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(read_start(Path::new("/proc/self/status"), 9).unwrap(), Part { bytes: vec![], cut: false });
        let here = Path::new("Cargo.toml");
        assert_eq!(read_start(here, 9).unwrap(), Part { bytes: b"[package]".to_vec(), cut: true });
        assert_eq!(read_end(here, 1).unwrap(), Part { bytes: b"\n".to_vec(), cut: true });
        assert!(!read_start(here, 1 << 20).unwrap().cut);
    }
}
