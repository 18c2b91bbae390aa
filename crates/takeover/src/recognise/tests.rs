//! What each kind of process is recognised as, from facts that are written out here.

use super::*;
use crate::process::{Call, Child, FileId};
use daemontools_core::label::Label;

const LOCK: FileId = FileId { device: 1, number: 10 };
const CONTROL: FileId = FileId { device: 1, number: 11 };
const OK: FileId = FileId { device: 1, number: 12 };
const SELF: FileId = FileId { device: 9, number: 100 };
const LOG: FileId = FileId { device: 9, number: 200 };

fn own(number: i32, file: FileId, kind: Kind, access: Access, nonblocking: bool) -> Descriptor {
    Descriptor { number, file, kind, access, close_on_exec: true, nonblocking }
}

/// As /proc shows a supervise of Debian's package.
fn a_supervise() -> (Process, ServiceFiles) {
    let inherited = Descriptor { close_on_exec: false, ..own(0, LOG, Kind::Other, Access::Both, false) };
    let descriptors = vec![
        inherited,
        Descriptor { number: 2, ..inherited },
        own(3, SELF, Kind::Pipe, Access::Read, true),
        own(4, SELF, Kind::Pipe, Access::Write, true),
        own(5, LOCK, Kind::File, Access::Write, true),
        own(6, CONTROL, Kind::Pipe, Access::Read, true),
        own(7, CONTROL, Kind::Pipe, Access::Write, true),
        own(8, OK, Kind::Pipe, Access::Read, true),
    ];
    let process = Process {
        pid: Pid::from_raw(42),
        parent: Pid::from_raw(41),
        user: 0,
        started: 7,
        arguments: vec![b"supervise".to_vec(), b"web".to_vec()],
        environment: Vec::new(),
        machine: Some(arch::MACHINE),
        state: b'S',
        tracer: None,
        threads: 1,
        caught: CHLD,
        blocked: 0,
        call: Some(Call { number: libc::SYS_ppoll, arguments: [0, 2, 0, 0, 0, 0], stack: 1, next: 2 }),
        polled: Some([3, 6]),
        children: vec![Child { pid: Pid::from_raw(4242), ended: false }],
        descriptors,
        directory: FileId { device: 1, number: 1 },
    };
    let status =
        Status { since: Label::from_unix(0, 0), pid: std::num::NonZeroU32::new(4242), paused: false, want: Want::Up };
    let files = ServiceFiles {
        lock: Some(LOCK),
        control: Some(CONTROL),
        ok: Some(OK),
        status: Some(status.to_bytes().to_vec()),
        status_is_late: false,
    };
    (process, files)
}

fn judged(change: impl FnOnce(&mut Process, &mut ServiceFiles)) -> Result<OriginalSupervise, Refusal> {
    let (mut process, mut files) = a_supervise();
    change(&mut process, &mut files);
    supervise(&process, &files, Some(Pid::from_raw(99)))
}

fn is_foreign<T>(judged: &Result<T, Refusal>) -> bool {
    matches!(judged, Err(Refusal::Foreign(_)))
}

#[test]
fn a_supervise_in_its_poll_is_recognised() {
    let found = judged(|_, _| {}).expect("a supervise");
    assert_eq!((found.lock, found.control_reader, found.control_writer, found.ok), (5, 6, 7, 8));
    assert_eq!(found.status.pid.map(std::num::NonZeroU32::get), Some(4242));
    let down = judged(|process, files| {
        process.children.clear();
        files.status.as_mut().expect("a status")[12..16].fill(0);
    });
    assert_eq!(down.map(|found| found.status.pid), Ok(None));
}

#[test]
fn what_it_was_started_with_does_not_matter() {
    let found = judged(|process, _| {
        process.descriptors.insert(0, Descriptor { number: 251, ..process.descriptors[0] });
        // Left by a takeover that was killed.
        process.descriptors.push(own(9, LOG, Kind::Leftover, Access::Both, false));
        process.tracer = Some(Pid::from_raw(99));
        process.call = process.call.map(|call| Call { number: libc::SYS_restart_syscall, ..call });
    });
    assert!(found.is_ok(), "{found:?}");
}

#[test]
fn a_supervise_that_does_something_is_waited_for() {
    for number in [libc::SYS_clock_nanosleep, libc::SYS_read, libc::SYS_restart_syscall] {
        let found = judged(|process, _| {
            process.polled = None;
            process.call = process.call.map(|call| Call { number, ..call });
        });
        assert!(matches!(found, Err(Refusal::Busy(_))), "{found:?}");
    }
    assert!(matches!(judged(|process, _| (process.call, process.polled) = (None, None)), Err(Refusal::Busy(_))));
    // Its pause after a start: a poll on nothing.
    let pause = Call { number: libc::SYS_ppoll, arguments: [0; 6], stack: 1, next: 2 };
    let found = judged(|process, _| (process.call, process.polled) = (Some(pause), None));
    assert!(matches!(found, Err(Refusal::Busy(_))), "{found:?}");
}

