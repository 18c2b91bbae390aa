//! Files of other supervisors beside `run`: what they meant there, and which setting does it here. supervise never uses
//! them by themselves.

use std::path::Path;

use crate::code::Code;
use crate::file::{Origin, has_entry, read_start};
use crate::finding::Finding;
use crate::service::Report;

/// How much of a file is read.
const MOST: u64 = 64 * 1024;

/// What stands beside `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// A script.
    Script,
    /// A file with a value.
    Value,
    /// A directory.
    Directory,
}

/// A name, what it is, what it meant where, and the setting that does it here.
struct Foreign {
    name: &'static str,
    entry: Entry,
    meaning: &'static str,
    setting: &'static str,
}

const KNOWN: [Foreign; 15] = [
    foreign("finish", Entry::Script, "runit, s6 and nitro run this after each end", "finish"),
    foreign("check", Entry::Script, "runit's sv runs this to see whether the service is ready", "check"),
    foreign("control", Entry::Directory, "runit runs a program in here instead of sending a signal", "stop"),
    foreign(
        "notification-fd",
        Entry::Value,
        "s6 and nitro take this descriptor for the service to say that it is ready",
        "notification-fd",
    ),
    foreign("timeout-kill", Entry::Value, "s6 sends KILL so many milliseconds after a stop", "stop-timeout"),
    foreign("timeout-finish", Entry::Value, "s6 ends finish after so many milliseconds", "finish-timeout"),
    foreign("down-signal", Entry::Value, "s6 stops the service with this signal", "stop-signal"),
    foreign("nosetsid", Entry::Value, "s6 leaves the service in its own session for this", ""),
    foreign("no-setsid", Entry::Value, "daemontools-encore leaves the service in its own process group for this", ""),
    foreign("lock-fd", Entry::Value, "s6 lets the service inherit a lock at this descriptor", ""),
    foreign("max-death-tally", Entry::Value, "s6 remembers so many ends for finish to judge by", "restart-limit"),
    foreign("setup", Entry::Script, "nitro runs this before run", ""),
    foreign("start", Entry::Script, "daemontools-encore runs this before run", ""),
    foreign("stop", Entry::Script, "daemontools-encore runs this once the service is stopped", "finish"),
    foreign("notify", Entry::Script, "daemontools-encore runs this at each change", "finish"),
];

const fn foreign(name: &'static str, entry: Entry, meaning: &'static str, setting: &'static str) -> Foreign {
    Foreign { name, entry, meaning, setting }
}

impl Report {
    /// Looks for files of other supervisors in a service directory whose settings do not take their place.
    pub fn read_foreign(&mut self, dir: &Path) {
        let origin = Origin::directory(dir);
        for foreign in &KNOWN {
            let Ok(found) = origin.look(Path::new(foreign.name)) else { continue };
            let path = dir.join(foreign.name);
            let is_it = match foreign.entry {
                Entry::Script => found.is_file() && found.mode() & 0o111 != 0,
                Entry::Value => found.is_file(),
                Entry::Directory => found.is_directory(),
            };
            let contents =
                if found.is_file() { read_start(&path, MOST).map(|part| part.bytes) } else { Ok(Vec::new()) };
            let (setting, fix) = advice(foreign, &contents.unwrap_or_default());
            let is_set = !setting.is_empty() && has_entry(&dir.join("supervise.d"), setting);
            if is_it && !is_set {
                let what = format!("{}; supervise does not use it", foreign.meaning);
                self.findings.push(Finding::new(Code::ForeignFile, path, what, fix));
            }
        }
    }
}

/// The setting that takes the place of a file with these contents, and what to do. A link is advised only where the file
/// means the same as the setting, units and arguments included.
fn advice(foreign: &Foreign, contents: &[u8]) -> (&'static str, String) {
    let link = |setting: &str| format!("mkdir -p supervise.d && ln -s ../{} supervise.d/{setting}", foreign.name);
    let value =
        std::str::from_utf8(contents).ok().map(str::trim).filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let number = value.filter(|text| !text.is_empty());
    let setting = foreign.setting;
    match (foreign.name, number) {
        // s6 hands 256 for a signal, runit and nitro -1.
        ("finish", _) if contents.windows(3).any(|part| part == b"256") => ("finish-s6", link("finish-s6")),
        ("finish" | "check" | "notification-fd" | "down-signal", _) => (setting, link(setting)),
        ("timeout-kill" | "timeout-finish", Some("0")) => {
            (setting, "0 means no limit in s6, as here: remove it".into())
        }
        ("timeout-kill" | "timeout-finish", Some(number)) => {
            (setting, format!("mkdir -p supervise.d && echo {number}ms >supervise.d/{setting}"))
        }
        ("max-death-tally", Some(number)) => (
            setting,
            format!("mkdir -p supervise.d && echo {number}/60s >supervise.d/{setting}, with the time that is right"),
        ),
        ("nosetsid" | "no-setsid", _) => ("", "remove it: here that is so unless supervise.d/group is there".into()),
        ("lock-fd", _) => ("", "remove it, and start the program by setlock in run".into()),
        ("setup" | "start", _) => ("", format!("call ./{} at the beginning of run", foreign.name)),
        ("control", _) => (setting, "write supervise.d/stop, which gets the process id".into()),
        ("stop", _) => (setting, link("finish") + ", if its arguments allow it"),
        _ => (setting, format!("write supervise.d/{setting}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advised(name: &str, contents: &str) -> (&'static str, String) {
        advice(KNOWN.iter().find(|foreign| foreign.name == name).unwrap(), contents.as_bytes())
    }

    #[test]
    fn a_finish_of_s6_is_told_from_one_of_runit() {
        assert_eq!(advised("finish", "#!/bin/sh\n[ $1 = -1 ] && exit\n").0, "finish");
        assert_eq!(advised("finish", "#!/bin/execlineb -S0\nif { test ${1} -eq 256 }\n").0, "finish-s6");
        assert_eq!(advised("finish", "").1, "mkdir -p supervise.d && ln -s ../finish supervise.d/finish");
    }

    #[test]
    fn a_file_with_another_unit_is_never_linked() {
        assert_eq!(
            advised("timeout-kill", "5000\n").1,
            "mkdir -p supervise.d && echo 5000ms >supervise.d/stop-timeout"
        );
        assert!(!advised("timeout-finish", "0\n").1.contains("ln -s"));
        assert!(!advised("timeout-kill", "odd\n").1.contains("ln -s"));
        assert!(!advised("max-death-tally", "5\n").1.contains("ln -s"));
    }
}
