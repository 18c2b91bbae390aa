//! Reads files of `/proc`. They have no size, and some are long, so that each reader says how much it wants.

use std::ffi::CStr;

use daemontools_core::proc_stat::ProcStat;
use daemontools_core::text::Decimal;
use daemontools_sys::fd::open_private;
use nix::NixPath;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::directory;
use crate::stdio::read;

/// Room for `/proc/PID/stat` up to the last field that `ProcStat` has.
pub const STAT_SIZE: usize = 384;
/// How many bytes a single read asks for.
const PIECE: usize = 4096;

/// The numbers of all processes that can be seen, in the kernel's order.
pub fn pids() -> nix::Result<impl Iterator<Item = u32>> {
    let entries = directory::open(c"/proc")?.into_iter().flatten();
    Ok(entries.filter_map(|entry| entry.file_name().to_str().ok()?.parse().ok()))
}

/// Reads `/proc/PID/stat`; `None` if there is no such process. Allocates nothing.
pub fn stat(pid: u32, buffer: &mut [u8; STAT_SIZE]) -> Option<ProcStat<'_>> {
    let mut path = [0; 32];
    let number = Decimal::new(u64::from(pid));
    let pieces = [b"/proc/", number.as_bytes(), b"/stat"];
    for (to, from) in path.iter_mut().zip(pieces.into_iter().flatten()) {
        *to = *from;
    }
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private(CStr::from_bytes_until_nul(&path).ok()?, flags, Mode::empty()).ok()?;
    let length = read(&file, buffer).ok()?;
    ProcStat::parse(buffer.get(..length)?)
}

/// The first 4096 bytes of a file, by one read: all of it where the kernel writes it at once, as it does with what is about
/// one process.
pub fn beginning<P: ?Sized + NixPath>(path: &P) -> nix::Result<Vec<u8>> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
    let mut contents = vec![0; PIECE];
    let count = read(&file, &mut contents)?;
    contents.truncate(count);
    Ok(contents)
}

/// A file up to its end, but no more than `most` bytes of it.
pub fn contents<P: ?Sized + NixPath>(path: &P, most: usize) -> nix::Result<Vec<u8>> {
    let file = open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty())?;
    let (mut contents, mut piece) = (Vec::new(), [0; PIECE]);
    while contents.len() < most {
        match read(&file, &mut piece)? {
            0 => break,
            count => contents.extend_from_slice(piece.get(..count).unwrap_or_default()),
        }
    }
    contents.truncate(most);
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "what a child of a test inherits does not matter")]
    fn a_child_is_among_the_processes() {
        // Of a test's own process an emulator (qemu-user) makes up what /proc says.
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let mut buffer = [0; STAT_SIZE];
        let (found, among_all) = (stat(child.id(), &mut buffer), pids().unwrap().any(|pid| pid == child.id()));
        let name = beginning(format!("/proc/{}/comm", child.id()).as_str());
        child.kill().and_then(|()| child.wait()).unwrap();
        let found = found.unwrap();
        assert_eq!((found.name, found.parent), (&b"sleep"[..], std::process::id()));
        assert!(found.state.is_ascii_uppercase() && found.started > 0 && among_all, "{found:?}");
        assert_eq!(name, Ok(b"sleep\n".to_vec()));
        assert_eq!(stat(child.id(), &mut [0; STAT_SIZE]), None);
    }

    #[test]
    fn no_more_is_read_than_was_asked_for() {
        let whole = contents(c"/proc/self/limits", 1 << 16).unwrap();
        assert!(whole.len() > 100 && whole.ends_with(b"\n"));
        assert_eq!(contents(c"/proc/self/limits", 100).unwrap(), whole[..100]);
        assert_eq!(contents(c"/proc/self/limits", whole.len() + 1).unwrap(), whole);
        assert_eq!(contents(c"/proc/self/none", 1), Err(nix::errno::Errno::ENOENT));
    }
}
