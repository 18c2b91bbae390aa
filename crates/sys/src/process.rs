//! Making a process, becoming another program, leaving.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::Duration;

use nix::errno::Errno;
use nix::sched::{CloneFlags, clone};
use nix::unistd::{ForkResult, Pid};

use crate::{environ, heap};

/// Room for the calls of a child that runs in our memory.
const STACK: usize = 256 << 10;

/// Forks: the child's process id in the parent, `None` in the child, which exits where it finds no memory.
pub fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: our programs have one thread, so the child may go on as the parent would.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Some(child)),
        ForkResult::Child => {
            heap::exit_when_exhausted();
            Ok(None)
        }
    }
}

/// The stack of a child that shares our memory; one is enough for all of them. Pages that no child has used cost nothing.
pub struct ChildStack(Vec<u8>);

impl ChildStack {
    /// A stack that is large enough for a few calls.
    #[expect(clippy::new_without_default, reason = "it is large")]
    pub fn new() -> ChildStack {
        ChildStack(vec![0; STACK])
    }
}

/// Starts a child that shares our memory and our descriptors, while we stand still until it has become another program
/// or has returned an exit code: nothing is copied, however much of both we have. What `child` allocates it has to free
/// before it becomes another program. A descriptor that it opens or closes is opened or closed for us too, until it
/// calls `fd::unshare_above`; its directory, limits and signal mask are its own.
pub fn spawn_sharing(stack: &mut ChildStack, mut child: impl FnMut() -> u8) -> nix::Result<Pid> {
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK | CloneFlags::CLONE_FILES;
    let run = Box::new(|| {
        heap::exit_when_exhausted();
        isize::from(child())
    });
    // SAFETY: the child has a stack of its own, and the kernel lets us go on only when it no longer uses our memory. We
    // have one thread, so everything that it shares is in a consistent state. A panic aborts it: nothing unwinds.
    heap::lending(|| unsafe { clone(run, &mut stack.0, flags, Some(libc::SIGCHLD)) })
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this code.
    Code(u8),
    /// This signal killed it. A plain number: nix has no name for real-time signals, and its own wait loses a child
    /// that one of these killed.
    Signal(i32),
}

/// A child that has ended, and what it used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reaped {
    /// Which child.
    pub pid: Pid,
    /// How it ended.
    pub ending: Ending,
    /// Whether a core was dumped.
    pub core: bool,
    /// The processor time of the child and of its own children that it waited for.
    pub cpu: Duration,
    /// The largest resident memory of one of these, in units of 1024 bytes.
    pub peak_kb: u64,
}

/// Takes a child that has ended, if there is one; does not wait. Without children there is none.
pub fn reap() -> nix::Result<Option<(Pid, Ending)>> {
    Ok(reap_measured()?.map(|reaped| (reaped.pid, reaped.ending)))
}

/// The same, with what the child used.
pub fn reap_measured() -> nix::Result<Option<Reaped>> {
    loop {
        match wait(-1, libc::WNOHANG) {
            Err(Errno::ECHILD) => return Ok(None),
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// Waits until this child has ended.
pub fn wait_for(child: Pid) -> nix::Result<Ending> {
    loop {
        match wait(child.as_raw(), 0) {
            Ok(Some(reaped)) => return Ok(reaped.ending),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

fn wait(which: libc::pid_t, options: libc::c_int) -> nix::Result<Option<Reaped>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both are ours to write to.
    let pid = Errno::result(unsafe { libc::wait4(which, &raw mut status, options, usage.as_mut_ptr()) })?;
    // SAFETY: numbers only, zero unless the kernel wrote others.
    let usage = unsafe { usage.assume_init() };
    let (ending, core) = ending(status);
    Ok((pid > 0).then(|| Reaped {
        pid: Pid::from_raw(pid),
        ending,
        core,
        cpu: span(usage.ru_utime) + span(usage.ru_stime),
        peak_kb: u64::try_from(usage.ru_maxrss).unwrap_or(0),
    }))
}

/// How a process ended, and whether a core was dumped, by the number that its parent gets.
pub(crate) fn ending(status: libc::c_int) -> (Ending, bool) {
    let ending = match libc::WIFSIGNALED(status) {
        true => Ending::Signal(libc::WTERMSIG(status)),
        // The kernel keeps eight bits of an exit code.
        false => Ending::Code((libc::WEXITSTATUS(status) & 0xff) as u8),
    };
    (ending, libc::WCOREDUMP(status))
}

fn span(time: libc::timeval) -> Duration {
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_usec).unwrap_or(0) * 1000)
}

/// A NULL-ended array of C strings, as execve wants it, made ahead of time: nothing is allocated at exec.
pub struct Pointers<'a> {
    /// `None`: the environment that we were started with, where it is.
    made: Option<Vec<*const c_char>>,
    words: PhantomData<&'a CStr>,
}

impl Pointers<'_> {
    /// The environment that we were started with.
    pub fn inherited() -> Pointers<'static> {
        Pointers { made: None, words: PhantomData }
    }

    fn array(&self) -> *const *const c_char {
        self.made.as_ref().map_or_else(|| environ::pointers().cast_const(), |pointers| pointers.as_ptr())
    }
}

impl<'a> FromIterator<&'a CStr> for Pointers<'a> {
    fn from_iter<I: IntoIterator<Item = &'a CStr>>(words: I) -> Pointers<'a> {
        let pointers = words.into_iter().map(CStr::as_ptr).chain([ptr::null()]).collect();
        Pointers { made: Some(pointers), words: PhantomData }
    }
}

/// Becomes the program at `path`; comes back only with the reason why not.
pub fn execve(path: &CStr, argv: &Pointers<'_>, environment: &Pointers<'_>) -> Errno {
    // SAFETY: a C string and two NULL-ended arrays of C strings, which live as long as their borrows or the process. NULL
    // instead of an environment is an empty one.
    unsafe { libc::execve(path.as_ptr(), argv.array(), environment.array()) };
    Errno::last()
}

/// Sends a signal by its number, of which nix knows only some; to a whole process group if `target` is negative.
pub fn send(target: Pid, signal: i32) -> nix::Result<()> {
    // SAFETY: kill takes two numbers.
    Errno::result(unsafe { libc::kill(target.as_raw(), signal) }).map(drop)
}

/// Sends a signal with a value (sigqueue(3)).
pub fn send_value(target: Pid, signal: i32, value: i32) -> nix::Result<()> {
    // The value is an int of a union as large as a pointer, in which an int is at the beginning.
    let mut bytes = [0; size_of::<usize>()];
    bytes.iter_mut().zip(value.to_ne_bytes()).for_each(|(to, from)| *to = from);
    let value = libc::sigval { sival_ptr: ptr::without_provenance_mut(usize::from_ne_bytes(bytes)) };
    // SAFETY: two numbers and a value that nobody follows as a pointer.
    Errno::result(unsafe { libc::sigqueue(target.as_raw(), signal, value) }).map(drop)
}

/// Ends a forked child that could not become another program, with this exit code; runs nothing of the parent's.
pub fn leave(code: u8) -> ! {
    // SAFETY: _exit takes a number and does not return.
    unsafe { libc::_exit(i32::from(code)) }
}
