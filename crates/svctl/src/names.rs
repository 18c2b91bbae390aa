//! Names of services: `web`, `web/log`, a pattern like `web*`, or a path, which begins with `/` or `.`.

use std::ffi::{CStr, CString};

use daemontools_program::directory;
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::file_kind::Kind;
use daemontools_service::name::is_path;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::fstatat;

/// A service that was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What it is called in messages: as it was named, a service of the scan directory without that directory.
    pub name: Vec<u8>,
    /// The path of its directory.
    pub path: CString,
    /// The scan directory; `None`: it was named by a path.
    pub scan_dir: Option<CString>,
}

impl Named {
    /// The service of this name in the scan directory.
    pub fn new(dir: &CStr, name: &[u8]) -> Named {
        // The path is an argument of our other programs, for which it must not be an option.
        let here: &[u8] = if dir.to_bytes().starts_with(b"-") { b"./" } else { b"" };
        let path = CString::new([here, dir.to_bytes(), b"/", name].concat()).unwrap_or_default();
        Named { name: name.to_vec(), path, scan_dir: Some(dir.to_owned()) }
    }
}

/// The services that these words name, in their order, each once. A name that is none is a failure that says which name
/// is nearest to it.
pub fn resolve(dir: &CStr, words: &[CString]) -> Result<Vec<Named>, Failure> {
    let mut found: Vec<Named> = Vec::new();
    for word in words {
        let word = word.to_bytes();
        let meant = match word {
            _ if is_path(word) => vec![path(word)?],
            _ if word.iter().any(|byte| b"*?".contains(byte)) => matching(dir, word)?,
            _ => vec![existing(dir, word)?],
        };
        for named in meant {
            if !found.contains(&named) {
                found.push(named);
            }
        }
    }
    Ok(found)
}

/// That there is no directory of this name in `dir`, and which name there is nearest to it.
pub fn nearest_in(dir: &CStr, word: &[u8]) -> Failure {
    let no_such: [&[u8]; 4] = [b"no service ", word, b" in ", dir.to_bytes()];
    match all(dir) {
        Ok(names) => match nearest(word, &names) {
            Some(name) => Failure::fatal([&no_such.concat()[..], b"; the nearest name is ", name]),
            None => Failure::fatal(no_such),
        },
        Err(_) => Failure::fatal(no_such),
    }
}

/// The names in a scan directory that svscan would take for services, sorted.
pub fn all(dir: &CStr) -> Result<Vec<Vec<u8>>, Failure> {
    let mut open = directory::open(dir).unable([b"open directory ", dir.to_bytes()])?;
    let mut names = Vec::new();
    for entry in open.iter() {
        let entry = entry.unable([b"read directory ", dir.to_bytes()])?;
        let name = entry.file_name().to_bytes();
        if !name.starts_with(b".") && is_directory(&Named::new(dir, name).path) {
            names.push(name.to_vec());
        }
    }
    names.sort();
    Ok(names)
}

fn path(word: &[u8]) -> Result<Named, Failure> {
    let path = CString::new(word).unwrap_or_default();
    fstatat(AT_FDCWD, path.as_c_str(), AtFlags::empty()).unable([b"find ", word])?;
    Ok(Named { name: word.to_vec(), path, scan_dir: None })
}

fn existing(dir: &CStr, word: &[u8]) -> Result<Named, Failure> {
    let named = Named::new(dir, word);
    if is_directory(&named.path) {
        return Ok(named);
    }
    let service = word.strip_suffix(b"/log").unwrap_or(word);
    let no_such: [&[u8]; 4] = [b"no service ", word, b" in ", dir.to_bytes()];
    Err(match nearest(service, &all(dir)?) {
        Some(name) if name == service => Failure::fatal([b"the service ", service, b" has no logger"]),
        Some(name) => Failure::fatal([&no_such.concat()[..], b"; the nearest name is ", name]),
        None => Failure::fatal(no_such),
    })
}

fn matching(dir: &CStr, pattern: &[u8]) -> Result<Vec<Named>, Failure> {
    let (service, log) = match pattern.strip_suffix(b"/log") {
        Some(service) => (service, &b"/log"[..]),
        None => (pattern, &b""[..]),
    };
    let names = all(dir)?.into_iter().filter(|name| matches(service, name));
    let named = names.map(|name| Named::new(dir, &[&name, log].concat()));
    let found: Vec<Named> = named.filter(|named| is_directory(&named.path)).collect();
    if found.is_empty() {
        return Err(Failure::fatal([b"no service matches ", pattern, b" in ", dir.to_bytes()]));
    }
    Ok(found)
}

/// Whether a pattern matches all of a name: `*` stands for any bytes, `?` for one.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // The last star and how much of the name it covers: where the rest does not fit, it covers a byte more.
    let (mut at, mut rest, mut star) = (0, 0, None);
    while let Some(byte) = name.get(rest) {
        match pattern.get(at) {
            Some(b'*') => {
                at += 1;
                star = Some((at, rest));
            }
            Some(wanted) if *wanted == b'?' || wanted == byte => (at, rest) = (at + 1, rest + 1),
            _ => {
                let Some((after, covered)) = star else { return false };
                (at, rest) = (after, covered + 1);
                star = Some((after, covered + 1));
            }
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|&byte| byte == b'*'))
}

/// The name that is most like a word, if one is like it: at most a third of its bytes differ, or one.
fn nearest<'a>(word: &[u8], names: &'a [Vec<u8>]) -> Option<&'a [u8]> {
    let distance = |name: &[u8]| strsim::generic_damerau_levenshtein(word, name);
    let best = names.iter().map(|name| (distance(name), name.as_slice())).min()?;
    (best.0 <= (word.len() / 3).max(1)).then_some(best.1)
}

fn is_directory(path: &CStr) -> bool {
    fstatat(AT_FDCWD, path, AtFlags::empty()).is_ok_and(|found| Kind::of(&found) == Kind::Directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, expected) in [
            ("web*", "web", true),
            ("web*", "web-1", true),
            ("web*", "aweb", false),
            ("*b", "web", true),
            ("*e*", "web", true),
            ("w?b", "web", true),
            ("w?b", "wb", false),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("a**", "a", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
        let long = [b'a'; 10_000];
        assert!(!matches(&[&b"*a*a*a*a*a*a*"[..], b"b"].concat(), &long), "no exponential search");
    }

    #[test]
    fn a_path_is_never_an_option() {
        for (dir, expected) in [(c"/service", c"/service/web"), (c"scan", c"scan/web"), (c"-x", c"./-x/web")] {
            assert_eq!(Named::new(dir, b"web").path.as_c_str(), expected);
        }
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = [&b"web"[..], b"mail", b"dnscache"].map(<[u8]>::to_vec);
        for (word, expected) in [
            ("wbe", Some("web")),
            ("weeb", Some("web")),
            ("mial", Some("mail")),
            ("dnscahce", Some("dnscache")),
            ("postfix", None),
            ("x", None),
        ] {
            assert_eq!(nearest(word.as_bytes(), &names), expected.map(str::as_bytes), "{word}");
        }
        assert_eq!(nearest(b"web", &[]), None);
    }
}
