//! Makes a process execute our program.
//!
//! Each state in which we may be killed is one from which the process runs on by itself:
//!
//! | until | the process, without us |
//! |---|---|
//! | it is interrupted in its call | goes on with that call, as after any interruption |
//! | the call is changed into mmap | maps some memory; the call that it was in returns at once, as if interrupted |
//! | it is sent to the block | the same: the memory is there and unused |
//! | then | runs the block (`stub`) to its end: it becomes our program or undoes everything |

use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};
use nix::unistd::Pid;
use std::os::fd::OwnedFd;

use crate::arch::{self, CALL, CallKind, Registers, call};
use crate::proc_reader::read_process;
use crate::process::Process;
use crate::refusal::Refusal;
use crate::stub::{Plan, block};
use crate::tracee::{Stop, Tracee};

/// The largest page of any machine that is supported: what is mapped is a whole number of these.
const PAGE: usize = 1 << 16;

/// Makes a process execute what `plan` says, from the call in which it was seen. `plan` looks at the process again, which
/// is stopped then, and refuses if it is not what it was; the process it gets is what /proc says at that moment. How long
/// the process stood still comes back.
pub fn replace(pid: Pid, mut plan: impl FnMut(&Process) -> Result<Plan, Refusal>) -> Result<Duration, Refusal> {
    let mut tracee = Tracee::seize(pid)?;
    let since = Instant::now();
    stop_at_call(&mut tracee)?;
    let process = read_process(pid)?;
    let plan = plan(&process)?;
    let registers = tracee.registers()?;
    let memory = open_memory(pid)?;
    check_call(&process, &registers, &memory)?;
    let size = size_of_block(&plan, &registers);
    let base = map(&mut tracee, pid, &registers, size)?;
    let begun =
        write(&memory, base, &block(&plan, base, &registers, size)).and_then(|()| arch::jump(pid, &registers, base));
    if let Err(errno) = begun {
        unmap(&mut tracee, pid, &registers, base, size)?;
        return Err(Refusal::Inside("write into its memory", errno));
    }
    follow(&mut tracee)?;
    tracee.release();
    Ok(Instant::now().since(since))
}

/// Stops the process at the entry of the call that it sleeps in, which the kernel restarts after the interruption.
fn stop_at_call(tracee: &mut Tracee) -> Result<(), Refusal> {
    match (tracee.interrupt()?, tracee.advance()?) {
        (Stop::Interrupted, Stop::Call) => Ok(()),
        // It goes on with the signal that it gets.
        _ => Err(Refusal::Busy("it got a signal")),
    }
}

/// The process is at the entry of the call that /proc tells of, and made it by the usual instruction.
fn check_call(process: &Process, registers: &Registers, memory: &OwnedFd) -> Result<(), Refusal> {
    let next = arch::next(registers);
    let same = process.call.is_some_and(|call| call.next == next && call.number == arch::number(registers));
    if !same || arch::kind(arch::number(registers)) == CallKind::Other {
        return Err(Refusal::Busy("it is not waiting"));
    }
    let mut found = CALL;
    let from = i64::try_from(next.wrapping_sub(CALL.len() as u64)).unwrap_or_default();
    match pread(memory, &mut found, from) {
        Ok(length) if length == CALL.len() && found == CALL => Ok(()),
        Ok(_) => Err(Refusal::Foreign("it makes its calls in an unusual way")),
        Err(errno) => Err(Refusal::Denied("read its memory", errno)),
    }
}

fn open_memory(pid: Pid) -> Result<OwnedFd, Refusal> {
    open_private(format!("/proc/{pid}/mem").as_str(), OFlag::O_RDWR, Mode::empty())
        .map_err(|errno| Refusal::Denied("write into its memory", errno))
}

fn size_of_block(plan: &Plan, registers: &Registers) -> u64 {
    block(plan, 0, registers, 0).len().next_multiple_of(PAGE) as u64
}

/// Lets the process map memory instead of the call that it is about to make: the address.
fn map(tracee: &mut Tracee, pid: Pid, registers: &Registers, size: u64) -> Result<u64, Refusal> {
    let number = |value: i32| u64::from(value.unsigned_abs());
    let access = number(libc::PROT_READ | libc::PROT_EXEC);
    let kind = number(libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    let arguments = [0, size, access, kind, u64::MAX, 0];
    let changed = arch::change_call(pid, registers, call::MMAP, arguments);
    changed.map_err(|errno| tracee.failed("change its call", errno))?;
    if tracee.advance()? != Stop::Call {
        return Err(Refusal::Busy("it got a signal"));
    }
    let result = arch::result(&tracee.registers()?);
    match u64::try_from(result) {
        Ok(base) => Ok(base),
        Err(_) => {
            let errno = Errno::from_raw(i32::try_from(-result).unwrap_or(0));
            let finished = arch::finish_call(pid, registers, -i64::from(libc::EINTR));
            finished.map_err(|errno| tracee.failed("set its registers", errno))?;
            Err(Refusal::Inside("map memory", errno))
        }
    }
}

fn write(memory: &OwnedFd, base: u64, bytes: &[u8]) -> nix::Result<()> {
    let base = i64::try_from(base).map_err(|_| Errno::EFAULT)?;
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match pwrite(memory, rest, base + i64::try_from(written).unwrap_or(i64::MAX)) {
            Ok(0) => return Err(Errno::EIO),
            Ok(count) => written += count,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// Lets the process give the memory back, by the call that it would have made.
fn unmap(tracee: &mut Tracee, pid: Pid, registers: &Registers, base: u64, size: u64) -> Result<(), Refusal> {
    arch::make_call(pid, registers, call::MUNMAP, [base, size])
        .map_err(|errno| tracee.failed("set its registers", errno))
}

/// Watches the process until it has become our program or has failed to. Whatever happens to us, it does that by itself.
fn follow(tracee: &mut Tracee) -> Result<(), Refusal> {
    loop {
        match tracee.resume()? {
            Stop::Executed => return Ok(()),
            Stop::Signal(Signal::SIGCONT) => {
                let registers = tracee.registers()?;
                if arch::number(&registers) == call::KILL {
                    tracee.swallow_signal();
                    let (number, result) = arch::failed_call(&registers);
                    let errno = Errno::from_raw(i32::try_from(-result).unwrap_or(0));
                    return Err(Refusal::Inside(word_for(number), errno));
                }
            }
            Stop::Interrupted | Stop::Call | Stop::Signal(_) => {}
        }
    }
}

fn word_for(number: i64) -> &'static str {
    match number {
        call::MEMFD_CREATE => "make a file in memory",
        call::PWRITE => "write the state",
        call::OPENAT => "open the scan directory",
        call::FCNTL => "keep its descriptors",
        _ => "execute our program",
    }
}
