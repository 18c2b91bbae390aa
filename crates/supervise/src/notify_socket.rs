//! `notify-socket`: where a service speaks sd_notify(3). The socket has an abstract address that the kernel chose: a service
//! that has dropped to another account reaches it, and nobody can have taken its name before. Whose messages count is
//! decided by the process id that the kernel adds to each.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use daemontools_core::details::MAX_STATUS_TEXT;
use daemontools_core::notify::{MAX_SIZE, Message};
use daemontools_program::printable::write_printable;
use daemontools_sys::fd::above_standard;
use nix::errno::Errno;
use nix::libc::{SCM_CREDENTIALS, SOL_SOCKET};
use nix::sys::socket::sockopt::PassCred;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, bind, getsockname, recvmsg, setsockopt, socket,
};
use nix::unistd::Pid;

use crate::members::Members;

/// Room for the credentials, which come first, and for nothing else. The kernel drops descriptors that are sent along:
/// supervise never has them, since closing what a stranger chose may take for ever.
const CREDENTIALS_SIZE: usize = 32;

/// The socket, and what the service last said about itself.
pub struct NotifySocket {
    socket: OwnedFd,
    /// The address as `NOTIFY_SOCKET` has it: `@` and the name.
    address: [u8; 16],
    address_length: usize,
    text: [u8; MAX_STATUS_TEXT],
    text_length: usize,
}

/// What a message says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The service is ready.
    pub ready: bool,
    /// It is ending.
    pub stopping: bool,
    /// It is alive.
    pub alive: bool,
    /// It says something new about itself.
    pub text: bool,
}

impl NotifySocket {
    /// A socket with an address of its own.
    pub fn new() -> nix::Result<NotifySocket> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = above_standard(socket(AddressFamily::Unix, SockType::Datagram, flags, None)?)?;
        setsockopt(&socket, PassCred, &true)?;
        bind(socket.as_raw_fd(), &UnixAddr::new_unnamed())?;
        NotifySocket::open_already(socket, b"")
    }

    /// The socket that this process has open already, and what the service last said.
    pub fn open_already(socket: OwnedFd, last_text: &[u8]) -> nix::Result<NotifySocket> {
        let name: UnixAddr = getsockname(socket.as_raw_fd())?;
        let name = name.as_abstract().ok_or(Errno::EADDRNOTAVAIL)?;
        let mut address = [0; 16];
        let room = address.get_mut(1..=name.len()).ok_or(Errno::ENAMETOOLONG)?;
        room.copy_from_slice(name);
        let address_length = name.len() + 1;
        if let Some(first) = address.first_mut() {
            *first = b'@';
        }
        let mut text = [0; MAX_STATUS_TEXT];
        text.iter_mut().zip(last_text).for_each(|(to, from)| *to = *from);
        let text_length = last_text.len().min(MAX_STATUS_TEXT);
        Ok(NotifySocket { socket, address, address_length, text, text_length })
    }

    /// The value of `NOTIFY_SOCKET`.
    pub fn address(&self) -> &[u8] {
        self.address.get(..self.address_length).unwrap_or_default()
    }

    /// What is readable when a message has come.
    pub fn to_wait_for(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// What the service last said about itself, fit for a line.
    pub fn text(&self) -> &[u8] {
        self.text.get(..self.text_length).unwrap_or_default()
    }

    /// Another process begins: what the last one said is over.
    pub fn begin(&mut self) {
        self.text_length = 0;
    }

    /// Takes the next message; `None`: there is none. One of a process that is not the service's says nothing.
    #[inline(never)] // its buffer is on the stack of those only that need it
    pub fn take(&mut self, service: Option<&Members<'_>>) -> Option<Received> {
        let mut buffer = [0; MAX_SIZE + 1];
        let (length, sender) = match receive(&self.socket, &mut buffer) {
            Ok(received) => received,
            Err(Errno::EINTR) => return Some(Received::default()),
            Err(_) => return None,
        };
        let ours = match (sender, service) {
            (Some(sender), Some(service)) => service.include(sender),
            _ => false,
        };
        if !ours || length > MAX_SIZE {
            return Some(Received::default());
        }
        let message = Message::read(buffer.get(..length).unwrap_or_default());
        let text = message.status.is_some_and(|status| self.set_text(status));
        Some(Received { ready: message.ready, stopping: message.stopping, alive: message.alive, text })
    }

    /// Keeps a text; whether it is another one.
    fn set_text(&mut self, status: &[u8]) -> bool {
        let mut text = [0; MAX_STATUS_TEXT];
        let length = write_printable(status, &mut text);
        let new = self.text() != text.get(..length).unwrap_or_default();
        (self.text, self.text_length) = (text, length);
        new
    }
}

/// The length of the next message, and who sent it.
fn receive(socket: &OwnedFd, buffer: &mut [u8]) -> nix::Result<(usize, Option<Pid>)> {
    let mut pieces = [IoSliceMut::new(buffer)];
    let mut control = [0; CREDENTIALS_SIZE];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let length = recvmsg::<()>(socket.as_raw_fd(), &mut pieces, Some(&mut control), flags)?.bytes;
    Ok((length, sender(&control)))
}

