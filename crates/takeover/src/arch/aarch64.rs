//! aarch64: calls are `svc #0` with the number in x8 and the arguments in x0 to x5. Tried by hand in
//! an emulated machine; no test of the suite runs there.

use daemontools_sys::trace::set_call_number;
use nix::sys::ptrace;
use nix::unistd::Pid;

use super::CallKind;
use crate::process::Machine;

/// What a program file of this machine says.
pub const MACHINE: Machine = Machine { class: 2, kind: 183 };
/// The instruction that makes a call: `svc #0`.
pub const CALL: [u8; 4] = [0x01, 0x00, 0x00, 0xd4];

/// The numbers of calls.
pub mod call {
    pub const CLOSE: i64 = libc::SYS_close;
    pub const EXECVE: i64 = libc::SYS_execve;
    pub const FCNTL: i64 = libc::SYS_fcntl;
    pub const KILL: i64 = libc::SYS_kill;
    pub const MEMFD_CREATE: i64 = libc::SYS_memfd_create;
    pub const MMAP: i64 = libc::SYS_mmap;
    pub const MUNMAP: i64 = libc::SYS_munmap;
    pub const OPENAT: i64 = libc::SYS_openat;
    pub const PWRITE: i64 = libc::SYS_pwrite64;
}

/// The registers of a stopped process.
pub type Registers = libc::user_regs_struct;

/// The register of a call's number.
const NUMBER: u32 = 8;
/// A register that a call of a function may change.
const SCRATCH: u32 = 16;

/// What a call is for.
pub fn kind(number: i64) -> CallKind {
    match number {
        libc::SYS_ppoll => CallKind::Poll,
        libc::SYS_nanosleep | libc::SYS_clock_nanosleep => CallKind::Sleep,
        libc::SYS_restart_syscall => CallKind::Restarted,
        _ => CallKind::Other,
    }
}

/// Reads the registers.
pub fn registers(pid: Pid) -> nix::Result<Registers> {
    ptrace::getregs(pid)
}

/// At the entry of a call: lets the process make this call instead.
pub fn change_call(pid: Pid, registers: &Registers, number: i64, arguments: [u64; 6]) -> nix::Result<()> {
    let mut changed = *registers;
    for (register, argument) in changed.regs.iter_mut().zip(arguments) {
        *register = argument;
    }
    ptrace::setregs(pid, changed)?;
    set_call_number(pid, i32::try_from(number).map_err(|_| nix::errno::Errno::EINVAL)?)
}

/// The address behind the instruction of the call that the process is in.
pub fn next(registers: &Registers) -> u64 {
    registers.pc
}

/// The number of the call that the process is in, at its entry or its exit.
pub fn number(registers: &Registers) -> i64 {
    let [_, _, _, _, _, _, _, _, x8, ..] = registers.regs;
    x8 as i64
}

/// Behind the call with which the failure's instructions begin: the number of the call that failed, and its result.
pub fn failed_call(registers: &Registers) -> (i64, i64) {
    let [_, _, _, _, _, _, _, _, _, x9, x10, ..] = registers.regs;
    (x10 as i64, x9 as i64)
}

/// What a call has returned, at its exit.
pub fn result(registers: &Registers) -> i64 {
    let [result, ..] = registers.regs;
    result as i64
}

/// At the exit of a call: lets the process find this result, and the registers as they were before the call.
pub fn finish_call(pid: Pid, before: &Registers, result: i64) -> nix::Result<()> {
    let mut changed = *before;
    let [first, ..] = &mut changed.regs;
    *first = result as u64;
    ptrace::setregs(pid, changed)
}

/// At the exit of a call: lets the process go on at this address.
pub fn jump(pid: Pid, before: &Registers, address: u64) -> nix::Result<()> {
    ptrace::setregs(pid, Registers { pc: address, ..*before })
}

/// At the exit of a call: lets the process make this call by its own instruction for calls, from which it goes on.
pub fn make_call(pid: Pid, before: &Registers, number: i64, [first, second]: [u64; 2]) -> nix::Result<()> {
    let mut changed = Registers { pc: before.pc.wrapping_sub(CALL.len() as u64), ..*before };
    let [x0, x1, _, _, _, _, _, _, x8, ..] = &mut changed.regs;
    (*x0, *x1, *x8) = (first, second, number as u64);
    ptrace::setregs(pid, changed)
}

/// Instructions, which run at any address.
#[derive(Default)]
pub struct Code {
    words: Vec<u32>,
    /// The places of branches to the failure's instructions.
    to_failure: Vec<usize>,
}

impl Code {
    /// Makes a call.
    pub fn call(&mut self, number: i64, arguments: [u64; 4]) {
        self.load_call(number, arguments);
        self.words.push(u32::from_le_bytes(CALL));
    }

