//! `svps --watch --json`: each kind of change is shown, under ours and under the original.

use std::io::Read;

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Process, Programs, Tree, proc, until};
use serde_json::Value;

use crate::svps::svps;

/// What was last said of the service `sv`, by a watching svps.
pub(crate) fn last(watching: &Process) -> Option<Value> {
    let text = String::from_utf8(watching.stdout()).expect("UTF-8");
    let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let mut objects = lines.map(|line| serde_json::from_str::<Value>(line).expect("an object"));
    objects.rfind(|object| object["name"] == "sv")
}

fn watch(programs: &'static Programs) {
    let tree =
        Tree::of(programs).dir("t").script("made/run", "exec sleep 987").script("made/log/run", "exec sleep 987");
    let watching = svps(&tree).args(["--json", "--watch", "t"]).spawn();
    let shows = |what: &str, state: &str, log: Option<&str>| {
        until(what, || {
            last(&watching).is_some_and(|o| o["state"] == state && log.is_none_or(|log| o["log"]["state"] == log))
        });
    };
    std::os::unix::fs::symlink("../made", tree.path("t/sv")).expect("link");
    shows("it was linked", "unsupervised", Some("unsupervised"));
    let supervise = tree.spawn("supervise", ["t/sv"]);
    shows("it is supervised", "up", Some("unsupervised"));
    let log = tree.spawn("supervise", ["t/sv/log"]);
    shows("its logger is", "up", Some("up"));
    tree.run("svc", ["-d", "t/sv"]);
    shows("it is down", "down", Some("up"));
    drop(log);
    shows("its logger's supervise was killed", "down", Some("unsupervised"));
    drop(supervise);
    shows("its supervise was killed, while the status stayed", "unsupervised", None);
    tree.put_file("made/down", "");
    // Its status is written before it can be seen to be supervised, and never again while it is down.
    let _again = tree.spawn("supervise", ["t/sv"]);
    shows("it is supervised again", "down", None);
    assert_eq!(last(&watching).expect("an object")["normally"], "down");
    // Now nothing happens, and nothing is done.
    let mut quiet = (None, 0);
    until("it sleeps, for 400 looks on end", || {
        let switches = proc::field(watching.pid(), "voluntary_ctxt_switches");
        quiet = if quiet.0 == switches { (switches, quiet.1 + 1) } else { (switches, 0) };
        quiet.1 == 400
    });
}

#[test]
fn watching_hears_of_every_change_under_ours() {
    watch(Programs::ours());
}

#[test]
fn watching_hears_of_every_change_under_the_original() {
    if let Some(original) = Programs::original("svps --watch on the original's tree") {
        watch(original);
    }
}

/// A service directory on a read-only file system has a link there, and supervise makes what it leads to.
#[test]
fn watching_hears_of_a_supervise_directory_elsewhere() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987").dir("run");
    std::os::unix::fs::symlink("../../run/sv", tree.path("t/sv/supervise")).expect("link");
    let watching = svps(&tree).args(["--json", "--watch", "t"]).spawn();
    until("it is unsupervised", || last(&watching).is_some_and(|o| o["state"] == "unsupervised"));
    let supervise = tree.spawn("supervise", ["t/sv"]);
    until("it is up", || last(&watching).is_some_and(|o| o["state"] == "up"));
    drop(supervise);
    until("it is unsupervised again", || last(&watching).is_some_and(|o| o["state"] == "unsupervised"));
}

/// Nobody writes anything when a restart leaves the last minute.
#[test]
fn a_service_that_no_longer_fails_is_shown_so_by_and_by() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["t/sv"]);
    let pid = until_up(&tree, "t/sv");
    // Three restarts 40 seconds ago, as supervise would have written them down at a start that comes now.
    let now = (1 << 62) + 10 + daemontools_tests::status::now().as_secs() + 1;
    let minute = if now / 60 == (now - 40) / 60 { now / 60 } else { now / 60 - 1 };
    let (second, minute) = ((now - 40) % 60, minute % 60);
    let label = format!("@{now:016x}00000000");
    let counts = format!("restarts 3\nrestarts-by-second {second}:3\nrestarts-by-minute {minute}:3\n");
    let details = format!("state up\nsince {label}\npid {pid}\nlast-start {label}\n{counts}");
    tree.put_file("t/sv/supervise/details", details);
    let watching = svps(&tree).args(["-jw", "t"]).spawn();
    let shows = |state: &str, minute: u64| {
        until(state, || {
            last(&watching).is_some_and(|o| {
                o["state"] == state && o["restarts"]["last_minute"] == minute && o["restarts"]["last_hour"] == 3
            })
        });
    };
    shows("failing", 3);
    shows("up", 0);
}

#[test]
fn a_reader_that_stops_reading_ends_the_watch() {
    let tree = Tree::of(Programs::ours()).dir("t/new");
    let (reader, writer) = daemontools_tests::pipe();
    let watching = svps(&tree).args(["--watch", "t"]).descriptor(1, writer).spawn();
    let mut first = [0];
    std::fs::File::from(reader).read_exact(&mut first).expect("read");
    let out = watching.wait();
    assert!(out.end == End::Code(111) || out.end == End::Signal(libc::SIGPIPE), "{out:?}");
    assert_eq!(out.stderr, b"");
}
