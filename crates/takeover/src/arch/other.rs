//! Machines on which nothing is taken over: everything compiles, and every process is refused.

use nix::errno::Errno;
use nix::unistd::Pid;

use super::CallKind;
use crate::process::Machine;

/// No program file says this.
pub const MACHINE: Machine = Machine { class: 0, kind: 0 };
/// No instruction.
pub const CALL: [u8; 2] = [0, 0];

/// Numbers, all different.
pub mod call {
    pub const CLOSE: i64 = 1;
    pub const EXECVE: i64 = 2;
    pub const FCNTL: i64 = 3;
    pub const KILL: i64 = 9;
    pub const MEMFD_CREATE: i64 = 4;
    pub const MMAP: i64 = 5;
    pub const MUNMAP: i64 = 6;
    pub const OPENAT: i64 = 8;
    pub const PWRITE: i64 = 7;
}

/// Nothing.
pub struct Registers;

/// Any: no process is asked for its calls.
pub fn kind(number: i64) -> CallKind {
    match number {
        0 => CallKind::Poll,
        1 => CallKind::Sleep,
        2 => CallKind::Restarted,
        _ => CallKind::Other,
    }
}

/// Cannot be read.
pub fn registers(_: Pid) -> nix::Result<Registers> {
    Err(Errno::ENOSYS)
}

/// Cannot be done.
pub fn change_call(_: Pid, _: &Registers, _: i64, _: [u64; 6]) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// Not known.
pub fn next(_: &Registers) -> u64 {
    0
}

/// Not known.
pub fn number(_: &Registers) -> i64 {
    -1
}

/// Not known.
pub fn failed_call(_: &Registers) -> (i64, i64) {
    (-1, -1)
}

/// Not known.
pub fn result(_: &Registers) -> i64 {
    -1
}

/// Cannot be done.
pub fn finish_call(_: Pid, _: &Registers, _: i64) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// Cannot be done.
pub fn jump(_: Pid, _: &Registers, _: u64) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// Cannot be done.
pub fn make_call(_: Pid, _: &Registers, _: i64, _: [u64; 2]) -> nix::Result<()> {
    Err(Errno::ENOSYS)
}

/// No instructions.
#[derive(Default)]
pub struct Code(());

impl Code {
    /// Nothing.
    pub fn call(&mut self, _: i64, _: [u64; 4]) {}

    /// Nothing.
    pub fn require(&mut self, _: u32) {}

    /// Nothing.
    pub fn begin_failure(&mut self, _: i64, _: [u64; 4]) {}

    /// Nothing.
    pub fn call_and_leave(&mut self, _: i64, _: [u64; 2], _: &Registers) {}

    /// Nothing.
    pub fn into_bytes(self) -> Vec<u8> {
        Vec::new()
    }
}
