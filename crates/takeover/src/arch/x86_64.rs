//! x86-64: calls are `syscall` with the number in rax and the arguments in rdi, rsi, rdx, r10, r8, r9; rcx and r11 are
//! lost in each.

use nix::sys::ptrace;
use nix::unistd::Pid;

use super::CallKind;
use crate::process::Machine;

/// What a program file of this machine says.
pub const MACHINE: Machine = Machine { class: 2, kind: 62 };
/// The instruction that makes a call: `syscall`.
pub const CALL: [u8; 2] = [0x0f, 0x05];

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

/// What a call is for.
pub fn kind(number: i64) -> CallKind {
    match number {
        libc::SYS_poll | libc::SYS_ppoll => CallKind::Poll,
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
    let [rdi, rsi, rdx, r10, r8, r9] = arguments;
    let orig_rax = number as u64;
    ptrace::setregs(pid, Registers { orig_rax, rdi, rsi, rdx, r10, r8, r9, ..*registers })
}

/// The address behind the instruction of the call that the process is in.
pub fn next(registers: &Registers) -> u64 {
    registers.rip
}

/// The number of the call that the process is in, at its entry or its exit.
pub fn number(registers: &Registers) -> i64 {
    registers.orig_rax as i64
}

/// Behind the call with which the failure's instructions begin: the number of the call that failed, and its result.
pub fn failed_call(registers: &Registers) -> (i64, i64) {
    (registers.r9 as i64, registers.r8 as i64)
}

/// What a call has returned, at its exit.
pub fn result(registers: &Registers) -> i64 {
    registers.rax as i64
}

/// At the exit of a call: lets the process find this result, and the registers as they were before the call.
pub fn finish_call(pid: Pid, before: &Registers, result: i64) -> nix::Result<()> {
    ptrace::setregs(pid, Registers { rax: result as u64, orig_rax: u64::MAX, ..*before })
}

/// At the exit of a call: lets the process go on at this address.
pub fn jump(pid: Pid, before: &Registers, address: u64) -> nix::Result<()> {
    ptrace::setregs(pid, Registers { rip: address, orig_rax: u64::MAX, ..*before })
}

/// At the exit of a call: lets the process make this call by its own instruction for calls, from which it goes on.
pub fn make_call(pid: Pid, before: &Registers, number: i64, [rdi, rsi]: [u64; 2]) -> nix::Result<()> {
    let (rip, rax) = (before.rip.wrapping_sub(CALL.len() as u64), number as u64);
    ptrace::setregs(pid, Registers { rip, rax, rdi, rsi, orig_rax: u64::MAX, ..*before })
}

/// Instructions, which run at any address.
#[derive(Default)]
pub struct Code {
    bytes: Vec<u8>,
    /// The places that hold the distance to the failure's instructions.
    to_failure: Vec<usize>,
}

impl Code {
    /// Makes a call; r9 keeps its number.
    pub fn call(&mut self, number: i64, arguments: [u64; 4]) {
        self.bytes.extend_from_slice(&[0x49, 0xb9]);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.load_call(number, arguments);
        self.bytes.extend_from_slice(&CALL);
    }

    /// Goes to the failure's instructions unless the call has returned this.
    pub fn require(&mut self, result: u32) {
        // cmp rax, imm32; jne rel32
        self.bytes.extend_from_slice(&[0x48, 0x3d]);
        self.bytes.extend_from_slice(&result.to_le_bytes());
        self.branch_to_failure([0x0f, 0x85]);
    }

    /// The failure's instructions begin here: they keep the result of the call in r8 and make the call `notice`.
    pub fn begin_failure(&mut self, notice: i64, arguments: [u64; 4]) {
        let here = self.bytes.len();
        for place in std::mem::take(&mut self.to_failure) {
            let distance = u32::try_from(here.saturating_sub(place + 4)).unwrap_or(u32::MAX).to_le_bytes();
            if let Some(room) = self.bytes.get_mut(place..place + 4) {
                room.copy_from_slice(&distance);
            }
        }
        // mov r8, rax
        self.bytes.extend_from_slice(&[0x49, 0x89, 0xc0]);
        self.load_call(notice, arguments);
        self.bytes.extend_from_slice(&CALL);
    }

    /// Lets the process make this call, of two arguments, at its own instruction for calls, from which it goes on by itself.
    pub fn call_and_leave(&mut self, number: i64, [first, second]: [u64; 2], before: &Registers) {
        let (r8, r9) = (before.r8.to_le_bytes(), before.r9.to_le_bytes());
        self.bytes.extend_from_slice(&[0x49, 0xb8]);
        self.bytes.extend_from_slice(&r8);
        self.bytes.extend_from_slice(&[0x49, 0xb9]);
        self.bytes.extend_from_slice(&r9);
        self.load_call(number, [first, second, before.rdx, before.r10]);
        // jmp [rip+0], and the address
        self.bytes.extend_from_slice(&[0xff, 0x25, 0, 0, 0, 0]);
        let address = before.rip.wrapping_sub(CALL.len() as u64);
        self.bytes.extend_from_slice(&address.to_le_bytes());
    }

    /// The bytes of the instructions.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn load_call(&mut self, number: i64, arguments: [u64; 4]) {
        let [rdi, rsi, rdx, r10] = arguments;
        // mov REGISTER, imm64
        let loads = [
            ([0x48, 0xb8], number as u64),
            ([0x48, 0xbf], rdi),
            ([0x48, 0xbe], rsi),
            ([0x48, 0xba], rdx),
            ([0x49, 0xba], r10),
        ];
        for (load, value) in loads {
            self.bytes.extend_from_slice(&load);
            self.bytes.extend_from_slice(&value.to_le_bytes());
        }
    }

    fn branch_to_failure(&mut self, branch: [u8; 2]) {
        self.bytes.extend_from_slice(&branch);
        self.to_failure.push(self.bytes.len());
        self.bytes.extend_from_slice(&[0; 4]);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The registers of a process that sleeps in a call.
    pub fn registers() -> Registers {
        Registers {
            r15: 0,
            r14: 0,
            r13: 0,
            r12: 0,
            rbp: 0,
            rbx: 0,
            r11: 0,
            r10: 4,
            r9: 0x1111,
            r8: 0x2222,
            rax: 0,
            rcx: 0,
            rdx: 3,
            rsi: 2,
            rdi: 1,
            orig_rax: 7,
            rip: 0x7f00_1234_5678,
            cs: 0,
            eflags: 0,
            rsp: 0x7ffc_0000_0000,
            ss: 0,
            fs_base: 0,
            gs_base: 0,
            ds: 0,
            es: 0,
            fs: 0,
            gs: 0,
        }
    }

    #[test]
    fn the_instructions_are_those_that_a_disassembler_reads() {
        let mut code = Code::default();
        code.call(72, [5, 2, 0, 0]);
        code.require(0);
        code.begin_failure(62, [42, 18, 0, 0]);
        code.call_and_leave(11, [0x7000, 0x10000], &registers());
        let load = |register: [u8; 2], value: u64| [&register[..], &value.to_le_bytes()].concat();
        let expected = [
            load([0x49, 0xb9], 72),       // mov r9, 72
            load([0x48, 0xb8], 72),       // mov rax, 72
            load([0x48, 0xbf], 5),        // mov rdi, 5
            load([0x48, 0xbe], 2),        // mov rsi, 2
            load([0x48, 0xba], 0),        // mov rdx, 0
            load([0x49, 0xba], 0),        // mov r10, 0
            vec![0x0f, 0x05],             // syscall
            vec![0x48, 0x3d, 0, 0, 0, 0], // cmp rax, 0
            vec![0x0f, 0x85, 0, 0, 0, 0], // jne over nothing
            vec![0x49, 0x89, 0xc0],       // mov r8, rax
            load([0x48, 0xb8], 62),
            load([0x48, 0xbf], 42),
            load([0x48, 0xbe], 18),
            load([0x48, 0xba], 0),
            load([0x49, 0xba], 0),
            vec![0x0f, 0x05],
            load([0x49, 0xb8], 0x2222), // mov r8
            load([0x49, 0xb9], 0x1111), // mov r9
            load([0x48, 0xb8], 11),
            load([0x48, 0xbf], 0x7000),
            load([0x48, 0xbe], 0x10000),
            load([0x48, 0xba], 3),
            load([0x49, 0xba], 4),
            vec![0xff, 0x25, 0, 0, 0, 0], // jmp to what follows
            0x7f00_1234_5676_u64.to_le_bytes().to_vec(),
        ];
        assert_eq!(code.into_bytes(), expected.concat());
    }
}
