//! The processes of a tree: its svscan, the supervises that this one started, and the multilogs among what they run.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::processes::{Processes, file, names_directory, place, works_out_of_sight};

/// A process that may replace itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number.
    pub pid: i32,
    /// When it began, in clock ticks since the boot.
    pub started: u64,
    /// The name of its program.
    pub program: &'static str,
    /// The directory that it works in, for a person.
    pub place: String,
}

impl Member {
    fn new(processes: &Processes, pid: i32, program: &'static str) -> Option<Member> {
        Some(Member { pid, started: processes.get(pid)?.started, program, place: place(pid) })
    }
}

/// The processes of the tree in `dir`, svscan last: what comes before it shows that the new programs work here. Empty where no
/// svscan runs there.
pub fn members(processes: &Processes, dir: &Path) -> Vec<Member> {
    let Some(here) = file(dir.as_os_str().as_bytes()) else { return Vec::new() };
    let works_here = |pid: &i32| file(format!("/proc/{pid}/cwd").as_bytes()) == Some(here);
    let mut members = Vec::new();
    for svscan in processes.of_program(b"svscan").filter(works_here) {
        let named = |pid: i32, name: &[u8]| processes.get(pid).is_some_and(|process| process.name == name);
        for &supervise in processes.children(svscan).iter().filter(|&&pid| named(pid, b"supervise")) {
            members.extend(Member::new(processes, supervise, "supervise"));
            for logger in processes.descendants(supervise).into_iter().filter(|&pid| named(pid, b"multilog")) {
                members.extend(Member::new(processes, logger, "multilog"));
            }
        }
        members.extend(Member::new(processes, svscan, "svscan"));
    }
    members
}

/// Where no svscan runs in `dir` that can be seen: what is there instead, as the end of that sentence.
pub fn instead(processes: &Processes, dir: &Path) -> String {
    let here = file(dir.as_os_str().as_bytes());
    let works_here = |pid: &i32| here.is_some() && file(format!("/proc/{pid}/cwd").as_bytes()) == here;
    let is_given_it = |pid: &i32| here.is_some_and(|here| names_directory(*pid, here));
    let s6 = processes.of_program(b"s6-svscan").find(works_here).map(|pid| ("s6-svscan", pid));
    let runit = || processes.of_program(b"runsvdir").find(is_given_it).map(|pid| ("runsvdir", pid));
    if let Some((name, pid)) = s6.or_else(runit) {
        return format!(": {name} does (process {pid}), which svupgrade leaves alone");
    }
    match processes.of_program(b"svscan").find(|&pid| works_out_of_sight(pid)) {
        Some(pid) => format!(", or it is one that this account may not look at (process {pid})"),
        None => String::new(),
    }
}
