//! Decides what a process is, by what it has open and by the call that it sleeps in: never by what is at some place of one
//! build of the program. Pure: everything comes in with `Process` and `ServiceFiles`.
//!
//! | | supervise of 0.76 | svscan of 0.76 |
//! |---|---|---|
//! | catches | SIGCHLD alone | nothing |
//! | closed by execve | a pipe to itself, `lock`, both ends of `control`, `ok` | both ends of a pipe for each logger |
//! | sleeps in | poll on that pipe and on `control` | a sleep of five seconds |

use std::collections::BTreeMap;

use daemontools_core::status::{Status, Want};
use nix::unistd::Pid;

use crate::arch::{self, CallKind};
use crate::process::{Access, Descriptor, FileId, Kind, Process};
use crate::refusal::Refusal;

/// What a supervise does in the second after each start.
const PAUSE: &str = "it has just started its service";

/// The bit of SIGCHLD in a mask of signals.
pub(crate) const CHLD: u64 = 1 << 16;
/// The bits of SIGALRM and SIGTERM.
const ALRM: u64 = 1 << 13;
const TERM: u64 = 1 << 14;

/// What is in `supervise/` of the directory that a process works in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceFiles {
    /// The file `lock`.
    pub lock: Option<FileId>,
    /// The FIFO `control`.
    pub control: Option<FileId>,
    /// The FIFO `ok`.
    pub ok: Option<FileId>,
    /// What `status` holds; `None` where it cannot be read or is another user's.
    pub status: Option<Vec<u8>>,
    /// Whether a status is there that could not be published.
    pub status_is_late: bool,
}

/// A supervise of 0.76 in its poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalSupervise {
    /// `lock`.
    pub lock: i32,
    /// `control`, for reading.
    pub control_reader: i32,
    /// `control`, for writing.
    pub control_writer: i32,
    /// `ok`.
    pub ok: i32,
    /// What it has published.
    pub status: Status,
}

/// An svscan of 0.76 in its sleep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalSvscan {
    /// The pipes to loggers: which pipe, its reading end, its writing end.
    pub pipes: BTreeMap<FileId, (i32, i32)>,
}

/// What may trace the process while it is judged.
pub type Tracer = Option<Pid>;

/// Whether a process is a supervise of 0.76 that waits for something to do.
pub fn supervise(process: &Process, files: &ServiceFiles, tracer: Tracer) -> Result<OriginalSupervise, Refusal> {
    check_process(process, tracer, CHLD)?;
    let mut own = Own::of(process);
    let lock = own.take(files.lock, Access::Write).ok_or(Refusal::Foreign("it does not hold supervise/lock"))?;
    let control_reader = own.take(files.control, Access::Read);
    let control_writer = own.take(files.control, Access::Write);
    let ok = own.take(files.ok, Access::Read);
    let (Some(control_reader), Some(control_writer), Some(ok)) = (control_reader, control_writer, ok) else {
        return Err(Refusal::Foreign("it has not opened supervise/control and supervise/ok as 0.76 does"));
    };
    let itself = own.only_pipe().ok_or(Refusal::Foreign("it has other descriptors open than 0.76 has"))?;
    let call = process.call.ok_or(Refusal::Busy("it is not waiting"))?;
    if process.polled != Some([itself, control_reader]) {
        return Err(match arch::kind(call.number) {
            // A pause is a poll on nothing.
            CallKind::Poll if call.arguments.get(1) == Some(&0) => Refusal::Busy(PAUSE),
            CallKind::Sleep | CallKind::Restarted => Refusal::Busy(PAUSE),
            CallKind::Poll => Refusal::Foreign("it waits for other descriptors than 0.76 does"),
            CallKind::Other => Refusal::Busy("it is not waiting"),
        });
    }
    if arch::kind(call.number) == CallKind::Other {
        return Err(Refusal::Busy("it is not waiting"));
    }
    let status = status(files)?;
    check_service(process, &status)?;
    Ok(OriginalSupervise { lock, control_reader, control_writer, ok, status })
}

/// Whether a process is an svscan of 0.76 that sleeps. `before` is the call that it was seen in, if it was interrupted
/// since: then the kernel calls it another one.
pub fn svscan(process: &Process, before: Option<&Process>, tracer: Tracer) -> Result<OriginalSvscan, Refusal> {
    check_process(process, tracer, 0)?;
    let own = Own::of(process);
    let pipes = own.pipes().ok_or(Refusal::Foreign("it has other descriptors open than 0.76 has"))?;
    let call = process.call.ok_or(Refusal::Busy("it is not asleep"))?;
    let same = |earlier: &Process| {
        let earlier = earlier.call.map(|call| (call.stack, call.next));
        earlier == Some((call.stack, call.next))
    };
    match arch::kind(call.number) {
        CallKind::Sleep => {}
        CallKind::Restarted if before.is_some_and(same) => {}
        CallKind::Restarted => return Err(Refusal::Busy("it was interrupted in a call that the kernel does not name")),
        CallKind::Poll => return Err(Refusal::Foreign("it waits for descriptors, which 0.76 does not")),
        CallKind::Other => return Err(Refusal::Busy("it is not asleep")),
    }
    Ok(OriginalSvscan { pipes })
}

