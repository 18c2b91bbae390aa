//! Files of other supervisors beside `run`: what they meant there, and which setting does it here. supervise never uses
//! them by themselves.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::settings::value::{descriptor, line, signal};
use daemontools_program::printable::printable;

use crate::code::Code;
use crate::file::{Origin, Seen, has_entry, names, read_start};
use crate::finding::Finding;
use crate::service::Report;

/// How many services are named at most.
const MOST_NAMES: usize = 8;
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

const KNOWN: [Foreign; 26] = [
    foreign("finish", Entry::Script, "runit, s6 and nitro run this after each end", "finish"),
    foreign("check", Entry::Script, "runit's sv runs this to see whether the service is ready", "check"),
    foreign("control/t", Entry::Script, "runit runs this before it sends TERM, and instead where it exits 0", "stop"),
    foreign("control/d", Entry::Script, "runit runs this when it has sent TERM for sv down", "finish"),
    foreign("control/h", Entry::Script, "runit runs this before it sends HUP, and instead where it exits 0", "reload"),
    foreign(
        "notification-fd",
        Entry::Value,
        "s6 and nitro take this descriptor for the service to say that it is ready",
        "notification-fd",
    ),
    foreign("timeout-kill", Entry::Value, "s6 sends KILL so many milliseconds after a stop", "stop-timeout"),
    foreign("timeout-finish", Entry::Value, "s6 ends finish after so many milliseconds", "finish-timeout"),
    foreign("down-signal", Entry::Value, "s6 and nitro stop the service with this signal", "stop-signal"),
    foreign("reload-signal", Entry::Value, "s6 sends this signal for s6-svc -l", "reload"),
    foreign("flag-timeout-killpg", Entry::Value, "s6 kills the whole process group after timeout-kill", "group"),
    foreign("flag-newpidns", Entry::Value, "s6 gives the service process numbers of its own", ""),
    foreign("nosetsid", Entry::Value, "s6 leaves the service in its own session for this", ""),
    foreign("no-setsid", Entry::Value, "daemontools-encore leaves the service in its own process group for this", ""),
    foreign("lock-fd", Entry::Value, "s6 lets the service inherit a lock at this descriptor", ""),
    foreign("max-death-tally", Entry::Value, "s6 remembers so many ends for s6-permafailon in finish", ""),
    foreign("type", Entry::Value, "s6-rc runs this service once", "no-restart"),
    foreign("dependencies", Entry::Value, "s6-rc starts the services that it names first", ""),
    foreign("dependencies.d", Entry::Directory, "s6-rc starts the services that it names first", ""),
    foreign("timeout-up", Entry::Value, "s6-rc waits so many milliseconds for the service to be ready", ""),
    foreign("producer-for", Entry::Value, "s6-rc leads the service's output to the one that it names", ""),
    foreign("consumer-for", Entry::Value, "s6-rc leads the output of those that it names to this service", ""),
    foreign("setup", Entry::Script, "nitro runs this before run", ""),
    foreign("start", Entry::Script, "daemontools-encore runs this before the first run", ""),
    foreign("stop", Entry::Script, "daemontools-encore runs this once the service is stopped", "finish"),
    foreign("notify", Entry::Script, "daemontools-encore runs this at each change", "finish"),
];

/// The letters of signals in nitro's `down-signal`.
const LETTERS_OF_NITRO: [(u8, &str); 8] = [
    (b'h', "HUP"),
    (b'a', "ALRM"),
    (b'i', "INT"),
    (b'q', "QUIT"),
    (b'1', "USR1"),
    (b'2', "USR2"),
    (b't', "TERM"),
    (b'k', "KILL"),
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
            let contents = contents(&path, &found);
            if foreign.name == "type" && line(&contents) != Some(b"oneshot") {
                continue;
            }
            let (setting, fix) = advice(foreign, &contents);
            let has = |setting: &str| has_entry(&dir.join("supervise.d"), setting);
            let is_set = !setting.is_empty() && has(setting) || foreign.name == "finish" && has("finish");
            if is_it && !is_set {
                let what = format!("{}; supervise does not use it", foreign.meaning);
                self.findings.push(Finding::new(Code::ForeignFile, path, what, fix));
            }
        }
    }
}

/// The contents of a file, or the names in a directory, a line each.
fn contents(path: &Path, found: &Seen) -> Vec<u8> {
    if found.is_directory() {
        let names = names(path).unwrap_or_default();
        return names.iter().flat_map(|name| [name.as_bytes(), b"\n"].concat()).collect();
    }
    read_start(path, MOST).map(|part| part.bytes).unwrap_or_default()
}

