//! Faults put into a program's system calls by strace: its end at a call, or an error instead of a call.
//!
//! A clean run under strace lists the calls; then each can be made to fail in a run of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::run::outcome;
use crate::{Invocation, Tree, left_out};

/// A system call of a run: its name, and which one of that name it is, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// As strace writes it.
    pub name: String,
    /// Counted from 1.
    pub nth: usize,
}

impl Call {
    /// strace's words for ending the program at this call.
    #[must_use]
    pub fn killed(&self) -> String {
        self.signalled("KILL")
    }

    /// strace's words for this signal at this call.
    #[must_use]
    pub fn signalled(&self, signal: &str) -> String {
        format!("inject={}:signal={signal}:when={}", self.name, self.nth)
    }

    /// strace's words for failing this call.
    #[must_use]
    pub fn failed(&self, errno: &str) -> String {
        format!("inject={}:error={errno}:when={}", self.name, self.nth)
    }
}

/// The calls that a trace lists, from the first of the name `from` on.
#[must_use]
pub fn calls(trace: &[u8], from: &str) -> Vec<Call> {
    let text = String::from_utf8_lossy(trace);
    let mut all: Vec<Call> = Vec::new();
    for line in text.lines() {
        let Some((name, _)) = line.split_once('(') else { continue };
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            let nth = all.iter().filter(|call| call.name == name).count() + 1;
            all.push(Call { name: name.to_owned(), nth });
        }
    }
    all.into_iter().skip_while(|call| call.name != from).collect()
}

/// Whether strace can be used; if not, says that `what` is left out.
#[must_use]
pub fn can_trace(what: &str) -> bool {
    let mut strace = Command::new("sh");
    strace.args(["-c", "strace -o /dev/null true"]).stdout(Stdio::null()).stderr(Stdio::null());
    let can = outcome(&mut strace).success();
    if !can {
        left_out(what, "strace is not installed, or may not trace");
    }
    can
}

impl Tree {
    /// An invocation of a program under test by strace, which writes the calls of that process alone into the file
    /// `trace` and puts these faults into them.
    #[must_use]
    pub fn traced(&self, trace: &str, faults: &[String], name: &str) -> Invocation {
        self.traced_file(trace, faults, &self.programs().path(name))
    }

    /// The same of any executable file.
    #[must_use]
    pub fn traced_file(&self, trace: &str, faults: &[String], file: &Path) -> Invocation {
        let mut strace = self.invocation("/usr/bin/strace").arg0("strace").args(["-qq", "-o", trace]);
        for fault in faults {
            strace = strace.args(["-e", fault]);
        }
        strace.arg(file)
    }
}

/// Whether all faults are to be tried (TORTURE=1), not only a selection.
#[must_use]
pub fn all_of_them() -> bool {
    std::env::var_os("TORTURE").is_some_and(|value| !value.is_empty() && value != "0")
}

/// All of the faults, or every `step`th of them.
#[must_use]
pub fn selection<T>(faults: Vec<T>, step: usize) -> Vec<T> {
    let step = if all_of_them() { 1 } else { step };
    faults.into_iter().step_by(step).collect()
}

/// The errors that are put into calls, one at a time.
const ERRORS: [&str; 6] = ["EIO", "ENOSPC", "EINTR", "EMFILE", "EAGAIN", "ENOMEM"];

/// Each error at each of these calls. In a short run, for each name: an interruption of the one in the middle, and
/// another error at the last one.
#[must_use]
pub fn errors(calls: Vec<Call>) -> Vec<(Call, &'static str)> {
    // The kernel's brk never fails with an errno, and the C library knows that; umask never fails at all.
    let spared = ["execve", "exit_group", "brk", "umask"];
    let calls: Vec<Call> = calls.into_iter().filter(|call| !spared.contains(&call.name.as_str())).collect();
    if all_of_them() {
        return calls.iter().flat_map(|call| ERRORS.map(|errno| (call.clone(), errno))).collect();
    }
    let mut names: Vec<&String> = calls.iter().map(|call| &call.name).collect();
    names.sort();
    names.dedup();
    let mut chosen = Vec::new();
    for (number, name) in names.into_iter().enumerate() {
        let of_the_name: Vec<&Call> = calls.iter().filter(|call| call.name == *name).collect();
        let (middle, last) = (of_the_name[of_the_name.len() / 2], of_the_name[of_the_name.len() - 1]);
        let others = ["EIO", "ENOSPC", "EMFILE", "EAGAIN", "ENOMEM"];
        chosen.push((middle.clone(), "EINTR"));
        chosen.push((last.clone(), others[number % others.len()]));
    }
    chosen
}

/// Tries each fault, several at once, and says how many there were. `attempt` fails by panicking.
pub fn try_each<T: Sync>(what: &str, faults: &[T], at_once: usize, attempt: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Vec<usize>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(fault) = faults.get(number) else { break };
                    let tried = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| attempt(fault)));
                    if tried.is_err() {
                        failed.lock().expect("failures").push(number);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("failures");
    println!("{what}: {} faults tried, {} failed", faults.len(), failed.len());
    assert!(failed.is_empty(), "{what}: the faults of these numbers: {failed:?}");
    assert!(!faults.is_empty(), "{what}: no fault was tried");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_a_list_of_numbered_calls() {
        let trace = b"execve(\"x\") = 0\nread(3, \"(\", 1) = 1\n--- SIGCHLD {} ---\nread(3) = 0\nclose(3) = 0\n+++ exited +++\n";
        let call = |name: &str, nth| Call { name: name.into(), nth };
        assert_eq!(calls(trace, "read"), [call("read", 1), call("read", 2), call("close", 1)]);
    }
}
