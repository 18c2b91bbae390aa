//! States that a later version hands over: what a program does not know it refuses, and the one that runs goes on; what it
//! may pass over it passes over.
//!
//! The later version is ours and a script in between, which changes the state on its way to the program that is to go on
//! with it: in the trial and at the upgrade itself.

use std::path::Path;

use daemontools_tests::status::{until_down, until_up};
use daemontools_tests::{End, Process, Tree, exits, left_out, proc, until};

use crate::svupgrade::{runs, scan, tree, upgrade, verdicts};

/// The script. The tree's file `change` says in Python what becomes of `state`, and may set other `seals`.
const CHANGES_THE_STATE: &str = r#"#!/usr/bin/python3
import fcntl, os, signal, sys
tree, name = os.path.dirname(os.path.dirname(sys.argv[0])), os.path.basename(sys.argv[0])
_, pid, given = os.environ["DAEMONTOOLS_RESUME"].split()
state, seals = os.pread(int(given), os.lseek(int(given), 0, os.SEEK_END), 0), 15
exec(open(tree + "/change").read())
changed = os.memfd_create("state", os.MFD_ALLOW_SEALING)
os.write(changed, state)
fcntl.fcntl(changed, 1033, seals)
os.close(int(given))
os.environ["DAEMONTOOLS_RESUME"] = f"1 {pid} {changed}"
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.execv(tree + "/real/" + name, [name] + sys.argv[1:])
"#;

/// The programs that go on in place.
const PROGRAMS: [&str; 3] = ["svscan", "supervise", "multilog"];

/// A tree whose programs in `new` are that script, in front of those in `real`.
fn later(what: &str) -> Option<(Tree, Process)> {
    if !Path::new("/usr/bin/python3").exists() {
        left_out(what, "python3 is not installed");
        return None;
    }
    let tree = tree("trap 'echo HUP >>got' HUP; : >ready; while :; do sleep 0.05; done");
    tree.programs().copy_to(&tree.path("real"));
    for name in PROGRAMS {
        std::fs::remove_file(tree.path("new").join(name)).expect("remove a program");
        tree.put_exec(format!("new/{name}"), CHANGES_THE_STATE);
    }
    let svscan = scan(&tree);
    until("its trap is set", || tree.path("sv/ready").exists());
    Some((tree, svscan))
}

/// The processes of the three programs.
fn processes(tree: &Tree, svscan: &Process) -> [(i32, &'static str); 3] {
    let supervise = proc::parent(until_up(tree, "sv")).expect("its supervise");
    [(svscan.pid(), "svscan"), (supervise, "supervise"), (until_up(tree, "sv/log"), "multilog")]
}

#[test]
fn what_a_program_does_not_know_is_refused_and_the_old_one_goes_on() {
    let Some((tree, svscan)) = later("states of a later version") else { return };
    let (service, all) = (until_up(&tree, "sv"), processes(&tree, &svscan));
    for (number, (change, why)) in [
        ("state = state.replace(b' 1\\n', b' 2\\n', 1)", "the state is not of a version that is known"),
        ("state = state[:-4] + b'later 1\\nend\\n'", "a line of the state is not known: later 1"),
        ("state = state[:-4] + b'child-mask 1\\nend\\n'", "a line of the state is not known: child-mask 1"),
        ("state = state[:-4]", "the state is torn"),
        ("seals = 7", "it cannot go on in place"),
    ]
    .into_iter()
    .enumerate()
    {
        tree.put_file("change", change);
        let out = upgrade(&tree, []);
        assert_eq!((out.end, &out.stderr[..]), (End::Code(111), &b""[..]), "{out:?}");
        for (name, count) in [("supervise", 2), ("multilog", 1), ("svscan", 1)] {
            let line = format!("refused: {}: {why}", tree.path("new").join(name).display());
            assert_eq!(verdicts(&out, name), vec![line; count], "{change}: {out:?}");
        }
        assert!(all.iter().all(|(pid, name)| runs(&tree, *pid, &format!("old/{name}"))));
        assert_eq!((until_up(&tree, "sv"), processes(&tree, &svscan)), (service, all));
        assert_eq!(tree.run("svc", ["-h", "sv"]), exits(0, "", ""));
        until("it obeys", || tree.lines("sv/got").len() == number + 1);
    }
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn what_may_be_passed_over_is_passed_over() {
    let Some((tree, svscan)) = later("states of a later version with lines that may be passed over") else { return };
    // The second process: so there is a record of the first one's end.
    let first = until_up(&tree, "sv");
    assert_eq!(tree.run("svc", ["-k", "sv"]), exits(0, "", ""));
    until("it is started again", || until_up(&tree, "sv") != first);
    let (service, all) = (until_up(&tree, "sv"), processes(&tree, &svscan));
    let change = "state = state[:-4] + b'?later 1 2 3\\n?' + b'x' * 10000 + b'\\nend\\n'
lines = [line + b' later 7' if line.startswith(b'last-end ') else line for line in state.split(b'\\n')]
state = b'\\n'.join(lines)";
    tree.put_file("change", change);
    // svupgrade finds them in the files of `real`, not in those that it named.
    let _ = upgrade(&tree, []);
    until("they go on", || all.iter().all(|(pid, name)| runs(&tree, *pid, &format!("real/{name}"))));
    assert_eq!((until_up(&tree, "sv"), processes(&tree, &svscan)), (service, all));
    let history = tree.read("sv/supervise/details");
    assert!(String::from_utf8_lossy(&history).contains("\nlast-end "), "{}", history.escape_ascii());
    assert_eq!(tree.run("svc", ["-d", "sv"]), exits(0, "", ""));
    until_down(&tree, "sv");
    assert_eq!(svscan.stderr(), b"");
}