/// The process in a control message with credentials: its length as a `size_t`, level, kind, process. nix does not show
/// it where descriptors were dropped.
fn sender(control: &[u8]) -> Option<Pid> {
    let mut words =
        control.get(size_of::<usize>()..)?.chunks_exact(4).map(|word| word.try_into().map(i32::from_ne_bytes));
    let mut word = || words.next()?.ok();
    (word()? == SOL_SOCKET && word()? == SCM_CREDENTIALS).then(word).flatten().map(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::libc::SCM_RIGHTS;
    use nix::sys::socket::{ControlMessage, sendmsg};
    use nix::unistd::{getpgid, getpid, pipe, read};
    use std::io::IoSlice;
    use std::os::fd::RawFd;

    fn send(to: &NotifySocket, message: &[u8]) {
        send_with(to, message, &[]);
    }

    /// With copies of these descriptors.
    fn send_with(to: &NotifySocket, message: &[u8], descriptors: &[RawFd]) {
        let from = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::empty(), None).unwrap();
        let address = UnixAddr::new_abstract(&to.address()[1..]).unwrap();
        let rights = [ControlMessage::ScmRights(descriptors)];
        let rights = if descriptors.is_empty() { &[][..] } else { &rights };
        sendmsg(from.as_raw_fd(), &[IoSlice::new(message)], rights, MsgFlags::empty(), Some(&address)).unwrap();
    }

    #[test]
    fn a_message_with_descriptors_counts_and_they_are_dropped() {
        let mut socket = NotifySocket::new().unwrap();
        let me = Members { pid: getpid(), group: false, cgroup: None };
        let stranger = Members { pid: Pid::from_raw(1), ..me };
        let (reader, writer) = pipe().unwrap();
        send_with(&socket, b"FDSTORE=1\nREADY=1", &[writer.as_raw_fd()]);
        send_with(&socket, b"FDSTORE=1\nREADY=1", &[writer.as_raw_fd(); 250]);
        send(&socket, b"WATCHDOG=1");
        drop(writer);
        assert_eq!(socket.take(Some(&me)), Some(Received { ready: true, ..Received::default() }));
        assert_eq!(socket.take(Some(&stranger)), Some(Received::default()));
        // qemu-user keeps those descriptors for which its program has no room.
        let is_emulated = std::fs::read("/proc/self/comm").is_ok_and(|name| name.starts_with(b"qemu"));
        if !is_emulated {
            assert_eq!(read(&reader, &mut [0]), Ok(0), "somebody has the pipe's writing end");
        }
        assert_eq!(socket.take(Some(&me)), Some(Received { alive: true, ..Received::default() }));
        assert_eq!(socket.take(Some(&me)), None);
    }

    #[test]
    fn a_sender_is_found_in_credentials_only() {
        let message = |level: i32, kind: i32| {
            let mut control = 28_usize.to_ne_bytes().to_vec();
            [level, kind, 42, 0, 0, 0].iter().for_each(|word| control.extend(word.to_ne_bytes()));
            control
        };
        assert_eq!(sender(&message(SOL_SOCKET, SCM_CREDENTIALS)), Some(Pid::from_raw(42)));
        assert_eq!(sender(&message(SOL_SOCKET, SCM_RIGHTS)), None);
        assert_eq!(sender(&message(0, SCM_CREDENTIALS)), None);
        for length in 0..size_of::<usize>() + 12 {
            assert_eq!(sender(&message(SOL_SOCKET, SCM_CREDENTIALS)[..length]), None);
        }
        assert_eq!(sender(&[0; CREDENTIALS_SIZE]), None);
    }

    #[test]
    fn messages_of_the_service_count_and_no_others() {
        let mut socket = NotifySocket::new().unwrap();
        let of = |pid, group| Members { pid, group, cgroup: None };
        let me = of(getpid(), false);
        assert_eq!(socket.take(Some(&me)), None);
        send(&socket, b"READY=1\nSTATUS=a\x1bb");
        let received = socket.take(Some(&me));
        assert_eq!(received, Some(Received { ready: true, text: true, ..Received::default() }));
        assert_eq!(socket.text(), b"a\\x1bb");
        send(&socket, b"STATUS=a\x1bb\nWATCHDOG=1");
        assert_eq!(socket.take(Some(&me)), Some(Received { alive: true, ..Received::default() }));
        for service in [Some(of(Pid::from_raw(1), false)), None, Some(of(Pid::from_raw(1), true))] {
            send(&socket, b"READY=1");
            assert_eq!(socket.take(service.as_ref()), Some(Received::default()));
        }
        let leader = getpgid(None).unwrap();
        send(&socket, b"READY=1");
        assert!(socket.take(Some(&of(leader, true))).unwrap().ready, "a member of the group");
        send(&socket, &[&b"READY=1\n"[..], &[b'x'; MAX_SIZE]].concat());
        assert_eq!(socket.take(Some(&me)), Some(Received::default()), "too long");
        assert_eq!(socket.take(Some(&me)), None);
    }
}
