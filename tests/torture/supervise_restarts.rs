//! A service that ends at once, a hundred thousand times. Starts are a second apart, so that supervise is given a clock
//! that is a thousand times as fast: libfaketime stands between it and the C library.
//!
//! Not tested: a service that ends later, which is the same to supervise.

use std::fs;
use std::path::PathBuf;

use daemontools_tests::fault::all_of_them;
use daemontools_tests::status::{until_down, until_status};
use daemontools_tests::{Process, Tree, exits, left_out, until};

use crate::footprint::Footprint;

/// How many starts are waited for at a time: each wait has its own deadline, so that a slow machine takes its time.
const STEP: u64 = 200;

/// Where Debian and others have the library.
fn libfaketime() -> Option<PathBuf> {
    let places = ["/usr/lib", "/usr/lib64", "/usr/local/lib"].map(PathBuf::from);
    let below = fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    places.into_iter().chain(below).map(|place| place.join("faketime/libfaketime.so.1")).find(|file| file.exists())
}

/// What libfaketime shares between the processes of a run, by the first one's number. One that is killed leaves it behind,
/// and a later process of the same number could not begin.
struct Shared(i32);

impl Drop for Shared {
    fn drop(&mut self) {
        for name in ["faketime_shm_", "sem.faketime_sem_"] {
            let _ = fs::remove_file(format!("/dev/shm/{name}{}", self.0));
        }
    }
}

/// supervise on `sv`, by a clock that is this fast; none, and a word about it, where that is not to be had.
fn hurried(tree: &Tree, times: u32) -> Option<(Process, Shared)> {
    let Some(library) = libfaketime() else {
        left_out("a service restarted without a pause", "libfaketime is not installed");
        return None;
    };
    let clock = format!("+0 x{times}");
    let begin = || {
        let supervise = tree.command("supervise").env("LD_PRELOAD", &library).env("FAKETIME", &clock).arg("sv").spawn();
        let shared = Shared(supervise.pid());
        (supervise, shared)
    };
    let mut hurried = begin();
    until("the service is started", || {
        if hurried.0.ended().is_some() {
            // Somebody's remains had its number, and are gone by now.
            hurried = begin();
        }
        starts(tree) > 0
    });
    let maps = fs::read_to_string(format!("/proc/{}/maps", hurried.0.pid())).expect("read maps");
    if !maps.contains("libfaketime") {
        left_out("a service restarted without a pause", "supervise is linked statically");
        return None;
    }
    Some(hurried)
}

/// How often the service has said that it was started.
fn starts(tree: &Tree) -> u64 {
    fs::metadata(tree.path("sv/starts")).map_or(0, |file| file.len())
}

/// Memory and descriptors are what they were after the first few hundred.
#[test]
fn a_hundred_thousand_restarts() {
    let total = if all_of_them() { 100_000 } else { 2_000 };
    let tree = Tree::new().script("sv/run", "printf . >>starts");
    let Some((supervise, _shared)) = hurried(&tree, 1000) else { return };
    let restarted_until = |goal: u64| {
        tree.run("svc", ["-u", "sv"]);
        while starts(&tree) < goal {
            let next = starts(&tree) + STEP.min(goal);
            until("some more restarts", || starts(&tree) >= next.min(goal));
        }
        tree.run("svc", ["-d", "sv"]);
        until_status(&tree, "sv", "the wish to be down", |status| status.want == 'd');
        until_down(&tree, "sv");
        Footprint::of_supervise(supervise.pid())
    };
    let before = restarted_until(STEP);
    let after = restarted_until(total);
    after.has_not_grown_since(before, &format!("{total} restarts"));
    println!("a service restarted without a pause: {} starts", starts(&tree));
    assert_eq!(tree.run("svc", ["-x", "sv"]), exits(0, "", ""));
    assert_eq!(supervise.wait(), exits(0, "", ""));
}
