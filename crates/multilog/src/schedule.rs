//! When a file is finished because of its age, `:rotate`: pure, the moments and the zone come in.
//!
//! A moment is in seconds of Unix time. What counts is when the first line of a file was written. Where the clock shows an
//! earlier time than that, it was set back, and the age counts from there (`anchor`).

use std::time::Duration;

use daemontools_sys::local_time::LocalTime;

/// When a file that is not empty is finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// That long after its first line.
    After(Duration),
    /// With each hour of local time.
    Hourly,
    /// At midnight, local time.
    Daily,
    /// At midnight before Monday, local time.
    Weekly,
}

/// The longest wait until the next look: the clock or the zone may be changed meanwhile, and the machine may sleep.
const LOOK: Duration = Duration::from_secs(60);

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

impl Schedule {
    /// How long to wait, at most, until a file is looked at again whose age counts from `anchor`. Zero: it is finished now.
    pub fn wait(self, anchor: i64, now: i64, zone: impl Fn(i64) -> Option<LocalTime>) -> Duration {
        let left = match self {
            Schedule::After(age) => {
                let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
                anchor.saturating_add(age).saturating_sub(now)
            }
            Schedule::Hourly | Schedule::Daily | Schedule::Weekly => self.until_next(anchor, now, zone),
        };
        // Zero only where it is finished.
        Duration::from_secs(u64::try_from(left).unwrap_or(0)).min(LOOK)
    }

    /// How many seconds are left of the hour, day or week, if `anchor` is in it; none if it is in an earlier one.
    fn until_next(self, anchor: i64, now: i64, zone: impl Fn(i64) -> Option<LocalTime>) -> i64 {
        let (Some(first), Some(local)) = (zone(anchor), zone(now)) else {
            // A year that the C library cannot tell.
            return self.until_next_utc(anchor, now);
        };
        if self.period(anchor, &first) < self.period(now, &local) {
            return 0;
        }
        let of_hour = seconds(0, local.minute, local.second);
        let left = match self {
            Schedule::Hourly => HOUR - of_hour,
            // Of a day that has another length the end is found by looking again.
            _ => DAY - seconds(local.hour, local.minute, local.second),
        };
        left.max(1)
    }

    fn until_next_utc(self, anchor: i64, now: i64) -> i64 {
        let length = if self == Schedule::Hourly { HOUR } else { DAY };
        if anchor.div_euclid(length) < now.div_euclid(length) { 0 } else { length - now.rem_euclid(length) }
    }

    /// The number of the hour, day or week in which a moment is: a later one is greater.
    fn period(self, moment: i64, local: &LocalTime) -> i64 {
        match self {
            // An hour that the clock shows twice is two hours.
            Schedule::Hourly => moment - seconds(0, local.minute, local.second),
            // 1 January 1970 was a Thursday.
            Schedule::Weekly => (day(local) + 3).div_euclid(7),
            Schedule::Daily | Schedule::After(_) => day(local),
        }
    }
}

/// From when on the age of a file counts, whose first line was written at `first` by a clock that shows `now`.
pub fn anchor(first: i64, now: i64) -> i64 {
    first.min(now)
}

fn seconds(hour: u8, minute: u8, second: u8) -> i64 {
    i64::from(hour) * HOUR + i64::from(minute) * 60 + i64::from(second)
}

