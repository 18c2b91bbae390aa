//! `svscanboot`, as process 1 of a namespace with a root of its own, from an empty environment, on `/etc/service` (as
//! the distribution has it; `/service` is in `ours/svscanboot.rs`).
//!
//! Not tested: a real boot.

use daemontools_tests::boot::{boot, running};
use daemontools_tests::{Tree, proc, until};

const PATH: &str = "PATH=/command:/usr/local/bin:/usr/local/sbin:/bin:/sbin:/usr/bin:/usr/sbin:/usr/X11R6/bin";

/// Tells what it was started with.
const RUN: &str = "\
    tr '\\0' '\\n' </proc/$$/environ >environment\n\
    readlink /proc/$$/fd/0 >input\n\
    echo started >>starts\n\
    echo hello\n\
    exec sleep 1000";

/// Spec: "runs `svscan /service 2>&1 | readproctitle service errors: …(400 dots)` in an otherwise empty environment";
/// "closes its standard streams to /dev/null".
#[test]
fn a_tree_runs_from_an_empty_environment() {
    let tree = Tree::new()
        .script("etc/service/good/run", RUN)
        .script("etc/service/good/log/run", "exec cat >>lines")
        .exec("etc/service/bad/run", "no interpreter\n");
    let Some(machine) = boot(&tree, "svscanboot", &["etc/service"]) else { return };
    until("the service runs and its logger has its line", || tree.read("etc/service/good/log/lines") == b"hello\n");
    assert_eq!(tree.lines("etc/service/good/environment"), [PATH]);
    assert_eq!(tree.lines("etc/service/good/input"), ["/dev/null"]);
    let title = || {
        let pid = *running(&machine, "readproctitle").first()?;
        let words = proc::arguments(pid);
        assert_eq!(words[1..3], [&b"service"[..], b"errors:"]);
        assert_eq!((words.len(), words[3].len()), (4, 400));
        String::from_utf8(words[3].clone()).ok()
    };
    let message = "supervise: fatal: unable to start bad/run: exec format error\n";
    until("ps shows what went wrong, twice", || title().is_some_and(|title| title.ends_with(&message.repeat(2))));
    assert!(title().is_some_and(|title| title.starts_with("....")));
    assert_eq!(running(&machine, "svscan").len(), 1);
}

/// Spec: "tells left-over supervises to go (`svc -dx /service/* /service/*/log`)".
#[test]
fn what_was_left_behind_goes() {
    let tree = Tree::new().script("etc/service/x/run", RUN);
    tree.put_script(
        "before",
        "chroot root sh -c 'cd /etc/service; exec supervise x >/dev/null 2>&1 </dev/null' &\n\
         until [ -s etc/service/x/starts ]; do sleep 0.1; done",
    );
    let Some(machine) = boot(&tree, "svscanboot", &["etc/service"]) else { return };
    until("it was started by the old supervise, then by a new one", || tree.lines("etc/service/x/starts").len() >= 2);
    until("one supervise is left", || running(&machine, "supervise").len() == 1);
    let supervise = running(&machine, "supervise")[0];
    let parent = proc::parent(supervise).expect("a parent");
    assert_eq!(running(&machine, "svscan"), [parent]);
}
