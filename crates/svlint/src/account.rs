//! The accounts that programs like setuidgid are given, each in its own syntax.

use nix::errno::Errno;
use nix::unistd::{Group, User};

/// How a program reads the account that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// The name of an account and nothing else, as setuser.
    Name,
    /// The name of an account, and groups that may be numbers, as setuidgid.
    NameAndGroups,
    /// A name, or `UID:GID`, as s6-setuidgid.
    NameOrIds,
    /// `USER`, `USER:GROUP:GROUP`, and with a colon in front numbers only, as chpst.
    Chpst,
    /// `USER` or `USER:GROUP`, each a name or a number, as su-exec.
    Either,
}

/// A user or a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Id {
    /// To be looked up.
    Name(String),
    /// A number, which need not be in any list.
    Number(u32),
}

/// The user and the groups that a program is to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// As it is written.
    pub text: String,
    /// The user.
    pub user: Id,
    /// The groups; none: those of the user.
    pub groups: Vec<Id>,
    /// Whether the program takes further groups from the group database.
    pub more_groups: bool,
}

impl Account {
    /// What a word means; `None` if it is no account in this syntax, which is not judged.
    pub fn new(syntax: Syntax, text: &str) -> Option<Account> {
        let name = |text: &str| Id::Name(text.into());
        let id = |text: &str| text.parse().map_or_else(|_| name(text), Id::Number);
        let mut parts = text.split(':');
        let (user, groups) = match syntax {
            Syntax::Name => (name(text), vec![]),
            Syntax::NameAndGroups => (name(parts.next()?), parts.map(id).collect()),
            Syntax::Chpst if text.starts_with(':') => {
                let mut numbers = parts.skip(1).map(|part| part.parse().map(Id::Number));
                (numbers.next()?.ok()?, numbers.collect::<Result<_, _>>().ok()?)
            }
            Syntax::Chpst => (name(parts.next()?), parts.map(name).collect()),
            // What it does with a number alone differs from version to version.
            Syntax::NameOrIds if text.parse::<u32>().is_ok() => return None,
            Syntax::NameOrIds | Syntax::Either => (id(parts.next()?), parts.map(id).collect()),
        };
        let more_groups = matches!(syntax, Syntax::NameOrIds | Syntax::Either) && groups.is_empty();
        Some(Account { text: text.into(), user, groups, more_groups })
    }

    /// The first name in it that the system does not know: what it is, and the name.
    pub fn unknown(&self) -> Option<(&'static str, &str)> {
        let Id::Name(user) = &self.user else { return unknown_group(&self.groups) };
        match is_unknown(User::from_name(user)) {
            true => Some(("account", user)),
            false => unknown_group(&self.groups),
        }
    }

    /// The numbers of the user and the first group; `None` if these cannot be known.
    pub fn ids(&self) -> Option<(u32, u32)> {
        let group = |id: &Id| match id {
            Id::Number(number) => Some(*number),
            Id::Name(name) => Some(Group::from_name(name).ok()??.gid.as_raw()),
        };
        match (&self.user, self.groups.first()) {
            (Id::Number(user), Some(first)) => Some((*user, group(first)?)),
            (Id::Number(_), None) => None,
            (Id::Name(name), first) => {
                let user = User::from_name(name).ok()??;
                Some((user.uid.as_raw(), first.map_or(Some(user.gid.as_raw()), group)?))
            }
        }
    }
}

fn unknown_group(groups: &[Id]) -> Option<(&'static str, &str)> {
    groups.iter().find_map(|id| match id {
        Id::Name(name) if is_unknown(Group::from_name(name)) => Some(("group", name.as_str())),
        _ => None,
    })
}

/// Whether the name service says that there is none. A name service that fails says nothing, and neither does a C library
/// that does not ask all the sources that the system has.
fn is_unknown<T>(found: nix::Result<Option<T>>) -> bool {
    matches!(found, Ok(None) | Err(Errno::ENOENT | Errno::ESRCH)) && !asks_too_few()
}

/// A static program asks /etc/passwd and /etc/group only, whatever nsswitch.conf(5) says.
fn asks_too_few() -> bool {
    let others = |line: &str| {
        let (list, sources) = line.split_once(':').unwrap_or_default();
        let known = |source: &str| matches!(source, "files" | "compat") || source.starts_with('[');
        matches!(list.trim(), "passwd" | "group") && !sources.split_whitespace().all(known)
    };
    cfg!(target_feature = "crt-static")
        && std::fs::read_to_string("/etc/nsswitch.conf").is_ok_and(|text| text.lines().any(others))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Id {
        Id::Name(text.into())
    }

    #[test]
    fn each_program_has_its_own_syntax() {
        let read = |syntax, text| Account::new(syntax, text).map(|account| (account.user, account.groups));
        assert_eq!(read(Syntax::Name, "www:www"), Some((name("www:www"), vec![])));
        assert_eq!(read(Syntax::NameAndGroups, "1000"), Some((name("1000"), vec![])));
        assert_eq!(read(Syntax::NameAndGroups, "www:1:a"), Some((name("www"), vec![Id::Number(1), name("a")])));
        assert_eq!(read(Syntax::NameOrIds, "1000:100"), Some((Id::Number(1000), vec![Id::Number(100)])));
        assert_eq!(read(Syntax::NameOrIds, "www"), Some((name("www"), vec![])));
        assert_eq!(read(Syntax::NameOrIds, "1000"), None);
        assert_eq!(read(Syntax::Chpst, "www:a:b"), Some((name("www"), vec![name("a"), name("b")])));
        assert_eq!(read(Syntax::Chpst, ":1:2"), Some((Id::Number(1), vec![Id::Number(2)])));
        assert_eq!(read(Syntax::Chpst, ":x"), None);
        assert_eq!(read(Syntax::Either, "1:www"), Some((Id::Number(1), vec![name("www")])));
    }

    #[test]
    fn who_is_unknown_is_told_with_what_it_is() {
        let unknown = |syntax, text: &str| {
            let account = Account::new(syntax, text)?;
            account.unknown().map(|(what, name)| format!("{what} {name}"))
        };
        assert_eq!(unknown(Syntax::Name, "root"), None);
        assert_eq!(unknown(Syntax::Name, "root:root").as_deref(), Some("account root:root"));
        assert_eq!(unknown(Syntax::Chpst, "root:no-such").as_deref(), Some("group no-such"));
        assert_eq!(unknown(Syntax::NameOrIds, "4000000:4000000"), None);
        let ids = |syntax, text| Account::new(syntax, text).and_then(|account| account.ids());
        assert_eq!(ids(Syntax::Either, "7:root"), Some((7, 0)));
        assert_eq!(ids(Syntax::Either, "7"), None);
        assert_eq!(ids(Syntax::Name, "root"), Some((0, 0)));
    }
}
