//! The conversation with svupgrade, over a socket of its own: one message there, one or two back.
//!
//! | message | means |
//! |---|---|
//! | `upgrade DIR` | replace yourself by the program of your name in DIR |
//! | `check DIR` | say whether you would |
//! | `able` | yes |
//! | `going` | now: if the connection ends without another message, it was done |
//! | `busy REASON` | not now, but soon |
//! | `refused REASON` | no |
//! | `failed REASON` | no: execve failed after `going` |

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::fd::above_standard;
use nix::sys::signal::Signal;
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, getsockopt, recv, send, socket,
};
use nix::unistd::geteuid;

/// The signal of a request. Every program that waits for it at all looks for children that have ended and finds none.
pub const SIGNAL: Signal = Signal::SIGCHLD;

/// How long svupgrade may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(2);

/// Room for a message: a path and a word.
const MESSAGE_SIZE: usize = 4096 + 16;

/// The name of svupgrade's socket (abstract), by the value of the signal.
pub fn socket_name(number: i32) -> String {
    format!("daemontools-upgrade-{}", number.unsigned_abs())
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Only whether it could be done.
    Check,
    /// To do it.
    Upgrade,
}

/// A message of the process that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It could be done.
    Able,
    /// It is being done.
    Going,
    /// Not now.
    Busy(Vec<u8>),
    /// Not at all.
    Refused(Vec<u8>),
    /// It was tried.
    Failed(Vec<u8>),
}

impl Order {
    /// The message.
    pub fn to_message(self, directory: &[u8]) -> Vec<u8> {
        let word: &[u8] = match self {
            Order::Check => b"check ",
            Order::Upgrade => b"upgrade ",
        };
        [word, directory].concat()
    }

    /// What a message means: the order and the directory.
    fn from_message(message: &[u8]) -> Option<(Order, &[u8])> {
        let check = message.strip_prefix(b"check ").map(|directory| (Order::Check, directory));
        check.or_else(|| message.strip_prefix(b"upgrade ").map(|directory| (Order::Upgrade, directory)))
    }
}

impl Answer {
    /// The message.
    pub fn to_message(&self) -> Vec<u8> {
        match self {
            Answer::Able => b"able".to_vec(),
            Answer::Going => b"going".to_vec(),
            Answer::Busy(reason) => [b"busy ", reason.as_slice()].concat(),
            Answer::Refused(reason) => [b"refused ", reason.as_slice()].concat(),
            Answer::Failed(reason) => [b"failed ", reason.as_slice()].concat(),
        }
    }

    /// What a message means; `None`: it is none.
    pub fn from_message(message: &[u8]) -> Option<Answer> {
        let reason = |prefix: &[u8]| message.strip_prefix(prefix).map(<[u8]>::to_vec);
        match message {
            b"able" => Some(Answer::Able),
            b"going" => Some(Answer::Going),
            _ => (reason(b"busy ").map(Answer::Busy))
                .or_else(|| reason(b"refused ").map(Answer::Refused))
                .or_else(|| reason(b"failed ").map(Answer::Failed)),
        }
    }
}

/// A request, as the process that is asked sees it.
pub struct Request {
    socket: OwnedFd,
    /// What is asked.
    pub order: Order,
    /// Where the new program is.
    pub directory: Vec<u8>,
}

impl Request {
    /// Asks what the value of the signal stands for. `None` where there is no such socket, where it belongs to neither root
    /// nor this process's user, and where nothing is said for two seconds.
    pub fn receive(number: i32) -> Option<Request> {
        let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
        let socket = socket(AddressFamily::Unix, SockType::SeqPacket, flags, None).ok()?;
        let socket = above_standard(socket).ok()?;
        let address = UnixAddr::new_abstract(socket_name(number).as_bytes()).ok()?;
        connect(socket.as_raw_fd(), &address).ok()?;
        let peer = getsockopt(&socket, PeerCredentials).ok()?;
        if peer.uid() != 0 && peer.uid() != geteuid().as_raw() {
            return None;
        }
        wait(&mut [readable(&socket)], Some(Instant::now() + PATIENCE));
        let mut buffer = vec![0; MESSAGE_SIZE];
        let length = recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_DONTWAIT).ok()?;
        let (order, directory) = Order::from_message(buffer.get(..length)?)?;
        let directory = directory.to_vec();
        Some(Request { socket, order, directory })
    }

    /// The connection.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Answers. svupgrade notices by itself if it hears nothing.
    pub fn answer(&self, answer: &Answer) {
        let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
        let _ = send(self.socket.as_fd().as_raw_fd(), &answer.to_message(), flags);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_lead_back() {
        let reason = || b"why not".to_vec();
        let failures = [Answer::Busy(reason()), Answer::Refused(reason()), Answer::Failed(reason())];
        for answer in [Answer::Able, Answer::Going].into_iter().chain(failures) {
            assert_eq!(Answer::from_message(&answer.to_message()), Some(answer));
        }
        assert_eq!(Answer::from_message(b"other"), None);
        for order in [Order::Check, Order::Upgrade] {
            assert_eq!(Order::from_message(&order.to_message(b"/a b")), Some((order, &b"/a b"[..])));
        }
        assert_eq!(Order::from_message(b"upgrade"), None);
    }
}
