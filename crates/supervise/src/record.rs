//! The record of the service's process, and of `finish`: what is written before `run` begins, and what a successor makes of it, so that a
//! service whose supervise was killed is never started twice.

use std::ffi::CStr;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::time::Duration;

use daemontools_core::details::{self, Details};
use daemontools_core::identity::Identity;
use daemontools_core::label::Label;
use daemontools_core::restarts::RestartLog;
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::{self, Status, Want};
use daemontools_program::stdio::read;
use daemontools_sys::fd::open_private;
use daemontools_sys::pidfd;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, SFlag, fstat, stat};
use nix::unistd::{Pid, geteuid};

use crate::adopted::{Seen, Watch, started};
use crate::machine::Role;

/// The id of this boot.
const BOOT_ID: &CStr = c"/proc/sys/kernel/random/boot_id";
/// The namespace in which process numbers count.
const NAMESPACE: &CStr = c"/proc/self/ns/pid";

/// The boot and the namespace: the same for all processes of a supervise.
#[derive(Clone, Copy)]
pub struct Surroundings {
    boot: [u8; Identity::BOOT_SIZE],
    namespace: u64,
}

impl Surroundings {
    /// Looks where we are; `None` where /proc does not tell.
    pub fn look() -> Option<Surroundings> {
        let mut boot = [0; Identity::BOOT_SIZE];
        let file = open_to_read(BOOT_ID).ok()?;
        if read(&file, &mut boot) != Ok(Identity::BOOT_SIZE) {
            return None;
        }
        Some(Surroundings { boot, namespace: stat(NAMESPACE).ok()?.st_ino })
    }

    /// What tells this process from a later one of its number; `None` where /proc does not tell.
    pub fn identify(&self, pid: Pid) -> Option<Identity> {
        Some(Identity { started: started(pid)?, boot: self.boot, namespace: self.namespace })
    }
}

/// A service that runs already, or its `finish`, which a supervise left that was killed.
pub struct LeftBehind {
    /// The process.
    pub pid: Pid,
    /// What it is.
    pub role: Role,
    /// What is known about it.
    pub identity: Identity,
    /// When it was started.
    pub since: Label,
    /// When it said that it is ready, if it has.
    pub ready_since: Option<Label>,
    /// What was wanted.
    pub want: Want,
    /// Whether it was told to pause.
    pub paused: bool,
    /// How often it was started again.
    pub restarts: RestartLog,
    /// The run before.
    pub last_end: Option<RunRecord>,
    /// What `restart-delay` had come to.
    pub delay: Option<Duration>,
    /// When the ends were that `restart-limit` counts, by the monotonic clock.
    pub counted_ends: Vec<Duration>,
    /// How its end is heard of.
    pub watch: Watch,
}

/// Reads what is left in the current directory. `None` where no service of its runs, or where that is not certain.
pub fn left_behind(surroundings: &Surroundings) -> Option<Box<LeftBehind>> {
    read_left_behind(&open_own(details::PATH)?, surroundings)
}

/// A function of its own, so that its buffer is on the stack of those only that need it.
#[inline(never)]
fn read_left_behind(file: &OwnedFd, surroundings: &Surroundings) -> Option<Box<LeftBehind>> {
    let mut buffer = [0; details::MAX_SIZE];
    let length = read(file, &mut buffer).ok()?;
    let file = buffer.get(..length)?;
    let details = Details::read(file)?;
    let counted_ends = details::counted_ends(file).collect();
    let identity = details.identity?;
    let finish = || details.finish.map(|number| (number, Role::Hook));
    let (number, role) = details.pid.map(|number| (number, Role::Service)).or_else(finish)?;
    let pid = Pid::from_raw(i32::try_from(number).ok()?);
    // The descriptor first: what is compared after that is about the process that it stands for.
    let watch = match pidfd::open(pid) {
        Ok(process) => Watch::Descriptor(process),
        Err(Errno::ESRCH) => return None,
        Err(_) => Watch::Looks,
    };
    if surroundings.identify(pid) != Some(identity) || watch.look(pid, &identity) != Seen::Running {
        return None;
    }
    let mut bytes = [0; Status::SIZE];
    let whole = |file| read(&file, &mut bytes) == Ok(Status::SIZE);
    let status = open_own(status::PATH).is_some_and(whole).then(|| Status::from_bytes(bytes));
    // Another supervise may have written it since.
    let status = status.filter(|status| status.pid.map(NonZeroU32::get) == details.pid);
    Some(Box::new(LeftBehind {
        pid,
        role,
        identity,
        since: status.map_or(details.since, |status| status.since),
        ready_since: details.ready_since,
        want: status.map_or(Want::Up, |status| status.want),
        paused: status.is_some_and(|status| status.paused),
        restarts: details.restarts,
        last_end: details.last_end,
        delay: details.delay,
        counted_ends,
        watch,
    }))
}

/// A file that supervise's user wrote: no link, and nobody else's.
fn open_own(path: &CStr) -> Option<OwnedFd> {
    let file = open_to_read(path).ok()?;
    let found = fstat(&file).ok()?;
    let is_file = SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT == SFlag::S_IFREG;
    (is_file && found.st_uid == geteuid().as_raw()).then_some(file)
}

fn open_to_read(path: &CStr) -> nix::Result<OwnedFd> {
    open_private(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW, Mode::empty())
}
