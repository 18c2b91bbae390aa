//! A process as /proc shows it: plain data, which `recognise` judges.

use nix::unistd::Pid;

/// Which file a name or a descriptor leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId {
    /// The device.
    pub device: u64,
    /// The inode number on that device.
    pub number: u64,
}

/// What an open descriptor is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A pipe or a FIFO.
    Pipe,
    /// A regular file.
    File,
    /// A file in memory that a takeover left, which ended before its execve.
    Leftover,
    /// A directory, a device, a socket or what the kernel calls anonymous: a signalfd, an inotify instance.
    Other,
}

/// How a descriptor may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading alone.
    Read,
    /// For writing alone.
    Write,
    /// For both.
    Both,
}

/// An open descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Its number.
    pub number: i32,
    /// What it leads to.
    pub file: FileId,
    /// What that is.
    pub kind: Kind,
    /// How it may be used.
    pub access: Access,
    /// Whether execve closes it.
    pub close_on_exec: bool,
    /// Whether reading and writing never wait.
    pub nonblocking: bool,
}

/// The system call that a process is in, from /proc/PID/syscall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number on this machine.
    pub number: i64,
    /// Its arguments.
    pub arguments: [u64; 6],
    /// The stack pointer.
    pub stack: u64,
    /// The address at which the process goes on after the call.
    pub next: u64,
}

/// A program file's class and machine, from its ELF header: 64 bits and x86-64, say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// 1: 32 bits, 2: 64 bits.
    pub class: u8,
    /// The number of the processor's kind.
    pub kind: u16,
}

/// A child of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its number.
    pub pid: Pid,
    /// Whether it has ended and waits to be reaped.
    pub ended: bool,
}

/// What tells for which service of its svscan a supervise is.
#[derive(Clone, Debug)]
pub struct Supervisor {
    /// Its number.
    pub pid: Pid,
    /// The words it was started with.
    pub arguments: Vec<Vec<u8>>,
    /// Its current directory.
    pub directory: FileId,
    /// Its standard input and its standard output; `None`: closed.
    pub streams: [Option<FileId>; 2],
}

/// What /proc says of a process.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its number.
    pub pid: Pid,
    /// Its parent; 0: that is in another namespace.
    pub parent: Pid,
    /// Its user, as which it opens files.
    pub user: u32,
    /// When it was started, in ticks since the boot.
    pub started: u64,
    /// The words it was started with.
    pub arguments: Vec<Vec<u8>>,
    /// The environment it was started with: entries that end with a NUL.
    pub environment: Vec<u8>,
    /// What its program file is made for; `None` where that cannot be read.
    pub machine: Option<Machine>,
    /// `S`: it sleeps; `t`: it is traced; and so on (proc(5)).
    pub state: u8,
    /// The process that traces it.
    pub tracer: Option<Pid>,
    /// How many threads it has.
    pub threads: u32,
    /// The signals that it catches: bit 0 is signal 1.
    pub caught: u64,
    /// The signals that it blocks.
    pub blocked: u64,
    /// The call that it is in; `None` if it runs.
    pub call: Option<Call>,
    /// The descriptors for which a poll of two waits, if that is what the call's arguments say.
    pub polled: Option<[i32; 2]>,
    /// Its children.
    pub children: Vec<Child>,
    /// Its open descriptors, by their numbers.
    pub descriptors: Vec<Descriptor>,
    /// Its current directory.
    pub directory: FileId,
}

impl Process {
    /// The last component of the name it was started by.
    pub fn name(&self) -> &[u8] {
        name(&self.arguments)
    }

    /// The lowest number from `from` on that no descriptor has.
    pub fn free_descriptor(&self, from: i32) -> i32 {
        let mut free = from;
        for descriptor in &self.descriptors {
            if descriptor.number == free {
                free += 1;
            }
        }
        free
    }
}

impl Supervisor {
    /// The last component of the name it was started by.
    pub fn name(&self) -> &[u8] {
        name(&self.arguments)
    }
}

fn name(arguments: &[Vec<u8>]) -> &[u8] {
    let first = arguments.first().map_or(&b""[..], Vec::as_slice);
    first.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}
