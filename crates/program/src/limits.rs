//! The limit of open files, for programs that hold a descriptor for each service.

use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};

/// The soft and hard limit of open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenFiles {
    soft: rlim_t,
    hard: rlim_t,
}

/// Raises the soft limit of open files to the hard one and returns the limits from before, which a child should get
/// back. Where the system refuses, the limit stays as it is, and opening one file too many says so.
pub fn raise_open_files() -> Option<OpenFiles> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).ok()?;
    let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    Some(OpenFiles { soft, hard })
}

impl OpenFiles {
    /// Whether even the hard limit allows fewer than this many.
    pub fn are_fewer_than(self, count: rlim_t) -> bool {
        self.hard < count
    }

    /// Makes these the limits of this process.
    pub fn restore(self) -> nix::Result<()> {
        setrlimit(Resource::RLIMIT_NOFILE, self.soft, self.hard)
    }
}
