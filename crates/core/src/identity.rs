//! Which process is meant by a number: its number alone may be another one's later. A line of `supervise/details`.

use crate::text::Decimal;
use crate::text::number;

/// What makes a process the only one of its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// When it was started, in clock ticks since the boot (`proc_stat`).
    pub started: u64,
    /// The boot, as `/proc/sys/kernel/random/boot_id` has it.
    pub boot: [u8; Identity::BOOT_SIZE],
    /// The inode of the process namespace in which the number counts (`/proc/self/ns/pid`).
    pub namespace: u64,
}

impl Identity {
    /// How many bytes the id of a boot has.
    pub const BOOT_SIZE: usize = 36;

    /// Gives the pieces of its line: started, boot, namespace.
    pub(crate) fn with_words<T>(&self, give: impl FnOnce(&[&[u8]]) -> T) -> T {
        let (started, namespace) = (Decimal::new(self.started), Decimal::new(self.namespace));
        give(&[b"identity ", started.as_bytes(), b" ", &self.boot, b" ", namespace.as_bytes()])
    }

    /// What the value of such a line means.
    pub fn from_words(value: &[u8]) -> Option<Identity> {
        let mut words = value.split(|&byte| byte == b' ');
        let started = number(words.next()?)?;
        let boot = words.next()?.try_into().ok()?;
        let namespace = number(words.next()?)?;
        words.next().is_none().then_some(Identity { started, boot, namespace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: [u8; 36] = *b"0f3c6b1e-5d6f-4f0a-9a51-6f2f0f7d9a11";

    #[test]
    fn the_line_leads_back_and_others_are_none() {
        let identity = Identity { started: 12345, boot: BOOT, namespace: 4_026_531_836 };
        let line = identity.with_words(|words| words.concat());
        assert_eq!(line, b"identity 12345 0f3c6b1e-5d6f-4f0a-9a51-6f2f0f7d9a11 4026531836");
        assert_eq!(Identity::from_words(&line[9..]), Some(identity));
        for value in
            [&line[9..40], b"", b"1 2 3", &[&line[9..], &b" 1"[..]].concat(), &[&b"x"[..], &line[9..]].concat()]
        {
            assert_eq!(Identity::from_words(value), None);
        }
    }
}
