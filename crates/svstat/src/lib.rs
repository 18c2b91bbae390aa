//! The words of svstat: a status, what is normal, the time, and the line that says it.
#![forbid(unsafe_code)]

use std::fmt::Write;

use daemontools_core::label::Label;
use daemontools_core::status::{Status, Want};
use daemontools_service::report::Normally;

/// Appends what follows `DIR: `: `up (pid 42) 7 seconds, normally down` and the like. (Appended, since a line of its own
/// from the heap costs as much as one of the seven system calls that a directory takes.)
pub fn report(line: &mut String, status: &Status, normally: Normally, now: Label) {
    // A moment in the future is now.
    let seconds = now.seconds().saturating_sub(status.since.seconds());
    // Nothing that is appended to a string is refused.
    let _ = match status.pid {
        Some(pid) => write!(line, "up (pid {pid}) {seconds} seconds"),
        None => write!(line, "down {seconds} seconds"),
    };
    line.push_str(match (status.pid, normally) {
        (Some(_), Normally::Down) => ", normally down",
        (None, Normally::Up) => ", normally up",
        (Some(_), Normally::Up) | (None, Normally::Down) => "",
    });
    line.push_str(if status.pid.is_some() && status.paused { ", paused" } else { "" });
    line.push_str(match (status.pid, status.want) {
        (None, Want::Up) => ", want up",
        (Some(_), Want::Down) => ", want down",
        (None, Want::Down | Want::Once) | (Some(_), Want::Up | Want::Once) => "",
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    fn line(pid: u32, paused: bool, want: Want, normally: Normally) -> String {
        let status = Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(pid), paused, want };
        let mut line = String::new();
        report(&mut line, &status, normally, Label::from_unix(142, 0));
        line
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
        let mut line = String::from("x: ");
        report(&mut line, &status, Normally::Down, Label::from_unix(99, 0));
        assert_eq!(line, "x: down 0 seconds");
    }
}
