//! Programs that svctl runs: svps, svlog and svlint, which do what they do for svctl too, and the editor. Ours are looked
//! for beside svctl's own file, then in PATH.

use std::env::var_os;
use std::ffi::{CStr, CString, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::atomic::{AtomicBool, Ordering};

use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::path::append;
use daemontools_program::stdio::read;
use daemontools_sys::fd::{pipe_private, place_inherited};
use daemontools_sys::process::{Ending, fork, leave, wait_for};
use daemontools_sys::signal::{ignore, is_ignored, set_default};
use nix::fcntl::readlink;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::os::fd::AsFd;

use crate::PROGRAM;

/// How much of the output of a program is kept, in bytes.
const MOST: usize = 1 << 20;
/// The number of standard output.
const STDOUT: i32 = 1;
/// The number of standard error.
const STDERR: i32 = 2;

/// Whether we ignore SIGPIPE, and were not started so: then children get it back.
static IGNORES_SIGPIPE: AtomicBool = AtomicBool::new(false);

/// From now on, writing to a pipe that nobody reads is an error and no signal; for our children nothing changes.
pub fn ignore_sigpipe() -> Result<(), Failure> {
    if !is_ignored(Signal::SIGPIPE).unable([b"ask about SIGPIPE"])? {
        ignore(Signal::SIGPIPE).unable([b"ignore SIGPIPE"])?;
        IGNORES_SIGPIPE.store(true, Ordering::Relaxed);
    }
    Ok(())
}

/// Starts a child, which becomes what `child` makes of it, or tells why not.
pub fn start(child: impl FnOnce() -> Failure) -> Result<Pid, Failure> {
    if let Some(pid) = fork().unable([b"fork"])? {
        return Ok(pid);
    }
    let prepared = match IGNORES_SIGPIPE.load(Ordering::Relaxed) {
        true => set_default(Signal::SIGPIPE).unable([b"restore SIGPIPE"]),
        false => Ok(()),
    };
    let failure = prepared.map_or_else(|failure| failure, |()| child());
    leave(failure.tell(&PROGRAM).0)
}

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
    let child = start(|| become_program(name, arguments))?;
    wait_for(child).unable([b"wait for ", name.to_bytes()])
}

/// The same; what it prints to standard output, at most 1 MiB of it, comes back.
pub fn output_of(name: &CStr, arguments: &[CString]) -> Result<(Vec<u8>, Ending), Failure> {
    captured(name, arguments, &[STDOUT])
}

/// The same with what it prints to standard error.
pub fn all_output_of(name: &CStr, arguments: &[CString]) -> Result<(Vec<u8>, Ending), Failure> {
    captured(name, arguments, &[STDOUT, STDERR])
}

fn captured(name: &CStr, arguments: &[CString], outputs: &[i32]) -> Result<(Vec<u8>, Ending), Failure> {
    let (from, to) = pipe_private().unable([b"make a pipe"])?;
    let child = start(|| match outputs.iter().try_for_each(|&output| place_inherited(to.as_fd(), output)) {
        Ok(()) => become_program(name, arguments),
        Err(errno) => Failure::because([b"unable to redirect ", name.to_bytes()], errno),
    })?;
    drop(to);
    let (mut output, mut block) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = read(&from, &mut block) {
        // What is too much is read all the same, so that the program comes to its end.
        let room = MOST.saturating_sub(output.len());
        output.extend_from_slice(block.get(..count.min(room)).unwrap_or_default());
    }
    Ok((output, wait_for(child).unable([b"wait for ", name.to_bytes()])?))
}

/// Lets the user edit a file with `$VISUAL`, `$EDITOR` or vi, which may have arguments. Meanwhile the keys that interrupt
/// are the editor's alone.
pub fn run_editor(file: &CStr) -> Result<Ending, Failure> {
    let named = |name| var_os(name).filter(|editor: &OsString| !editor.is_empty());
    let editor = named("VISUAL").or_else(|| named("EDITOR")).unwrap_or_else(|| "vi".into()).into_vec();
    let command = CString::new([&editor, &b" \"$1\""[..]].concat()).unwrap_or_default();
    let child = start(|| {
        let environment = Environment::inherited();
        Prepared::new([c"/bin/sh", c"-c", &command, c"sh", file], &environment).run()
    })?;
    let keys = [Signal::SIGINT, Signal::SIGQUIT].map(|key| (key, is_ignored(key).unwrap_or(true)));
    for (key, _) in keys.iter().filter(|(_, was_ignored)| !was_ignored) {
        ignore(*key).unable([b"ignore a signal"])?;
    }
    let ending = wait_for(child).unable([b"wait for ", &editor]);
    for (key, _) in keys.iter().filter(|(_, was_ignored)| !was_ignored) {
        set_default(*key).unable([b"restore a signal"])?;
    }
    ending
}

/// The file of this name in the directory of our own program.
fn beside_our_own(name: &CStr) -> Option<CString> {
    let own = readlink(c"/proc/self/exe").ok()?;
    let own = own.as_bytes();
    let end = own.iter().rposition(|&byte| byte == b'/')?;
    let directory = CString::new(own.get(..=end)?).ok()?;
    Some(append(&directory, name.to_str().ok()?))
}
