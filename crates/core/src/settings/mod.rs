//! The settings of a service: the names of the files that may be in its directory `supervise.d`, all of them, and what their
//! contents mean.
//!
//! Nothing here opens a file. supervise and svlint read the files and ask `Settings::set` about each.

mod final_ends;
pub mod value;

use std::time::Duration;

pub use final_ends::FinalEnds;
use value::Problem;

use crate::signal::Signal;

/// The directory of a service's settings, seen from the service directory.
pub const DIRECTORY: &[u8] = b"supervise.d";
/// The directory of the settings of all services, seen from the scan directory; its `log` is for all loggers.
pub const TREE_DIRECTORY: &[u8] = b".supervise.d";
/// The largest size of a setting's file in bytes.
pub const MAX_SIZE: usize = 4096;

/// A setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are those of the files, and docs/settings.md describes each")]
pub enum Setting {
    NotificationFd,
    NotifySocket,
    Watchdog,
    Check,
    CheckInterval,
    CheckTimeout,
    CheckAlways,
    CheckLimit,
    CheckRestart,
    ReadyTimeout,
    StopSignal,
    Stop,
    StopTimeout,
    Group,
    Cgroup,
    RestartDelay,
    RestartLimit,
    NoRestart,
    Finish,
    FinishS6,
    FinishTimeout,
    Reload,
    Status,
}

/// What a setting's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A file with a value.
    Value,
    /// A program that is run.
    Hook,
    /// A directory.
    Directory,
}

/// Makes `TEXT`, all names in one piece, and `NAMES`, each setting with the length of its name. A pointer to each name would
/// have to be relocated when a program starts, in a page of each process.
macro_rules! names {
    ($($setting:ident $name:literal)*) => {
        const TEXT: &str = concat!($($name),*);
        static NAMES: [(Setting, u8); [$($name),*].len()] = [$((Setting::$setting, $name.len() as u8)),*];
    };
}

// The name of each setting's file.
names! {
    NotificationFd "notification-fd"
    NotifySocket "notify-socket"
    Watchdog "watchdog"
    Check "check"
    CheckInterval "check-interval"
    CheckTimeout "check-timeout"
    CheckAlways "check-always"
    CheckLimit "check-limit"
    CheckRestart "check-restart"
    ReadyTimeout "ready-timeout"
    StopSignal "stop-signal"
    Stop "stop"
    StopTimeout "stop-timeout"
    Group "group"
    Cgroup "cgroup"
    RestartDelay "restart-delay"
    RestartLimit "restart-limit"
    NoRestart "no-restart"
    Finish "finish"
    FinishS6 "finish-s6"
    FinishTimeout "finish-timeout"
    Reload "reload"
    Status "status"
}

impl Setting {
    /// Every setting, in the order of docs/settings.md.
    pub fn all() -> impl Iterator<Item = Setting> {
        NAMES.iter().map(|(setting, _)| *setting)
    }

    /// The setting of a file of this name; `None`: the name is none.
    pub fn from_name(name: &[u8]) -> Option<Setting> {
        Setting::all().find(|setting| setting.name().as_bytes() == name)
    }

    /// The name of its file.
    pub fn name(self) -> &'static str {
        let length = |&(_, length): &(Setting, u8)| usize::from(length);
        let start = NAMES.iter().take_while(|(setting, _)| *setting != self).map(length).sum();
        let name = TEXT.get(start..).zip(NAMES.iter().find(|(setting, _)| *setting == self));
        name.and_then(|(rest, found)| rest.get(..length(found))).unwrap_or_default()
    }

    /// What its file is.
    pub fn kind(self) -> Kind {
        match self {
            Setting::Check | Setting::Stop | Setting::Finish | Setting::FinishS6 | Setting::Reload => Kind::Hook,
            Setting::Cgroup => Kind::Directory,
            _ => Kind::Value,
        }
    }
}

/// Which processes of a service get signals and are ended with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// The whole group gets each signal (`on`).
    All,
    /// The service alone gets signals (`main`).
    Main,
}

