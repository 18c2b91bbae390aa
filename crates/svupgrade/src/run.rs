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

use daemontools_upgrade::Order;

use crate::PROGRAM;
use crate::options::Options;
use crate::processes::Processes;
use crate::socket::{Socket, is_original, may_change};
use crate::tree::{Member, instead, members};
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
            let instead = instead(&processes, dir);
            PROGRAM.warn([b"no svscan runs in ", dir.as_os_str().as_bytes(), instead.as_bytes()]);
            is_fine = false;
        }
        all.extend(found);
    }
    let job =
        Job { socket: Socket::new().unable([b"make a socket"])?, bin, deadline: Instant::now() + options.timeout };
    if options.order == Order::Upgrade {
        let originals = all.iter().filter(|member| is_original(member, &job.bin)).cloned().collect();
        if !job.look(originals)? {
            return Ok(Exit::TROUBLE);
        }
    }
    job.ask(all, options.order, |member, verdict| {
        // One that has ended by itself is not missed.
        is_fine &= verdict.is_fine() || *verdict == Verdict::Gone;
        print(&line(member, verdict))
    })?;
    Ok(if is_fine { Exit::OK } else { Exit::TROUBLE })
}

/// What all processes are asked with.
struct Job {
    socket: Socket,
    bin: Vec<u8>,
    deadline: Instant,
}

impl Job {
    /// Looks at those that are to be taken over, all of them, before the first process is touched; whether they can be. Prints
    /// a line for each that cannot be.
    fn look(&self, originals: Vec<Member>) -> Result<bool, Failure> {
        let mut is_fine = true;
        self.ask(originals, Order::Check, |member, verdict| {
            let can_be = verdict.is_fine() || *verdict == Verdict::Gone;
            is_fine &= can_be;
            if can_be { Ok(()) } else { print(&line(member, verdict)) }
        })?;
        Ok(is_fine)
    }

    /// Asks each process, those that are busy again until the time is over, and reports what came of it.
    fn ask(
        &self,
        mut all: Vec<Member>,
        order: Order,
        mut report: impl FnMut(&Member, &Verdict) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while !all.is_empty() {
            let is_last = Instant::now() >= self.deadline;
            let mut busy = Vec::new();
            for member in all {
                match self.socket.ask(&member, order, &self.bin) {
                    verdict if !is_last && may_change(&member, &self.bin, &verdict) => busy.push(member),
                    verdict => report(&member, &verdict)?,
                }
            }
            all = busy;
            if !all.is_empty() {
                sleep(ASK_AGAIN_AFTER);
            }
        }
        Ok(())
    }
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
