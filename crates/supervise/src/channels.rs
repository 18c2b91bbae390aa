//! Where the service tells about itself: the pipe of `notification-fd` and the socket of `notify-socket`, each open while
//! the setting is in use.

use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_sys::heap::try_reserve_exact;
use nix::errno::Errno;

use crate::members::Members;
use crate::notification::Notification;
use crate::notify_socket::{NotifySocket, Received};

/// How far apart two writes of the details are that only a new text is the reason for.
const TEXT_EVERY: Duration = Duration::from_secs(1);

/// What is open.
pub struct Channels {
    pipe: Option<Notification>,
    /// One or none. On the heap: no supervise has room for it that does not use it.
    socket: Vec<NotifySocket>,
    /// When the last new text was written down.
    text_at: Instant,
    /// When the next one is.
    text_due: Option<Instant>,
}

impl Channels {
    /// None.
    pub fn new() -> Channels {
        Channels { pipe: None, socket: Vec::new(), text_at: Instant::default(), text_due: None }
    }

    /// Those that this process has open already, and what the service last said.
    pub fn open_already(pipe: Option<OwnedFd>, socket: Option<OwnedFd>, text: &[u8]) -> nix::Result<Channels> {
        let socket = socket.map(|socket| NotifySocket::open_already(socket, text)).transpose()?;
        let pipe = pipe.map(Notification::open_already);
        Ok(Channels { pipe, socket: socket.into_iter().collect(), ..Channels::new() })
    }

    /// Opens what a start needs and closes the rest; the end of the pipe that the service gets.
    pub fn open(&mut self, pipe: bool, socket: bool) -> nix::Result<Option<OwnedFd>> {
        (self.pipe, self.text_due) = (None, None);
        match self.socket.first_mut() {
            Some(open) if socket => open.begin(),
            Some(_) => self.socket.clear(),
            None if socket => self.open_socket()?,
            None => {}
        }
        if !pipe {
            return Ok(None);
        }
        let (notification, writer) = Notification::new()?;
        self.pipe = Some(notification);
        Ok(Some(writer))
    }

    #[cold]
    #[inline(never)] // it is on the stack of those only that need it
    fn open_socket(&mut self) -> nix::Result<()> {
        if !try_reserve_exact(&mut self.socket, 1) {
            return Err(Errno::ENOMEM);
        }
        self.socket.push(NotifySocket::new()?);
        Ok(())
    }

    /// The value of `NOTIFY_SOCKET`, if the service gets one.
    pub fn address(&self) -> Option<&[u8]> {
        self.socket.first().map(NotifySocket::address)
    }

    /// What is readable when the service says something.
    pub fn to_wait_for(&self) -> [Option<BorrowedFd<'_>>; 2] {
        [self.pipe.as_ref().and_then(Notification::to_wait_for), self.socket.first().map(NotifySocket::to_wait_for)]
    }

    /// Whether the newline has come through the pipe, which is closed then.
    pub fn pipe_says_ready(&mut self) -> bool {
        let ready = self.pipe.as_ref().is_some_and(Notification::has_come);
        if ready {
            self.pipe = None;
        }
        ready
    }

    /// The next message through the socket (`NotifySocket::take`).
    pub fn take(&mut self, service: Option<&Members<'_>>, now: Instant) -> Option<Received> {
        let received = self.socket.first_mut()?.take(service)?;
        if received.text && self.text_due.is_none() {
            self.text_due = Some((self.text_at + TEXT_EVERY).max(now));
        }
        Some(received)
    }

    /// What the service last said about itself.
    pub fn text(&self) -> &[u8] {
        self.socket.first().map_or(b"", NotifySocket::text)
    }

    /// When `text_is_due` is to be asked.
    pub fn deadline(&self) -> Option<Instant> {
        self.text_due
    }

    /// Whether a new text is to be written down now; it counts as written then.
    pub fn text_is_due(&mut self, now: Instant) -> bool {
        let due = self.text_due.is_some_and(|at| at <= now);
        if due {
            (self.text_at, self.text_due) = (now, None);
        }
        due
    }
}
