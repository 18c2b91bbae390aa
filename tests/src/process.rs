//! A process that runs, and how it ended and what it said.
//!
//! Both outputs go to files in memory: a grandchild that keeps them open holds nobody up,
//! and they can be read at any time.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdin, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::{before, time_limit};

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By exiting with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> End {
        match status.signal() {
            Some(signal) => End::Signal(signal),
            None => End::Code(status.code().unwrap_or(-1)),
        }
    }
}

/// How a process ended and what it said.
#[derive(Clone, PartialEq, Eq)]
pub struct Output {
    /// Its exit code or signal.
    pub end: End,
    /// What it wrote on standard output.
    pub stdout: Vec<u8>,
    /// What it wrote on standard error.
    pub stderr: Vec<u8>,
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (out, err) = (self.stdout.escape_ascii(), self.stderr.escape_ascii());
        write!(f, "{:?} stdout \"{out}\" stderr \"{err}\"", self.end)
    }
}

/// The output of a process that exits with this code and says this, to be compared with.
#[must_use]
pub fn exits(code: i32, stdout: impl AsRef<[u8]>, stderr: impl AsRef<[u8]>) -> Output {
    Output { end: End::Code(code), stdout: stdout.as_ref().to_vec(), stderr: stderr.as_ref().to_vec() }
}

/// A process that was started; killed when dropped.
pub struct Process {
    pub(crate) child: Child,
    pub(crate) out: File,
    pub(crate) err: File,
    pub(crate) name: String,
    /// Who writes the input that was given as bytes.
    pub(crate) feeder: Option<JoinHandle<()>>,
}

impl Process {
    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// The writing end of its standard input, once; dropping it is the end of the input.
    #[must_use]
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("started with stdin_pipe, and not taken before")
    }

    /// What it has written on standard output so far.
    #[must_use]
    pub fn stdout(&self) -> Vec<u8> {
        so_far(&self.out)
    }

    /// What it has written on standard error so far.
    #[must_use]
    pub fn stderr(&self) -> Vec<u8> {
        so_far(&self.err)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("send a signal");
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<End> {
        self.child.try_wait().expect("wait for a process").map(End::from)
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn wait(self) -> Output {
        self.wait_after(Duration::ZERO)
    }

    /// As [`Process::wait`], for what takes this much time even where nothing is wrong.
    #[track_caller]
    pub fn wait_after(mut self, time: Duration) -> Output {
        let limit = time + time_limit();
        let end = before(Instant::now() + limit, || self.ended());
        let Some(end) = end else {
            panic!("{} did not end within {} seconds", self.name, limit.as_secs());
        };
        drop(self.child.stdin.take());
        Output { end, stdout: self.stdout(), stderr: self.stderr() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let (out, err) = (self.stdout(), self.stderr());
            eprintln!("{} said: stdout \"{}\" stderr \"{}\"", self.name, out.escape_ascii(), err.escape_ascii());
        }
        // With its reader gone the feeder ends too, unless a grandchild reads on: that one ends with the tree.
        drop(self.feeder.take());
    }
}

/// A file for what a process says, in memory: not every file system of a temporary directory has files without a name.
pub(crate) fn caught() -> File {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // What /proc shows of a descriptor tells one from the other.
    let name = format!("said-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    File::from(memfd_create(name.as_str(), MFdFlags::MFD_CLOEXEC).expect("make a file in memory"))
}

/// Everything that has been written to the file; the file's offset, which the process shares, stays.
fn so_far(file: &File) -> Vec<u8> {
    let mut text = vec![0; file.metadata().expect("stat").len() as usize];
    let read = file.read_at(&mut text, 0).expect("read what a process said");
    text.truncate(read);
    text
}
