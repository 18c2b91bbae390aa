//! Giving way to everything else that runs.
#![allow(unsafe_code)]

/// `ioprio_set` for a single process.
const PROCESS: libc::c_long = 1;

/// The lowest level of the usual class.
const LAST: libc::c_long = (2 << 13) | 7;

/// Takes little of processor and disk while others want them, as far as the system does that, but some: on a machine that
/// is never idle, too, the work comes to its end.
pub fn lower_priority() {
    // SAFETY: nice takes a number.
    unsafe { libc::nice(10) };
    // SAFETY: ioprio_set takes three numbers; 0 is this process.
    unsafe { libc::syscall(libc::SYS_ioprio_set, PROCESS, 0 as libc::c_long, LAST) };
}
