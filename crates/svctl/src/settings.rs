//! The settings of a service, as files of its `supervise.d` and of the tree's `.supervise.d`: for display and for how long
//! to wait. What they do is up to supervise, which also says when one cannot be used.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use daemontools_core::settings::{DIRECTORY, Kind, MAX_SIZE, Setting, Settings, TREE_DIRECTORY, value};
use daemontools_untrusted::Directory;

use crate::names::Named;

/// Where the settings of a service are.
pub struct Places {
    own: Option<Directory>,
    tree: Option<Directory>,
}

impl Places {
    /// Those of this service. A service that was named by a path has no tree that we know.
    pub fn of(named: &Named) -> Places {
        let here = Directory::current().ok();
        let open = |path: &CStr, below: &[u8]| {
            let above = here.as_ref()?.directory(Path::new(OsStr::from_bytes(path.to_bytes()))).ok()?;
            above.directory(Path::new(OsStr::from_bytes(below))).ok()
        };
        let tree = named.scan_dir.as_ref().and_then(|dir| open(dir, &tree_directory(&named.name)));
        Places { own: open(&named.path, DIRECTORY), tree }
    }

    /// The contents of a setting's file, the service's own first; `None` where there is none, where it says `off`, and
    /// where it is no regular file. Never more than a setting's size.
    pub fn read(&self, setting: Setting) -> Option<Vec<u8>> {
        let read = |place: &Directory| {
            let file = place.file(Path::new(setting.name())).ok()?;
            file.read_up_to(MAX_SIZE).ok().map(|(contents, _)| contents)
        };
        let own = self.own.as_ref().and_then(read);
        own.or_else(|| self.tree.as_ref().and_then(read)).filter(|contents| value::line(contents).is_some())
    }

    /// Every setting that the service has, in the order of docs/settings.md, with its value; a hook and a directory have
    /// none.
    pub fn all(&self) -> Vec<(Setting, Option<Vec<u8>>)> {
        let found = |setting: Setting| {
            let contents = self.read(setting)?;
            let line = contents.split(|&byte| byte == b'\n').next().unwrap_or_default().to_vec();
            Some((setting, Some(line).filter(|_| setting.kind() == Kind::Value)))
        };
        Setting::all().filter_map(found).collect()
    }

    /// How long the service may take to stop, and to become ready, if settings say so.
    pub fn timeouts(&self) -> (Option<Duration>, Option<Duration>) {
        let mut settings = Settings::DEFAULT;
        for setting in [Setting::StopTimeout, Setting::ReadyTimeout] {
            if let Some(contents) = self.read(setting) {
                // A value that cannot be used is as if absent; supervise says so.
                let _ = settings.set(setting, &contents);
            }
        }
        (settings.stop_timeout, settings.ready_timeout)
    }
}

/// Where the settings of all services are, seen from the scan directory: those for loggers are apart.
pub fn tree_directory(name: &[u8]) -> Vec<u8> {
    let log: &[u8] = if name.ends_with(b"/log") { b"/log" } else { b"" };
    [TREE_DIRECTORY, log].concat()
}
