//! Running a program by name: the environment that it gets, the search through PATH, the sentence when it fails.

use std::borrow::Cow;
use std::ffi::CStr;

use nix::errno::Errno;

use crate::failure::Failure;
use daemontools_sys::args::Args;
use daemontools_sys::environ;
use daemontools_sys::process::{Pointers, execve};

/// The environment for a child: entries in their order, whatever they hold.
pub struct Environment {
    /// The entries, once they are to be others than those that we were started with.
    changed: Option<Vec<Cow<'static, CStr>>>,
}

impl Environment {
    /// What we were started with.
    pub fn inherited() -> Environment {
        Environment { changed: None }
    }

    /// Sets a variable. As in 0.76 its first entry goes, the last entry takes that place, and the new entry comes last;
    /// further entries of that name stay. Bytes from the first NUL on are lost, as in C.
    pub fn set(&mut self, name: &[u8], value: &[u8]) {
        self.unset(name);
        let entry = [name, b"=", value, b"\0"].concat();
        if let Ok(entry) = CStr::from_bytes_until_nul(&entry) {
            self.entries().push(Cow::Owned(entry.to_owned()));
        }
    }

    /// Removes a variable's first entry; the last entry takes its place.
    pub fn unset(&mut self, name: &[u8]) {
        let entries = self.entries();
        if let Some(at) = entries.iter().position(|entry| value_of(entry, name).is_some()) {
            entries.swap_remove(at);
        }
    }

    /// The entries, in their order, to be changed.
    fn entries(&mut self) -> &mut Vec<Cow<'static, CStr>> {
        self.changed.get_or_insert_with(|| environ::entries().map(Cow::Borrowed).collect())
    }

    /// The same for execve. What was not changed is not copied.
    fn pointers(&self) -> Pointers<'_> {
        match &self.changed {
            None => Pointers::inherited(),
            Some(entries) => entries.iter().map(AsRef::as_ref).collect(),
        }
    }
}

/// A program about to be run: all that execve needs, made ahead of time. Running it allocates nothing.
pub struct Prepared<'a> {
    /// The paths to try, in order, each with its NUL.
    candidates: Vec<u8>,
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
        let mut argv = argv.into_iter().peekable();
        let name = argv.peek().map_or(&b""[..], |name| name.to_bytes());
        let mut failure = Failure::fatal([b"unable to run ", name]);
        failure.reserve_reason();
        let candidates = match name.contains(&b'/') {
            true => [name, b"\0"].concat(),
            false => candidates(name, search_path().unwrap_or(b"/bin:/usr/bin")),
        };
        Prepared { candidates, argv: argv.collect(), environment: environment.pointers(), failure }
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
fn search_path() -> Option<&'static [u8]> {
    environ::entries().find_map(|entry| value_of(entry, b"PATH"))
}

/// The value of an entry, if it is of this name.
fn value_of<'a>(entry: &'a CStr, name: &[u8]) -> Option<&'a [u8]> {
    entry.to_bytes().strip_prefix(name)?.strip_prefix(b"=")
}

/// Where the program called `name`, which has no slash, may be: in each directory of `path`, each with its NUL; an empty
/// element is the current directory.
fn candidates(name: &[u8], path: &[u8]) -> Vec<u8> {
    let pieces = |dir| {
        let dir: &[u8] = if dir == b"" { b"." } else { dir };
        [dir, b"/", name, b"\0"]
    };
    let dirs = || path.split(|&byte| byte == b':');
    let mut candidates = Vec::with_capacity(dirs().flat_map(pieces).map(<[u8]>::len).sum());
    dirs().flat_map(pieces).for_each(|piece| candidates.extend_from_slice(piece));
    candidates
}

/// Tries each candidate. The search goes on where a file is missing, forbidden or a directory; any other failure ends
/// it. What is reported is the last failure that says more than "missing".
fn walk(candidates: &[u8], mut attempt: impl FnMut(&CStr) -> Errno) -> Errno {
    let mut reported = Errno::ENOENT;
    let paths = candidates.split_inclusive(|&byte| byte == 0);
    for candidate in paths.filter_map(|path| CStr::from_bytes_with_nul(path).ok()) {
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
        Environment { changed: Some(entries.iter().map(|&entry| Cow::Borrowed(entry)).collect()) }
    }

    #[test]
    fn a_changed_variable_leaves_its_place_to_the_last_and_comes_last() {
        let mut list = environment(&[c"A=1", c"B=2", c"A=3", c"odd", c"", c"C=4"]);
        list.set(b"A", b"9");
        assert_eq!(*list.entries(), [c"C=4", c"B=2", c"A=3", c"odd", c"", c"A=9"]);
        list.unset(b"B");
        assert_eq!(*list.entries(), [c"C=4", c"A=9", c"A=3", c"odd", c""]);
        list.unset(b"odd");
        assert_eq!(list.entries().len(), 5);
    }

    #[test]
    fn an_environment_is_ours_until_it_is_changed() {
        let mut list = Environment::inherited();
        assert!(list.changed.is_none());
        let ours: Vec<&CStr> = environ::entries().collect();
        assert_eq!(*list.entries(), ours);
    }

    #[test]
    fn an_empty_element_of_the_path_is_here() {
        assert_eq!(candidates(b"x", b"/a::/b/"), b"/a/x\0./x\0/b//x\0");
        assert_eq!(candidates(b"x", b""), b"./x\0");
        assert_eq!(candidates(b"", b"/a"), b"/a/\0");
    }

    #[test]
    fn the_search_goes_on_after_what_is_missing_or_forbidden_only() {
        let all = candidates(b"x", b"/1:/2:/3");
        let mut tried = 0;
        let errno = walk(&all, |_| {
            tried += 1;
            if tried == 1 { Errno::EACCES } else { Errno::ENOENT }
        });
        assert_eq!((errno, tried), (Errno::EACCES, 3));
        let mut tried = Vec::new();
        let errno = walk(&all, |path| {
            tried.push(path.to_owned());
            Errno::ENOTDIR
        });
        assert_eq!((errno, tried), (Errno::ENOTDIR, vec![c"/1/x".to_owned()]));
    }
}