/// The setting that takes the place of a file with these contents, and what to do. A link is advised only where the file
/// means the same as the setting, units and arguments included.
fn advice(foreign: &Foreign, contents: &[u8]) -> (&'static str, String) {
    let name = foreign.name;
    let link = |setting: &str| in_service(&format!("ln -s ../{name} supervise.d/{setting}"));
    let value = line(contents).unwrap_or_default();
    let number = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.filter(|text| !text.is_empty());
    let setting = foreign.setting;
    let fix = match (name, number) {
        // s6 hands 256 for a signal, runit and nitro -1.
        ("finish", _) if contents.windows(3).any(|part| part == b"256") => return ("finish-s6", link("finish-s6")),
        ("finish" | "check", _) => link(setting),
        ("notification-fd", _) if descriptor(value).is_ok() => link(setting),
        ("notification-fd", _) => {
            format!("write a descriptor from 3 up into supervise.d/{setting}, and into the arguments in run")
        }
        ("down-signal", _) => stop_signal(value, link(setting)),
        ("reload-signal", _) => {
            let name = signal(&value.to_ascii_uppercase()).map_or("NAME".into(), |known| known.name());
            format!("write supervise.d/{setting}, which svctl reload runs, with kill -s {name} $1")
        }
        ("flag-timeout-killpg", _) => in_service(&format!("echo main >supervise.d/{setting}")),
        ("type", _) => in_service(&format!("echo 0 >supervise.d/{setting}")),
        ("flag-newpidns", _) => "nothing does that here: the service sees the numbers of all".into(),
        ("timeout-kill", Some("0")) => "0 means no limit in s6, as here: remove it".into(),
        ("timeout-finish", Some("0")) => format!(
            "0 means no limit in s6, as here with supervise.d/finish; with finish-s6 the limit is 5s unless you say more: \
             {}",
            in_service(&format!("echo 24h >supervise.d/{setting}"))
        ),
        ("timeout-kill" | "timeout-finish", Some(number)) => {
            in_service(&format!("echo {number}ms >supervise.d/{setting}"))
        }
        ("timeout-up", Some("0")) => "0 means no limit in s6-rc, as here: remove it".into(),
        ("timeout-up", _) => {
            let limit = number.map_or("10s".into(), |number| format!("{number}ms"));
            format!("remove it, and give the limit where the service is waited for: svwait -r -t {limit}")
        }
        ("max-death-tally", _) => "remove it: supervise/history has 64 ends; restart-limit gives a service up".into(),
        ("dependencies" | "dependencies.d", _) => wait_for(contents),
        ("producer-for" | "consumer-for", _) => {
            "let the consumer be log/ of the producer: svscan leads the output to log/run".into()
        }
        ("nosetsid" | "no-setsid", _) => "remove it: here that is so unless supervise.d/group is there".into(),
        ("lock-fd", _) => "remove it, and start the program by setlock in run".into(),
        ("setup", _) => "call ./setup || exit at the beginning of run".into(),
        ("start", _) => "call ./start at the beginning of run, if it may run before each".into(),
        // There is no such file here.
        ("control/t" | "control/h", _) if contents.windows(13).any(|part| part == b"supervise/pid") => {
            format!("write supervise.d/{setting}, which gets the process id as its argument")
        }
        ("control/t", _) => link(setting) + ": TERM follows after stop-timeout, 5s unless you say more",
        ("control/h", _) => link(setting) + ": svctl reload runs it",
        ("control/d", _) => format!("write supervise.d/{setting}, which runs when the service has ended"),
        ("stop", _) => link("finish") + ", if it may run after each end",
        _ => format!("write supervise.d/{setting}"),
    };
    (setting, fix)
}

/// A command that changes the settings.
fn in_service(command: &str) -> String {
    format!("in the service directory: mkdir -p supervise.d && {command}")
}

/// How to wait for the services of these names, a line each.
fn wait_for(names: &[u8]) -> String {
    let lines = names.split(|&byte| byte == b'\n').filter(|name| !name.is_empty() && !name.starts_with(b"#"));
    let services: String = lines.take(MOST_NAMES).map(|name| format!(" /service/{}", printable(name))).collect();
    let services = if services.is_empty() { " /service/NAME" } else { &services };
    format!("wait at the beginning of run (for a oneshot: --done): svwait -r -t 60s{services} || exit 1")
}

