//! Accounts and groups, from every name service that the system has (getpwnam(3), getgrnam(3)).

use std::ffi::CString;

use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use crate::failure::{Failure, Unable};
use daemontools_sys::heap::reserve_for_c_library;

/// The ids that a program is to run under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user id.
    pub uid: Uid,
    /// The group id.
    pub gid: Gid,
    /// All groups, the group id first.
    pub groups: Vec<Gid>,
}

/// Which groups an identity has besides those that are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supplementary {
    /// None.
    None,
    /// Those that list the account as a member.
    OfAccount,
}

/// The identity that `ACCOUNT` or `ACCOUNT:GROUP[:GROUP…]` names. Without a group, the account's own group is the only
/// one. A group is a name, or a number that no group has as its name.
pub fn identity(words: &[u8], supplementary: Supplementary) -> Result<Identity, Failure> {
    let mut each = words.split(|&byte| byte == b':');
    if each.clone().any(<[u8]>::is_empty) {
        return Err(unknown(words));
    }
    let account = by_name(each.next().unwrap_or_default())?;
    let mut groups: Vec<Gid> = each.map(group_by_name).collect::<Result<_, _>>()?;
    if groups.is_empty() {
        groups.push(account.gid);
    }
    let gid = groups.first().copied().unwrap_or(account.gid);
    if supplementary == Supplementary::OfAccount {
        let name = CString::new(account.name.as_bytes()).unwrap_or_default();
        let listed = getgrouplist(&name, gid).unable([b"look up groups of ", account.name.as_bytes()])?;
        groups.extend(listed);
    }
    let mut seen = Vec::new();
    groups.retain(|group| {
        let new = !seen.contains(group);
        seen.push(*group);
        new
    });
    Ok(Identity { uid: account.uid, gid, groups })
}

/// The account of this name; a number is a name like any other. A name service that fails and a name that is unknown
/// are different failures.
pub fn by_name(name: &[u8]) -> Result<User, Failure> {
    reserve_for_c_library();
    // No name service of the C library knows a name that is not UTF-8.
    let found = match std::str::from_utf8(name).map(User::from_name) {
        // How getpwnam_r says, besides 0, that there is no such account.
        Err(_) | Ok(Err(Errno::ENOENT | Errno::ESRCH)) => None,
        Ok(result) => result.unable([b"look up account ", name])?,
    };
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &[u8]) -> Failure {
    Failure::fatal([b"unknown account ", name])
}

/// The id of the group of this name, or of this number where no group has it as its name.
pub fn group_by_name(name: &[u8]) -> Result<Gid, Failure> {
    reserve_for_c_library();
    let text = std::str::from_utf8(name).ok();
    let found = match text.map(Group::from_name) {
        None | Some(Err(Errno::ENOENT | Errno::ESRCH)) => None,
        Some(result) => result.unable([b"look up group ", name])?,
    };
    // The largest number means "no change" to the kernel.
    let number = || text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
    let gid = found.map(|group| group.gid).or_else(|| number().filter(|&gid| gid != u32::MAX).map(Gid::from_raw));
    gid.ok_or_else(|| Failure::fatal([b"unknown group ", name]))
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

    #[test]
    fn a_group_is_a_name_or_a_number() {
        assert!(group_by_name(b"root").is_ok_and(|gid| gid == Gid::from_raw(0)));
        assert!(group_by_name(b"4711").is_ok_and(|gid| gid == Gid::from_raw(4711)));
        for name in [&b""[..], b"\xff", b"no such group", b"-1", b"+1", b"4294967295", b"4294967296", b"1 "] {
            let failure = group_by_name(name).map(drop).unwrap_err();
            assert_eq!(failure.text(), [b"unknown group ", name].concat());
        }
    }

    #[test]
    fn groups_come_in_order_and_once() {
        let gids = |numbers: &[u32]| numbers.iter().copied().map(Gid::from_raw).collect::<Vec<_>>();
        let identity = |words| super::identity(words, Supplementary::None).unwrap();
        assert_eq!(identity(b"root").groups, gids(&[0]));
        let several = identity(b"root:7:5:7:0");
        assert_eq!((several.gid, several.groups), (Gid::from_raw(7), gids(&[7, 5, 0])));
        for words in [&b"root:"[..], b":7", b"root::7", b":", b""] {
            let failure = super::identity(words, Supplementary::None).unwrap_err();
            assert_eq!(failure.text(), [b"unknown account ", words].concat());
        }
        let own = super::identity(b"root", Supplementary::OfAccount).unwrap();
        assert_eq!(own.groups.first(), Some(&Gid::from_raw(0)));
    }
}
