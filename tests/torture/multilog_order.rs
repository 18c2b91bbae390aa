//! Much input: all of it arrives, in order, also where one multilog follows another in the middle of it.

use daemontools_tests::fault::all_of_them;
use daemontools_tests::{End, Random, Tree, until};
use nix::sys::signal::Signal;

use crate::multilog::{Feed, Scene, TAI64N, judge, judge_joined};

const fn scene(name: &'static str, script: &'static [&'static str], lines: usize) -> Scene {
    Scene { name, script, logs: &["d"], head: TAI64N, keep: 9999, lengths: (20, 140), lines }
}

/// 100 MB, or 10 in a short run.
#[test]
fn all_of_it_arrives_in_order() {
    let scene = scene("much", &["t", "n9999", "./d"], if all_of_them() { 1_250_000 } else { 125_000 });
    let (tree, feed) = (Tree::new(), Feed::new(&scene));
    let out = feed.to(tree.command("multilog"), &scene).run();
    assert_eq!((out.end, out.stderr.len()), (End::Code(0), 0), "{out:?}");
    judge(&tree, &scene, 0);
}

/// How often: so often with TORTURE.
fn times(with_torture: usize) -> usize {
    if all_of_them() { with_torture } else { 8 }
}

/// Ends a multilog in the middle of a stream by this signal, so often, and lets the last one go on to its end.
fn one_after_another(scene: &'static Scene, signal: Signal, end: End, times: usize) -> (Tree, Scene, usize) {
    let (tree, mut feed) = (Tree::new(), Feed::endless(scene));
    let mut random = Random::new(1);
    for _ in 0..times {
        let process = feed.to(tree.command("multilog"), scene).spawn();
        let enough = logged(&tree) + random.below(200_000);
        until("more lines", || logged(&tree) > enough);
        process.signal(signal);
        let out = process.wait();
        assert_eq!((out.end, out.stderr.len()), (end, 0), "{out:?}");
    }
    feed.stop();
    let out = feed.to(tree.command("multilog"), scene).run();
    assert_eq!((out.end, out.stderr.len()), (End::Code(0), 0), "{out:?}");
    (tree, Scene { lines: feed.lines(), ..*scene }, times)
}

/// How much is in the log.
fn logged(tree: &Tree) -> u64 {
    let files = std::fs::read_dir(tree.path("d")).into_iter().flatten().flatten();
    files.map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum()
}

/// TERM at any moment: the line is finished, and the next multilog begins with the one after it.
#[test]
fn ended_in_the_middle() {
    static SCENE: Scene = scene("one after another", &["t", "s1000000", "n9999", "./d"], 0);
    let (tree, scene, _) = one_after_another(&SCENE, Signal::SIGTERM, End::Code(0), times(100));
    judge(&tree, &scene, 0);
    assert!(tree.log_files("d").iter().all(|file| file.kind() != "@.u"), "{:?}", tree.log_shape("d"));
}

/// The same within lines so long that their beginning is written before their end has come.
#[test]
fn ended_within_a_line() {
    static SCENE: Scene =
        Scene { lengths: (100_000, 400_000), ..scene("ended within a line", &["t", "s9999999", "n9999", "./d"], 0) };
    let (tree, scene, _) = one_after_another(&SCENE, Signal::SIGTERM, End::Code(0), times(20));
    judge_joined(&tree, &scene);
}

/// KILL at any moment, by the clock and not by the call.
#[test]
fn killed_in_the_middle() {
    static SCENE: Scene = scene("killed at any time", &["t", "s1000000", "n9999", "./d"], 0);
    let (tree, scene, kills) = one_after_another(&SCENE, Signal::SIGKILL, End::Signal(9), times(100));
    judge(&tree, &scene, kills);
}
