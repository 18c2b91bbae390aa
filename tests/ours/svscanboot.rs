//! `svscanboot` where there is a `/service`, as in 0.76 itself; the distribution's original knows only `/etc/service`.

use daemontools_tests::boot::{boot, running};
use daemontools_tests::{Programs, Tree, exits, proc, until};

/// Spec: "runs `svscan /service […]`" "(Debian uses /etc/service where /service is absent.)"
#[test]
fn slash_service_comes_first() {
    let tree = Tree::of(Programs::ours())
        .script("service/x/run", "echo started >started; exec sleep 1000")
        .script("etc/service/y/run", "echo started >started; exec sleep 1000");
    let Some(machine) = boot(&tree, "svscanboot", &["service", "etc/service"]) else { return };
    until("the service of /service runs", || tree.lines("service/x/started").len() == 1);
    let svscan = running(&machine, "svscan");
    assert_eq!(proc::arguments(svscan[0]), [&b"svscan"[..], b"/service"]);
    assert!(!tree.path("etc/service/y/supervise").exists(), "the other directory is left alone");
}

/// Without either svscan says so, ps has no time to show it, and the script ends.
#[test]
fn without_services_it_ends() {
    let tree = Tree::of(Programs::ours());
    let Some(machine) = boot(&tree, "svscanboot", &[]) else { return };
    assert_eq!(machine.wait(), exits(0, "", ""));
}
