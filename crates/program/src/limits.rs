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
    /// The limits of these numbers: soft, hard. One that does not fit is no limit.
    pub fn from_numbers(soft: u64, hard: u64) -> OpenFiles {
        OpenFiles { soft: fitting(soft), hard: fitting(hard) }
    }

    /// Soft, hard.
    pub fn to_numbers(self) -> (u64, u64) {
        (widened(self.soft), widened(self.hard))
    }

    /// Whether even the hard limit allows fewer than this many.
    pub fn are_fewer_than(self, count: rlim_t) -> bool {
        self.hard < count
    }

    /// Makes these the limits of this process.
    pub fn restore(self) -> nix::Result<()> {
        setrlimit(Resource::RLIMIT_NOFILE, self.soft, self.hard)
    }
}

/// A limit has 32 bits on some machines.
fn widened(limit: impl Into<u64>) -> u64 {
    limit.into()
}

fn fitting<T: TryFrom<u64> + Default + std::ops::Not<Output = T>>(number: u64) -> T {
    T::try_from(number).unwrap_or_else(|_| !T::default())
}
