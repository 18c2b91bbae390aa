//! The line `counted-ends` of `supervise/details`: the last ends that `restart-limit` counts.

use std::time::Duration;

use crate::text::{Decimal, Text, number, pairs};

/// How many of the ends that `restart-limit` counts the file has.
const MOST_ENDS: usize = 40;

/// The ends that such a file says `restart-limit` counts, by the monotonic clock, oldest first.
pub fn counted_ends(file: &[u8]) -> impl Iterator<Item = Duration> {
    let lists = pairs(file).filter(|(key, _)| *key == b"counted-ends").map(|(_, list)| list);
    lists.flat_map(|list| list.split(|&byte| byte == b' ')).filter_map(number).map(Duration::from_millis)
}

/// A function of its own, so that its buffer is on the stack of those only that have something to count.
#[inline(never)]
pub(super) fn write_ends(text: &mut Text<'_>, ends: &[Duration]) {
    let (mut list, mut length) = ([0; 14 * MOST_ENDS], 0);
    for end in ends.get(ends.len().saturating_sub(MOST_ENDS)..).unwrap_or_default() {
        let end = milliseconds(*end);
        for (to, from) in list.iter_mut().skip(length).zip(b" ".iter().chain(end.as_bytes())) {
            *to = *from;
            length += 1;
        }
    }
    text.line(&[b"counted-ends", list.get(..length).unwrap_or_default()]);
}

/// A span in milliseconds, 13 digits at most.
pub(super) fn milliseconds(span: Duration) -> Decimal {
    Decimal::new(u64::try_from(span.as_millis()).unwrap_or(u64::MAX).min(9_999_999_999_999))
}
