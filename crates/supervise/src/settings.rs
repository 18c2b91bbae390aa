//! Which settings are in use, and when `supervise.d` is read again (`settings_reader` reads it).

use std::os::fd::RawFd;
use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::failure::Program;
use daemontools_sys::fd::is_inherited;
use nix::unistd::{Pid, getpgid};

use crate::config::Config;
use crate::settings_reader::SettingsReader;

/// For how long after an end without any settings a start need not look for them. supervise makes such a start within a
/// second, unless the machine is busy, and so a start takes two system calls for settings that are not there, not four.
const STILL_ABSENT: Duration = Duration::from_secs(2);

/// The settings of a service.
pub struct Settings {
    reader: SettingsReader,
    config: Config,
    read_at: Instant,
    /// The descriptor of which was said that it cannot be used.
    refused: Option<u32>,
}

impl Settings {
    /// None; to be read.
    pub fn new(reader: SettingsReader) -> Settings {
        Settings { reader, config: Config::DEFAULT, read_at: Instant::default(), refused: None }
    }

    /// The settings as they were last read.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Where they come from.
    pub fn reader(&self) -> &SettingsReader {
        &self.reader
    }

    /// Reads them.
    pub fn read(&mut self) {
        self.config = self.reader.read();
        self.read_at = Instant::now();
    }

    /// Does without `group` for a running service that leads none, because it was started without the setting.
    pub fn do_without_group(&mut self, service: Pid) {
        if getpgid(Some(service)) != Ok(service) {
            self.config.values.group = None;
        }
    }

    /// Reads them for a start, unless it follows an end at which there were none.
    pub fn read_for_start(&mut self, automatic: bool) {
        let fresh = Instant::now().since(self.read_at) <= STILL_ABSENT;
        if !(automatic && fresh && self.config == Config::DEFAULT) {
            self.read();
        }
    }

    /// The number at which the service finds the pipe of `notification-fd`. One that it inherits anyway is refused.
    pub fn notification_fd(&mut self, program: &Program, name: &[u8]) -> Option<u32> {
        let number = self.config.values.notification_fd?;
        if RawFd::try_from(number).is_ok_and(|fd| !is_inherited(fd)) {
            self.refused = None;
            return Some(number);
        }
        if self.refused.replace(number) != Some(number) {
            let why = b"/supervise.d/notification-fd: the service inherits that descriptor anyway";
            program.warn([b"unable to use ", name, why]);
        }
        self.config.values.notification_fd = None;
        None
    }
}
