//! Accounts, from whatever name service the system has (getpwnam(3)), not from /etc/passwd alone.

use nix::errno::Errno;
use nix::unistd::User;

use crate::failure::{Failure, Unable};

/// The account of this name; a number is a name like any other. A name service that fails is told apart from a name
/// that nobody knows; both are failures.
pub fn by_name(name: &[u8]) -> Result<User, Failure> {
    // No name service of the C library knows a name that is not UTF-8.
    let found = match std::str::from_utf8(name).map(User::from_name) {
        // How getpwnam_r says, besides 0, that there is no such account.
        Err(_) | Ok(Err(Errno::ENOENT | Errno::ESRCH)) => None,
        Ok(result) => result.unable([b"look up account ", name])?,
    };
    found.ok_or_else(|| Failure::fatal([b"unknown account ", name]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_a_number_is_not_a_name() {
        assert!(by_name(b"root").is_ok_and(|account| account.uid.is_root()));
        for name in [&b"0"[..], b"", b"\xff", b"no such account"] {
            let failure = by_name(name).map(drop).unwrap_err();
            assert_eq!(failure.text(), [b"unknown account ", name].concat());
        }
    }
}
