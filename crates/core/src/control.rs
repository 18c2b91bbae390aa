//! The language of `supervise/control`: each byte written into the FIFO is a command.
//!
//! One table, read in both directions; the bytes are svc's option letters too.

use std::ffi::CStr;

/// What supervise can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Keep the service running: start it if it is down, and again whenever it ends.
    Up,
    /// Keep it down: TERM and CONT if it runs, and no restart.
    Down,
    /// Start it if it is down, and do not restart it.
    Once,
    /// End supervise as soon as the service is down.
    Exit,
    /// STOP the process.
    Pause,
    /// CONT the process.
    Continue,
    /// HUP the process.
    Hangup,
    /// ALRM the process.
    Alarm,
    /// INT the process.
    Interrupt,
    /// TERM the process.
    Terminate,
    /// KILL the process.
    Kill,
    /// QUIT the process. Not in 0.76.
    Quit,
    /// USR1 the process. Not in 0.76.
    User1,
    /// USR2 the process. Not in 0.76.
    User2,
    /// WINCH the process. Not in 0.76.
    Window,
}

/// The byte of each command: 0.76's, then those that came later with the letters that daemontools-encore and runit use.
const BYTES: [(u8, Command); 15] = [
    (b'u', Command::Up),
    (b'd', Command::Down),
    (b'o', Command::Once),
    (b'x', Command::Exit),
    (b'p', Command::Pause),
    (b'c', Command::Continue),
    (b'h', Command::Hangup),
    (b'a', Command::Alarm),
    (b'i', Command::Interrupt),
    (b't', Command::Terminate),
    (b'k', Command::Kill),
    (b'q', Command::Quit),
    (b'1', Command::User1),
    (b'2', Command::User2),
    (b'w', Command::Window),
];

/// The letters for `options`, in the table's order. None takes a value.
pub const LETTERS: &[u8] = b"udoxpchaitkq12w";

/// The FIFO, seen from the service directory.
pub const PATH: &CStr = c"supervise/control";

impl Command {
    /// The byte of the command.
    pub fn to_byte(self) -> u8 {
        BYTES.iter().find(|(_, command)| *command == self).map_or(0, |(byte, _)| *byte)
    }

    /// The command that a byte stands for; `None`: to be ignored.
    pub fn from_byte(byte: u8) -> Option<Command> {
        BYTES.iter().find(|(known, _)| *known == byte).map(|(_, command)| *command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_the_tables_bytes_in_order() {
        assert_eq!(BYTES.map(|(byte, _)| byte), LETTERS);
    }

    #[test]
    fn each_byte_is_its_command_and_every_other_byte_is_none() {
        for byte in 0..=255 {
            let listed = BYTES.iter().find(|(known, _)| *known == byte).map(|(_, command)| *command);
            assert_eq!(Command::from_byte(byte), listed);
        }
        assert!(BYTES.iter().all(|(byte, command)| command.to_byte() == *byte));
        assert_eq!(Command::from_byte(b'd'), Some(Command::Down));
        assert_eq!(Command::from_byte(b'\n'), None);
    }
}
