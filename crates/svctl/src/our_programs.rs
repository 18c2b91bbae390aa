//! Our other programs, which do what they do for svctl too: svps, svlog, svlint. They are looked for beside svctl's own
//! file, then in PATH.

use std::ffi::{CStr, CString};

use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::path::append;
use daemontools_sys::process::{Ending, fork, leave, wait_for};
use nix::fcntl::readlink;
use std::os::unix::ffi::OsStrExt;

use crate::PROGRAM;

/// Becomes the program `name` with these arguments; comes back only with the reason why not.
pub fn become_program(name: &CStr, arguments: &[CString]) -> Failure {
    let environment = Environment::inherited();
    let words = std::iter::once(name).chain(arguments.iter().map(CString::as_c_str));
    let program = Prepared::new(words, &environment);
    if let Some(beside) = beside_our_own(name) {
        program.attempt_at(&beside);
    }
    program.run()
}

/// Runs the program `name` with these arguments and waits for its end.
pub fn run(name: &CStr, arguments: &[CString]) -> Result<Ending, Failure> {
    match fork().unable([b"fork"])? {
        Some(child) => wait_for(child).unable([b"wait for ", name.to_bytes()]),
        None => leave(become_program(name, arguments).tell(&PROGRAM).0),
    }
}

/// The file of this name in the directory of our own program.
fn beside_our_own(name: &CStr) -> Option<CString> {
    let own = readlink(c"/proc/self/exe").ok()?;
    let own = own.as_bytes();
    let end = own.iter().rposition(|&byte| byte == b'/')?;
    let directory = CString::new(own.get(..=end)?).ok()?;
    Some(append(&directory, name.to_str().ok()?))
}
