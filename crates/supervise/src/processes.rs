//! Makes the processes: the service and the programs of its settings. Between fork and exec a child may ask for memory:
//! where it gets none, it ends, and supervise goes on.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use daemontools_core::end::End;
use daemontools_core::text::Decimal;
use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::Program;
use daemontools_sys::fd::place_inherited;
use daemontools_sys::process::{fork, leave, send};
use daemontools_sys::signal::Signals;
use nix::errno::Errno;
use nix::unistd::{Pid, getpid, setpgid, setsid};

use crate::actions::{FinishStyle, Hook};
use crate::config::{Config, Place};
use crate::gate::{Gate, Key};
use crate::settings_reader::SettingsReader;

/// What the service is started by, seen from its directory.
pub const RUN: &CStr = c"./run";

/// How the service tells that it is ready.
pub struct Readiness<'a> {
    /// The end of the pipe that it finds at the number of `notification-fd`.
    pub pipe: Option<&'a OwnedFd>,
    /// The address of `notify-socket`.
    pub address: Option<&'a [u8]>,
}

/// What a child needs of its supervise.
pub struct Processes {
    pub program: &'static Program,
    /// The service directory as it was given.
    pub name: &'static [u8],
    pub signals: Signals,
    /// `./run`, made ahead of time.
    pub run: Prepared<'static>,
}

impl Processes {
    /// What the children of this process need.
    pub fn new(program: &'static Program, name: &'static [u8], signals: Signals) -> Processes {
        let environment: &'static Environment = Box::leak(Box::new(Environment::inherited()));
        // Made once: between fork and exec nothing is allocated.
        let run = Prepared::new([RUN], environment);
        Processes { program, name, signals, run }
    }

    /// Starts the service, which waits for its record to be written, if there is a gate.
    pub fn start(&self, config: &Config, readiness: &Readiness<'_>) -> nix::Result<(Pid, Option<Key>)> {
        let gate = Gate::new()?;
        match fork()? {
            Some(pid) => Ok((pid, gate.key())),
            None => {
                gate.pass();
                self.become_service(config, readiness)
            }
        }
    }

    /// The child: the mask and SIGCHLD as supervise was started with them, then `./run`.
    fn become_service(&self, config: &Config, readiness: &Readiness<'_>) -> ! {
        let prepare = || -> nix::Result<()> {
            if config.values.group.is_some() {
                setsid()?;
            }
            self.signals.hand_over()
        };
        if let (Some(pipe), Some(Ok(number))) = (readiness.pipe, config.values.notification_fd.map(i32::try_from)) {
            if let Err(errno) = place_inherited(pipe.as_fd(), number) {
                // A number beyond the limit of open files. The service runs all the same.
                let setting = b"/supervise.d/notification-fd";
                self.program.warn_because([b"unable to use ", self.name, setting], errno);
            }
        }
        let errno = prepare().err().unwrap_or_else(|| match readiness.address {
            None => self.run.attempt(),
            Some(address) => run_with_notify_socket(address, config),
        });
        leave(self.program.fail_because([b"unable to start ", self.name, b"/run"], errno).0)
    }

    /// Starts a program of the settings, in a process group of its own. `finish` waits for its record to be written.
    pub fn start_hook(
        &self,
        hook: Hook,
        config: &Config,
        settings: &SettingsReader,
    ) -> nix::Result<(Pid, Option<Key>)> {
        let (file, place) = match hook {
            Hook::Check => ("check", config.check),
            Hook::Stop(_) => ("stop", config.stop),
            Hook::Finish(FinishStyle::Runit, ..) => ("finish", config.finish),
            Hook::Finish(FinishStyle::S6, ..) => ("finish-s6", config.finish_s6),
        };
        let place = place.unwrap_or(Place::Service);
        let gate = matches!(hook, Hook::Finish(..)).then(Gate::new).transpose()?;
        match fork()? {
            Some(pid) => {
                // The child does it too: who comes first does not matter.
                let _ = setpgid(pid, pid);
                Ok((pid, gate.and_then(Gate::key)))
            }
            None => {
                if let Some(gate) = gate {
                    gate.pass();
                }
                self.become_hook(hook, file, place, settings)
            }
        }
    }

