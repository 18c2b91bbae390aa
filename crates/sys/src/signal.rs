//! Signals as something to wait for: blocked, and read from a descriptor (signalfd(2)), so that no system call of ours
//! is ever interrupted; and what a child gets instead: the mask and the dispositions that we were started with.
#![allow(unsafe_code)]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, sigaction, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use super::{fd, mask};

/// The signals that a program waits for.
pub struct Signals {
    /// Readable while one of them is pending. Does not block.
    queue: SignalFd,
    /// The mask for a child: the inherited one, less the watched signals.
    for_child: SigSet,
}

impl Signals {
    /// From now on these signals wait in a queue. Their dispositions become the default ones: an ignored SIGCHLD would
    /// reap our children behind our back.
    pub fn watch(signals: &[Signal]) -> nix::Result<Signals> {
        let mut watched = SigSet::empty();
        for &signal in signals {
            watched.add(signal);
        }
        let mut for_child = SigSet::empty();
        // Not thread_swap_mask: that takes an error of pthread_sigmask, which is no -1, for success.
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&watched), Some(&mut for_child))?;
        for &signal in signals {
            for_child.remove(signal);
            set_default(signal)?;
        }
        Ok(Signals { queue: open_queue(&watched)?, for_child })
    }

    /// The same for a program that goes on where another one in this process ended: `for_child` is what that one gave its
    /// children (`mask_for_child`).
    pub fn watch_again(signals: &[Signal], for_child: Option<u64>) -> nix::Result<Signals> {
        let watching = Signals::watch(signals)?;
        let for_child = for_child.map_or(watching.for_child, mask::from_bits);
        Ok(Signals { for_child, ..watching })
    }

    /// The signals that a child finds blocked: bit 0 is signal 1.
    pub fn mask_for_child(&self) -> u64 {
        mask::to_bits(&self.for_child)
    }

    /// The next signal that came, if any.
    pub fn take(&self) -> nix::Result<Option<Signal>> {
        Ok(self.take_with_value()?.map(|(signal, _)| signal))
    }

    /// The same, and the value that was sent with it by sigqueue(3).
    pub fn take_with_value(&self) -> nix::Result<Option<(Signal, Option<i32>)>> {
        let Some(info) = self.queue.read_signal()? else { return Ok(None) };
        let number = i32::try_from(info.ssi_signo).map_err(|_| Errno::EINVAL)?;
        let value = (info.ssi_code == libc::SI_QUEUE).then_some(info.ssi_int);
        Signal::try_from(number).map(|signal| Some((signal, value)))
    }

    /// In a child, before exec: the mask as we were started with it, and the watched signals unblocked.
    pub fn hand_over(&self) -> nix::Result<()> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.for_child), None)
    }

    /// Closes the queue. The signals stay blocked: those that come are in the queue when it is opened again.
    pub fn close(self, watched: &[Signal]) -> ClosedSignals {
        ClosedSignals { watched: watched.iter().copied().collect(), for_child: self.for_child }
    }
}

/// Signals that wait while no descriptor is open for them.
pub struct ClosedSignals {
    watched: SigSet,
    for_child: SigSet,
}

impl ClosedSignals {
    /// Opens a queue with what has come meanwhile. EMFILE: no descriptor is free.
    pub fn open(&self) -> nix::Result<Signals> {
        Ok(Signals { queue: open_queue(&self.watched)?, for_child: self.for_child })
    }

    /// As `Signals::hand_over`.
    pub fn hand_over(&self) -> nix::Result<()> {
        sigprocmask(SigmaskHow::SIG_SETMASK, Some(&self.for_child), None)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

/// Blocks these signals, in addition to what is blocked already. A child gets its mask from `Signals::hand_over`.
pub fn block(signals: &[Signal]) -> nix::Result<()> {
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&signals.iter().copied().collect()), None)
}

/// Gives a signal its default disposition.
pub fn set_default(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of ours.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Ignores a signal. For programs that start no others: a child would inherit it.
pub fn ignore(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigIgn, SaFlags::empty(), SigSet::empty());
    // SAFETY: ignoring runs no code of ours.
    unsafe { sigaction(signal, &action) }.map(drop)
}

/// Whether a signal is ignored.
pub fn is_ignored(signal: Signal) -> nix::Result<bool> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing changes; the old one is written into room of ours.
    Errno::result(unsafe { libc::sigaction(signal as i32, std::ptr::null(), action.as_mut_ptr()) })?;
    // SAFETY: zeros are a valid value of this struct, and the call has written it besides.
    Ok(unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN)
}

/// Lets a signal do to this process what it does by default: end it, or stop it until it is continued. After that the
/// former action is back.
pub fn raise_default(signal: Signal) -> nix::Result<()> {
    let action = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    // SAFETY: the default disposition runs no code of ours.
    let former = unsafe { sigaction(signal, &action) }?;
    nix::sys::signal::raise(signal)?;
    // SAFETY: the action was in force a moment ago.
    unsafe { sigaction(signal, &former) }.map(drop)
}

/// A queue of these signals, which are blocked, at a number above the standard descriptors.
fn open_queue(watched: &SigSet) -> nix::Result<SignalFd> {
    let queue = SignalFd::with_flags(watched, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
    // Most programs have the standard descriptors open: no second one is needed then.
    if fd::is_above_standard(queue.as_fd()) {
        return Ok(queue);
    }
    let fd: OwnedFd = fd::duplicate_private(queue.as_fd())?;
    // SAFETY: the descriptor is a copy of a signalfd, owned by nobody else.
    Ok(unsafe { SignalFd::from_owned_fd(fd) })
}