/// The number of a date in the Gregorian calendar, 1 January 1970 being 0.
fn day(local: &LocalTime) -> i64 {
    // Years that begin in March have their leap day last.
    let month = i64::from(local.month);
    let year = i64::from(local.year) - i64::from(month < 3);
    let month = (month + 9) % 12;
    let before = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    before + (153 * month + 2) / 5 + i64::from(local.day) - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A zone as `offset`, in seconds, tells it.
    fn zone(offset: impl Fn(i64) -> i64) -> impl Fn(i64) -> Option<LocalTime> {
        move |unix| LocalTime::utc(unix + offset(unix))
    }

    /// The Unix time of a time of 2026 in UTC.
    fn at(month: u8, date: u8, hour: u8, minute: u8) -> i64 {
        let local = LocalTime { year: 2026, month, day: date, hour, minute, second: 0 };
        day(&local) * DAY + seconds(hour, minute, 0)
    }

    /// The moments at which files are finished, if a line comes all the time from `from` to `to`, as (month, day, hour,
    /// minute) of UTC.
    fn finished(
        schedule: Schedule,
        from: i64,
        to: i64,
        zone: impl Fn(i64) -> Option<LocalTime>,
    ) -> Vec<(u8, u8, u8, u8)> {
        let (mut now, mut first, mut moments) = (from, from, Vec::new());
        while now < to {
            match schedule.wait(first, now, &zone).as_secs() {
                0 => {
                    let utc = LocalTime::utc(now).expect("a time");
                    moments.push((utc.month, utc.day, utc.hour, utc.minute));
                    first = now;
                }
                wait => now += i64::try_from(wait).expect("a short time"),
            }
        }
        moments
    }

    /// Central Europe in 2026.
    fn europe(unix: i64) -> i64 {
        if (at(3, 29, 1, 0)..at(10, 25, 1, 0)).contains(&unix) { 7200 } else { 3600 }
    }

    #[test]
    fn days_have_their_numbers() {
        for unix in (-200_000..30_000).map(|days| days * DAY) {
            assert_eq!(day(&LocalTime::utc(unix).expect("a time")) * DAY, unix);
        }
    }

    #[test]
    fn an_age_counts_from_the_first_line() {
        let schedule = Schedule::After(Duration::from_secs(24 * 3600));
        let utc = zone(|_| 0);
        assert_eq!(schedule.wait(1000, 1000 + DAY - 1, &utc), Duration::from_secs(1));
        assert_eq!(schedule.wait(1000, 1000 + DAY, &utc), Duration::ZERO);
        assert_eq!(schedule.wait(1000, 1000, &utc), LOOK);
        assert_eq!(
            finished(schedule, at(3, 28, 12, 30), at(3, 31, 0, 0), zone(europe)),
            [(3, 29, 12, 30), (3, 30, 12, 30)]
        );
        assert_eq!(Schedule::After(Duration::MAX).wait(i64::MAX, 0, &utc), LOOK);
    }

    #[test]
    fn a_day_ends_at_local_midnight_also_when_it_has_23_or_25_hours() {
        let midnights = |from, to| finished(Schedule::Daily, from, to, zone(europe));
        assert_eq!(midnights(at(3, 28, 12, 0), at(3, 30, 12, 0)), [(3, 28, 23, 0), (3, 29, 22, 0)]);
        assert_eq!(midnights(at(10, 24, 12, 0), at(10, 26, 12, 0)), [(10, 24, 22, 0), (10, 25, 23, 0)]);
    }

    /// As in Havana, where midnight does not exist in March and comes twice in November.
    #[test]
    fn a_midnight_that_is_skipped_or_doubled_ends_one_day() {
        let spring = at(3, 8, 5, 0);
        let skipped = zone(move |unix| if unix < spring { -5 * HOUR } else { -4 * HOUR });
        assert_eq!(finished(Schedule::Daily, at(3, 7, 12, 0), at(3, 9, 0, 0), skipped), [(3, 8, 5, 0)]);
        let autumn = at(11, 1, 5, 0);
        let doubled = zone(move |unix| if unix < autumn { -4 * HOUR } else { -5 * HOUR });
        assert_eq!(finished(Schedule::Daily, at(10, 31, 12, 0), at(11, 2, 0, 0), doubled), [(11, 1, 4, 0)]);
    }

    /// As in Saint John's until 2011: at one minute past midnight it was 23:01 again.
    #[test]
    fn a_day_that_comes_again_for_an_hour_is_not_divided() {
        let change = at(11, 1, 2, 31);
        let zone = zone(move |unix| if unix < change { -9000 } else { -12_600 });
        assert_eq!(finished(Schedule::Daily, at(10, 31, 12, 0), at(11, 2, 0, 0), zone), [(11, 1, 2, 30)]);
    }

    #[test]
    fn each_hour_is_one_also_where_the_clock_shows_it_twice() {
        let hours = |from, to| finished(Schedule::Hourly, from, to, zone(europe));
        assert_eq!(hours(at(10, 24, 23, 30), at(10, 25, 2, 30)), [(10, 25, 0, 0), (10, 25, 1, 0), (10, 25, 2, 0)]);
        assert_eq!(hours(at(3, 29, 0, 30), at(3, 29, 2, 30)), [(3, 29, 1, 0), (3, 29, 2, 0)]);
        // A zone that is ahead by half an hour.
        let half = finished(Schedule::Hourly, at(3, 1, 0, 0), at(3, 1, 2, 0), zone(|_| 5 * HOUR + 1800));
        assert_eq!(half, [(3, 1, 0, 30), (3, 1, 1, 30)]);
    }

    #[test]
    fn a_week_begins_on_monday() {
        // 5 and 12 January 2026 are Mondays.
        let weeks = finished(Schedule::Weekly, at(1, 1, 12, 0), at(1, 13, 0, 0), zone(europe));
        assert_eq!(weeks, [(1, 4, 23, 0), (1, 11, 23, 0)]);
    }

    #[test]
    fn a_clock_that_is_set_forward_finishes_a_file_and_one_that_is_set_back_begins_anew() {
        let utc = zone(|_| 0);
        assert_eq!(Schedule::Daily.wait(at(1, 1, 12, 0), at(1, 9, 12, 0), &utc), Duration::ZERO);
        // The first line is of tomorrow: the file ends with today, and not only with tomorrow.
        let (first, now) = (at(1, 2, 12, 0), at(1, 1, 12, 0));
        assert_eq!(Schedule::Daily.wait(anchor(first, now), at(1, 2, 0, 0), &utc), Duration::ZERO);
        assert_eq!(anchor(now, first), now);
    }

    #[test]
    fn a_year_that_has_no_local_time_has_days_all_the_same() {
        let none = |_| None;
        assert_eq!(Schedule::Daily.wait(0, DAY - 1, none), Duration::from_secs(1));
        assert_eq!(Schedule::Daily.wait(0, DAY, none), Duration::ZERO);
        assert_eq!(Schedule::Hourly.wait(0, HOUR, none), Duration::ZERO);
    }
}