    fn become_hook(&self, hook: Hook, file: &str, place: Place, settings: &SettingsReader) -> ! {
        let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
        let attempt = || -> nix::Result<Errno> {
            self.signals.hand_over()?;
            let path = match place {
                Place::Service => [b"./supervise.d/", file.as_bytes()].concat(),
                Place::Tree => [settings.tree_path()?.as_slice(), b"/", file.as_bytes()].concat(),
            };
            let path = CString::new(path).map_err(|_| Errno::ENOENT)?;
            let arguments = arguments(hook, self.name);
            let words = std::iter::once(path.as_c_str()).chain(arguments.iter().map(CString::as_c_str));
            let environment = Environment::inherited();
            Ok(Prepared::new(words, &environment).attempt())
        };
        let errno = attempt().unwrap_or_else(|errno| errno);
        leave(self.program.fail_because([b"unable to run ", file.as_bytes(), b" for ", self.name], errno).0)
    }
}

/// Becomes `./run` with the variables of sd_notify(3).
fn run_with_notify_socket(address: &[u8], config: &Config) -> Errno {
    let mut environment = Environment::inherited();
    environment.set(b"NOTIFY_SOCKET", address);
    environment.unset(b"WATCHDOG_USEC");
    environment.unset(b"WATCHDOG_PID");
    if let Some(span) = config.values.watchdog {
        let microseconds = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        environment.set(b"WATCHDOG_USEC", Decimal::new(microseconds).as_bytes());
        let pid = u64::try_from(getpid().as_raw()).unwrap_or_default();
        environment.set(b"WATCHDOG_PID", Decimal::new(pid).as_bytes());
    }
    Prepared::new([RUN], &environment).attempt()
}

/// The arguments of a program.
fn arguments(hook: Hook, name: &[u8]) -> Vec<CString> {
    let number = |number: i32| match u64::try_from(number) {
        Ok(number) => Decimal::new(number).as_bytes().to_vec(),
        Err(_) => b"-1".to_vec(),
    };
    let words = match hook {
        Hook::Check => vec![],
        Hook::Stop(pid) => vec![number(pid.as_raw())],
        Hook::Finish(style, end, pid) => {
            let no_code = match style {
                FinishStyle::Runit => -1,
                FinishStyle::S6 => 256,
            };
            let (code, signal) = match end {
                End::Code(code) => (i32::from(code), 0),
                End::Signal(signal) => (no_code, signal.number()),
                End::Unknown => (no_code, 0),
            };
            match style {
                FinishStyle::Runit => vec![number(code), number(signal)],
                FinishStyle::S6 => vec![number(code), number(signal), name.to_vec(), number(pid.as_raw())],
            }
        }
    };
    words.into_iter().filter_map(|word| CString::new(word).ok()).collect()
}

/// Kills a program of the settings with all that it started and did not put into another group.
pub fn kill_hook(pid: Pid) {
    if send(Pid::from_raw(-pid.as_raw()), 9).is_err() {
        let _ = send(pid, 9);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::signal::Signal;

    #[test]
    fn finish_gets_the_arguments_of_its_style() {
        let words = |style, end| -> Vec<String> {
            let words = arguments(Hook::Finish(style, end, Pid::from_raw(42)), b"web");
            words.into_iter().map(|word| word.into_string().unwrap()).collect()
        };
        assert_eq!(words(FinishStyle::Runit, End::Code(7)), ["7", "0"]);
        assert_eq!(words(FinishStyle::Runit, End::Signal(Signal::TERM)), ["-1", "15"]);
        assert_eq!(words(FinishStyle::Runit, End::Unknown), ["-1", "0"]);
        assert_eq!(words(FinishStyle::S6, End::Code(7)), ["7", "0", "web", "42"]);
        assert_eq!(words(FinishStyle::S6, End::Signal(Signal::KILL)), ["256", "9", "web", "42"]);
    }

    #[test]
    fn stop_gets_the_process_and_check_nothing() {
        assert_eq!(arguments(Hook::Stop(Pid::from_raw(42)), b"web"), [c"42".to_owned()]);
        assert!(arguments(Hook::Check, b"web").is_empty());
    }
}
