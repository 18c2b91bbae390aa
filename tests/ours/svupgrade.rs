//! svupgrade: the processes of a running tree replace themselves by other files of their programs, and nothing else changes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use daemontools_tests::status::{until_down, until_status, until_up};
use daemontools_tests::{End, Output, Process, Programs, Tree, exits, proc, until};

/// A tree with programs of its own in `old` and `new`, and a service `sv` with a logger in `sv/log`.
pub fn tree(run: &str) -> Tree {
    let tree = Tree::of(Programs::ours());
    for dir in ["old", "new"] {
        tree.programs().copy_to(&tree.path(dir));
    }
    let logger = format!("exec {} ./main", tree.path("old/multilog").display());
    tree.script("sv/run", run).script("sv/log/run", &logger).dir("service").link("service/sv", "../sv")
}

/// The svscan of such a tree, with the programs in `old`.
pub fn scan(tree: &Tree) -> Process {
    let path = format!("{}:{}", tree.path("old").display(), std::env::var("PATH").expect("PATH"));
    let svscan = tree.invocation(tree.path("old/svscan")).arg(tree.path("service")).env("PATH", path).spawn();
    until_up(tree, "sv");
    until_up(tree, "sv/log");
    // By then it waits for signals.
    until("multilog is at work", || tree.path("sv/log/main/current").exists());
    svscan
}

/// svupgrade with these arguments, on that tree.
pub fn upgrade<const N: usize>(tree: &Tree, arguments: [&str; N]) -> Output {
    let bin = tree.path("new");
    tree.command("svupgrade").arg("--bin").arg(bin).args(arguments).arg(tree.path("service")).run()
}

/// What svupgrade says of the processes of a program.
pub fn verdicts(out: &Output, program: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines = text.lines().filter(|line| line.starts_with(&format!("{program} ")));
    lines.map(|line| line.split_once("): ").expect("a verdict").1.to_owned()).collect()
}

/// Whether a process runs a file of this directory.
pub fn runs(tree: &Tree, pid: i32, file: &str) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    let wanted = fs::metadata(tree.path(file)).map(id).expect("a program");
    fs::metadata(format!("/proc/{pid}/exe")).map(id).ok() == Some(wanted)
}

fn svc(tree: &Tree, letters: &str) {
    assert_eq!(tree.run("svc", [letters, "sv"]), exits(0, "", ""));
}

#[test]
fn a_supervise_goes_on_as_the_new_program() {
    let tree = tree("for s in HUP USR1; do trap \"echo $s >>got\" $s; done; : >ready; while :; do sleep 0.05; done");
    let _svscan = scan(&tree);
    let pid = until_up(&tree, "sv");
    until("its traps are set", || tree.path("sv/ready").exists());
    let supervise = proc::parent(pid).expect("its supervise");
    let status = tree.read("sv/supervise/status");
    let (began, environment) = (proc::started(supervise), "DAEMONTOOLS_RESUME");
    let out = upgrade(&tree, []);
    assert!(verdicts(&out, "supervise").iter().all(|verdict| verdict.starts_with("upgraded in ")), "{out:?}");
    assert!(runs(&tree, supervise, "new/supervise"));
    assert_eq!((proc::started(supervise), proc::parent(pid)), (began, Some(supervise)));
    until("the status is written", || tree.read("sv/supervise/status") == status);
    assert_eq!(proc::arguments(supervise), [&b"supervise"[..], b"sv"]);
    svc(&tree, "-h");
    until("it obeys", || tree.lines("sv/got").last().is_some_and(|last| last == "HUP"));
    svc(&tree, "-t");
    let second = until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid).pid;
    assert_eq!(proc::parent(second), Some(supervise));
    // Until then it is a copy of its supervise.
    until("it runs", || proc::arguments(second).first().is_some_and(|first| first == b"/bin/sh"));
    let variables = fs::read(format!("/proc/{second}/environ")).expect("its environment");
    assert!(!String::from_utf8_lossy(&variables).contains(environment), "no child gets the variable");
    svc(&tree, "-d");
    until_down(&tree, "sv");
    let again = upgrade(&tree, []);
    assert!(verdicts(&again, "supervise").iter().all(|verdict| verdict == "up to date"), "{again:?}");
}

#[test]
fn check_changes_nothing() {
    let tree = tree("exec sleep 1000");
    let _svscan = scan(&tree);
    let supervise = proc::parent(until_up(&tree, "sv")).expect("its supervise");
    let out = upgrade(&tree, ["--check"]);
    assert!(verdicts(&out, "supervise").iter().all(|verdict| verdict == "can be upgraded"), "{out:?}");
    assert!(runs(&tree, supervise, "old/supervise"));
}

