//! A program and everything that it is to start with.
//!
//! What a caller does not set is the same on every machine: default signals, nothing blocked, umask 022,
//! no descriptors but 0, 1 and 2, and no environment but what the tree gives.
//! Standard input is empty and both outputs are caught.

use std::ffi::{CString, OsStr, c_int};
use std::fs::File;
use std::io::Write;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::process::{Output, Process, caught};
use crate::run::{Start, pointers};

/// Where a standard descriptor leads.
enum Stream {
    /// Input: nothing to read. Output: caught.
    Usual,
    /// A pipe that the test writes into.
    Pipe,
    /// These bytes, through a pipe.
    Bytes(Vec<u8>),
    /// This descriptor.
    To(OwnedFd),
    /// Not open at all.
    Closed,
}

/// A program and what it is to be started with.
pub struct Invocation {
    file: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    directory: CString,
    stdin: Stream,
    stdout: Stream,
    stderr: Stream,
    extra: Vec<(OwnedFd, RawFd)>,
    ignored: Vec<c_int>,
    blocked: Vec<c_int>,
    umask: libc::mode_t,
    limits: Vec<(libc::__rlimit_resource_t, libc::rlimit)>,
    user: Option<(libc::uid_t, libc::gid_t)>,
    own_group: bool,
}

fn c_string(text: impl AsRef<OsStr>) -> CString {
    CString::new(text.as_ref().as_bytes()).expect("no NUL in arguments, names and environment")
}

impl Invocation {
    /// The file, started in the directory; without arguments or environment.
    #[must_use]
    pub fn new(file: &Path, directory: &Path) -> Invocation {
        Invocation {
            file: c_string(file),
            arguments: vec![c_string(file)],
            environment: Vec::new(),
            directory: c_string(directory),
            stdin: Stream::Usual,
            stdout: Stream::Usual,
            stderr: Stream::Usual,
            extra: Vec::new(),
            ignored: Vec::new(),
            blocked: Vec::new(),
            umask: 0o022,
            limits: Vec::new(),
            user: None,
            own_group: false,
        }
    }

    /// With this `argv[0]`.
    #[must_use]
    pub fn arg0(mut self, name: impl AsRef<OsStr>) -> Invocation {
        self.arguments[0] = c_string(name);
        self
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Invocation {
        self.arguments.push(c_string(argument));
        self
    }

    /// With these arguments after the others.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Invocation {
        self.arguments.extend(arguments.into_iter().map(c_string));
        self
    }

