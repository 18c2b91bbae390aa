//! svscan: changes that come while it is at work, or that it cannot hear of, are not lost.
//!
//! Not tested: network file systems; storms of changes (a unit test of `scan_schedule` is about them).

use std::fs;
use std::os::unix::fs::symlink;

use daemontools_tests::fault::can_trace;
use daemontools_tests::proc::{self, descriptors, parent, started, ticks, until_descriptors};
use daemontools_tests::status::{Status, until_up};
use daemontools_tests::{Process, Programs, Tree, exits, left_out, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const SLEEP: &str = "exec sleep 1000";

/// The first scan is held up when it has read the last entry. What is made just then is not in its list: a link is started
/// by the next scan, and a directory still gets its quiet period.
#[test]
fn what_is_made_during_a_scan() {
    if !can_trace("changes during a scan") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("made/run", SLEEP).dir("scan");
    // A list takes two calls: one that gives the entries, and one that gives the end. The first list is that of the open
    // descriptors.
    let slow = ["trace=getdents64", "inject=getdents64:delay_exit=3000000:when=4"].map(String::from);
    let _svscan = tree.traced("trace", &slow, "svscan").arg("scan").spawn();
    until("the first scan", || tree.lines("trace").iter().any(|line| line.contains("DELAYED")));
    symlink("../made", tree.path("scan/link")).expect("link");
    fs::create_dir(tree.path("scan/sv")).expect("mkdir");
    until_up(&tree, "scan/link");
    let made = ticks();
    tree.put_script("scan/sv/run", SLEEP);
    let supervise = parent(until_up(&tree, "scan/sv")).expect("a parent");
    assert!(started(supervise).expect("it runs") >= made + 99, "nothing had changed for a second");
}

/// docs/differences.md: "it looks every 5 seconds as well: no inotify to be had".
#[test]
fn without_inotify_it_looks_from_time_to_time() {
    if !can_trace("svscan without inotify") {
        return;
    }
    for missing in ["inotify_init1:error=EMFILE", "inotify_add_watch:error=ENOSPC"] {
        let tree = Tree::of(Programs::ours()).script("scan/probe/run", SLEEP).script("made/run", SLEEP);
        let svscan = tree.traced("trace", &[format!("inject={missing}")], "svscan").arg("scan").spawn();
        until_up(&tree, "scan/probe");
        symlink("../made", tree.path("scan/link")).expect("link");
        until_up(&tree, "scan/link");
        assert_eq!(svscan.stderr(), b"", "{missing}");
    }
}

/// How many events the queue of inotify holds, if it is so few that a test can fill it.
fn queue_size() -> Option<usize> {
    let size = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").ok()?.trim().parse().ok()?;
    if size > 200_000 {
        left_out("svscan: a full queue of inotify", "it holds more than 200000 events");
        return None;
    }
    Some(size)
}

/// Stops svscan and makes more events in its scan directory than the queue holds; then does `then`, of which svscan cannot
/// hear, and lets it go on.
fn overflow(tree: &Tree, svscan: &Process, queue: usize, then: impl FnOnce()) {
    svscan.signal(Signal::SIGSTOP);
    until("svscan has stopped", || proc::state(svscan.pid()) == Some('T'));
    for number in 0..queue / 2 + 100 {
        let path = tree.path(format!("scan/.{number}"));
        fs::write(&path, "").expect("write");
        fs::remove_file(&path).expect("remove");
    }
    then();
    svscan.signal(Signal::SIGCONT);
}

/// Issue: after an overflow of the queue svscan was deaf for good to what a link leads to that changed meanwhile.
#[test]
fn what_a_link_leads_to_is_watched_after_lost_events() {
    let Some(queue) = queue_size() else { return };
    let tree = Tree::of(Programs::ours()).link("scan/a", "../t1/a");
    let tree = ["t1/a", "t2/a", "t2/c"].iter().fold(tree, |tree, dir| tree.script(format!("{dir}/run"), SLEEP));
    let svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "t1/a");
    overflow(&tree, &svscan, queue, || {
        fs::remove_file(tree.path("scan/a")).expect("remove a link");
        symlink("../t2/a", tree.path("scan/a")).expect("link");
    });
    let first = until_up(&tree, "t2/a");
    fs::rename(tree.path("t2/a"), tree.path("t2/old")).expect("move the target away");
    fs::rename(tree.path("t2/c"), tree.path("t2/a")).expect("put another in its place");
    assert_ne!(until_up(&tree, "t2/a"), first);
    assert_eq!(warnings_but(&svscan, "a"), [""; 0]);
}

