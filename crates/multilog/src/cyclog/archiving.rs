//! The archive of a log directory: gives finished files their names, and removes the oldest ones.

use std::ffi::CStr;

use daemontools_program::clock::time_of_day;
use daemontools_program::failure::Failure;
use daemontools_program::stdio::uninterrupted;
use daemontools_sys::fd::open_private_at;
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{OFlag, renameat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::{Cyclog, pausing};
use crate::PROGRAM;
use crate::archive::{About, Completeness, Limits, is_archived};
use crate::settings::Settings;

impl Cyclog {
    /// Reads the archive and removes the oldest files, so that there is room for one more.
    pub(super) fn make_room(&mut self, bytes: u64) -> Result<(), Failure> {
        let keep = usize::try_from(self.plan.keep).unwrap_or(usize::MAX);
        let limits = self.limits();
        self.limit(Limits { files: keep.saturating_sub(2), bytes: limits.bytes.saturating_sub(bytes), ..limits })
    }

    /// Removes the archived files that are too old or too large together.
    pub fn prune(&mut self) -> Result<(), Failure> {
        self.limit(self.limits())
    }

    /// The limits that the settings set.
    fn limits(&self) -> Limits {
        let Settings { max_age, max_total, .. } = self.plan.settings;
        let now = time_of_day().to_unix();
        let age = max_age.map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        Limits {
            bytes: max_total.unwrap_or(u64::MAX),
            since: age.map_or(i64::MIN, |age| now.saturating_sub(age)),
            ..Limits::NONE
        }
    }

    /// Reads the archive and removes the oldest files until it is within these limits.
    fn limit(&mut self, limits: Limits) -> Result<(), Failure> {
        uninterrupted(|| self.scan()).map_err(|errno| pausing([b"read ", self.plan.dir.to_bytes()], errno))?;
        while let Some((place, oldest)) = self.archive.surplus(limits) {
            match uninterrupted(|| unlinkat(&self.dir, oldest, UnlinkatFlags::NoRemoveDir)) {
                Ok(()) | Err(Errno::ENOENT) => self.archive.removed(place),
                // Passed over: it is no file of ours.
                Err(errno @ Errno::EISDIR) => {
                    let words: [&[u8]; 4] = [b"unable to remove ", self.plan.dir.to_bytes(), b"/", oldest];
                    PROGRAM.warn_because(words, errno);
                    self.archive.removed(place);
                }
                // The words of 0.76, which reads and removes in one loop.
                Err(errno) => return Err(pausing([b"read ", self.plan.dir.to_bytes()], errno)),
            }
        }
        Ok(())
    }

    fn scan(&mut self) -> nix::Result<()> {
        self.archive.clear();
        let here = open_private_at(&self.dir, c".", OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?;
        for entry in Dir::from_fd(here)?.iter() {
            let entry = entry?;
            let name = entry.file_name();
            let about = if is_archived(name.to_bytes()) { self.about(name) } else { About::default() };
            self.archive.add(name.to_bytes(), entry.ino(), about);
        }
        self.archive.sort();
        if self.plan.settings.compress.is_some() {
            self.archive.leave_out_copies();
        }
        Ok(())
    }

    /// Size and time of an archived file, if the settings ask for them.
    fn about(&self, name: &CStr) -> About {
        let Settings { max_age, max_total, .. } = self.plan.settings;
        if max_age.is_none() && max_total.is_none() {
            return About::default();
        }
        match self.find(name) {
            Ok(Some(stat)) => About { size: u64::try_from(stat.st_size).unwrap_or(0), written: stat.st_mtime },
            // It cannot be known, so nothing is removed for its sake.
            Ok(None) | Err(_) => About { size: 0, written: i64::MAX },
        }
    }

    /// Gives `file` its name in the archive, which `make_room` has read.
    pub(super) fn keep(&mut self, file: &CStr, ending: Completeness) -> Result<(), Failure> {
        let path = [self.name(), b"/", file.to_bytes()].concat();
        let Some(stat) = self.find(file).map_err(|errno| pausing([b"stat ", &path], errno))? else {
            return Ok(());
        };
        // 0.76 makes a link with the new name and may have been killed before it removed the old name.
        if stat.st_nlink > 1 && self.archive.has(stat.st_ino) {
            return self.remove(file).map_err(|errno| pausing([b"remove ", &path], errno));
        }
        let name = self.archive.next_name(time_of_day(), ending);
        self.unpacked = self.plan.settings.compress.is_some();
        uninterrupted(|| renameat(&self.dir, file, &self.dir, name.as_slice()))
            .map_err(|errno| pausing([b"link to ", self.name(), b"/", &name], errno))
    }
}
