//! What blocks a logger, as words and data: it does not read what its service writes, which waits as soon as the pipe between
//! them is full. `daemontools_observe` finds it out.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use daemontools_core::label::Label;
use daemontools_program::printable::printable;

/// What is known of a logger that does not read, or of a service that waits for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// How many bytes wait in the pipe.
    pub unread: u32,
    /// When the log was last written to, where that is known: since then nothing was.
    pub written: Option<Label>,
    /// Why the logger does not read.
    pub cause: Cause,
}

/// Why a logger does not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// That does not show from outside.
    Unknown,
    /// It has no process, or none that reads the pipe.
    NoProcess,
    /// Its process is stopped.
    Stopped,
    /// Something about a directory that it writes to.
    Directory(Place, Obstacle),
}

/// A log directory, and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The directory, as the logger's system calls it.
    pub dir: PathBuf,
    /// The user id that the logger writes with.
    pub uid: u32,
    /// How large its file system is, in bytes; 0: it does not say.
    pub size: u64,
    /// How much of it is free for root alone, in bytes.
    pub reserve: u64,
    /// How many files it may have; 0: there is no such limit.
    pub files: u64,
}

/// What prevents writing in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The file system may not be written.
    ReadOnly,
    /// It has no free blocks for this account.
    NoSpace,
    /// It has no free inodes for this account.
    NoInodes,
    /// The account may not make files there.
    Denied,
    /// A processor has not finished an old file: it fails, or takes long.
    Processor,
}

impl Cause {
    /// The cause in a few words, for a table; empty where it is not known.
    pub fn short(&self) -> &'static str {
        match self {
            Cause::Unknown => "",
            Cause::NoProcess => "no process",
            Cause::Stopped => "stopped",
            Cause::Directory(_, obstacle) => match obstacle {
                Obstacle::ReadOnly => "read-only",
                Obstacle::NoSpace => "no space",
                Obstacle::NoInodes => "no inodes",
                Obstacle::Denied => "not writable",
                Obstacle::Processor => "processor",
            },
        }
    }

    /// The cause as a clause: `no space is left for log in /var/log/web (1.2 GB, of which 60.0 MB are free for root alone)`.
    /// `account` names a user id.
    pub fn clause(&self, account: impl FnOnce(u32) -> String) -> String {
        let (place, obstacle) = match self {
            Cause::Unknown => return "why does not show from outside".into(),
            Cause::NoProcess => return "no process of it reads the pipe".into(),
            Cause::Stopped => return "its process is stopped".into(),
            Cause::Directory(place, obstacle) => (place, obstacle),
        };
        let (dir, account) = (printable(place.dir.as_os_str().as_bytes()), || printable(account(place.uid).as_bytes()));
        match obstacle {
            Obstacle::ReadOnly => format!("the file system of {dir} is read-only"),
            Obstacle::NoSpace => format!("no space is left for {} in {dir} ({})", account(), place.sizes()),
            Obstacle::NoInodes => format!("no inodes are left for {} in {dir} (of {})", account(), place.files),
            Obstacle::Denied => format!("{} may not make files in {dir}", account()),
            Obstacle::Processor => format!("its processor fails, or has not finished, in {dir}"),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Cause::Unknown => "what the logger says on the terminal or in the log of svscan may tell",
            Cause::NoProcess => "start the logger: svc -u, on its directory",
            Cause::Stopped => "let it go on: svc -c, on the directory of the logger",
            Cause::Directory(_, obstacle) => match obstacle {
                Obstacle::ReadOnly => "mount it so that it can be written; the logger goes on by itself",
                Obstacle::NoSpace => "make room there; the logger goes on by itself, and no line is lost",
                Obstacle::NoInodes => "remove files there; the logger goes on by itself, and no line is lost",
                Obstacle::Denied => "let the account own the directory; the logger goes on by itself",
                Obstacle::Processor => "mend the processor; the logger tries it again by itself",
            },
        }
    }
}

impl Place {
    fn sizes(&self) -> String {
        match self.reserve {
            0 => bytes(self.size),
            reserve => format!("{}, of which {} are free for root alone", bytes(self.size), bytes(reserve)),
        }
    }
}

/// A size with its unit: `512 B`, `64.0 kB`, `1.2 GB` (of 1024).
fn bytes(count: u64) -> String {
    let mut size = count as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{count} B") } else { format!("{size:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_names_the_directory_with_its_size() {
        let place = |reserve| Place { dir: "/var/log/a\n".into(), uid: 7, size: 1 << 30, reserve, files: 100 };
        for (cause, short, clause) in [
            (
                Cause::Directory(place(0), Obstacle::NoSpace),
                "no space",
                "no space is left for 7 in /var/log/a\\n (1.0 GB)",
            ),
            (
                Cause::Directory(place(60 << 20), Obstacle::NoSpace),
                "no space",
                "no space is left for 7 in /var/log/a\\n (1.0 GB, of which 60.0 MB are free for root alone)",
            ),
            (
                Cause::Directory(place(0), Obstacle::NoInodes),
                "no inodes",
                "no inodes are left for 7 in /var/log/a\\n (of 100)",
            ),
            (
                Cause::Directory(place(0), Obstacle::ReadOnly),
                "read-only",
                "the file system of /var/log/a\\n is read-only",
            ),
            (Cause::Stopped, "stopped", "its process is stopped"),
            (Cause::Unknown, "", "why does not show from outside"),
        ] {
            assert_eq!((cause.short(), cause.clause(|uid| uid.to_string()).as_str()), (short, clause));
        }
        assert_eq!([bytes(1023), bytes(1536), bytes(u64::MAX)], ["1023 B", "1.5 kB", "16777216.0 TB"]);
    }
}
