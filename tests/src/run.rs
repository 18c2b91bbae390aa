//! Between fork and exec: what a new process starts with is set here, and nowhere else.
//!
//! The suite's only unsafe code.

use std::ffi::{CString, c_char, c_int};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::ptr;
use std::sync::PoisonError;

use crate::tree::EXECUTABLES;

/// Starts a process while no executable file is being written.
pub(crate) fn spawn(command: &mut Command) -> io::Result<Child> {
    let _lock = EXECUTABLES.lock().unwrap_or_else(PoisonError::into_inner);
    command.spawn()
}

/// Runs a tool in this process's own environment to its end, and catches what it says.
pub fn answer(command: &mut Command) -> io::Result<Output> {
    spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))?.wait_with_output()
}

/// Runs one of the harness's own tools to its end.
pub fn outcome(command: &mut Command) -> ExitStatus {
    let started = spawn(command).and_then(|mut child| child.wait());
    started.unwrap_or_else(|e| panic!("run {}: {e}", command.get_program().to_string_lossy()))
}

/// What is done between fork and exec, all of it prepared: nothing may be allocated there.
pub(crate) struct Start {
    pub(crate) file: CString,
    pub(crate) argv: Vec<*const c_char>,
    pub(crate) envp: Vec<*const c_char>,
    /// What `argv` and `envp` point into.
    #[expect(dead_code, reason = "kept alive only")]
    pub(crate) strings: (Vec<CString>, Vec<CString>),
    pub(crate) directory: CString,
    pub(crate) extra: Vec<(OwnedFd, RawFd)>,
    pub(crate) moved: Vec<RawFd>,
    pub(crate) closed: Vec<RawFd>,
    pub(crate) ignored: Vec<c_int>,
    pub(crate) blocked: Vec<c_int>,
    pub(crate) umask: libc::mode_t,
    pub(crate) limits: Vec<(libc::__rlimit_resource_t, libc::rlimit)>,
    pub(crate) user: Option<(libc::uid_t, libc::gid_t)>,
    pub(crate) own_group: bool,
}

// SAFETY: the pointers lead into strings that the same value owns and that nobody changes.
#[expect(unsafe_code, reason = "raw pointers for execve")]
unsafe impl Send for Start {}
// SAFETY: as above.
#[expect(unsafe_code, reason = "raw pointers for execve")]
unsafe impl Sync for Start {}

pub(crate) fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}

/// A system call's answer as a result.
fn done(answer: c_int) -> io::Result<c_int> {
    if answer == -1 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

impl Start {
    #[expect(unsafe_code, reason = "the state of a new process is set between fork and exec")]
    /// Starts the process.
    pub(crate) fn begin(mut self, command: &mut Command) -> io::Result<Child> {
        // SAFETY: `become_it` makes system calls only and allocates nothing.
        unsafe { command.pre_exec(move || self.become_it()) };
        spawn(command)
    }

    #[expect(unsafe_code, reason = "the state of a new process is set between fork and exec")]
    fn become_it(&mut self) -> io::Result<()> {
        // SAFETY: system calls on numbers, and on pointers into strings and arrays that `self` owns;
        // argv and envp end with null.
        unsafe {
            // The kernel's own call, since the C library keeps two signals to itself. KILL and STOP refuse.
            let default = [0_u64; 4];
            for signal in 1..=64 {
                libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null::<u64>(), 8);
            }
            for &signal in &self.ignored {
                libc::signal(signal, libc::SIG_IGN);
            }
            let mut mask = std::mem::zeroed::<libc::sigset_t>();
            for &signal in &self.blocked {
                done(libc::sigaddset(&raw mut mask, signal))?;
            }
            done(libc::sigprocmask(libc::SIG_SETMASK, &raw const mask, ptr::null_mut()))?;
            done(libc::chdir(self.directory.as_ptr()))?;
            libc::umask(self.umask);
            // Nothing above 2 but what is asked for; std's own descriptor for failures is close-on-exec already.
            done(libc::syscall(libc::SYS_close_range, 3, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) as c_int)?;
            // First all of them out of each other's way.
            for ((open, _), moved) in self.extra.iter().zip(&mut self.moved) {
                *moved = done(libc::fcntl(open.as_raw_fd(), libc::F_DUPFD_CLOEXEC, 100))?;
            }
            for ((_, number), &moved) in self.extra.iter().zip(&self.moved) {
                done(libc::dup2(moved, *number))?;
            }
            for &number in &self.closed {
                done(libc::close(number))?;
            }
            for (resource, limit) in &self.limits {
                done(libc::setrlimit(*resource, limit))?;
            }
            if self.own_group {
                done(libc::setpgid(0, 0))?;
            }
            if let Some((uid, gid)) = self.user {
                done(libc::setgroups(0, ptr::null()))?;
                done(libc::setresgid(gid, gid, gid))?;
                done(libc::setresuid(uid, uid, uid))?;
            }
            libc::execve(self.file.as_ptr(), self.argv.as_ptr(), self.envp.as_ptr());
        }
        Err(io::Error::last_os_error())
    }
}
