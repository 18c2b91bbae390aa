//! The 18 bytes of `supervise/status`, in both directions. Nothing else knows an offset.
//!
//! | bytes | what |
//! |---|---|
//! | 0–11 | when the process id last changed: packed TAI64N |
//! | 12–15 | the process id, little-endian; 0: down |
//! | 16 | 1: paused, 0: not; 0 when down |
//! | 17 | `u`: wants up, `d`: wants down, 0: neither (once) |

use std::ffi::CStr;
use std::num::NonZeroU32;

use crate::label::Label;

/// The file, seen from the service directory.
pub const PATH: &CStr = c"supervise/status";

/// What supervise wants of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Running; started again when it ends.
    Up,
    /// Not running.
    Down,
    /// Running to its end, and not started again.
    Once,
}

/// What supervise says of its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// When the process id last changed.
    pub since: Label,
    /// The process; `None`: down.
    pub pid: Option<NonZeroU32>,
    /// Whether the process was told to pause.
    pub paused: bool,
    /// What is wanted.
    pub want: Want,
}

impl Status {
    /// How many bytes the file has.
    pub const SIZE: usize = 18;

    /// The file's contents.
    pub fn to_bytes(self) -> [u8; Status::SIZE] {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = self.since.to_bytes();
        let [m, n, o, p] = self.pid.map_or(0, NonZeroU32::get).to_le_bytes();
        let want = match self.want {
            Want::Up => b'u',
            Want::Down => b'd',
            Want::Once => 0,
        };
        [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, u8::from(self.paused), want]
    }

    /// Whether a supervise can have written these bytes: so they are no 18 bytes of another kind of file.
    pub fn is_plausible(bytes: &[u8; Status::SIZE]) -> bool {
        // A time within 30,000 years after 1970.
        let [0x40, 0, 0, .., paused, want] = *bytes else { return false };
        paused <= 1 && matches!(want, b'u' | b'd' | 0)
    }

    /// The meaning of any 18 bytes, as 0.76's svstat takes them: whatever is not 0 is paused, and an unknown want is `Once`.
    pub fn from_bytes(bytes: [u8; Status::SIZE]) -> Status {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, paused, want] = bytes;
        Status {
            since: Label::from_bytes([a, b, c, d, e, f, g, h, i, j, k, l]),
            pid: NonZeroU32::new(u32::from_le_bytes([m, n, o, p])),
            paused: paused != 0,
            want: match want {
                b'u' => Want::Up,
                b'd' => Want::Down,
                _ => Want::Once,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_those_of_0_76() {
        // As the original wrote them: up since 2026-11-22 13:46:11 UTC, process 4532, wants up.
        let bytes = *b"@\0\0\0k\x02\xf0i+\x17\x88D\xb4\x11\0\0\0u";
        let status = Status::from_bytes(bytes);
        assert_eq!(status.pid.map(NonZeroU32::get), Some(4532));
        assert_eq!((status.paused, status.want), (false, Want::Up));
        assert_eq!(status.to_bytes(), bytes);
    }

    #[test]
    fn every_record_leads_back() {
        for want in [Want::Up, Want::Down, Want::Once] {
            for pid in [None, NonZeroU32::new(1), NonZeroU32::new(u32::MAX)] {
                let status = Status { since: Label::from_unix(7, 8), pid, paused: pid.is_some(), want };
                assert_eq!(Status::from_bytes(status.to_bytes()), status);
            }
        }
    }

    #[test]
    fn text_is_no_status() {
        for want in [Want::Up, Want::Down, Want::Once] {
            let status = Status { since: Label::from_unix(1 << 33, 8), pid: None, paused: true, want };
            assert!(Status::is_plausible(&status.to_bytes()));
        }
        for text in [b"root:$6$rounds=500", b"@400000006b0a343e0", b"123456789012345678"] {
            assert!(!Status::is_plausible(text));
        }
    }

    #[test]
    fn garbage_has_a_meaning() {
        let status = Status::from_bytes([0xff; 18]);
        assert_eq!(status.pid.map(NonZeroU32::get), Some(u32::MAX));
        assert_eq!((status.paused, status.want), (true, Want::Once));
    }
}
