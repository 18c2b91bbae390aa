//! Stragglers: the processes that services left behind, which svscan has to end besides the supervises. As process 1
//! it ends every process of its namespace, otherwise its descendants; it has adopted the orphans among these.

use std::collections::{HashMap, HashSet};

use daemontools_program::procfs;
use nix::unistd::{Pid, getpid};

/// The parent of each process.
type Parents = HashMap<i32, i32>;

/// All processes that svscan has to end, except `spared` and their descendants. `None`: /proc does not show them.
pub fn all_but(spared: &[Pid]) -> Option<Vec<Pid>> {
    let ourselves = getpid().as_raw();
    let parents = parents(ourselves)?;
    let spared: HashSet<i32> = spared.iter().map(|pid| pid.as_raw()).collect();
    Some(select(&parents, ourselves, &spared).into_iter().map(Pid::from_raw).collect())
}

/// The descendants of `ourselves`, or all processes if that is 1, without those that are or descend from `spared`.
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

/// A process, its parent, and so on. The list is not a snapshot, so it could contain a circle: the walk ends after as
/// many steps as there are processes.
fn upwards(parents: &Parents, pid: i32) -> impl Iterator<Item = i32> + Clone {
    std::iter::successors(Some(pid), |up| parents.get(up).copied()).take(parents.len() + 1)
}

fn parents(ourselves: i32) -> Option<Parents> {
    // In the /proc of another pid namespace the same numbers mean other processes.
    if std::fs::read_link("/proc/self").ok()?.to_str()? != ourselves.to_string() {
        return None;
    }
    let mut buffer = [0; procfs::STAT_SIZE];
    let mut parent = |pid| i32::try_from(procfs::stat(pid, &mut buffer)?.parent).ok();
    let pids = procfs::pids().ok()?;
    Some(pids.filter_map(|pid| Some((i32::try_from(pid).ok()?, parent(pid)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loggers_are_spared_with_their_descendants() {
        // 1 ─ 2 (logger's supervise) ─ 3 ─ 4; 1 ─ 5 ─ 6; 7 came from outside.
        let parents = Parents::from([(1, 0), (2, 1), (3, 2), (4, 3), (5, 1), (6, 5), (7, 0)]);
        assert_eq!(select(&parents, 1, &HashSet::from([2])), [5, 6, 7]);
        assert_eq!(select(&parents, 1, &HashSet::new()), [2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_process_other_than_1_ends_only_its_descendants() {
        let parents = Parents::from([(1, 0), (9, 1), (10, 9), (11, 10), (12, 1)]);
        assert_eq!(select(&parents, 9, &HashSet::new()), [10, 11]);
    }
}