/// The settings that have a value. Hooks and `cgroup/` are files that supervise looks for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The descriptor on which the service finds the writing end of a pipe, for its newline when it is ready.
    pub notification_fd: Option<u32>,
    /// Whether the service gets `NOTIFY_SOCKET`.
    pub notify_socket: bool,
    /// How long a ready service may be silent on its notify socket.
    pub watchdog: Option<Duration>,
    /// The time between two checks.
    pub check_interval: Duration,
    /// How long a check may take.
    pub check_timeout: Duration,
    /// Whether checks go on after the service is ready.
    pub check_always: bool,
    /// How many failures in a row end "ready".
    pub check_limit: u32,
    /// Whether they restart the service, too.
    pub check_restart: bool,
    /// How long a start may take until the service is ready.
    pub ready_timeout: Option<Duration>,
    /// The signal that asks the service to end; `None`: TERM.
    pub stop_signal: Option<Signal>,
    /// How long the service may take to end before it gets KILL.
    pub stop_timeout: Option<Duration>,
    /// Whether the service leads a process group of its own, and who gets signals.
    pub group: Option<Group>,
    /// The least time between two starts, and the longest one after short runs.
    pub restart_delay: Option<(Duration, Duration)>,
    /// More ends than this in this time, and the service is given up.
    pub restart_limit: Option<(u32, Duration)>,
    /// The ends after which the service is not started again.
    pub no_restart: Option<FinalEnds>,
    /// How long `finish` may take.
    pub finish_timeout: Option<Duration>,
    /// Whether `supervise/status` has runit's 20 bytes.
    pub status_runit: bool,
}

impl Settings {
    /// What holds where no file says otherwise.
    pub const DEFAULT: Settings = Settings {
        notification_fd: None,
        notify_socket: false,
        watchdog: None,
        check_interval: Duration::from_secs(1),
        check_timeout: Duration::from_secs(5),
        check_always: false,
        check_limit: 3,
        check_restart: false,
        ready_timeout: None,
        stop_signal: None,
        stop_timeout: None,
        group: None,
        restart_delay: None,
        restart_limit: None,
        no_restart: None,
        finish_timeout: None,
        status_runit: false,
    };

    /// Takes the contents of a setting's file. A value that cannot be used changes nothing. The file of a hook, or
    /// `cgroup`, has no contents to take: these are fine whatever they are.
    pub fn set(&mut self, setting: Setting, contents: &[u8]) -> Result<(), Problem> {
        let default = Settings::DEFAULT;
        let line = value::line(contents);
        match setting {
            Setting::NotificationFd => self.notification_fd = line.map(value::descriptor).transpose()?,
            Setting::NotifySocket => self.notify_socket = line.map(value::switch).transpose()?.is_some(),
            Setting::Watchdog => self.watchdog = line.map(value::time).transpose()?,
            Setting::CheckInterval => self.check_interval = line.map_or(Ok(default.check_interval), value::time)?,
            Setting::CheckTimeout => self.check_timeout = line.map_or(Ok(default.check_timeout), value::time)?,
            Setting::CheckAlways => self.check_always = line.map(value::switch).transpose()?.is_some(),
            Setting::CheckLimit => self.check_limit = line.map_or(Ok(default.check_limit), value::count)?,
            Setting::CheckRestart => self.check_restart = line.map(value::switch).transpose()?.is_some(),
            Setting::ReadyTimeout => self.ready_timeout = line.map(value::time).transpose()?,
            Setting::StopSignal => self.stop_signal = line.map(value::signal).transpose()?,
            Setting::StopTimeout => self.stop_timeout = line.map(value::time).transpose()?,
            Setting::Group => self.group = line.map(group).transpose()?,
            Setting::RestartDelay => self.restart_delay = line.map(value::range).transpose()?,
            Setting::RestartLimit => self.restart_limit = line.map(value::limit).transpose()?,
            Setting::NoRestart => self.no_restart = line.map(FinalEnds::parse).transpose()?,
            Setting::FinishTimeout => self.finish_timeout = line.map(value::time).transpose()?,
            Setting::Status => self.status_runit = line.map(status).transpose()?.is_some(),
            Setting::Check
            | Setting::Stop
            | Setting::Finish
            | Setting::FinishS6
            | Setting::Reload
            | Setting::Cgroup => {}
        }
        Ok(())
    }
}

