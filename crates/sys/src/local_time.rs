//! Local time, by the rules of the zone that TZ names (localtime(3)).
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr;

/// A moment as the clock on the wall shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// The year of our era; beyond what 32 bits hold it wraps, as in C.
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59, and 60 in a leap second of a zone that counts them.
    pub second: u8,
}

impl LocalTime {
    /// The local time of a Unix time; `None` if its year is too large for the C library.
    pub fn of(unix: i64) -> Option<LocalTime> {
        let mut told = MaybeUninit::uninit();
        // SAFETY: a number to read and room for the result to write.
        if unsafe { libc::localtime_r(ptr::from_ref(&unix), told.as_mut_ptr()) }.is_null() {
            return None;
        }
        // SAFETY: a call that does not return NULL has written all of the result.
        Some(LocalTime::told(unsafe { told.assume_init() }))
    }

    /// The same in Greenwich, all year round.
    pub fn utc(unix: i64) -> Option<LocalTime> {
        let mut told = MaybeUninit::uninit();
        // SAFETY: a number to read and room for the result to write.
        if unsafe { libc::gmtime_r(ptr::from_ref(&unix), told.as_mut_ptr()) }.is_null() {
            return None;
        }
        // SAFETY: a call that does not return NULL has written all of the result.
        Some(LocalTime::told(unsafe { told.assume_init() }))
    }

    fn told(told: libc::tm) -> LocalTime {
        // The C library promises the ranges.
        let small = |number: i32| u8::try_from(number).unwrap_or(u8::MAX);
        LocalTime {
            year: told.tm_year.wrapping_add(1900),
            month: small(told.tm_mon.wrapping_add(1)),
            day: small(told.tm_mday),
            hour: small(told.tm_hour),
            minute: small(told.tm_min),
            second: small(told.tm_sec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_its_parts_and_eternity_has_none() {
        // In the middle of a month and of an hour's half, so that no zone changes what is compared.
        let time = LocalTime::of(1_000_000_000).unwrap_or_else(|| unreachable!("2001 is a year"));
        assert_eq!((time.year, time.month, time.second), (2001, 9, 40));
        assert_eq!(LocalTime::of(i64::MAX), None);
    }

    #[test]
    fn greenwich_has_no_zone() {
        let time = LocalTime { year: 2001, month: 9, day: 9, hour: 1, minute: 46, second: 40 };
        assert_eq!(LocalTime::utc(1_000_000_000), Some(time));
    }
}
