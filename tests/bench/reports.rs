//! What services report: each writes a line when it runs, into a socket that reaches it through all its ancestors.

use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// How long a report may take before the benchmark gives up.
const DEADLINE: Duration = Duration::from_secs(300);

/// The place where reports arrive.
pub struct Reports {
    arriving: UnixStream,
    outlet: UnixStream,
    pending: Vec<u8>,
}

impl Reports {
    /// An empty one.
    pub fn new() -> Reports {
        let (arriving, outlet) = UnixStream::pair().expect("make a pair of sockets");
        arriving.set_read_timeout(Some(Duration::from_secs(1))).expect("set a timeout");
        Reports { arriving, outlet, pending: Vec::new() }
    }

    /// The standard output of the program that reports.
    pub fn outlet(&self) -> Stdio {
        Stdio::from(OwnedFd::from(self.outlet.try_clone().expect("copy a descriptor")))
    }

    /// Waits for the next line and gives it, without its newline, and the moment in which it came.
    pub fn next(&mut self) -> (String, Instant) {
        self.wait(1);
        let end = self.pending.iter().position(|&byte| byte == b'\n').expect("a line has come");
        let line = self.pending.drain(..=end).take(end).collect();
        (String::from_utf8(line).expect("a report is text"), Instant::now())
    }

    /// Waits for this many lines, forgets them, and gives the moment in which the last one came.
    pub fn skip(&mut self, count: usize) -> Instant {
        self.wait(count);
        let came = Instant::now();
        for _ in 0..count {
            self.next();
        }
        came
    }

    /// Waits until this many lines are there.
    fn wait(&mut self, count: usize) {
        let deadline = Instant::now() + DEADLINE;
        let mut buffer = [0; 4096];
        let mut there = lines(&self.pending);
        while there < count {
            match self.arriving.read(&mut buffer) {
                Ok(read) => {
                    self.pending.extend_from_slice(&buffer[..read]);
                    there += lines(&buffer[..read]);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
                Err(e) => panic!("read reports: {e}"),
            }
            assert!(Instant::now() < deadline, "waited in vain: {there} of {count} reports came");
        }
    }
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|&&byte| byte == b'\n').count()
}
