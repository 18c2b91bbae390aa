//! What is put into a process: instructions that make it execute our program, and what they need, in one block of memory of
//! its own. Pure: bytes come out.
//!
//! The process runs all of it by itself. So nothing depends on us any more from the moment in which it begins: it either
//! becomes our program or has undone everything and goes on with what it was doing, whatever becomes of us.
//!
//! 1. The state goes into a new sealed file in memory, and the scan directory is opened.
//! 2. The descriptors that are to stay open lose close-on-exec.
//! 3. execve.
//! 4. Only if one of these has failed: it sends itself SIGCONT, which does nothing but tell us; the descriptors get close-on-exec again, what was opened is closed, and the block of memory
//!    unmaps itself, by the process's own instruction for calls: so the call that was interrupted returns 0, as if its time
//!    were up.

use std::ffi::{CStr, CString};

use crate::arch::{Code, Registers, call};
use crate::proc_reader::STATE_NAME;

/// Every seal: nobody can change the file.
const SEALS: i32 = libc::F_SEAL_SEAL | libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_WRITE;

/// What a process is to become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The process.
    pub pid: i32,
    /// The file of our program.
    pub program: CString,
    /// Its arguments.
    pub arguments: Vec<CString>,
    /// Its environment.
    pub environment: Vec<CString>,
    /// The descriptors, closed by execve so far, that stay open.
    pub kept: Vec<i32>,
    /// What goes into the file in memory.
    pub state: Vec<u8>,
    /// The number that this file gets when it is made: the lowest that is free.
    pub created_as: i32,
    /// The number under which our program finds it: the lowest that is free and above the standard ones.
    pub state_descriptor: i32,
    /// A directory that is opened for our program (O_PATH), and the number that it gets.
    pub opened: Option<(CString, i32)>,
}

/// The block, for the address `base`; `before`: the registers at the call that was interrupted. Its size does not depend on
/// these.
pub fn block(plan: &Plan, base: u64, before: &Registers, size: u64) -> Vec<u8> {
    let length = code(plan, &Places::default(), before, (base, size)).len();
    let mut data = Data { base, bytes: vec![0; length.next_multiple_of(16)] };
    let places = data.place(plan);
    let code = code(plan, &places, before, (base, size));
    let mut bytes = data.bytes;
    for (to, from) in bytes.iter_mut().zip(code) {
        *to = from;
    }
    bytes
}

/// Addresses in the block.
#[derive(Default)]
struct Places {
    name: u64,
    state: u64,
    program: u64,
    arguments: u64,
    environment: u64,
    opened: u64,
}

fn code(plan: &Plan, places: &Places, before: &Registers, (base, size): (u64, u64)) -> Vec<u8> {
    let number = |value: i32| u64::from(value.unsigned_abs());
    let (created, state, length) = (number(plan.created_as), number(plan.state_descriptor), plan.state.len());
    let mut code = Code::default();
    let kind = u64::from(libc::MFD_ALLOW_SEALING | libc::MFD_CLOEXEC);
    code.call(call::MEMFD_CREATE, [places.name, kind, 0, 0]);
    code.require(plan.created_as.unsigned_abs());
    if created != state {
        code.call(call::FCNTL, [created, number(libc::F_DUPFD_CLOEXEC), state, 0]);
        code.require(plan.state_descriptor.unsigned_abs());
        code.call(call::CLOSE, [created, 0, 0, 0]);
        code.require(0);
    }
    // At the offset 0, and the file's own offset stays there.
    code.call(call::PWRITE, [state, places.state, length as u64, 0]);
    code.require(u32::try_from(length).unwrap_or(u32::MAX));
    code.call(call::FCNTL, [state, number(libc::F_ADD_SEALS), number(SEALS), 0]);
    code.require(0);
    if let Some((_, opened)) = &plan.opened {
        let how = number(libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC);
        code.call(call::OPENAT, [u64::MAX, places.opened, how, 0]);
        code.require(opened.unsigned_abs());
    }
    for &kept in plan.kept.iter().chain([&plan.state_descriptor]) {
        code.call(call::FCNTL, [number(kept), number(libc::F_SETFD), 0, 0]);
        code.require(0);
    }
    code.call(call::EXECVE, [places.program, places.arguments, places.environment, 0]);
    // It does nothing to a process that runs; a tracer is told.
    code.begin_failure(call::KILL, [number(plan.pid), number(libc::SIGCONT), 0, 0]);
    for &kept in &plan.kept {
        code.call(call::FCNTL, [number(kept), number(libc::F_SETFD), number(libc::FD_CLOEXEC), 0]);
    }
    for opened in plan.opened.iter().map(|(_, opened)| number(*opened)).chain([state]) {
        code.call(call::CLOSE, [opened, 0, 0, 0]);
    }
    if created != state {
        code.call(call::CLOSE, [created, 0, 0, 0]);
    }
    code.call_and_leave(call::MUNMAP, [base, size], before);
    code.into_bytes()
}

