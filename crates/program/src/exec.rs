//! Running a program by name: the environment that it gets, the search through PATH, the sentence when it fails.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use nix::errno::Errno;

use crate::failure::Failure;
use daemontools_sys::args::Args;
use daemontools_sys::environ;
use daemontools_sys::process::{Pointers, execve};

/// The environment for a child: entries in their order, whatever they hold.
pub struct Environment {
    entries: Vec<Cow<'static, CStr>>,
}

impl Environment {
    /// What we were started with.
    pub fn inherited() -> Environment {
        Environment { entries: environ::entries().into_iter().map(Cow::Borrowed).collect() }
    }

    /// Sets a variable. As in 0.76 its first entry goes, the last entry takes that place, and the new entry comes last;
    /// further entries of that name stay. Bytes from the first NUL on are lost, as in C.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.unset(name);
        let entry = [name, b"=", value, b"\0"].concat();
        if let Ok(entry) = CStr::from_bytes_until_nul(&entry) {
            self.entries.push(Cow::Owned(entry.to_owned()));
        }
    }

    /// Removes a variable's first entry; the last entry takes its place.
    pub fn unset(&mut self, name: &[u8]) {
        if let Some(at) = self.entries.iter().position(|entry| value_of(entry, name).is_some()) {
            self.entries.swap_remove(at);
        }
    }

    /// The entries, in their order.
    pub fn entries(&self) -> impl Iterator<Item = &CStr> {
        self.entries.iter().map(AsRef::as_ref)
    }
}

/// A program about to be run: all that execve needs, made ahead of time. Running it allocates nothing.
pub struct Prepared<'a> {
    /// What to try, in order.
    candidates: Vec<CString>,
    argv: Pointers<'a>,
    environment: Pointers<'a>,
    /// `unable to run PROG`, waiting for its reason.
    failure: Failure,
}

impl<'a> Prepared<'a> {
    /// Prepares to run `argv`, whose first word is the program's name, with `environment`.
    pub fn new<'b>(argv: impl IntoIterator<Item = &'b CStr>, environment: &'a Environment) -> Prepared<'a>
    where
        'b: 'a,
    {
        let argv: Vec<&CStr> = argv.into_iter().collect();
        let name = argv.first().map_or(&b""[..], |name| name.to_bytes());
        let mut failure = Failure::fatal([b"unable to run ", name]);
        failure.reserve_reason();
        Prepared {
            candidates: candidates(name, search_path().as_deref()),
            argv: argv.into_iter().collect(),
            environment: environment.entries().collect(),
            failure,
        }
    }

    /// Becomes the program. Comes back only if that fails, with the reason.
    pub fn attempt(&self) -> Errno {
        walk(&self.candidates, |candidate| execve(candidate, &self.argv, &self.environment))
    }

    /// The same at this path, whatever the name and PATH say.
    pub fn attempt_at(&self, path: &CStr) -> Errno {
        execve(path, &self.argv, &self.environment)
    }

    /// Becomes the program. Comes back only with `unable to run PROG: REASON`.
    pub fn run(mut self) -> Failure {
        let errno = self.attempt();
        self.failure.add_reason(errno);
        self.failure
    }
}

/// Becomes the program that the rest of the arguments names, with the environment that we have.
pub fn run(args: Args) -> Failure {
    run_with(args, &Environment::inherited())
}

/// Becomes the program that the rest of the arguments names, with another environment. PATH is still our own.
pub fn run_with(args: Args, environment: &Environment) -> Failure {
    Prepared::new(args, environment).run()
}

/// Our own PATH.
fn search_path() -> Option<Vec<u8>> {
    environ::entries().into_iter().find_map(|entry| value_of(entry, b"PATH")).map(<[u8]>::to_vec)
}

/// The value of an entry, if it is of this name.
fn value_of<'a>(entry: &'a CStr, name: &[u8]) -> Option<&'a [u8]> {
    entry.to_bytes().strip_prefix(name)?.strip_prefix(b"=")
}

/// Where the program called `name` may be: as it stands if it has a slash, else in each directory of `path`; an empty
/// element is the current directory.
fn candidates(name: &[u8], path: Option<&[u8]>) -> Vec<CString> {
    let path = path.unwrap_or(b"/bin:/usr/bin");
    let join = |dir: &[u8]| match dir {
        b"" => [b"./", name].concat(),
        dir => [dir, b"/", name].concat(),
    };
    let paths =
        if name.contains(&b'/') { vec![name.to_vec()] } else { path.split(|&byte| byte == b':').map(join).collect() };
    paths.into_iter().filter_map(|path| CString::new(path).ok()).collect()
}

/// Tries each candidate. The search goes on where a file is missing, forbidden or a directory; any other failure ends
/// it. What is reported is the last failure that says more than "missing".
fn walk(candidates: &[CString], mut attempt: impl FnMut(&CStr) -> Errno) -> Errno {
    let mut reported = Errno::ENOENT;
    for candidate in candidates {
        match attempt(candidate) {
            Errno::ENOENT => {}
            errno @ (Errno::EACCES | Errno::EPERM | Errno::EISDIR) => reported = errno,
            errno => return errno,
        }
    }
    reported
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(entries: &[&'static CStr]) -> Environment {
        Environment { entries: entries.iter().map(|&entry| Cow::Borrowed(entry)).collect() }
    }

    #[test]
    fn a_changed_variable_leaves_its_place_to_the_last_and_comes_last() {
        let mut list = environment(&[c"A=1", c"B=2", c"A=3", c"odd", c"", c"C=4"]);
        list.set(b"A", b"9");
        assert_eq!(list.entries().collect::<Vec<_>>(), [c"C=4", c"B=2", c"A=3", c"odd", c"", c"A=9"]);
        list.unset(b"B");
        assert_eq!(list.entries().collect::<Vec<_>>(), [c"C=4", c"A=9", c"A=3", c"odd", c""]);
        list.unset(b"odd");
        assert_eq!(list.entries().count(), 5);
    }

    #[test]
    fn a_name_with_a_slash_is_taken_as_it_is_and_an_empty_element_is_here() {
        assert_eq!(candidates(b"./run", Some(b"/bin")), [c"./run".to_owned()]);
        let found = candidates(b"x", Some(b"/a::/b/"));
        assert_eq!(found, [c"/a/x".to_owned(), c"./x".to_owned(), c"/b//x".to_owned()]);
        assert_eq!(candidates(b"x", None), [c"/bin/x".to_owned(), c"/usr/bin/x".to_owned()]);
        assert_eq!(candidates(b"", Some(b"/a")), [c"/a/".to_owned()]);
    }

    #[test]
    fn the_search_goes_on_after_what_is_missing_or_forbidden_only() {
        let all = candidates(b"x", Some(b"/1:/2:/3"));
        let mut tried = 0;
        let errno = walk(&all, |_| {
            tried += 1;
            if tried == 1 { Errno::EACCES } else { Errno::ENOENT }
        });
        assert_eq!((errno, tried), (Errno::EACCES, 3));
        let mut tried = 0;
        let errno = walk(&all, |_| {
            tried += 1;
            Errno::ENOTDIR
        });
        assert_eq!((errno, tried), (Errno::ENOTDIR, 1));
    }
}