/// `on`, or nothing, or `main`.
fn group(line: &[u8]) -> Result<Group, Problem> {
    match line {
        b"" | b"on" => Ok(Group::All),
        b"main" => Ok(Group::Main),
        _ => Err(Problem("not on, main or off")),
    }
}

/// `runit`.
fn status(line: &[u8]) -> Result<(), Problem> {
    if line == b"runit" { Ok(()) } else { Err(Problem("not runit or off")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(setting: Setting, contents: &[u8]) -> Settings {
        let mut settings = Settings::DEFAULT;
        settings.set(setting, contents).unwrap();
        settings
    }

    #[test]
    fn every_name_leads_to_its_setting_and_no_other_does() {
        assert_eq!(Setting::all().count(), 23);
        for setting in Setting::all() {
            assert_eq!(Setting::from_name(setting.name().as_bytes()), Some(setting));
        }
        for name in [&b""[..], b"Finish", b"finish ", b"timeout-kill", b"run", b".finish"] {
            assert_eq!(Setting::from_name(name), None);
        }
    }

    #[test]
    fn each_setting_takes_its_value() {
        let second = Some(Duration::from_secs(1));
        assert_eq!(set(Setting::NotificationFd, b"3\n").notification_fd, Some(3));
        assert!(set(Setting::NotifySocket, b"").notify_socket);
        assert_eq!(set(Setting::Watchdog, b"1s").watchdog, second);
        assert_eq!(set(Setting::CheckInterval, b"2s").check_interval, Duration::from_secs(2));
        assert_eq!(set(Setting::CheckTimeout, b"2s").check_timeout, Duration::from_secs(2));
        assert!(set(Setting::CheckAlways, b"on\n").check_always);
        assert_eq!(set(Setting::CheckLimit, b"5").check_limit, 5);
        assert!(set(Setting::CheckRestart, b"on").check_restart);
        assert_eq!(set(Setting::ReadyTimeout, b"1s").ready_timeout, second);
        assert_eq!(set(Setting::StopSignal, b"INT").stop_signal, Signal::from_name(b"INT"));
        assert_eq!(set(Setting::StopTimeout, b"1s").stop_timeout, second);
        assert_eq!(set(Setting::Group, b"main").group, Some(Group::Main));
        assert_eq!(set(Setting::Group, b"").group, Some(Group::All));
        assert_eq!(set(Setting::RestartDelay, b"1s").restart_delay, second.zip(second));
        assert_eq!(set(Setting::RestartLimit, b"5/1s").restart_limit, Some(5).zip(second));
        assert_eq!(set(Setting::NoRestart, b"any").no_restart, FinalEnds::parse(b"any").ok());
        assert_eq!(set(Setting::FinishTimeout, b"1s").finish_timeout, second);
        assert!(set(Setting::Status, b"runit\n").status_runit);
    }

    #[test]
    fn off_is_as_if_the_file_were_not_there() {
        for setting in Setting::all() {
            assert_eq!(set(setting, b"off\n"), Settings::DEFAULT, "{setting:?}");
        }
        let mut settings = set(Setting::StopTimeout, b"1s");
        assert_eq!(settings.set(Setting::StopTimeout, b"off"), Ok(()));
        assert_eq!(settings, Settings::DEFAULT, "a service's own off hides the tree's value");
    }

    #[test]
    fn what_cannot_be_used_changes_nothing() {
        for setting in Setting::all().filter(|setting| setting.kind() == Kind::Value) {
            let mut settings = Settings::DEFAULT;
            assert!(settings.set(setting, b"\x1b[2J").is_err(), "{setting:?}");
            assert_eq!(settings, Settings::DEFAULT, "{setting:?}");
        }
    }
}