/// The data behind the instructions.
struct Data {
    base: u64,
    bytes: Vec<u8>,
}

impl Data {
    fn place(&mut self, plan: &Plan) -> Places {
        Places {
            name: self.add(&[STATE_NAME.as_bytes(), b"\0"].concat()),
            state: self.add(&plan.state),
            program: self.add(plan.program.as_bytes_with_nul()),
            arguments: self.add_list(&plan.arguments),
            environment: self.add_list(&plan.environment),
            opened: plan.opened.as_ref().map_or(0, |(path, _)| self.add(path.as_bytes_with_nul())),
        }
    }

    fn add(&mut self, bytes: &[u8]) -> u64 {
        let address = self.base + self.bytes.len() as u64;
        self.bytes.extend_from_slice(bytes);
        address
    }

    /// The words, and behind them their addresses, ended by 0.
    fn add_list(&mut self, words: &[CString]) -> u64 {
        let addresses: Vec<u64> =
            words.iter().map(CString::as_c_str).map(|word: &CStr| self.add(word.to_bytes_with_nul())).collect();
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let list: Vec<u8> = addresses.into_iter().chain([0]).flat_map(u64::to_le_bytes).collect();
        self.add(&list)
    }
}

#[cfg(test)]
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod tests {
    use super::*;

    fn before() -> Registers {
        crate::arch::tests::registers()
    }

    fn plan() -> Plan {
        Plan {
            pid: 42,
            program: c"/usr/bin/supervise".to_owned(),
            arguments: vec![c"supervise".to_owned(), c"web".to_owned()],
            environment: vec![c"A=1".to_owned(), c"".to_owned()],
            kept: vec![5, 6],
            state: b"supervise 1\nend\n".to_vec(),
            created_as: 9,
            state_descriptor: 9,
            opened: Some((c"/service".to_owned(), 10)),
        }
    }

    fn word(block: &[u8], address: u64, base: u64) -> u64 {
        let at = usize::try_from(address - base).unwrap();
        u64::from_le_bytes(block[at..at + 8].try_into().unwrap())
    }

    fn text(block: &[u8], address: u64, base: u64) -> &CStr {
        CStr::from_bytes_until_nul(&block[usize::try_from(address - base).unwrap()..]).unwrap()
    }

    #[test]
    fn the_data_is_where_the_calls_look_for_it() {
        let (base, plan) = (0x7000_0000_0000, plan());
        let block = block(&plan, base, &before(), 65536);
        let mut data = Data {
            base,
            bytes: vec![0; code(&plan, &Places::default(), &before(), (0, 0)).len().next_multiple_of(16)],
        };
        let places = data.place(&plan);
        assert_eq!(block.len(), data.bytes.len());
        assert_eq!(text(&block, places.program, base), c"/usr/bin/supervise");
        assert_eq!(text(&block, places.opened, base), c"/service");
        for (list, words) in [(places.arguments, &plan.arguments), (places.environment, &plan.environment)] {
            for (index, expected) in (0..).zip(words) {
                assert_eq!(text(&block, word(&block, list + 8 * index, base), base), expected.as_c_str());
            }
            assert_eq!(word(&block, list + 8 * words.len() as u64, base), 0);
        }
        let at = usize::try_from(places.state - base).unwrap();
        assert_eq!(&block[at..at + plan.state.len()], plan.state);
    }

    #[test]
    fn the_size_does_not_depend_on_the_address() {
        assert_eq!(block(&plan(), 0, &before(), 0).len(), block(&plan(), u64::MAX / 2, &before(), 1 << 20).len());
    }
}