#[test]
fn what_is_not_as_in_0_76_is_refused() {
    assert!(is_foreign(&judged(|process, _| process.polled = Some([6, 3]))));
    assert!(is_foreign(&judged(|process, _| process.caught |= 1 << 14)), "it catches TERM, as encore's does");
    assert!(is_foreign(&judged(|process, _| process.threads = 2)));
    assert!(is_foreign(&judged(|_, files| files.lock = Some(OK))));
    assert!(is_foreign(&judged(|_, files| files.ok = None)));
    assert!(is_foreign(&judged(|process, _| process.descriptors.truncate(7))));
    assert!(is_foreign(&judged(|process, _| process.descriptors.push(own(9, LOG, Kind::Other, Access::Both, true)))));
    // runit's has 20 bytes.
    assert!(is_foreign(&judged(|_, files| files.status.as_mut().expect("a status").extend([0, 0]))));
    assert!(is_foreign(&judged(|_, files| files.status = None)));
    assert!(matches!(judged(|_, files| files.status_is_late = true), Err(Refusal::Busy(_))));
    assert!(is_foreign(&judged(|process, _| process.children.clear())), "the status is older than the end");
    assert!(is_foreign(&judged(|_, files| files.status.as_mut().expect("a status")[12..16].fill(0))));
}

#[test]
fn what_cannot_be_traced_is_refused() {
    assert_eq!(judged(|process, _| process.machine = None), Err(Refusal::Machine));
    assert_eq!(judged(|process, _| process.state = b'T'), Err(Refusal::Stopped));
    assert_eq!(judged(|process, _| process.state = b'Z'), Err(Refusal::Gone));
    let debugger = Pid::from_raw(7);
    assert_eq!(judged(|process, _| process.tracer = Some(debugger)), Err(Refusal::Traced(debugger)));
}

/// As /proc shows an svscan with one logger.
fn an_svscan(number: i64) -> Process {
    let (process, _) = a_supervise();
    let mut descriptors = process.descriptors[..2].to_vec();
    descriptors.push(own(4, LOG, Kind::Pipe, Access::Read, false));
    descriptors.push(own(5, LOG, Kind::Pipe, Access::Write, false));
    let call = process.call.map(|call| Call { number, ..call });
    Process { caught: 0, descriptors, call, polled: None, ..process }
}

#[test]
fn an_svscan_in_its_sleep_is_recognised() {
    let asleep = an_svscan(libc::SYS_clock_nanosleep);
    let found = svscan(&asleep, None, None).expect("an svscan");
    assert_eq!(found.pipes.into_iter().collect::<Vec<_>>(), [(LOG, (4, 5))]);
    let interrupted = an_svscan(libc::SYS_restart_syscall);
    assert!(svscan(&interrupted, Some(&asleep), None).is_ok());
    assert!(matches!(svscan(&interrupted, None, None), Err(Refusal::Busy(_))));
    let mut elsewhere = asleep.clone();
    elsewhere.call = elsewhere.call.map(|call| Call { next: 3, ..call });
    assert!(matches!(svscan(&interrupted, Some(&elsewhere), None), Err(Refusal::Busy(_))));
    assert!(matches!(svscan(&an_svscan(libc::SYS_getdents64), None, None), Err(Refusal::Busy(_))));
}

#[test]
fn a_multilog_that_is_started_again_is_recognised() {
    let (supervise, files) = a_supervise();
    let logger = Process { pid: Pid::from_raw(4242), caught: ALRM | TERM, ..supervise.clone() };
    assert_eq!(multilog(&logger, &supervise, &files), Ok(()));
    let judged = |logger: Process, want: u8| {
        let mut files = files.clone();
        files.status.as_mut().expect("a status")[17] = want;
        is_foreign(&multilog(&logger, &supervise, &files))
    };
    assert!(judged(Process { caught: TERM, ..logger.clone() }, b'u'));
    assert!(judged(Process { pid: Pid::from_raw(4243), ..logger.clone() }, b'u'), "a part of a pipeline");
    assert!(judged(logger.clone(), b'd') && judged(logger, 0));
}

#[test]
fn an_svscan_that_is_not_as_in_0_76_is_refused() {
    let with = |change: fn(&mut Process)| {
        let mut process = an_svscan(libc::SYS_nanosleep);
        change(&mut process);
        is_foreign(&svscan(&process, None, None))
    };
    assert!(!with(|_| {}));
    assert!(with(|process| process.caught = CHLD), "encore's catches signals");
    assert!(with(|process| process.descriptors.truncate(3)), "one end of a pipe");
    assert!(with(|process| process.descriptors.push(own(6, OK, Kind::Other, Access::Read, true))), "a signalfd");
    assert!(with(|process| process.call = process.call.map(|call| Call { number: libc::SYS_ppoll, ..call })));
}