/// What svscan has said, except that a link leads nowhere: it does, for a moment between two renames.
fn warnings_but(svscan: &Process, link: &str) -> Vec<String> {
    let nowhere = format!("svscan: warning: unable to stat {link}: file does not exist");
    let said = String::from_utf8_lossy(&svscan.stderr()).into_owned();
    said.lines().filter(|line| *line != nowhere).map(str::to_owned).collect()
}

/// Issue: a directory that was made in place while events were lost got no quiet period, and so no logger.
#[test]
fn a_directory_made_in_place_while_events_are_lost_gets_its_logger() {
    let Some(queue) = queue_size() else { return };
    let tree = Tree::of(Programs::ours()).script("scan/probe/run", SLEEP).script("made/run", SLEEP);
    let svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/probe");
    overflow(&tree, &svscan, queue, || {
        tree.put_script("scan/sv/run", "echo line; exec sleep 1000");
        symlink("../made", tree.path("scan/link")).expect("link");
    });
    // A link is complete at once. It is started by the scan that finds the directory too.
    until_up(&tree, "scan/link");
    tree.put_script("scan/sv/log/run", "exec cat >>lines");
    until("the line in the log", || tree.lines("scan/sv/log/lines") == ["line"]);
}

/// A link may lead through other links and directories: a change of any of them is noticed at once.
#[test]
fn a_change_anywhere_on_the_path_of_a_link_is_noticed() {
    let tree = ["v1", "v2", "v3"]
        .iter()
        .fold(Tree::of(Programs::ours()), |tree, version| tree.script(format!("releases/{version}/web/run"), SLEEP));
    let tree = tree.link("current", "releases/v1").dir("scan").link("scan/web", "../current/web");
    let svscan = tree.spawn("svscan", ["scan"]);
    let first = until_up(&tree, "releases/v1/web");
    symlink("releases/v2", tree.path("new")).expect("link");
    fs::rename(tree.path("new"), tree.path("current")).expect("switch to the next release");
    let second = until_up(&tree, "releases/v2/web");
    fs::rename(tree.path("releases/v2"), tree.path("releases/old")).expect("move a directory away");
    fs::rename(tree.path("releases/v3"), tree.path("releases/v2")).expect("put another in its place");
    let third = until_up(&tree, "releases/v2/web");
    assert!(first != second && second != third, "{first} {second} {third}");
    assert_eq!(warnings_but(&svscan, "web"), [""; 0]);
}

/// How many directories a process watches by inotify.
fn watches(pid: i32) -> usize {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("the descriptors of a process");
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    texts.map(|text| text.lines().filter(|line| line.starts_with("inotify wd:")).count()).sum()
}

/// The directories on the path of a link that has gone are not watched any longer.
#[test]
fn a_link_that_has_gone_leaves_no_watches() {
    let tree = Tree::of(Programs::ours()).script("scan/probe/run", SLEEP).script("sv/made/run", SLEEP);
    let svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/probe");
    let before = watches(svscan.pid());
    symlink("../sv/made", tree.path("scan/link")).expect("link");
    until_up(&tree, "scan/link");
    assert!(watches(svscan.pid()) > before);
    fs::remove_file(tree.path("scan/link")).expect("remove the link");
    until("as many watches as before", || watches(svscan.pid()) == before);
}

