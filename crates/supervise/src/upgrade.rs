//! supervise replaces itself by another file of its name (`daemontools_upgrade`): what it leaves for that one, and how that
//! one goes on.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use daemontools_core::identity::Identity;
use daemontools_core::resume::{Life, SuperviseState};
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_sys::fd::take_over;
use daemontools_sys::signal::Signals;
use daemontools_upgrade::{Answer, Request, replace};
use nix::sys::signal::SIGCHLD;
use nix::unistd::Pid;

use crate::adopted::{Adopted, Watch};
use crate::channels::Channels;
use crate::event_loop::now;
use crate::fifos::{Control, OkFifo};
use crate::lock::Lock;
use crate::machine::Machine;
use crate::processes::Processes;
use crate::record::Surroundings;
use crate::settings::Settings;
use crate::settings_reader::SettingsReader;
use crate::supervisor::Supervisor;

/// Does what the request of this number asks. Comes back where this file goes on.
#[cold]
#[inline(never)]
pub fn upgrade(supervisor: &Supervisor, number: i32) {
    let Some(request) = Request::receive(number) else { return };
    match state(supervisor) {
        Ok((state, descriptors)) => {
            let signals = &supervisor.processes.signals;
            replace(&request, signals, "supervise", &state.to_text(), &descriptors);
        }
        Err(reason) => request.answer(&Answer::Busy(reason.as_bytes().to_vec())),
    }
}

/// What another file needs to go on; or why that has to wait.
fn state(supervisor: &Supervisor) -> Result<(SuperviseState, Vec<BorrowedFd<'_>>), &'static str> {
    let Supervisor { processes, lock, control, ok, machine, settings, channels, adopted, .. } = supervisor;
    let ok = ok.as_ref().ok_or("it has only begun")?;
    let [reader, writer] = control.ends();
    let [notification, notify_socket] = channels.to_wait_for();
    let process = match adopted.as_ref().map(|adopted| &adopted.watch) {
        None => None,
        Some(watch) => Some(watch.descriptor().ok_or("this kernel does not tell when the service ends")?),
    };
    let status = machine.status();
    let numbers = [reader.as_raw_fd(), writer.as_raw_fd()];
    let number = |fd: Option<BorrowedFd<'_>>| fd.map(|fd| fd.as_raw_fd());
    let mut state = SuperviseState {
        tree: number(settings.reader().tree()),
        logger: settings.reader().is_logger(),
        notification: number(notification),
        notify_socket: number(notify_socket),
        process: number(process),
        child_mask: Some(processes.signals.mask_for_child()),
        status_text: channels.text().to_vec(),
        ..SuperviseState::new(lock.as_fd().as_raw_fd(), numbers, ok.as_fd().as_raw_fd(), status.want, status.since)
    };
    machine.carry(&mut state)?;
    let known = [lock.as_fd(), reader, writer, ok.as_fd()];
    let others = [settings.reader().tree(), notification, notify_socket, process];
    Ok((state, known.into_iter().chain(others.into_iter().flatten()).collect()))
}

/// The supervisor that goes on with a state.
#[cold]
#[inline(never)]
pub fn resume(program: &'static Program, name: &'static [u8], text: &[u8]) -> Result<Supervisor, Failure> {
    let state = SuperviseState::from_text(text)
        .map_err(|unusable| Failure::fatal([b"unable to go on with ", name, b": ", unusable.words().as_slice()]))?;
    let take = |number: RawFd| take_over(number).unable([b"go on with a descriptor of ", name]);
    let optional = |number: Option<RawFd>| -> Result<Option<OwnedFd>, Failure> { number.map(take).transpose() };
    let lock = Lock::held(take(state.lock)?);
    let control = Control::open_already(take(state.control_reader)?, take(state.control_writer)?);
    let ok = Some(OkFifo::open_already(take(state.ok)?));
    let signals = Signals::watch_again(&[SIGCHLD], state.child_mask).unable([b"watch for the end of ", name])?;
    let mut settings = Settings::new(SettingsReader::with_tree(program, name, optional(state.tree)?, state.logger));
    settings.read();
    let channels =
        Channels::open_already(optional(state.notification)?, optional(state.notify_socket)?, &state.status_text)
            .unable([b"go on with the notify socket of ", name])?;
    let surroundings = Surroundings::look();
    let pid = match &state.life {
        Life::Running(running) => i32::try_from(running.pid).ok().map(Pid::from_raw),
        Life::Down(_) | Life::Waiting(..) => None,
    };
    let identity = pid.and_then(|pid| surroundings.as_ref()?.identify(pid));
    let adopted = optional(state.process)?.zip(pid).map(|(process, pid)| {
        // Where the process has ended meanwhile, its descriptor says so.
        let identity = identity.unwrap_or(Identity { started: 0, boot: [0; Identity::BOOT_SIZE], namespace: 0 });
        Adopted::new(pid, identity, Watch::open_already(process))
    });
    let machine = Box::new(Machine::resume(now(), settings.config(), &state, identity));
    let processes = Processes::new(program, name, signals);
    let supervisor = Supervisor::new(processes, lock, control, settings, surroundings, machine, adopted);
    Ok(Supervisor { ok, channels, ..supervisor })
}
