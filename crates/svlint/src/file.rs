//! Reads files that another account may have put there: bounded parts of regular files, and, for root, nothing that such
//! an account could not read itself (the room `untrusted`).

use std::io::{Error, ErrorKind, Result};
use std::path::Path;

use daemontools_untrusted::{self as untrusted, Directory, RegularFile};

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the file goes on.
    pub cut: bool,
}

/// The first bytes of a file, `most` at most.
pub fn read_start(path: &Path, most: u64) -> Result<Part> {
    start(&open(&here()?, path)?, most)
}

/// The same of a file that a script names: who may write the script has chosen the file.
pub fn read_start_named_by(script: &Path, path: &Path, most: u64) -> Result<Part> {
    start(&open(&chosen_by(script)?, path)?, most)
}

/// The last bytes of a file that a script names, `most` at most.
pub fn read_end_named_by(script: &Path, path: &Path, most: u64) -> Result<Part> {
    let (bytes, cut) = open(&chosen_by(script)?, path)?.read_end(usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(Part { bytes, cut })
}

fn start(file: &RegularFile, most: u64) -> Result<Part> {
    let (bytes, cut) = file.read_up_to(usize::try_from(most).unwrap_or(usize::MAX))?;
    Ok(Part { bytes, cut })
}

fn here() -> Result<Directory> {
    Ok(Directory::current()?)
}

/// The current directory as those see it who may write this script.
fn chosen_by(script: &Path) -> Result<Directory> {
    let here = here()?;
    let script = open(&here, script)?;
    Ok(here.chosen_by(script.writers())?)
}

fn open(from: &Directory, path: &Path) -> Result<RegularFile> {
    from.file(path).map_err(|error| match error {
        untrusted::Error::System(errno) => errno.into(),
        untrusted::Error::NotReadableBy(_) => Error::new(ErrorKind::PermissionDenied, error.reason()),
        untrusted::Error::NotRegular(_) => Error::new(ErrorKind::InvalidInput, error.reason()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_and_no_more_than_a_bound() {
        let run = Path::new("Cargo.toml");
        for other in ["/dev/zero", "/", "/proc/self/status"] {
            assert_eq!(read_start(Path::new(other), 9).unwrap_err().kind(), ErrorKind::InvalidInput, "{other}");
        }
        assert_eq!(read_start(run, 9).unwrap(), Part { bytes: b"[package]".to_vec(), cut: true });
        assert_eq!(read_end_named_by(run, run, 1).unwrap(), Part { bytes: b"\n".to_vec(), cut: true });
        assert!(!read_start_named_by(run, run, 1 << 20).unwrap().cut);
    }
}
