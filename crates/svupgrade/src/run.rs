//! Asks every process of the trees, one at a time; those that are busy again until the time is over.

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::stdio::print;
use daemontools_sys::args::Args;
use nix::errno::Errno;
use nix::fcntl::readlink;

use crate::PROGRAM;
use crate::options::Options;
use crate::processes::Processes;
use crate::socket::Socket;
use crate::tree::{Member, members};
use crate::verdict::Verdict;

/// How long to wait before those that were busy are asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Does what the arguments ask.
pub fn run(args: Args) -> Outcome {
    let options = Options::parse(args)?;
    let bin = bin(options.bin.as_deref())?;
    let mut is_fine = true;
    let processes = Processes::look().unable([b"read /proc"])?;
    let mut all = Vec::new();
    for dir in &options.dirs {
        let found = members(&processes, dir);
        if found.is_empty() {
            PROGRAM.warn([b"no svscan runs in ", dir.as_os_str().as_bytes()]);
            is_fine = false;
        }
        all.extend(found);
    }
    let socket = Socket::new().unable([b"make a socket"])?;
    let deadline = Instant::now() + options.timeout;
    while !all.is_empty() {
        let is_last = Instant::now() >= deadline;
        let mut busy = Vec::new();
        for member in all {
            match socket.ask(&member, options.order, &bin) {
                Verdict::Busy(_) if !is_last => busy.push(member),
                verdict => {
                    // One that has ended by itself is not missed.
                    is_fine &= verdict.is_fine() || verdict == Verdict::Gone;
                    print(&line(&member, &verdict))?;
                }
            }
        }
        all = busy;
        if !all.is_empty() {
            sleep(ASK_AGAIN_AFTER);
        }
    }
    Ok(if is_fine { Exit::OK } else { Exit::TROUBLE })
}

/// `PROGRAM PLACE (PID): VERDICT`.
fn line(member: &Member, verdict: &Verdict) -> Vec<u8> {
    let begin = format!("{} {} ({}): ", member.program, member.place, member.pid);
    [begin.as_bytes(), &verdict.words(), b"\n"].concat()
}

/// The directory of the new programs, as an absolute path without links.
fn bin(given: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let dir = match given {
        Some(dir) => dir.to_owned(),
        None => {
            let own = readlink("/proc/self/exe").unable([b"find my own file"])?;
            Path::new(&own).parent().unwrap_or(Path::new("/")).to_owned()
        }
    };
    let found = std::fs::canonicalize(&dir).map_err(|error| {
        let errno = Errno::from_raw(error.raw_os_error().unwrap_or(0));
        Failure::because([b"unable to find ", dir.as_os_str().as_bytes()], errno)
    })?;
    Ok(found.into_os_string().into_vec())
}
