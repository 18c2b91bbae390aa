//! The setting `cgroup/`: the group of a start is made and its files are written. Where that cannot be done the service runs
//! without, and that is said once.

use daemontools_program::errno::reason;
use daemontools_program::failure::Program;
use nix::errno::Errno;
use nix::unistd::Pid;

use crate::cgroup::Cgroup;
use crate::config::Place;
use crate::settings_directory::CgroupFile;
use crate::settings_reader::SettingsReader;

/// The group that a service is in. On the heap where the setting is in use: no supervise has room for it that does not
/// use it.
pub struct CgroupSetting(Option<Box<Used>>);

/// What the setting needs while it is in use.
struct Used {
    program: &'static Program,
    group: Option<Cgroup>,
    /// What could not be used at the last start: the path below the directory of settings, and why.
    warned: Vec<(Vec<u8>, &'static str)>,
}

impl CgroupSetting {
    /// The group that a service is in which runs already, or none.
    pub fn of_running(program: &'static Program, place: Option<Place>, pid: Option<Pid>) -> CgroupSetting {
        CgroupSetting(place.zip(pid).and_then(|(_, pid)| Used::of_running(program, pid)))
    }

    /// The group of the last start.
    pub fn current(&self) -> Option<&Cgroup> {
        self.0.as_ref()?.group.as_ref()
    }

    /// Prepares the group of a start, if the setting is there.
    pub fn prepare(&mut self, program: &'static Program, place: Option<Place>, reader: &SettingsReader) {
        match (place, &mut self.0) {
            (None, None) => {}
            (None, Some(_)) => self.leave(),
            (Some(place), used) => {
                used.get_or_insert_with(|| Box::new(Used { program, group: None, warned: Vec::new() }))
                    .prepare(place, reader);
            }
        }
    }

    /// Lets the process of a start enter, which waits meanwhile.
    pub fn enter(&mut self, pid: Pid, place: Option<Place>, reader: &SettingsReader) {
        if let (Some(used), Some(place)) = (&mut self.0, place) {
            used.enter(pid, place, reader);
        }
    }

    /// The service is no more, or does without.
    pub fn leave(&mut self) {
        if let Some(used) = &mut self.0 {
            used.leave();
        }
        self.0 = None;
    }
}

impl Used {
    #[cold]
    #[inline(never)]
    fn of_running(program: &'static Program, pid: Pid) -> Option<Box<Used>> {
        let group = Cgroup::find().ok().filter(|group| group.has(pid))?;
        Some(Box::new(Used { program, group: Some(group), warned: Vec::new() }))
    }

    #[cold]
    #[inline(never)]
    fn prepare(&mut self, place: Place, reader: &SettingsReader) {
        let mut problems = Vec::new();
        if let Err(why) = self.make(place, reader, &mut problems) {
            self.leave();
            problems.push((b"cgroup".to_vec(), why));
        }
        self.tell(&problems, reader.words(place));
        self.warned = problems;
    }

    #[cold]
    #[inline(never)]
    fn enter(&mut self, pid: Pid, place: Place, reader: &SettingsReader) {
        if let Some(Err(errno)) = self.group.as_ref().map(|group| group.enter(pid)) {
            let problem = (b"cgroup".to_vec(), words(errno));
            self.tell(std::slice::from_ref(&problem), reader.words(place));
            self.warned.push(problem);
            self.leave();
        }
    }

    fn leave(&mut self) {
        if let Some(group) = self.group.take() {
            group.remove();
        }
    }

    fn make(
        &mut self,
        place: Place,
        reader: &SettingsReader,
        problems: &mut Vec<(Vec<u8>, &'static str)>,
    ) -> Result<(), &'static str> {
        let files = reader.cgroup_files(place).map_err(|refused| refused.reason())?;
        let group = match self.group.take() {
            Some(group) => group,
            None => Cgroup::find().map_err(words)?,
        };
        let group = self.group.insert(group);
        group.make().map_err(words)?;
        for CgroupFile { name, contents } in files {
            let written = contents
                .map_err(|refused| refused.reason())
                .and_then(|contents| group.write(&name, &contents).map_err(words_for_file));
            if let Err(why) = written {
                problems.push(([b"cgroup/", name.as_slice()].concat(), why));
            }
        }
        Ok(())
    }

    /// Says what was not said at the last start.
    fn tell(&self, problems: &[(Vec<u8>, &'static str)], [above, directory]: [&[u8]; 2]) {
        for problem in problems.iter().filter(|problem| !self.warned.contains(problem)) {
            let (path, why) = problem;
            self.program.warn([b"unable to use ", above, directory, b"/", path, b": ", why.as_bytes()]);
        }
    }
}

/// Why there is no group.
fn words(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => "no cgroup v2 is mounted here",
        errno => reason(errno),
    }
}

/// Why a file of it was not written.
fn words_for_file(errno: Errno) -> &'static str {
    match errno {
        Errno::ENOENT => "there is no such controller or file here",
        Errno::EBUSY => "other processes are in the control group above",
        errno => reason(errno),
    }
}
