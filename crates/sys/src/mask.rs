//! A set of signals as 64 bits: bit 0 is signal 1. nix has no names for the real-time ones.
#![allow(unsafe_code)]

use nix::sys::signal::SigSet;

/// How many signals there are.
const COUNT: i32 = 64;

/// The bits of a set.
pub(crate) fn to_bits(set: &SigSet) -> u64 {
    // SAFETY: the set is valid, and the numbers are those of signals; one that the C library keeps for itself is an error.
    let is_in = |number: i32| unsafe { libc::sigismember(set.as_ref(), number) } == 1;
    (1..=COUNT).filter(|&number| is_in(number)).fold(0, |bits, number| bits | 1 << (number - 1))
}

/// The set of these bits.
pub(crate) fn from_bits(bits: u64) -> SigSet {
    let mut set = *SigSet::empty().as_ref();
    for number in (1..=COUNT).filter(|number| bits >> (number - 1) & 1 == 1) {
        // SAFETY: the set is ours, and the numbers are those of signals.
        unsafe { libc::sigaddset(&raw mut set, number) };
    }
    // SAFETY: it was made by sigemptyset and sigaddset.
    unsafe { SigSet::from_sigset_t_unchecked(set) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::signal::Signal;

    #[test]
    fn bits_lead_back() {
        let set: SigSet = [Signal::SIGHUP, Signal::SIGCHLD].into_iter().collect();
        assert_eq!(to_bits(&set), 1 | 1 << 16);
        for bits in [0, 1, 1 << 16, 1 << 63 | 1 << 40] {
            assert_eq!(to_bits(&from_bits(bits)), bits);
        }
    }
}
