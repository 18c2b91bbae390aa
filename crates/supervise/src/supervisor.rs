//! A service being supervised: its machine, and all that supervise has open or remembers for it.

use crate::adopted::Adopted;
use crate::cgroup_setting::CgroupSetting;
use crate::channels::Channels;
use crate::fifos::{Control, OkFifo};
use crate::gate::Key;
use crate::lock::Lock;
use crate::machine::Machine;
use crate::processes::Processes;
use crate::publisher::Publisher;
use crate::record::Surroundings;
use crate::settings::Settings;

/// A service being supervised.
pub struct Supervisor {
    pub processes: Processes,
    pub lock: Lock,
    pub control: Control,
    /// `None`: others are not to know yet that the service is supervised.
    pub ok: Option<OkFifo>,
    pub machine: Box<Machine>,
    pub publisher: Publisher,
    pub settings: Settings,
    /// Where the service says that it is ready.
    pub channels: Channels,
    /// What a record says of where we are; `None`: no record can be made.
    pub surroundings: Option<Surroundings>,
    /// The process of the service or of `finish`, if it is not our child.
    pub adopted: Option<Adopted>,
    /// The control group of the service.
    pub cgroup: CgroupSetting,
    /// What lets the service's process go on that was just made.
    pub key: Option<Key>,
    /// The request of svupgrade that came, by its number.
    pub request: Option<i32>,
}

impl Supervisor {
    /// One that others do not know of yet, and that the service has told nothing. (Inline: a copy would take as much of the
    /// stack again.)
    #[inline(always)]
    pub fn new(
        processes: Processes,
        lock: Lock,
        control: Control,
        settings: Settings,
        surroundings: Option<Surroundings>,
        machine: Box<Machine>,
        adopted: Option<Adopted>,
    ) -> Supervisor {
        Supervisor {
            publisher: Publisher::new(processes.program, processes.name),
            cgroup: CgroupSetting::of_running(processes.program, settings.config().cgroup, machine.pid()),
            processes,
            lock,
            control,
            ok: None,
            machine,
            settings,
            channels: Channels::new(),
            surroundings,
            adopted,
            key: None,
            request: None,
        }
    }
}
