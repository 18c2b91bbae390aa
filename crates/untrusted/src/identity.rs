//! Asking the kernel with the rights of another account: setfsuid(2), setfsgid(2) and no further groups.
//!
//! The effective user stays root, so that the account can neither signal nor trace us meanwhile. The kernel takes the
//! capabilities that lead around permissions away while the file-system user is not root. The account's further groups
//! are not known without a name service; without them it can open less (`Facts::excludes_a_group` is the exception).

use std::sync::OnceLock;

use daemontools_program::stdio;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Uid, getegid, geteuid, getgroups, setfsgid, setfsuid, setgroups};

use crate::writers::Writer;

/// An id that no account has: the largest of 16 bits, which is reserved.
const NOBODY: u32 = 65535;

/// Whether the rule of this room holds: only root can be made to read for somebody else.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Does `call` with the rights of `writer`; EPERM where these cannot be had.
pub fn acting_as<T>(writer: Writer, call: impl FnOnce() -> nix::Result<T>) -> nix::Result<T> {
    let (user, group) = match writer {
        Writer::User(id) => (id, NOBODY),
        Writer::Group(id) => (NOBODY, id),
        Writer::Anyone => (NOBODY, NOBODY),
    };
    let groups = getgroups()?;
    if !groups.is_empty() {
        setgroups(&[])?;
    }
    // In a user namespace an id may mean nobody; then only what everybody may read is read.
    let taken = (take_group(group) || take_group(NOBODY)) && (take_user(user) || take_user(NOBODY));
    let result = if taken && rights_are_gone() { call() } else { Err(Errno::EPERM) };
    take_user(0);
    take_group(getegid().as_raw());
    if !groups.is_empty() {
        setgroups(&groups)?;
    }
    result
}

/// Becomes this user for files. The call does not tell whether it worked; asking again does.
fn take_user(id: u32) -> bool {
    setfsuid(Uid::from_raw(id));
    setfsuid(Uid::from_raw(u32::MAX)).as_raw() == id
}

fn take_group(id: u32) -> bool {
    setfsgid(Gid::from_raw(id));
    setfsgid(Gid::from_raw(u32::MAX)).as_raw() == id
}

/// Whether the kernel has taken the rights of root: a process can be started so that it keeps them (capabilities(7),
/// SECBIT_NO_SETUID_FIXUP). Looked up once.
fn rights_are_gone() -> bool {
    static GONE: OnceLock<bool> = OnceLock::new();
    *GONE.get_or_init(|| {
        let mut text = [0; 4096];
        let open = || open_private(c"/proc/thread-self/status", OFlag::O_RDONLY, Mode::empty());
        let Ok(count) = open().and_then(|file| stdio::read(&file, &mut text)) else { return true };
        !overrides_permissions(&String::from_utf8_lossy(text.get(..count).unwrap_or_default()))
    })
}

/// Whether a process with this status has CAP_DAC_OVERRIDE (1) or CAP_DAC_READ_SEARCH (2).
fn overrides_permissions(status: &str) -> bool {
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    bits.is_some_and(|bits| bits & 0b110 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_read() {
        assert!(overrides_permissions("Name:\tx\nCapEff:\t000001ffffffffff\n"));
        assert!(!overrides_permissions("CapEff:\t000001fffffffff1\n"));
        assert!(!overrides_permissions(""));
    }

    #[test]
    fn root_reads_as_somebody_else_and_is_root_again() {
        if !is_root() {
            return;
        }
        let open = || open_private(c"/etc/shadow", OFlag::O_RDONLY, Mode::empty()).map(drop);
        let groups = getgroups();
        for writer in [Writer::User(65534), Writer::Group(65534), Writer::Anyone] {
            assert_eq!(acting_as(writer, open), Err(Errno::EACCES), "{writer}");
            assert_eq!(acting_as(writer, || Ok(getgroups())), Ok(Ok(Vec::new())));
        }
        assert_eq!((open(), getgroups()), (Ok(()), groups));
    }
}
