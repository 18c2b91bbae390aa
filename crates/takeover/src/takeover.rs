//! What the takeovers of supervise and of svscan have in common.

use std::ffi::{CStr, CString};
use std::time::Duration;

use daemontools_core::resume::{Handover, VARIABLE};
use daemontools_program::clock::Instant;
use daemontools_program::wait::wait;
use nix::errno::Errno;
use nix::sys::stat::stat;
use nix::unistd::Pid;

use crate::proc_reader::{entries, id, read_process};
use crate::process::{Kind, Process};
use crate::refusal::Refusal;
use crate::stub::Plan;

/// How long our program may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A process that was taken over.
#[derive(Clone, Copy, Debug)]
pub struct Taken {
    /// For how long it stood still until it had executed our program.
    pub pause: Duration,
}

impl Taken {
    /// Waits until our program has taken what it goes on with.
    pub(crate) fn confirm(pid: Pid, pause: Duration) -> Result<Taken, Refusal> {
        let deadline = Instant::now() + BEGINS_WITHIN;
        loop {
            let process = read_process(pid)?;
            if process.state == b'Z' {
                return Err(Refusal::Gone);
            }
            if process.descriptors.iter().all(|descriptor| descriptor.kind != Kind::Leftover) {
                return Ok(Taken { pause });
            }
            if Instant::now() >= deadline {
                return Err(Refusal::Inside("begin", Errno::ETIME));
            }
            wait(&mut [], Some(Instant::now() + LOOK_EVERY));
        }
    }
}

/// What a process is to become: `program`, with the arguments and the environment of the process.
pub(crate) fn plan(process: &Process, program: &CStr, kept: Vec<i32>, state: Vec<u8>) -> Plan {
    let number = process.free_descriptor(3);
    let handover = Handover { pid: process.pid.as_raw().unsigned_abs(), memfd: number };
    let variable = CString::new([VARIABLE, b"=", &handover.to_value()].concat()).unwrap_or_default();
    let is_other = |entry: &CString| !entry.as_bytes().starts_with(VARIABLE);
    let environment = entries(&process.environment).into_iter().filter(is_other).chain([variable]).collect();
    let arguments = process.arguments.iter().filter_map(|word| CString::new(word.as_slice()).ok()).collect();
    Plan {
        pid: process.pid.as_raw(),
        program: program.to_owned(),
        arguments,
        environment,
        kept,
        state,
        created_as: process.free_descriptor(0),
        state_descriptor: number,
        opened: None,
    }
}

/// A process sees the same files and the same process numbers as we do.
pub(crate) fn check_surroundings(pid: Pid) -> Result<(), Refusal> {
    for name in ["ns/pid", "ns/mnt", "root"] {
        let look = |whose: &str| {
            let found = stat(format!("/proc/{whose}/{name}").as_str());
            found.map(|found| id(&found)).map_err(|errno| Refusal::Denied("see its namespaces", errno))
        };
        if look(&pid.to_string())? != look("self")? {
            return Err(Refusal::Elsewhere);
        }
    }
    Ok(())
}
