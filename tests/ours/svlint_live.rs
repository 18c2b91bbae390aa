//! `svlint` on services that run: those that are started again and again, and files `down` of those that are up.
//!
//! Not tested: that nothing is waited for where supervise counts.

use daemontools_tests::status::until_up;
use daemontools_tests::{Process, Programs, Tree, exits, until};

use crate::svlint::{found, svlint};

/// Services under supervises of these programs.
fn supervise(tree: &Tree, services: &[&str]) -> Vec<Process> {
    services.iter().map(|service| tree.spawn("supervise", [service])).collect()
}

fn live(programs: &'static Programs) {
    let tree = Tree::of(programs)
        .script("t/ok/run", "exec sleep 987")
        .script("t/left/run", "exec sleep 987")
        .file("t/left/down", "")
        .script("t/bad/run", "exec 2>&1\nexec sh -c 'echo why; exit 1'")
        .script("t/bad/log/run", "exec multilog ./main")
        .dir("t/bad/log/main");
    let _supervises = supervise(&tree, &["t/ok", "t/left"]);
    until("t/left can be told", || tree.run("svok", ["t/left"]) == exits(0, "", ""));
    tree.run("svc", ["-u", "t/left"]);
    until_up(&tree, "t/left");
    until_up(&tree, "t/ok");
    assert_eq!(found(&tree, "t/ok"), [""; 0]);
    assert_eq!(found(&tree, "t/left"), ["SL018 t/left/down"]);
    tree.put_file("t/bad/log/main/current", "before\nwhy\n");
    let _bad = supervise(&tree, &["t/bad"]);
    until("it is found to be restarted", || found(&tree, "t/bad") == ["SL019 t/bad"]);
    let text = String::from_utf8(svlint(&tree, &["t/bad"]).stdout).expect("UTF-8");
    assert!(text.ends_with("\n    | before\n    | why\n"), "{text}");
}

#[test]
fn what_happens_now_is_seen_under_ours() {
    live(Programs::ours());
}

#[test]
fn what_happens_now_is_seen_under_the_original() {
    if let Some(original) = Programs::original("svlint on the original's supervise") {
        live(original);
    }
}

/// Why a service cannot start is one finding; one that may have another reason comes after its likely cause.
#[test]
fn the_cause_comes_before_what_comes_of_it() {
    let tree = Tree::of(Programs::ours())
        .script("t/none/run", "echo start >>starts\nexec ./no-such")
        .script("t/away/run", "echo start >>starts\nexec ./memcached -d")
        .script("t/away/memcached", "exit 1");
    let _supervises = supervise(&tree, &["t/none", "t/away"]);
    for service in ["t/none", "t/away"] {
        let starts = tree.path(service).join("starts");
        until("it was started again", || std::fs::read(&starts).is_ok_and(|starts| starts.len() > 2 * "start\n".len()));
    }
    until("one is found to be restarted", || found(&tree, "t").contains(&"SL019 t/away".into()));
    assert_eq!(found(&tree, "t"), ["SL007 t/away/run", "SL019 t/away", "SL022 t/none/run"]);
}
