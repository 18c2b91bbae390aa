//! multilog is killed at each system call of a run with several rotations, and once more in the recovery.
//!
//! Not tested: a kill between two system calls, which no file can tell from one at the next call; a crash of the machine
//! (that what is called safe was brought to disk before is seen in the trace).

use daemontools_tests::fault::{Call, all_of_them, calls, can_trace, selection, try_each};
use daemontools_tests::{End, Output, Tree, value};

use crate::multilog::{FLOOD, Feed, SCENES, Scene, finished, judge, judge_between};

/// The calls of a run that is not disturbed.
pub fn clean_run(scene: &Scene) -> Vec<Call> {
    let trace = value("a run of its kind", || {
        let (tree, feed) = (Tree::new(), Feed::new(scene));
        assert_eq!(feed.to(tree.traced("clean", &[], "multilog"), scene).run().end, End::Code(0));
        judge(&tree, scene, 0);
        let trace = tree.read("clean");
        // Where the feeder is held up, the pipe need not grow.
        let grows = String::from_utf8_lossy(&trace).contains("F_SETPIPE_SZ");
        (grows || scene.name != FLOOD).then_some(trace)
    });
    let calls = calls(&trace, "umask");
    assert!(calls.len() > 80, "{}: only {} calls", scene.name, calls.len());
    calls
}

/// The first run that gets the lock. A processor that was just forked by one that was killed has it until its own exec.
fn once_free(run: impl Fn() -> Output) -> Output {
    value("the lock of the log is free", || {
        let output = run();
        let is_locked = output.end == End::Code(111) && output.stderr.starts_with(b"multilog: fatal: unable to lock ");
        (!is_locked).then_some(output)
    })
}

/// Kills it at each of these calls, one after the other, then lets one go on to the end of the stream.
fn killed_and_gone_on(scene: &Scene, kills: &[&Call]) {
    let (tree, feed) = (Tree::new(), Feed::new(scene));
    for call in kills {
        let end = once_free(|| feed.to(tree.traced("trace", &[call.killed()], "multilog"), scene).run()).end;
        // A run is not the same twice: the last calls may not come.
        assert!(end == End::Signal(9) || end == End::Code(0), "{}: {call:?}: {end:?}", scene.name);
        judge_between(&tree, scene);
    }
    let before: Vec<_> = scene.logs.iter().map(|log| finished(&tree, log)).collect();
    let out = once_free(|| feed.to(tree.command("multilog"), scene).run());
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{}: {kills:?}", scene.name);
    judge(&tree, scene, kills.len());
    for (log, before) in scene.logs.iter().zip(before) {
        let after = finished(&tree, log);
        for (name, file) in before {
            let untouched = after.get(&name).is_none_or(|now| *now == file);
            assert!(untouched, "{}: {kills:?}: {name} is no longer what it was", scene.name);
        }
    }
}

/// Nothing that stood in the pipe is lost, nothing is torn, nothing is left over.
#[test]
fn at_each_call() {
    if !can_trace("multilog killed at each system call") {
        return;
    }
    for scene in &SCENES {
        let faults = selection(clean_run(scene), 13);
        try_each(&format!("multilog killed, {}", scene.name), &faults, 8, |call| killed_and_gone_on(scene, &[call]));
    }
}

/// A second kill while the next one makes good what the first has left.
#[test]
fn and_again_in_the_recovery() {
    if !can_trace("multilog killed twice") {
        return;
    }
    for scene in &SCENES {
        let calls = clean_run(scene);
        // First in what rotates, then in what begins. All pairs of them would take hours.
        let first: Vec<&Call> = calls.iter().skip(40).collect();
        let first = first.iter().step_by(if all_of_them() { 9 } else { 31 });
        let second: Vec<Call> = calls.iter().take(60).cloned().collect();
        let pairs: Vec<(&Call, &Call)> = first.flat_map(|&one| second.iter().map(move |two| (one, two))).collect();
        let faults = selection(pairs, 37);
        try_each(&format!("multilog killed twice, {}", scene.name), &faults, 8, |(one, two)| {
            killed_and_gone_on(scene, &[one, two]);
        });
    }
}

/// Twenty kills of an idle multilog cost not one old file.
#[test]
fn kills_while_idle_leave_nothing() {
    let tree = Tree::new();
    for _ in 0..20 {
        let mut process = tree.command("multilog").args(["n3", "./d"]).stdin_pipe().spawn();
        let input = process.stdin();
        daemontools_tests::until("multilog is ready", || {
            tree.log_files("d").iter().any(|file| file.name == "current" && file.mode == 0o644)
        });
        process.signal(nix::sys::signal::Signal::SIGKILL);
        assert_eq!(process.wait().end, End::Signal(9));
        drop(input);
    }
    let kinds: Vec<String> = tree.log_files("d").iter().map(|file| file.kind()).collect();
    assert_eq!(kinds, ["current", "lock", "state"]);
}

/// Spec: "`.s` (complete, on disk)": each file is brought to disk before it gets that name.
#[test]
fn what_is_called_safe_is_on_disk() {
    if !can_trace("fsync before each rename to a .s file") {
        return;
    }
    for scene in &SCENES {
        let (tree, feed) = (Tree::new(), Feed::new(scene));
        assert_eq!(feed.to(tree.traced("trace", &[], "multilog"), scene).run().end, End::Code(0));
        let trace = String::from_utf8_lossy(&tree.read("trace")).into_owned();
        let (mut synced, mut named) = (0, 0);
        for line in trace.lines() {
            if line.starts_with("fsync(") && line.ends_with("= 0") {
                synced += 1;
            } else if line.starts_with("rename") && line.contains(".s\"") {
                named += 1;
                assert!(synced > 0, "{}: no fsync before {line}", scene.name);
                synced = 0;
            }
        }
        assert!(named >= 3, "{}: only {named} rotations", scene.name);
    }
}
