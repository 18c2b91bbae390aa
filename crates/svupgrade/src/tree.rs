//! The processes of a tree: its svscan, the supervises that this one or one before it started, and the multilogs among what
//! they run.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_program::directory;
use nix::unistd::geteuid;

use crate::processes::{FileId, Processes, file, names_directory, owner, place, works_out_of_sight};

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
    let svscans: Vec<i32> = processes.of_program(b"svscan").filter(works_here).collect();
    for &svscan in &svscans {
        let own = processes.children(svscan).iter().copied();
        let left_behind = strays(processes, dir, owner(svscan));
        for supervise in own.filter(|&pid| processes.is(pid, b"supervise")).chain(left_behind) {
            members.extend(Member::new(processes, supervise, "supervise"));
            for logger in processes.descendants(supervise).into_iter().filter(|&pid| processes.is(pid, b"multilog")) {
                members.extend(Member::new(processes, logger, "multilog"));
            }
        }
        members.extend(Member::new(processes, svscan, "svscan"));
    }
    members
}

/// The supervises of services in `dir` that an svscan left which was killed: no svscan is their parent, but they work in a
/// directory that one would start a supervise for. Only those of this user, or of our own.
fn strays(processes: &Processes, dir: &Path, user: Option<u32>) -> Vec<i32> {
    let is_stray = |&pid: &i32| {
        let parent = processes.get(pid).map_or(0, |process| process.parent);
        let is_forked = [&b"svscan"[..], b"supervise"].iter().any(|name| processes.is(parent, name));
        !is_forked && owner(pid).is_some_and(|owner| Some(owner) == user || owner == geteuid().as_raw())
    };
    let mut found: Vec<i32> = processes.of_program(b"supervise").filter(is_stray).collect();
    if !found.is_empty() {
        let services = services(dir);
        found.retain(|pid| file(format!("/proc/{pid}/cwd").as_bytes()).is_some_and(|cwd| services.contains(&cwd)));
    }
    found
}

/// The directories of the services in `dir`, and of their loggers.
fn services(dir: &Path) -> BTreeSet<FileId> {
    let Ok(mut entries) = directory::open(dir) else { return BTreeSet::new() };
    let names = entries.iter().flatten().map(|entry| entry.file_name().to_bytes().to_vec());
    let paths = names.filter(|name| !name.starts_with(b".")).flat_map(|name| {
        let service = [dir.as_os_str().as_bytes(), b"/", &name].concat();
        [[service.as_slice(), b"/log"].concat(), service]
    });
    paths.filter_map(|path| file(&path)).collect()
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
    let left_behind = strays(processes, dir, None).len();
    if left_behind > 0 {
        return format!(": one that was killed left {left_behind} of its supervises; start it again first");
    }
    match processes.of_program(b"svscan").find(|&pid| works_out_of_sight(pid)) {
        Some(pid) => format!(", or it is one that this account may not look at (process {pid})"),
        None => String::new(),
    }
}
