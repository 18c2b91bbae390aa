//! One error in one system call of a run: no line is lost, none comes twice, and a wait is explained.
//!
//! Not tested: a call that fails for ever (full disks are in `multilog_disk`), and exit itself.

use daemontools_tests::fault::{Call, can_trace, errors, try_each};
use daemontools_tests::{End, Tree};

use crate::multilog::{FLOOD, Feed, OTHER_HEADS, SCENES, Scene, judge, tells_of_another_reader};
use crate::multilog_kill::clean_run;

fn gone_on_after(scene: &Scene, call: &Call, errno: &str) {
    let (tree, feed) = (Tree::new(), Feed::new(scene));
    let out = feed.to(tree.traced("trace", &[call.failed(errno)], "multilog"), scene).run();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let wrong = |what: &str| -> ! { panic!("{}: {call:?} {errno}: {what}: {out:?}", scene.name) };
    match out.end {
        // Nothing was read: all of it is for the next one.
        End::Code(111) if told.starts_with("multilog: fatal: ") && told.lines().count() == 1 => {}
        End::Code(0) => {
            let waited = |line: &str| line.starts_with("multilog: warning: ") && line.contains(", pausing");
            if !told.lines().all(|line| waited(line) || tells_of_another_reader(call, errno, line))
                || told.lines().count() > 2
            {
                wrong("it says something else");
            }
        }
        End::Code(_) | End::Signal(_) => wrong("it ended"),
    }
    // EINTR is no error at all, except where the C library has its own mind (the fork and the search of a directory).
    if errno == "EINTR" && !told.is_empty() {
        wrong("it was only interrupted");
    }
    let calls = tree.lines("trace").len();
    assert!(calls < 2000, "{}: {call:?} {errno}: {calls} calls", scene.name);
    // An error at the input is its end, as in 0.76: what is left of it is for the next one.
    assert_eq!(feed.to(tree.command("multilog"), scene).run().end, End::Code(0));
    judge(&tree, scene, 0);
}

#[test]
fn at_each_call() {
    if !can_trace("an error in each system call of multilog") {
        return;
    }
    let scenes = ["t", "processor and state", "two directories", OTHER_HEADS, FLOOD];
    for scene in SCENES.iter().filter(|scene| scenes.contains(&scene.name)) {
        let faults = errors(clean_run(scene));
        // Most of the time they pause.
        try_each(&format!("an error in multilog, {}", scene.name), &faults, 24, |(call, errno)| {
            gone_on_after(scene, call, errno);
        });
    }
}
