//! The socket on which a process hears what it is asked, and answers.

use std::os::fd::{AsRawFd, OwnedFd};
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::above_standard;
use daemontools_sys::process::send_value;
use daemontools_upgrade::{Answer, Order, SIGNAL, socket_name};
use nix::errno::Errno;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind, getsockopt, listen, recv, send,
    socket,
};
use nix::unistd::{Pid, getpid};

use crate::original;
use crate::processes::{FileId, file, process, reads_signals, running, since_boot};
use crate::tree::Member;
use crate::verdict::Verdict;

/// How long a process may take to call, and how long after a signal that seems lost the next one is sent.
const CALL: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_secs(1);
/// How long the trial of a new program may take, and what is before and after it.
const ANSWER: Duration = Duration::from_secs(20);
/// How long a program may take to begin, in clock ticks, of which there are a hundred in a second.
const YOUNG: u64 = 1000;
/// How many numbers are tried for the socket.
const TRIES: i32 = 100;

/// The socket.
pub struct Socket {
    listening: OwnedFd,
    number: i32,
}

impl Socket {
    /// One of its own.
    pub fn new() -> nix::Result<Socket> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let listening = above_standard(socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?)?;
        let first = getpid().as_raw();
        let number = (0..TRIES).map(|more| first.wrapping_add(more)).find_map(|number| {
            let address = UnixAddr::new_abstract(socket_name(number).as_bytes()).ok()?;
            bind(listening.as_raw_fd(), &address).is_ok().then_some(number)
        });
        listen(&listening, Backlog::new(16)?)?;
        Ok(Socket { listening, number: number.ok_or(Errno::EADDRINUSE)? })
    }

    /// Asks a process to replace itself by the program of its name in `bin`.
    pub fn ask(&self, member: &Member, order: Order, bin: &[u8]) -> Verdict {
        let is_there = || process(member.pid).is_some_and(|found| found.started == member.started);
        if !is_there() {
            return Verdict::Gone;
        }
        let wanted = wanted(member, bin);
        if wanted.is_some() && running(member.pid) == wanted {
            return Verdict::Current;
        }
        if !reads_signals(member.pid) {
            return original::ask(member, order, bin);
        }
        let called = match self.call(member.pid) {
            Ok(Some(called)) => called,
            Ok(None) if is_there() => return Verdict::Silent,
            Ok(None) => return Verdict::Gone,
            Err(Errno::ESRCH) => return Verdict::Gone,
            Err(errno) => return Verdict::Refused(daemontools_program::errno::reason(errno).into()),
        };
        let began = Instant::now();
        let verdict = converse(&called, order, bin, began);
        match verdict {
            Verdict::Upgraded(_) if running(member.pid) == wanted && is_there() => verdict,
            Verdict::Upgraded(_) if !is_there() => Verdict::Refused(b"it has ended instead of going on".to_vec()),
            Verdict::Silent if !is_there() => Verdict::Gone,
            Verdict::Upgraded(_) => Verdict::Refused(b"it did not go on with the new program".to_vec()),
            _ => verdict,
        }
    }

    /// Sends the signal and waits until the process calls.
    fn call(&self, pid: i32) -> nix::Result<Option<OwnedFd>> {
        let deadline = Instant::now() + CALL;
        while Instant::now() < deadline {
            send_value(Pid::from_raw(pid), SIGNAL as i32, self.number)?;
            let again = (Instant::now() + AGAIN).min(deadline);
            while Instant::now() < again {
                wait(&mut [readable(&self.listening)], Some(again));
                if let Some(called) = self.accept(pid) {
                    return Ok(Some(called));
                }
            }
        }
        Ok(None)
    }

    /// The next call, if it comes from this process.
    fn accept(&self, pid: i32) -> Option<OwnedFd> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let called = accept4(self.listening.as_raw_fd(), flags).ok()?;
        let called = daemontools_sys::fd::take_over(called).ok()?;
        (getsockopt(&called, PeerCredentials).ok()?.pid() == pid).then_some(called)
    }
}

/// The file that a process is to run, as the process sees it, which may have another root.
fn wanted(member: &Member, bin: &[u8]) -> Option<FileId> {
    let root = format!("/proc/{}/root", member.pid);
    file(&[root.as_bytes(), bin, b"/", member.program.as_bytes()].concat())
}

/// Whether a process cannot be asked, because it is none of ours, and is to be taken over.
pub fn is_original(member: &Member, bin: &[u8]) -> bool {
    process(member.pid).is_some() && running(member.pid) != wanted(member, bin) && !reads_signals(member.pid)
}

/// Whether the next answer of a process may be another one: it is busy, or it has begun so lately that its program may still
/// be on its way to what it waits for.
pub fn may_change(member: &Member, bin: &[u8], verdict: &Verdict) -> bool {
    let is_young = || since_boot().is_some_and(|now| now.saturating_sub(member.started) < YOUNG);
    match verdict {
        Verdict::Busy(_) => true,
        Verdict::Refused(_) => is_young() && is_original(member, bin),
        _ => false,
    }
}

/// Says what is wanted and listens until the connection ends or the process has said all.
fn converse(called: &OwnedFd, order: Order, bin: &[u8], began: Instant) -> Verdict {
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    if send(called.as_raw_fd(), &order.to_message(bin), flags).is_err() {
        return Verdict::Silent;
    }
    let mut is_going = false;
    let deadline = began + ANSWER;
    while Instant::now() < deadline {
        wait(&mut [readable(called)], Some(deadline));
        let mut buffer = vec![0; 8192];
        let message = match recv(called.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT) {
            Ok(length) => buffer.get(..length).unwrap_or_default(),
            Err(Errno::EAGAIN) => continue,
            Err(_) => &[],
        };
        match Answer::from_message(message) {
            Some(Answer::Able) => return Verdict::Able,
            Some(Answer::Going) => is_going = true,
            Some(Answer::Busy(reason)) => return Verdict::Busy(reason),
            Some(Answer::Refused(reason) | Answer::Failed(reason)) => return Verdict::Refused(reason),
            None if is_going => return Verdict::Upgraded(Instant::now().since(began)),
            None => return Verdict::Silent,
        }
    }
    Verdict::Silent
}
