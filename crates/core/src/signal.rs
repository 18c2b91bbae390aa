//! Names and numbers of signals, as Linux has them on x86, ARM, RISC-V and PowerPC (signal(7)).

/// Names and numbers, without `SIG`; a name ends with its first NUL. Of two names of a number, the usual one comes first.
/// No pointers: a table of these would be written to, and so be copied, by each process at its start.
static NAMES: [([u8; 7], u8); 34] = [
    (*b"HUP\0\0\0\0", 1),
    (*b"INT\0\0\0\0", 2),
    (*b"QUIT\0\0\0", 3),
    (*b"ILL\0\0\0\0", 4),
    (*b"TRAP\0\0\0", 5),
    (*b"ABRT\0\0\0", 6),
    (*b"IOT\0\0\0\0", 6),
    (*b"BUS\0\0\0\0", 7),
    (*b"FPE\0\0\0\0", 8),
    (*b"KILL\0\0\0", 9),
    (*b"USR1\0\0\0", 10),
    (*b"SEGV\0\0\0", 11),
    (*b"USR2\0\0\0", 12),
    (*b"PIPE\0\0\0", 13),
    (*b"ALRM\0\0\0", 14),
    (*b"TERM\0\0\0", 15),
    (*b"STKFLT\0", 16),
    (*b"CHLD\0\0\0", 17),
    (*b"CLD\0\0\0\0", 17),
    (*b"CONT\0\0\0", 18),
    (*b"STOP\0\0\0", 19),
    (*b"TSTP\0\0\0", 20),
    (*b"TTIN\0\0\0", 21),
    (*b"TTOU\0\0\0", 22),
    (*b"URG\0\0\0\0", 23),
    (*b"XCPU\0\0\0", 24),
    (*b"XFSZ\0\0\0", 25),
    (*b"VTALRM\0", 26),
    (*b"PROF\0\0\0", 27),
    (*b"WINCH\0\0", 28),
    (*b"IO\0\0\0\0\0", 29),
    (*b"POLL\0\0\0", 29),
    (*b"PWR\0\0\0\0", 30),
    (*b"SYS\0\0\0\0", 31),
];

/// The first real-time signal that the C library leaves to programs, `RTMIN`.
const RTMIN: u8 = 34;
/// The last real-time signal, `RTMAX`.
const RTMAX: u8 = 64;

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signal(u8);

impl Signal {
    /// Hangup: mostly, read the configuration again.
    pub const HUP: Signal = Signal(1);
    /// Interrupt, as from a terminal.
    pub const INT: Signal = Signal(2);
    /// Quit, as from a terminal; mostly with a core dump.
    pub const QUIT: Signal = Signal(3);
    /// Abort, with a core dump.
    pub const ABRT: Signal = Signal(6);
    /// The end that no process can refuse.
    pub const KILL: Signal = Signal(9);
    /// For the program's own use.
    pub const USR1: Signal = Signal(10);
    /// For the program's own use.
    pub const USR2: Signal = Signal(12);
    /// Alarm; multilog rotates its logs.
    pub const ALRM: Signal = Signal(14);
    /// TERM, what `svc -d` sends if no setting says otherwise.
    pub const TERM: Signal = Signal(15);
    /// Continue after a stop.
    pub const CONT: Signal = Signal(18);
    /// The stop that no process can refuse.
    pub const STOP: Signal = Signal(19);
    /// The terminal's window has changed its size; some programs finish gracefully.
    pub const WINCH: Signal = Signal(28);

    /// The signal of this number; `None` unless it is 1 to 64.
    pub fn from_number(number: i32) -> Option<Signal> {
        u8::try_from(number).ok().filter(|number| (1..=RTMAX).contains(number)).map(Signal)
    }

    /// The signal of this name, with or without `SIG`, in capital letters: `TERM`, `SIGTERM`, `RTMIN`, `RTMIN+3`, `RTMAX-1`.
    pub fn from_name(name: &[u8]) -> Option<Signal> {
        let name = name.strip_prefix(b"SIG").unwrap_or(name);
        let known = NAMES.iter().find(|(known, _)| trimmed(known) == name).map(|(_, number)| *number);
        known.or_else(|| real_time(name)).map(Signal)
    }

    /// The number.
    pub fn number(self) -> i32 {
        i32::from(self.0)
    }

    /// The usual name without `SIG`; `None` for a real-time signal.
    pub fn static_name(self) -> Option<&'static [u8]> {
        NAMES.iter().find(|(_, number)| *number == self.0).map(|(name, _)| trimmed(name))
    }

    /// The usual name without `SIG`; a real-time signal is called by its distance from `RTMIN`.
    pub fn name(self) -> String {
        match (self.static_name(), self.0.checked_sub(RTMIN)) {
            (Some(name), _) => String::from_utf8_lossy(name).into_owned(),
            (None, Some(0)) => "RTMIN".into(),
            (None, Some(distance)) => format!("RTMIN+{distance}"),
            // 32 and 33 are the C library's own.
            (None, None) => self.0.to_string(),
        }
    }
}

/// A name without the NULs at its end.
fn trimmed(name: &[u8; 7]) -> &[u8] {
    name.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The number of a real-time signal by its name without `SIG`.
fn real_time(name: &[u8]) -> Option<u8> {
    let distance = |digits: &[u8]| match digits {
        [digit @ b'0'..=b'9'] => Some(digit - b'0'),
        [tens @ b'1'..=b'9', digit @ b'0'..=b'9'] => Some((tens - b'0') * 10 + (digit - b'0')),
        _ => None,
    };
    let number = match (name.strip_prefix(b"RTMIN"), name.strip_prefix(b"RTMAX")) {
        (Some([]), _) => RTMIN,
        (Some([b'+', digits @ ..]), _) => RTMIN + distance(digits)?,
        (_, Some([])) => RTMAX,
        (_, Some([b'-', digits @ ..])) => RTMAX.checked_sub(distance(digits)?)?,
        _ => return None,
    };
    (RTMIN..=RTMAX).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for number in 1..=64 {
            let signal = Signal::from_number(number).unwrap();
            assert_eq!(signal.number(), number);
            if !(32..=33).contains(&number) {
                assert_eq!(Signal::from_name(signal.name().as_bytes()), Some(signal));
                assert_eq!(Signal::from_name(format!("SIG{}", signal.name()).as_bytes()), Some(signal));
            }
        }
    }

    #[test]
    fn what_is_no_signal_is_none() {
        for number in [i32::MIN, -1, 0, 65, i32::MAX] {
            assert_eq!(Signal::from_number(number), None);
        }
        for name in [&b""[..], b"SIG", b"term", b"TERM ", b"15", b"RTMIN+31", b"RTMIN+", b"RTMIN+01", b"RTMAX-31"] {
            assert_eq!(Signal::from_name(name), None, "{name:?}");
        }
        assert_eq!(Signal::from_name(b"RTMIN+30"), Signal::from_name(b"RTMAX"));
        assert_eq!(Signal::from_name(b"RTMAX-30"), Signal::from_name(b"RTMIN"));
    }
}