/// What to do about a `down-signal`: s6 has the name or the number of a signal in it, nitro looks at its first letter.
fn stop_signal(value: &[u8], link: String) -> String {
    let echo = |name: &str| in_service(&format!("echo {name} >supervise.d/stop-signal"));
    let capitals = value.to_ascii_uppercase();
    let of_nitro = LETTERS_OF_NITRO.iter().find(|(letter, _)| value.first() == Some(letter)).map(|(_, name)| *name);
    match (signal(value), signal(&capitals), of_nitro) {
        // A digit is a number in s6, and the letter of USR1 or USR2 in nitro.
        (Ok(number), _, Some(name)) if value.len() == 1 => {
            format!("{} if it is s6's, {name} if it is nitro's", echo(&number.name()))
        }
        (Ok(_), ..) => link,
        (Err(_), Ok(known), _) => echo(&known.name()),
        (Err(_), Err(_), Some(name)) => echo(name),
        (Err(_), Err(_), None) => format!("{}, if it is nitro's", echo("TERM")),
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
        let link = "in the service directory: mkdir -p supervise.d && ln -s ../finish supervise.d/finish";
        assert_eq!(advised("finish", "").1, link);
    }

    #[test]
    fn a_file_with_another_unit_is_never_linked() {
        assert_eq!(
            advised("timeout-kill", "5000\n").1,
            "in the service directory: mkdir -p supervise.d && echo 5000ms >supervise.d/stop-timeout"
        );
        assert!(!advised("timeout-kill", "odd\n").1.contains("ln -s"));
        assert!(!advised("max-death-tally", "5\n").1.contains("ln -s"));
    }

    #[test]
    fn no_limit_for_finish_has_to_be_said_with_the_arguments_of_s6() {
        let (setting, fix) = advised("timeout-finish", "0\n");
        assert_eq!(setting, "finish-timeout");
        assert!(fix.ends_with("mkdir -p supervise.d && echo 24h >supervise.d/finish-timeout"), "{fix}");
        assert_eq!(advised("timeout-kill", "0\n").1, "0 means no limit in s6, as here: remove it");
    }

    #[test]
    fn a_signal_is_that_of_the_supervisor_whose_file_it_is() {
        let echo = |name: &str| in_service(&format!("echo {name} >supervise.d/stop-signal"));
        let link = "in the service directory: mkdir -p supervise.d && ln -s ../down-signal supervise.d/stop-signal";
        for of_s6 in ["INT\n", "SIGQUIT", "15\n"] {
            assert_eq!(advised("down-signal", of_s6).1, link, "{of_s6}");
        }
        for (of_nitro, name) in [("h\n", "HUP"), ("i", "INT"), ("q\n", "QUIT"), ("k\n", "KILL"), ("term\n", "TERM")] {
            assert_eq!(advised("down-signal", of_nitro).1, echo(name), "{of_nitro}");
        }
        assert_eq!(advised("down-signal", "sigusr1\n").1, echo("USR1"));
        let either = format!("{} if it is s6's, USR1 if it is nitro's", echo("HUP"));
        assert_eq!(advised("down-signal", "1\n").1, either);
        assert_eq!(advised("down-signal", "").1, echo("TERM") + ", if it is nitro's");
    }

    #[test]
    fn a_program_of_control_is_linked_unless_it_needs_the_file_with_the_process_id() {
        let fix = advised("control/t", "#!/bin/sh\nexec apachectl stop\n").1;
        assert!(fix.contains("&& ln -s ../control/t supervise.d/stop: TERM follows"), "{fix}");
        assert!(!advised("control/t", "#!/bin/sh\nkill -INT $(cat supervise/pid)\n").1.contains("ln -s"));
    }

    #[test]
    fn what_s6_rc_starts_first_is_waited_for_by_name() {
        let fix = advised("dependencies.d", "init-php\ndb\x1b\n").1;
        assert!(fix.ends_with("svwait -r -t 60s /service/init-php /service/db\\x1b || exit 1"), "{fix}");
        assert!(advised("dependencies", "# none\n\n").1.contains(" /service/NAME "));
    }

    #[test]
    fn how_long_s6_rc_waits_is_a_matter_of_who_waits_here() {
        assert!(advised("timeout-up", "5000\n").1.ends_with("svwait -r -t 5000ms"));
        assert!(advised("timeout-up", "odd\n").1.ends_with("svwait -r -t 10s"));
        assert_eq!(advised("timeout-up", "0\n").1, "0 means no limit in s6-rc, as here: remove it");
    }

    #[test]
    fn a_signal_to_read_the_configuration_again_becomes_a_program() {
        assert!(advised("reload-signal", "SIGUSR1\n").1.ends_with("with kill -s USR1 $1"));
        assert!(advised("reload-signal", "\x1b[2J\n").1.ends_with("with kill -s NAME $1"));
    }

    #[test]
    fn a_descriptor_that_supervise_refuses_is_not_linked() {
        assert!(advised("notification-fd", "3\n").1.ends_with("ln -s ../notification-fd supervise.d/notification-fd"));
        for refused in ["1\n", "0\n", "x\n", ""] {
            assert!(!advised("notification-fd", refused).1.contains("ln -s"), "{refused}");
        }
    }
}
