//! The settings of a service as values: what supervise read from `supervise.d`, and which hooks there are.

use daemontools_core::settings::Settings;

/// All settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Config {
    /// Those that have a value.
    pub values: Settings,
    /// `check`.
    pub check: Option<Place>,
    /// `stop`.
    pub stop: Option<Place>,
    /// `finish`.
    pub finish: Option<Place>,
    /// `finish-s6`.
    pub finish_s6: Option<Place>,
    /// `cgroup/`.
    pub cgroup: Option<Place>,
}

/// The settings that may not work for a service that was taken over.
const LOST: [&[u8]; 6] = [
    b"",
    b"notification-fd",
    b"notify-socket",
    b"notify-socket watchdog",
    b"notification-fd notify-socket",
    b"notification-fd notify-socket watchdog",
];

/// Where a setting was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `supervise.d` of the service.
    Service,
    /// `.supervise.d` of the scan directory.
    Tree,
}

impl Config {
    /// No settings.
    pub const DEFAULT: Config =
        Config { values: Settings::DEFAULT, check: None, stop: None, finish: None, finish_s6: None, cgroup: None };

    /// Does without the pipe and the socket, which a service that was taken over still has, but nobody reads. Says which
    /// settings do not work because of that; a service that is ready already has no use for the pipe.
    pub fn give_up_channels(&mut self, ready: bool) -> &'static [u8] {
        let pipe = self.values.notification_fd.take().is_some() && !ready;
        let socket = std::mem::take(&mut self.values.notify_socket);
        let watchdog = self.values.watchdog.take().is_some();
        let [none, pipe_only, socket_only, with_watchdog, both, all] = LOST;
        match (pipe, socket, watchdog) {
            (false, false, _) => none,
            (true, false, _) => pipe_only,
            (false, true, false) => socket_only,
            (false, true, true) => with_watchdog,
            (true, true, false) => both,
            (true, true, true) => all,
        }
    }

    /// What `give_up_channels` answered before, by its words.
    pub fn lost(words: &[u8]) -> &'static [u8] {
        LOST.into_iter().find(|known| *known == words).unwrap_or_default()
    }

    /// Whether a setting tells when the service is ready.
    pub fn tells_ready(&self) -> bool {
        self.values.notification_fd.is_some() || self.values.notify_socket || self.check.is_some()
    }
}
