//! The settings of a service: names in `supervise.d` that are none, values that supervise cannot use, hooks that it cannot
//! run, files that it does not use because others may write them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::settings::{DIRECTORY, Kind, MAX_SIZE, Setting, Settings, value};
use daemontools_program::printable::printable;

use crate::code::Code;
use crate::file::{Seen, look, names, read_start};
use crate::finding::Finding;
use crate::service::Report;

/// Settings that mean nothing without another one.
const NEEDED: [(Setting, Setting); 6] = [
    (Setting::Watchdog, Setting::NotifySocket),
    (Setting::CheckInterval, Setting::Check),
    (Setting::CheckTimeout, Setting::Check),
    (Setting::CheckAlways, Setting::Check),
    (Setting::CheckLimit, Setting::Check),
    (Setting::CheckRestart, Setting::Check),
];

impl Report {
    /// Reads the settings of the service in `dir`.
    pub fn read_settings(&mut self, dir: &Path) {
        let place = dir.join(std::ffi::OsStr::from_bytes(DIRECTORY));
        let Ok(names) = names(&place) else { return };
        let mut found = Vec::new();
        for name in names {
            let path = place.join(&name);
            match Setting::from_name(name.as_bytes()) {
                Some(setting) => found.push((setting, path)),
                None if name.as_bytes().starts_with(b".") => {}
                None => {
                    let fix = "supervise(8) lists the names; remove it, or give it the right one";
                    self.setting(&path, "no setting has this name", fix);
                }
            }
        }
        for (setting, path) in &found {
            self.read_setting(*setting, path);
            let needed = NEEDED.iter().find(|(needs, _)| needs == setting).map(|(_, needed)| *needed);
            if let Some(needed) = needed.filter(|needed| !found.iter().any(|(setting, _)| setting == needed)) {
                let what = format!("this does nothing without {}", needed.name());
                self.setting(path, &what, &format!("add {}, or remove this", needed.name()));
            }
        }
        if let (Some(owner), Ok(found)) = (owner(dir), look(&place)) {
            self.check_writers(&place, &found, owner);
        }
    }

    fn read_setting(&mut self, setting: Setting, path: &Path) {
        let found = match look(path) {
            Ok(found) => found,
            Err(error) => return self.setting(path, &format!("this cannot be read: {error}"), "mend it, or remove it"),
        };
        if setting.kind() == Kind::Directory {
            if !found.is_directory() {
                self.setting(path, "this is not a directory", "make it a directory with a file per limit");
            }
            return;
        }
        if !found.is_file() {
            return self.setting(path, "this is not a regular file", "replace it by one");
        }
        let Ok(contents) = read_start(path, MAX_SIZE as u64) else { return };
        if setting.kind() == Kind::Hook {
            let is_off = value::line(&contents.bytes).is_none();
            if !is_off && found.mode() & 0o111 == 0 {
                self.setting(path, "this is not executable, so it is not run", "chmod +x");
            }
        } else if contents.cut {
            self.setting(path, &format!("this is larger than {MAX_SIZE} bytes"), "keep the value alone");
        } else if let Err(problem) = Settings::DEFAULT.clone().set(setting, &contents.bytes) {
            let line = contents.bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let what = format!("{}: {}", printable(line.get(..80).unwrap_or(line)), problem.0);
            self.setting(path, &what, "supervise goes on as if this were not there: mend the value");
        }
        if let Some(owner) = path.parent().and_then(Path::parent).and_then(owner) {
            self.check_writers(path, &found, owner);
        }
    }

    /// Says so where supervise does not use a file or directory because others may write it. `owner` is the owner of `run`.
    fn check_writers(&mut self, path: &Path, found: &Seen, owner: u32) {
        let supervise = path.ancestors().find_map(|dir| look(&dir.join("supervise")).ok()).map(|found| found.owner());
        let is_known = found.owner() == 0 || found.owner() == owner || Some(found.owner()) == supervise;
        if found.mode() & 0o022 != 0 {
            self.setting(path, "others may write this, so supervise does not use it", "chmod go-w");
        } else if !is_known {
            let fix = "chown it to root or to the owner of run";
            self.setting(path, "another account owns this, so supervise does not use it", fix);
        }
    }

    fn setting(&mut self, path: &Path, what: &str, fix: &str) {
        self.findings.push(Finding::new(Code::SettingUnused, path, what, fix));
    }
}

/// The owner of `run`.
fn owner(dir: &Path) -> Option<u32> {
    look(&dir.join("run")).ok().map(|found| found.owner())
}