    /// With a variable set, whatever it was.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Invocation {
        let mut entry = name.as_ref().to_owned();
        entry.push("=");
        let start = c_string(&entry);
        self.environment.retain(|old| !old.as_bytes().starts_with(start.as_bytes()));
        entry.push(value);
        self.environment.push(c_string(&entry));
        self
    }

    /// Without a variable.
    #[must_use]
    pub fn env_remove(mut self, name: &str) -> Invocation {
        let start = format!("{name}=");
        self.environment.retain(|old| !old.as_bytes().starts_with(start.as_bytes()));
        self
    }

    /// With exactly these entries as its environment: in this order, duplicates and nonsense included.
    #[must_use]
    pub fn environ<S: AsRef<OsStr>>(mut self, entries: impl IntoIterator<Item = S>) -> Invocation {
        self.environment = entries.into_iter().map(c_string).collect();
        self
    }

    /// Started in this directory, seen from the tree's root.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Invocation {
        let root = Path::new(OsStr::from_bytes(self.directory.as_bytes()));
        self.directory = c_string(root.join(directory));
        self
    }

    /// With these bytes on standard input, through a pipe.
    #[must_use]
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Invocation {
        self.stdin = Stream::Bytes(bytes.as_ref().to_vec());
        self
    }

    /// With a pipe on standard input: see [`Process::stdin`].
    #[must_use]
    pub fn stdin_pipe(mut self) -> Invocation {
        self.stdin = Stream::Pipe;
        self
    }

    /// With this descriptor as 0, 1 or 2, or as any other number.
    #[must_use]
    pub fn descriptor(mut self, number: RawFd, open: impl Into<OwnedFd>) -> Invocation {
        match number {
            0 => self.stdin = Stream::To(open.into()),
            1 => self.stdout = Stream::To(open.into()),
            2 => self.stderr = Stream::To(open.into()),
            _ => self.extra.push((open.into(), number)),
        }
        self
    }

    /// With a standard descriptor closed.
    #[must_use]
    pub fn closed(mut self, number: RawFd) -> Invocation {
        match number {
            0 => self.stdin = Stream::Closed,
            1 => self.stdout = Stream::Closed,
            2 => self.stderr = Stream::Closed,
            _ => panic!("descriptor {number} is closed anyway"),
        }
        self
    }

    /// With these signals ignored.
    #[must_use]
    pub fn ignored(mut self, signals: &[c_int]) -> Invocation {
        self.ignored.extend(signals);
        self
    }

    /// With these signals blocked.
    #[must_use]
    pub fn blocked(mut self, signals: &[c_int]) -> Invocation {
        self.blocked.extend(signals);
        self
    }

    /// With this umask.
    #[must_use]
    pub fn umask(mut self, mask: libc::mode_t) -> Invocation {
        self.umask = mask;
        self
    }

    /// With this resource limit, soft and hard.
    #[must_use]
    pub fn limit(mut self, resource: libc::__rlimit_resource_t, soft: u64, hard: u64) -> Invocation {
        self.limits.push((resource, libc::rlimit { rlim_cur: soft, rlim_max: hard }));
        self
    }

    /// As this user and group, without supplementary groups; needs root.
    #[must_use]
    pub fn user(mut self, uid: u32, gid: u32) -> Invocation {
        self.user = Some((uid, gid));
        self
    }

    /// In a process group of its own, as a shell starts a job: then signals of the terminal can stop it.
    #[must_use]
    pub fn own_group(mut self) -> Invocation {
        self.own_group = true;
        self
    }

    /// Starts it. It is killed when what is returned is dropped.
    pub fn spawn(self) -> Process {
        let name = self.arguments[0].to_string_lossy().into_owned();
        let (out, err) = (caught(), caught());
        let mut command = Command::new(OsStr::from_bytes(self.file.as_bytes()));
        let (mut extra, mut closed, mut input) = (self.extra, Vec::new(), None);
        match self.stdin {
            Stream::Usual => drop(command.stdin(Stdio::null())),
            Stream::Pipe => drop(command.stdin(Stdio::piped())),
            Stream::Bytes(bytes) => {
                command.stdin(Stdio::piped());
                input = Some(bytes);
            }
            Stream::To(open) => extra.push((open, 0)),
            Stream::Closed => closed.push(0),
        }
        let copy = |file: &File| Stdio::from(file.try_clone().expect("copy a descriptor"));
        command.stdout(copy(&out)).stderr(copy(&err));
        for (stream, number) in [(self.stdout, 1), (self.stderr, 2)] {
            match stream {
                Stream::To(open) => extra.push((open, number)),
                Stream::Closed => closed.push(number),
                Stream::Usual | Stream::Pipe | Stream::Bytes(_) => {}
            }
        }
        let start = Start {
            file: self.file,
            argv: pointers(&self.arguments),
            envp: pointers(&self.environment),
            strings: (self.arguments, self.environment),
            directory: self.directory,
            moved: vec![-1; extra.len()],
            extra,
            closed,
            ignored: self.ignored,
            blocked: self.blocked,
            umask: self.umask,
            limits: self.limits,
            user: self.user,
            own_group: self.own_group,
        };
        let child = start.begin(&mut command).unwrap_or_else(|e| panic!("start {}: {e}", name));
        let mut process = Process { child, out, err, name, feeder: None };
        if let Some(bytes) = input {
            let mut pipe = process.stdin();
            // The program decides how much it reads; a broken pipe is not the test's trouble.
            process.feeder = Some(std::thread::spawn(move || drop(pipe.write_all(&bytes))));
        }
        process
    }

    /// Runs it to its end.
    #[track_caller]
    pub fn run(self) -> Output {
        self.spawn().wait()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc;
    use crate::process::{End, exits};

    fn sh(line: &str) -> Invocation {
        Invocation::new(Path::new("/bin/sh"), Path::new("/tmp")).args(["-c", line])
    }

    #[test]
    fn outputs_and_ends_are_told_apart() {
        assert_eq!(sh("echo out; echo err >&2; exit 3").run(), exits(3, "out\n", "err\n"));
        assert_eq!(sh("kill -9 $$").run().end, End::Signal(9));
        assert_eq!(sh("exec cat").env("PATH", "/bin:/usr/bin").stdin("input").run(), exits(0, "input", ""));
    }

    #[test]
    fn the_state_that_was_asked_for_is_there() {
        let file = File::open("/dev/null").expect("open");
        let process = sh("read x")
            .stdin_pipe()
            .descriptor(7, file)
            .closed(2)
            .ignored(&[libc::SIGPIPE])
            .blocked(&[libc::SIGTERM])
            .umask(0o027)
            .limit(libc::RLIMIT_NOFILE, 50, 60)
            .spawn();
        let pid = process.pid();
        proc::until_descriptors(pid, &[0, 1, 7]);
        assert_eq!(proc::field(pid, "SigIgn").as_deref(), Some("0000000000001000"));
        assert_eq!(proc::field(pid, "SigBlk").as_deref(), Some("0000000000004000"));
        assert_eq!(proc::field(pid, "Umask").as_deref(), Some("0027"));
        let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).expect("limits");
        assert!(limits.contains("Max open files            50                   60"), "{limits}");
    }

    #[test]
    fn the_environment_may_be_odd() {
        let odd = ["A=1", "A=2", "nonsense", ""];
        let env = Invocation::new(Path::new("/usr/bin/env"), Path::new("/")).environ(odd).run();
        assert_eq!(env, exits(0, "A=1\nA=2\nnonsense\n\n", ""));
    }
}
