//! What tracing another process needs besides nix's ptrace.
#![allow(unsafe_code)]

use nix::errno::Errno;
use nix::unistd::Pid;

/// At the entry of a call: the number of the call that a traced process on aarch64 makes instead, where it is no register.
/// Other machines do not know such a request: EINVAL.
pub fn set_call_number(pid: Pid, number: i32) -> nix::Result<()> {
    const NT_ARM_SYSTEM_CALL: usize = 0x404;
    let mut number = number;
    let mut room = libc::iovec { iov_base: (&raw mut number).cast(), iov_len: size_of::<i32>() };
    // SAFETY: the kernel reads the number, which the iovec describes; both live until it returns.
    let set = unsafe { libc::ptrace(libc::PTRACE_SETREGSET, pid.as_raw(), NT_ARM_SYSTEM_CALL, &raw mut room) };
    Errno::result(set).map(drop)
}