/// Issue: svscan's "inotify descriptor is 0; private descriptors are never below 3".
#[test]
fn private_descriptors_are_above_the_standard_ones() {
    let tree = Tree::of(Programs::ours())
        .script("scan/sv/run", SLEEP)
        .script("scan/sv/log/run", SLEEP)
        .script("made/run", SLEEP);
    let svscan = tree.command("svscan").args(["--init", "scan"]).closed(0).closed(1).closed(2).spawn();
    for service in ["scan/sv", "scan/sv/log"] {
        until_up(&tree, service);
    }
    symlink("../made", tree.path("scan/link")).expect("link");
    let service = until_up(&tree, "scan/link");
    assert!(descriptors(svscan.pid()).iter().all(|&number| number > 2), "{:?}", descriptors(svscan.pid()));
    until_descriptors(service, &[]);
}

/// A descriptor that svscan was started with reaches each service, as with the original, whatever its number is.
#[test]
fn inherited_descriptors_reach_the_services() {
    let tree = Tree::of(Programs::ours()).script("scan/sv/run", SLEEP).script("scan/sv/log/run", SLEEP);
    let start = format!("exec 5<&0 9<&0; exec {} scan", tree.programs().path("svscan").display());
    let _svscan = tree.invocation("/bin/sh").args(["-c", &start]).spawn();
    for service in ["scan/sv", "scan/sv/log"] {
        until_descriptors(until_up(&tree, service), &[0, 1, 2, 5, 9]);
    }
}

/// The same where no child can share svscan's descriptors: on a system without close_range(2), and under qemu-user, which
/// refuses such a clone(2). Each supervise gets a copy of all descriptors at first.
#[test]
fn without_shared_descriptors_services_are_started_too() {
    if !can_trace("svscan without children that share its descriptors") {
        return;
    }
    for missing in ["close_range:error=ENOSYS", "clone:error=EINVAL:when=1"] {
        let tree = Tree::of(Programs::ours()).script("scan/sv/run", "echo line; exec sleep 1000");
        let tree = tree.script("scan/sv/log/run", "exec cat >>lines");
        let svscan = tree.traced("trace", &[format!("inject={missing}")], "svscan").arg("scan").spawn();
        until("the line in the log", || tree.lines("scan/sv/log/lines") == ["line"]);
        for service in ["scan/sv", "scan/sv/log"] {
            until_descriptors(until_up(&tree, service), &[0, 1, 2]);
        }
        assert_eq!(svscan.stderr(), b"", "{missing}");
    }
}

/// The logger reads the end of its input once the service has gone for good: svscan keeps no copy of the pipe.
#[test]
fn no_copy_of_a_pipe_is_kept() {
    let tree = Tree::of(Programs::ours()).script("sv/run", SLEEP).script("sv/log/run", "cat >/dev/null; echo >ended");
    let tree = tree.dir("scan").link("scan/sv", "../sv");
    let svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "sv/log");
    // What svscan starts last is the end that writes.
    let first = until_up(&tree, "sv");
    for pid in [parent(first).expect("a parent"), first] {
        kill(Pid::from_raw(pid), Signal::SIGKILL).expect("kill");
    }
    until("another supervise and service", || Status::of(&tree, "sv").is_some_and(|now| now.up() && now.pid != first));
    fs::remove_file(tree.path("scan/sv")).expect("remove the link");
    assert_eq!(tree.run("svc", ["-dx", "sv"]), exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-x", "sv/log"]), exits(0, "", ""));
    // The pipe is closed when both supervises have ended; the logger's waits for the logger.
    kill(Pid::from_raw(parent(until_up(&tree, "sv/log")).expect("a parent")), Signal::SIGKILL).expect("kill");
    until("the logger has read the end of its input", || tree.path("sv/log/ended").exists());
    assert_eq!(svscan.stderr(), b"");
}
