//! svscan replaces itself by another file of its name (`daemontools_upgrade`): what it leaves for that one, and what that one
//! takes.

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use daemontools_core::resume::{ServiceState, SuperviseProcess, SvscanState};
use daemontools_core::run_record::RunRecord;
use daemontools_program::clock::Instant;
use daemontools_program::errno::reason;
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_program::limits::OpenFiles;
use daemontools_sys::fd::take_over;
use daemontools_upgrade::{Answer, Request, replace};
use nix::unistd::Pid;

use crate::event_loop::Tree;
use crate::start::Pipe;
use crate::supervised::{Inode, Logger, Supervise, Supervised};
use crate::table::Table;

/// How old a supervise is that is known to be where it was sent.
const CONFIRMED_AFTER: Duration = Duration::from_secs(5);

/// What a state says.
pub struct Resumed {
    pub child_mask: Option<u64>,
    pub open_files: Option<OpenFiles>,
    pub last: Option<OwnedFd>,
    pub ended_before: Option<RunRecord>,
    pub table: Table<Pipe>,
}

/// Does what the request of this number asks. Comes back where this file goes on.
pub fn upgrade(tree: &Tree, number: i32, ended_before: Option<RunRecord>) {
    let Some(request) = Request::receive(number) else { return };
    let signals = match tree.signals.queue() {
        Ok(signals) => signals,
        Err(errno) => {
            return request.answer(&Answer::Refused([b"unable to read signals: ", reason(errno).as_bytes()].concat()));
        }
    };
    let table = &tree.scanner.table;
    let last = tree.starter.last();
    let ends = table.services().filter_map(|(_, service)| ends(service)).flatten();
    let descriptors: Vec<BorrowedFd<'_>> = ends.chain(last).collect();
    let state = SvscanState {
        child_mask: Some(signals.mask_for_child()),
        open_files: tree.starter.open_files().map(OpenFiles::to_numbers),
        last: last.map(|last| last.as_raw_fd()),
        ended_before,
        services: table.services().map(|(id, service)| to_state(id, service)).collect(),
    };
    replace(&request, &signals, "svscan", &state.to_text(), &descriptors);
}

/// Answers a request that comes while the tree is being stopped.
pub fn refuse(number: i32) {
    if let Some(request) = Request::receive(number) {
        request.answer(&Answer::Busy(b"the tree is being stopped".to_vec()));
    }
}

/// Takes a state, and the descriptors that it names.
pub fn take(program: &'static Program, text: &[u8]) -> Result<Resumed, Failure> {
    let state = SvscanState::from_text(text)
        .map_err(|unusable| Failure::fatal([b"unable to go on: ", unusable.words().as_slice()]))?;
    let now = Instant::now();
    let mut table = Table::default();
    for service in &state.services {
        // The name has no NUL: the format says so.
        let name = CString::new(service.name.as_slice()).unwrap_or_default().as_c_str().into();
        let pipe = service.pipe.map(|(reader, writer)| pipe(reader, writer)).transpose();
        let pipe = pipe.unable([b"go on with the pipe of ", service.name.as_slice()])?;
        let log = service.logger.map(|logger| Box::new(Logger { supervise: supervise(logger), pipe }));
        let supervised = Supervised { name, entries: 0, service: supervise(service.supervise), log };
        let id = Inode { device: service.device, number: service.inode };
        table.restore(id, supervised, now.before(CONFIRMED_AFTER));
    }
    let last = state.last.map(take_over).transpose();
    if let Err(errno) = &last {
        program.warn_because([b"unable to go on with a descriptor"], *errno);
    }
    Ok(Resumed {
        child_mask: state.child_mask,
        open_files: state.open_files.map(|(soft, hard)| OpenFiles::from_numbers(soft, hard)),
        last: last.ok().flatten(),
        ended_before: state.ended_before,
        table,
    })
}

fn pipe(reader: RawFd, writer: RawFd) -> nix::Result<Pipe> {
    Ok(Pipe { reader: take_over(reader)?, writer: Some(take_over(writer)?) })
}

/// Both ends of the pipe to the logger; only while a tree is being stopped is one of them closed.
fn ends(service: &Supervised<Pipe>) -> Option<[BorrowedFd<'_>; 2]> {
    let pipe = service.log.as_ref()?.pipe.as_ref()?;
    Some([pipe.reader.as_fd(), pipe.writer.as_ref()?.as_fd()])
}

fn to_state(id: Inode, service: &Supervised<Pipe>) -> ServiceState {
    let log = service.log.as_ref();
    ServiceState {
        device: id.device,
        inode: id.number,
        supervise: to_process(service.service),
        logger: log.map(|log| to_process(log.supervise)),
        pipe: ends(service).map(|[reader, writer]| (reader.as_raw_fd(), writer.as_raw_fd())),
        name: service.name.to_bytes().to_vec(),
    }
}

fn to_process(supervise: Supervise) -> SuperviseProcess {
    match supervise {
        // A process id is positive.
        Supervise::Running { pid, since } => {
            SuperviseProcess::Running(u32::try_from(pid.as_raw()).unwrap_or(0), since.0)
        }
        Supervise::Idle { until } => SuperviseProcess::Idle(until.0),
    }
}

fn supervise(process: SuperviseProcess) -> Supervise {
    match process {
        SuperviseProcess::Running(pid, since) => {
            // The format has no number that does not fit.
            let pid = Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX));
            Supervise::Running { pid, since: Instant(since) }
        }
        SuperviseProcess::Idle(until) => Supervise::Idle { until: Instant(until) },
    }
}
