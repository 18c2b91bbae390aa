//! The processes that svscan is to end besides the supervises: what services left behind. As process 1 that is every
//! process there is; else it is what descends from svscan, which adopts its orphans.

use std::collections::{HashMap, HashSet};

use nix::unistd::{Pid, getpid};

/// Which process has which parent.
type Parents = HashMap<i32, i32>;

/// All of them but `spared` and what descends from these. `None`: /proc does not show our own processes.
pub fn all_but(spared: &[Pid]) -> Option<Vec<Pid>> {
    let ourselves = getpid().as_raw();
    let parents = parents(ourselves)?;
    let spared: HashSet<i32> = spared.iter().map(|pid| pid.as_raw()).collect();
    Some(select(&parents, ourselves, &spared).into_iter().map(Pid::from_raw).collect())
}

/// The processes that `ourselves` is to end: reached from it, or any where it is 1, with none of `spared` on the way up.
fn select(parents: &Parents, ourselves: i32, spared: &HashSet<i32>) -> Vec<i32> {
    let mut selected: Vec<i32> = parents
        .keys()
        .copied()
        .filter(|&pid| pid != ourselves)
        .filter(|&pid| {
            let mut ancestors = upwards(parents, pid);
            !ancestors.clone().any(|up| spared.contains(&up)) && (ourselves == 1 || ancestors.any(|up| up == ourselves))
        })
        .collect();
    selected.sort_unstable();
    selected
}

/// A process, its parent, and so on. The list is no snapshot, so it could show a circle: it ends after as many steps as
/// there are processes.
fn upwards(parents: &Parents, pid: i32) -> impl Iterator<Item = i32> + Clone {
    std::iter::successors(Some(pid), |up| parents.get(up).copied()).take(parents.len() + 1)
}

fn parents(ourselves: i32) -> Option<Parents> {
    // A /proc of another namespace shows numbers that mean other processes here.
    if std::fs::read_link("/proc/self").ok()?.to_str()? != ourselves.to_string() {
        return None;
    }
    let pids = std::fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    Some(pids.filter_map(|pid: i32| Some((pid, parent(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)?))).collect())
}

/// The parent that a line of /proc/PID/stat tells: `PID (NAME) STATE PARENT …`, where NAME may hold anything.
fn parent(stat: &[u8]) -> Option<i32> {
    let after_name = stat.rsplit(|&byte| byte == b')').next()?;
    std::str::from_utf8(after_name).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_comes_after_a_name_of_any_kind() {
        assert_eq!(parent(b"12 (a) R 3 (b) S 7 1 1"), Some(7));
        assert_eq!(parent(b"12 (\xff x) Z 1 12 12"), Some(1));
        assert_eq!(parent(b"12"), None);
    }

    #[test]
    fn loggers_are_spared_with_what_they_started() {
        // 1 ─ 2 (logger's supervise) ─ 3 ─ 4; 1 ─ 5 ─ 6; 7 came from outside.
        let parents = Parents::from([(1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 0)]);
        assert_eq!(select(&parents, 1, &HashSet::from([2])), [5, 6, 7]);
        assert_eq!(select(&parents, 1, &HashSet::new()), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn who_is_not_process_1_ends_only_its_own() {
        let parents = Parents::from([(1, 0), (9, 1), (10, 9), (11, 10), (12, 1)]);
        assert_eq!(select(&parents, 9, &HashSet::new()), [10, 11]);
    }
}
