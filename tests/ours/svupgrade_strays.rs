//! Supervises that an svscan left which was killed: svupgrade reaches them once another svscan runs, and until then says so.
//!
//! Not tested: those of another account, which are left alone.

use daemontools_tests::status::{until_old, until_up};
use daemontools_tests::takeover::{originals, scan, supervise_of, upgrade, verdicts};
use daemontools_tests::{End, Programs, Tree, exits, proc, until};
use nix::sys::signal::Signal;

fn are_reached(programs: &'static Programs, bin: &[&str]) {
    let tree = Tree::of(programs)
        .script("sv/run", "trap 'echo HUP >>got' HUP; while :; do sleep 0.05; done")
        .script("sv/log/run", "exec multilog ./main")
        .link("scan/sv", "../sv");
    Programs::ours().copy_to(&tree.path("new"));
    let svscan = scan(&tree);
    let services = ["scan/sv", "scan/sv/log"];
    let pids = services.map(|service| until_up(&tree, service));
    let supervises = pids.map(supervise_of);
    services.iter().for_each(|service| until_old(&tree, service, 2));
    svscan.signal(Signal::SIGKILL);
    svscan.wait();

    let without = upgrade(&tree, bin);
    let line = "svupgrade: warning: no svscan runs in scan: \
                one that was killed left 2 of its supervises; start it again first\n";
    assert_eq!(without, exits(111, "", line));
    let next = scan(&tree);
    // The argument has become its working directory by then.
    until("it works", || proc::state(next.pid()) == Some('S') && proc::descriptors(next.pid()).len() > 3);
    let out = upgrade(&tree, bin);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{out:?}");
    let told = verdicts(&out, "supervise");
    // Those that an svscan of the original starts may have ended meanwhile.
    assert_eq!(told.iter().filter(|verdict| verdict.starts_with("upgraded in ")).count(), 2, "{out:?}");
    let is_new = |pid: i32, name: &str| {
        let new = if bin.is_empty() { Programs::ours().path(name) } else { tree.path("new").join(name) };
        std::fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == new)
    };
    assert!(supervises.iter().all(|&pid| is_new(pid, "supervise")) && is_new(next.pid(), "svscan"));
    assert_eq!(services.map(|service| until_up(&tree, service)), pids);
    assert_eq!(tree.run("svc", ["-h", "scan/sv"]), exits(0, "", ""));
    until("it obeys", || tree.lines("sv/got") == ["HUP"]);
}

#[test]
fn supervises_of_ours_that_a_killed_svscan_left() {
    are_reached(Programs::ours(), &["--bin", "new"]);
}

#[test]
fn supervises_of_the_original_that_a_killed_svscan_left() {
    if let Some(original) = originals("supervises that an svscan of the original left") {
        are_reached(original, &[]);
    }
}