/// Whether a process is a multilog of 0.76 that its supervise starts again when it has ended.
pub fn multilog(process: &Process, supervise: &Process, files: &ServiceFiles) -> Result<(), Refusal> {
    check_process(process, None, ALRM | TERM)?;
    let status = status(files)?;
    let is_service = status.pid.map(|pid| i32::try_from(pid.get())) == Some(Ok(process.pid.as_raw()));
    if supervise.name() != b"supervise" || !is_service {
        return Err(Refusal::Foreign("it is not what a supervise runs, but a part of that"));
    }
    match (status.want, status.paused) {
        (Want::Up, false) => Ok(()),
        _ => Err(Refusal::Foreign("its supervise would not start it again")),
    }
}

/// What must be so of all.
fn check_process(process: &Process, tracer: Tracer, catches: u64) -> Result<(), Refusal> {
    if process.machine != Some(arch::MACHINE) {
        return Err(Refusal::Machine);
    }
    match process.tracer {
        Some(other) if Some(other) != tracer => return Err(Refusal::Traced(other)),
        _ => {}
    }
    match process.state {
        b'T' => return Err(Refusal::Stopped),
        b'Z' | b'X' => return Err(Refusal::Gone),
        _ => {}
    }
    if process.threads != 1 {
        return Err(Refusal::Foreign("it has threads"));
    }
    if process.caught != catches {
        return Err(Refusal::Foreign("it catches other signals than 0.76 does"));
    }
    Ok(())
}

fn status(files: &ServiceFiles) -> Result<Status, Refusal> {
    let bytes = files.status.as_deref().ok_or(Refusal::Foreign("its supervise/status cannot be read"))?;
    let bytes = bytes.try_into().map_err(|_| Refusal::Foreign("its supervise/status does not have 18 bytes"))?;
    if files.status_is_late {
        // For a moment that is usual; after a full disk it stays.
        return Err(Refusal::Busy("its status is not published: supervise/status.new is there"));
    }
    Ok(Status::from_bytes(bytes))
}

/// Whether the status is about the process's child: a full disk may have kept an old one.
fn check_service(process: &Process, status: &Status) -> Result<(), Refusal> {
    let is_child = |pid: u32| process.children.iter().any(|child| u32::try_from(child.pid.as_raw()) == Ok(pid));
    match status.pid {
        Some(pid) if is_child(pid.get()) => Ok(()),
        None if process.children.is_empty() => Ok(()),
        _ => Err(Refusal::Foreign("its supervise/status is not about its child")),
    }
}

/// The descriptors of a process that it opened itself: those that execve closes. The others were there before it.
struct Own(Vec<Descriptor>);

impl Own {
    fn of(process: &Process) -> Own {
        let own = process.descriptors.iter().filter(|descriptor| descriptor.close_on_exec);
        Own(own.filter(|descriptor| descriptor.kind != Kind::Leftover).copied().collect())
    }

    /// Takes the descriptor of a file out of the list: its number, if there is exactly one.
    fn take(&mut self, file: Option<FileId>, access: Access) -> Option<i32> {
        let is_it = |descriptor: &Descriptor| {
            Some(descriptor.file) == file && descriptor.access == access && descriptor.nonblocking
        };
        let mut found = self.0.iter().filter(|descriptor| is_it(descriptor));
        let (number, None) = (found.next()?.number, found.next()) else { return None };
        self.0.retain(|descriptor| descriptor.number != number);
        Some(number)
    }

    /// The reading end of the pipe whose two ends, which do not block, are all that there is.
    fn only_pipe(&self) -> Option<i32> {
        let [a, b] = self.0[..] else { return None };
        let is_pipe = a.file == b.file && [a, b].iter().all(|end| end.kind == Kind::Pipe && end.nonblocking);
        match (a.access, b.access) {
            (Access::Read, Access::Write) if is_pipe => Some(a.number),
            (Access::Write, Access::Read) if is_pipe => Some(b.number),
            _ => None,
        }
    }

    /// The pipes, if there is nothing but both ends of each.
    fn pipes(&self) -> Option<BTreeMap<FileId, (i32, i32)>> {
        let mut ends: BTreeMap<FileId, (Option<i32>, Option<i32>)> = BTreeMap::new();
        for end in &self.0 {
            let (reader, writer) = ends.entry(end.file).or_default();
            let place = match end.access {
                Access::Read => reader,
                Access::Write => writer,
                Access::Both => return None,
            };
            if end.kind != Kind::Pipe || place.replace(end.number).is_some() {
                return None;
            }
        }
        ends.into_iter().map(|(file, (reader, writer))| Some((file, (reader?, writer?)))).collect()
    }
}

#[cfg(test)]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tests;