#[test]
fn a_program_that_others_may_write_is_refused() {
    let tree = tree("exec sleep 1000");
    let _svscan = scan(&tree);
    let pid = until_up(&tree, "sv");
    let supervise = proc::parent(pid).expect("its supervise");
    for path in ["new/supervise", "new"] {
        let mode = |mode: u32| fs::set_permissions(tree.path(path), fs::Permissions::from_mode(mode)).expect("chmod");
        mode(0o777);
        let out = upgrade(&tree, ["-t", "0"]);
        let why = format!("refused: {}: others may write it", tree.path(path).display());
        assert_eq!((out.end, verdicts(&out, "supervise")), (End::Code(111), vec![why.clone(), why]), "{out:?}");
        mode(0o755);
    }
    assert!(runs(&tree, supervise, "old/supervise") && proc::alive(pid));
}

#[test]
fn a_new_program_that_cannot_go_on_is_refused() {
    let tree = tree("exec sleep 1000");
    let _svscan = scan(&tree);
    let pid = until_up(&tree, "sv");
    let supervise = proc::parent(pid).expect("its supervise");
    for (body, why) in [
        ("exit 0", "it cannot go on in place"),
        ("echo 'a line of the state is not known: x'; exit 111", "a line of the state is not known: x"),
        ("kill -9 $$", "the trial was killed by signal 9"),
        ("echo able; exit 1", "able"),
    ] {
        fs::remove_file(tree.path("new/supervise")).expect("remove");
        tree.put_script("new/supervise", body);
        let out = upgrade(&tree, []);
        let verdicts = verdicts(&out, "supervise");
        assert!(verdicts.iter().all(|verdict| verdict.ends_with(&format!(": {why}"))), "{verdicts:?}");
        assert_eq!(out.end, End::Code(111));
    }
    assert!(runs(&tree, supervise, "old/supervise") && proc::alive(pid));
    svc(&tree, "-d");
    until_down(&tree, "sv");
}

#[test]
fn where_the_new_program_cannot_be_executed_the_old_one_goes_on() {
    let tree = tree("i=0; while :; do i=$((i+1)); echo $i; sleep 0.01; done");
    let svscan = scan(&tree);
    let before = [until_up(&tree, "sv"), until_up(&tree, "sv/log")];
    for _ in 0..2 {
        for name in ["supervise", "multilog", "svscan"] {
            let _ = fs::remove_file(tree.path("new").join(name));
            // It says that it can go on, and is gone when it is executed.
            tree.put_script(format!("new/{name}"), "rm \"$0\"; echo able");
        }
        // Two supervises are asked: the second one finds no file any more.
        let out = upgrade(&tree, []);
        assert_eq!(out.end, End::Code(111), "{out:?}");
        for (name, count) in [("supervise", 2), ("multilog", 1), ("svscan", 1)] {
            let verdicts = verdicts(&out, name);
            assert_eq!(verdicts.len(), count, "{out:?}");
            let why = format!("refused: unable to run {}: file does not exist", tree.path("new").join(name).display());
            assert_eq!(verdicts[0], why, "{out:?}");
        }
    }
    assert_eq!([until_up(&tree, "sv"), until_up(&tree, "sv/log")], before);
    assert!(runs(&tree, svscan.pid(), "old/svscan") && runs(&tree, before[1], "old/multilog"));
    svc(&tree, "-d");
    until_down(&tree, "sv");
    let lines = || String::from_utf8(tree.logged("sv/log/main")).expect("digits");
    until("every line is there", || !lines().is_empty());
    assert_eq!(lines().lines().zip(1..).find(|(line, number)| *line != number.to_string()), None);
    assert_eq!(svscan.stderr(), b"");
}

#[test]
fn a_variable_that_is_not_meant_for_a_program_is_left_alone() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 1000");
    for value in ["1 1 3", "garbage", ""] {
        let supervise = tree.command("supervise").arg("sv").env("DAEMONTOOLS_RESUME", value).spawn();
        let pid = until_up(&tree, "sv");
        let entry = format!("DAEMONTOOLS_RESUME={value}\0");
        // Empty for a moment, while the service becomes sleep.
        let variables = || fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        until("it has the variable", || String::from_utf8_lossy(&variables()).contains(&entry));
        svc(&tree, "-dx");
        assert_eq!(supervise.wait(), exits(0, "", ""));
    }
}

#[test]
fn a_directory_without_svscan_is_told() {
    let tree = Tree::of(Programs::ours()).dir("empty");
    let line = "svupgrade: warning: no svscan runs in empty\n";
    assert_eq!(tree.run("svupgrade", ["empty"]), exits(111, "", line));
}
