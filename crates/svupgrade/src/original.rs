//! The programs of daemontools 0.76, which cannot be asked: supervise and svscan are taken over (`daemontools_takeover`),
//! multilog finishes its line when it is told to end, and its supervise starts it again.

use std::ffi::CStr;
use std::os::fd::AsFd;

use daemontools_program::printable::printable;
use daemontools_takeover::{Multilog, Refusal, Supervise, Svscan, Taken};
use daemontools_upgrade::{Order, sealed, trial, trusted};
use nix::unistd::Pid;

use crate::tree::Member;
use crate::verdict::Verdict;

/// Looks at a process that is none of ours, or makes it ours. Looking changes nothing, and tries the new program with the
/// state that it would go on with; doing comes after looking, and does not try again.
pub fn ask(member: &Member, order: Order, bin: &[u8]) -> Verdict {
    let program = match trusted(bin, member.program) {
        Ok(program) => program,
        Err(reason) => return Verdict::Refused(reason),
    };
    let pid = Pid::from_raw(member.pid);
    let asked = match (member.program, order) {
        ("supervise", Order::Check) => Supervise::look(pid).and_then(|found| try_it(&program, &found.state.to_text())),
        ("supervise", Order::Upgrade) => Supervise::look(pid).and_then(|found| found.take_over(&program)).map(taken),
        ("svscan", Order::Check) => Svscan::look(pid).and_then(|found| try_it(&program, &found.state.to_text())),
        ("svscan", Order::Upgrade) => Svscan::look(pid).and_then(|found| found.take_over(&program)).map(taken),
        _ => Multilog::look(pid).and_then(|found| logger(&found, order)).map(Ok),
    };
    match asked {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(reason)) => Verdict::Refused(reason),
        Err(Refusal::Gone) => Verdict::Gone,
        Err(refusal) if refusal.is_temporary() => Verdict::Busy(refusal.to_string().into_bytes()),
        Err(refusal) => Verdict::Refused(refusal.to_string().into_bytes()),
    }
}

/// A multilog, which its supervise starts again.
fn logger(found: &Multilog, order: Order) -> Result<Verdict, Refusal> {
    match (found.finds_itself(), order) {
        (Some(file), _) => Ok(Verdict::FindsItself(printable(&file))),
        (None, Order::Check) => Ok(Verdict::Able),
        (None, Order::Upgrade) => found.end().map(|()| Verdict::Restarted),
    }
}

/// Asks the new program whether it can go on with a state.
fn try_it(program: &CStr, state: &[u8]) -> Result<Result<Verdict, Vec<u8>>, Refusal> {
    let memfd = sealed(state).map_err(|errno| Refusal::Denied("make a file in memory", errno))?;
    Ok(trial(program, memfd.as_fd(), || Ok(())).map(|()| Verdict::Able))
}

fn taken(taken: Taken) -> Result<Verdict, Vec<u8>> {
    Ok(Verdict::Upgraded(taken.pause))
}