    /// Goes to the failure's instructions unless the call has returned this.
    pub fn require(&mut self, result: u32) {
        self.load(SCRATCH, u64::from(result));
        // cmp x0, x16; b.eq over the next; b to the failure
        self.words.extend([0xeb10_001f, 0x5400_0040]);
        self.to_failure.push(self.words.len());
        self.words.push(0);
    }

    /// The failure's instructions begin here: they keep the result of the call in x9 and its number in x10, and make the
    /// call `notice`.
    pub fn begin_failure(&mut self, notice: i64, arguments: [u64; 4]) {
        let here = self.words.len();
        for place in std::mem::take(&mut self.to_failure) {
            let distance = u32::try_from(here.saturating_sub(place)).unwrap_or(u32::MAX) & 0x03ff_ffff;
            if let Some(room) = self.words.get_mut(place) {
                *room = 0x1400_0000 | distance;
            }
        }
        // mov x9, x0; mov x10, x8
        self.words.extend([0xaa00_03e9, 0xaa08_03ea]);
        self.call(notice, arguments);
    }

    /// Lets the process make this call, of two arguments, at its own instruction for calls, from which it goes on by itself.
    pub fn call_and_leave(&mut self, number: i64, [first, second]: [u64; 2], before: &Registers) {
        let [_, _, x2, x3, _, _, _, _, _, x9, x10, ..] = before.regs;
        self.load(9, x9);
        self.load(10, x10);
        self.load_call(number, [first, second, x2, x3]);
        self.load(SCRATCH, before.pc.wrapping_sub(CALL.len() as u64));
        // ret x16, not br: where that instruction lies, the processor may allow branches to marked places alone (BTI).
        self.words.push(0xd65f_0200);
    }

    /// The bytes of the instructions.
    pub fn into_bytes(self) -> Vec<u8> {
        self.words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    fn load_call(&mut self, number: i64, arguments: [u64; 4]) {
        self.load(NUMBER, number as u64);
        for (register, value) in (0..).zip(arguments) {
            self.load(register, value);
        }
    }

    /// movz and three times movk: 16 bits each.
    fn load(&mut self, register: u32, value: u64) {
        for (part, instruction) in (0..4).zip([0xd280_0000, 0xf280_0000, 0xf280_0000, 0xf280_0000]) {
            let bits = (value >> (16 * part)) as u32 & 0xffff;
            self.words.push(instruction | part << 21 | bits << 5 | register);
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The registers of a process that sleeps in a call.
    pub fn registers() -> Registers {
        let regs = std::array::from_fn(|number| 100 + number as u64);
        Registers { regs, sp: 0x7ffc_0000_0000, pc: 0x7f00_1234_5678, pstate: 0 }
    }

    #[test]
    fn the_instructions_are_those_that_a_disassembler_reads() {
        let mut code = Code::default();
        code.call(25, [5, 2, 0, 0x1234_5678_9abc_def0]);
        code.require(7);
        code.begin_failure(129, [42, 18, 0, 0]);
        code.call_and_leave(215, [0x7000, 0x10000], &registers());
        let load = |register: u32, parts: [u32; 4]| {
            let [movz, others @ ..] = [0xd280_0000, 0xf2a0_0000, 0xf2c0_0000, 0xf2e0_0000_u32];
            let all = [movz].into_iter().chain(others).zip(parts);
            all.map(|(instruction, bits)| instruction | bits << 5 | register).collect::<Vec<u32>>()
        };
        let expected = [
            load(8, [25, 0, 0, 0]),
            load(0, [5, 0, 0, 0]),
            load(1, [2, 0, 0, 0]),
            load(2, [0; 4]),
            load(3, [0xdef0, 0x9abc, 0x5678, 0x1234]),
            vec![0xd400_0001], // svc #0
            load(16, [7, 0, 0, 0]),
            vec![0xeb10_001f, 0x5400_0040, 0x1400_0001], // cmp x0, x16; b.eq #8; b #4
            vec![0xaa00_03e9, 0xaa08_03ea],              // mov x9, x0; mov x10, x8
            load(8, [129, 0, 0, 0]),
            load(0, [42, 0, 0, 0]),
            load(1, [18, 0, 0, 0]),
            load(2, [0; 4]),
            load(3, [0; 4]),
            vec![0xd400_0001],
            load(9, [109, 0, 0, 0]),
            load(10, [110, 0, 0, 0]),
            load(8, [215, 0, 0, 0]),
            load(0, [0x7000, 0, 0, 0]),
            load(1, [0, 1, 0, 0]),
            load(2, [102, 0, 0, 0]),
            load(3, [103, 0, 0, 0]),
            load(16, [0x5674, 0x1234, 0x7f00, 0]),
            vec![0xd65f_0200], // ret x16
        ];
        let expected: Vec<u8> = expected.concat().into_iter().flat_map(u32::to_le_bytes).collect();
        assert_eq!(code.into_bytes(), expected);
    }
}
