//! The words of svstat: a status, what is normal, the time, and the line that says it.
#![forbid(unsafe_code)]

use daemontools_core::label::Label;
use daemontools_core::status::{Status, Want};
use daemontools_core::text::Decimal;
use daemontools_service::report::Normally;

/// Appends what follows `DIR: `: `up (pid 42) 7 seconds, normally down` and the like. (In pieces, and at once where it is to
/// be: what formats and copies more costs as much as one of the six system calls that a directory takes.)
pub fn report(text: &mut Vec<u8>, status: &Status, normally: Normally, now: Label) {
    match status.pid {
        Some(pid) => {
            text.extend_from_slice(b"up (pid ");
            text.extend_from_slice(Decimal::new(pid.get().into()).as_bytes());
            text.extend_from_slice(b") ");
        }
        None => text.extend_from_slice(b"down "),
    }
    // A moment in the future is now.
    let seconds = now.seconds().saturating_sub(status.since.seconds());
    text.extend_from_slice(Decimal::new(seconds).as_bytes());
    text.extend_from_slice(b" seconds");
    let unusual: [&[u8]; 3] = [
        match (status.pid, normally) {
            (Some(_), Normally::Down) => b", normally down",
            (None, Normally::Up) => b", normally up",
            (Some(_), Normally::Up) | (None, Normally::Down) => b"",
        },
        if status.pid.is_some() && status.paused { b", paused" } else { b"" },
        match (status.pid, status.want) {
            (None, Want::Up) => b", want up",
            (Some(_), Want::Down) => b", want down",
            (None, Want::Down | Want::Once) | (Some(_), Want::Up | Want::Once) => b"",
        },
    ];
    for words in unusual.into_iter().filter(|words| !words.is_empty()) {
        text.extend_from_slice(words);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn line(pid: u32, paused: bool, want: Want, normally: Normally) -> String {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(pid), paused, want };
        let mut line = Vec::new();
        report(&mut line, &status, normally, Label::from_unix(142, 0));
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn what_differs_from_normal_and_from_the_wish_is_said_in_order() {
        assert_eq!(line(7, false, Want::Up, Normally::Up), "up (pid 7) 42 seconds");
        assert_eq!(
            line(7, true, Want::Down, Normally::Down),
            "up (pid 7) 42 seconds, normally down, paused, want down"
        );
        assert_eq!(line(0, false, Want::Up, Normally::Up), "down 42 seconds, normally up, want up");
        assert_eq!(line(0, false, Want::Down, Normally::Down), "down 42 seconds");
        assert_eq!(line(7, false, Want::Once, Normally::Up), "up (pid 7) 42 seconds");
    }

    #[test]
    fn the_future_counts_as_no_time() {
        let status = Status { since: Label::from_unix(100, 0), pid: None, paused: false, want: Want::Down };
        let mut line = b"x: ".to_vec();
        report(&mut line, &status, Normally::Down, Label::from_unix(99, 0));
        assert_eq!(line, b"x: down 0 seconds");
    }
}
