//! Messages of sd_notify(3): what a service tells through the socket that `NOTIFY_SOCKET` names. A message is a datagram
//! of lines `NAME=VALUE`.

/// The largest message in bytes that is read; a longer one is ignored.
pub const MAX_SIZE: usize = 4096;

/// What a message says that supervise uses. Other lines, `MAINPID=` too, are ignored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// `READY=1`: the service is ready.
    pub ready: bool,
    /// `STOPPING=1`: the service has begun to end.
    pub stopping: bool,
    /// `WATCHDOG=1`: the service works.
    pub alive: bool,
    /// `WATCHDOG=trigger`: the service asks to be treated as if it had been silent for too long.
    pub trigger: bool,
    /// `STATUS=`: what the service says about itself; any bytes but a newline. The last such line counts.
    pub status: Option<&'a [u8]>,
}

impl<'a> Message<'a> {
    /// Reads a datagram. A line that is malformed is ignored, as systemd does.
    pub fn read(datagram: &'a [u8]) -> Message<'a> {
        let mut message = Message::default();
        for line in datagram.split(|&byte| byte == b'\n') {
            match line {
                b"READY=1" => message.ready = true,
                b"STOPPING=1" => message.stopping = true,
                b"WATCHDOG=1" => message.alive = true,
                b"WATCHDOG=trigger" => message.trigger = true,
                _ => message.status = line.strip_prefix(b"STATUS=").or(message.status),
            }
        }
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_what_they_say() {
        let message = Message::read(b"READY=1\nSTATUS=42 \xff connections\nMAINPID=7\nWATCHDOG=1");
        let status = Some(&b"42 \xff connections"[..]);
        assert_eq!(message, Message { ready: true, alive: true, status, ..Message::default() });
        assert!(Message::read(b"STOPPING=1\n").stopping && Message::read(b"WATCHDOG=trigger").trigger);
        assert_eq!(Message::read(b"STATUS=a\nSTATUS=\n").status, Some(&b""[..]), "the last one counts");
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        for datagram in [
            &b""[..],
            b"READY",
            b"READY=0",
            b"READY=1 ",
            b" READY=1",
            b"ready=1",
            b"\0READY=1",
            b"READY=1\0",
            b"READY=11",
            b"=",
            &[b'x'; 5000],
        ] {
            assert_eq!(Message::read(datagram), Message::default(), "{datagram:?}");
        }
    }
}
