//! How supervise begins: everything before others can see that the service is supervised.

use std::ffi::CStr;

use daemontools_core::status::Want;
use daemontools_program::failure::{Failure, Program, Unable};
use daemontools_service::service_dir::DOWN;
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::sys::signal::SIGCHLD;
use nix::sys::stat::stat;
use nix::unistd::chdir;

use crate::adopted::{Adopted, Watch};
use crate::event_loop::now;
use crate::fifos::Control;
use crate::lock::Lock;
use crate::machine::{Machine, Role};
use crate::processes::Processes;
use crate::record::{LeftBehind, Surroundings, left_behind};
use crate::settings::Settings;
use crate::settings_reader::SettingsReader;
use crate::supervisor::Supervisor;

/// Opens and reads all that supervise needs. The machine is on the heap, in a page that is in use anyway, and what this
/// needs of the stack is given back: so an idle supervise takes two or three pages of it.
#[inline(never)]
pub fn prepare(program: &'static Program, dir: &'static CStr) -> Result<Supervisor, Failure> {
    let name = dir.to_bytes();
    let signals = Signals::watch(&[SIGCHLD]).unable([b"watch for the end of ", name])?;
    let reader = SettingsReader::new(program, name);
    chdir(dir).unable([b"chdir to ", name])?;
    let want = match stat(DOWN) {
        Ok(_) => Want::Down,
        Err(Errno::ENOENT) => Want::Up,
        Err(errno) => Err(errno).unable([b"stat ", name, b"/", DOWN.to_bytes()])?,
    };
    let lock = Lock::acquire(name)?;
    let control = Control::open(name)?;
    let mut settings = Settings::new(reader);
    settings.read();
    let surroundings = Surroundings::look();
    let (machine, adopted) = match surroundings.as_ref().and_then(left_behind) {
        Some(left) => adopt(program, name, &mut settings, left),
        None => (begin(want, &settings), None),
    };
    let processes = Processes::new(program, name, signals);
    Ok(Supervisor::new(processes, lock, control, settings, surroundings, machine, adopted))
}

/// The machine of a service that does not run. A function of its own for the sake of the stack.
#[inline(never)]
fn begin(want: Want, settings: &Settings) -> Box<Machine> {
    Box::new(Machine::new(want, now(), settings.config()))
}

/// Takes over a service that runs already, or its `finish`.
#[cold]
#[inline(never)]
fn adopt(
    program: &Program,
    name: &[u8],
    settings: &mut Settings,
    left: Box<LeftBehind>,
) -> (Box<Machine>, Option<Adopted>) {
    if matches!(left.watch, Watch::Looks) {
        let what: &[u8] = if left.role == Role::Service { b"" } else { b"/supervise.d/finish" };
        let why = b" runs already, and this kernel does not tell when it ends: looking once a second";
        program.warn([name, what, why]);
    }
    if left.role == Role::Service {
        settings.do_without_group(left.pid);
    }
    let machine = Box::new(Machine::adopt(now(), settings.config(), &left));
    (machine, Some(Adopted::new(left.pid, left.identity, left.watch)))
}
