//! multilog where something is in its way: a slow processor beside other logs, and names that belong to something else.

use std::io::Write;

use daemontools_tests::{Programs, Tree, exits, until};

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

/// So many lines of 63 bytes, of which 34 fill a file of 4096.
fn lines(count: usize) -> Vec<u8> {
    (0..count).flat_map(|number| format!("{number:062}\n").into_bytes()).collect()
}

/// The log with the processor goes on, too, in a file that becomes larger.
#[test]
fn a_slow_processor_keeps_no_other_log_waiting() {
    let tree = tree();
    let slow = "!until test -e ../go; do sleep 0.1; done; exec cat";
    let mut process =
        tree.command("multilog").args(["s4096", "n99", "./other", "n3", slow, "./slow"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    let all = lines(150);
    let (first, rest) = all.split_at(102 * 63);
    input.write_all(first).expect("write");
    // One file is being processed, the next one is full.
    until("the processor is at work", || tree.path("slow/processed").exists());
    input.write_all(rest).expect("write");
    tree.until_logged("other", 150 * 63);
    until("all is in this log, too", || tree.read("slow/current").len() == 116 * 63);
    tree.put_file("go", "");
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!((tree.log_sizes("slow"), tree.logged("slow")), (vec![34 * 63, 116 * 63, 0], lines(150)));
}

/// What multilog says when it has renamed it, with the stamp of the name left out.
fn set_aside(name: &str, what: &str) -> String {
    format!("multilog: warning: ./d/{name} is {what}, renamed to {name}.@STAMP\n")
}

/// What was said, without stamps.
fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let line = |line: &str| match line.split_once('@') {
        Some((before, stamp)) if stamp.len() == 24 => format!("{before}@STAMP\n"),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The names of a log directory, without stamps.
fn names(tree: &Tree) -> Vec<String> {
    let entries = std::fs::read_dir(tree.path("d")).expect("read d").flatten();
    let name = |name: String| match name.split_once(".@") {
        Some((before, _)) => format!("{before}.@STAMP"),
        None if name.starts_with('@') => format!("@{}", &name[25..]),
        None => name,
    };
    let mut names: Vec<String> = entries.map(|entry| name(entry.file_name().into_string().expect("a name"))).collect();
    names.sort();
    names
}

/// 0.76 tries for ever to make a link to a directory, and takes a link or a FIFO for a file.
#[test]
fn what_is_no_file_is_set_aside_at_the_start() {
    for name in ["previous", "processed"] {
        for (kind, what) in [("dir", "a directory"), ("link", "a symbolic link"), ("fifo", "a FIFO")] {
            let path = format!("d/{name}");
            let tree = match kind {
                "dir" => tree().file(format!("{path}/inside"), "somebody's"),
                "link" => tree().dir("d").link(&path, "../elsewhere").file("elsewhere", "somebody's"),
                _ => tree().dir("d").fifo(&path),
            };
            let out = tree.command("multilog").arg("./d").stdin("x\n").run();
            assert_eq!(
                (out.end, said(&out.stderr)),
                (daemontools_tests::End::Code(0), set_aside(name, what)),
                "{kind}"
            );
            assert_eq!(names(&tree), ["current", "lock", &format!("{name}.@STAMP"), "state"]);
            assert_eq!(tree.read("d/current"), b"x\n");
        }
    }
}

/// It is not what a processor made of `previous`, although it has an execute bit.
#[test]
fn a_directory_processed_does_not_stand_for_previous() {
    let tree = tree().dir("d/processed").file("d/previous", "lines\n");
    let out = tree.command("multilog").arg("./d").run();
    assert_eq!(said(&out.stderr), set_aside("processed", "a directory"));
    assert_eq!(names(&tree), ["@.u", "current", "lock", "processed.@STAMP", "state"]);
    assert_eq!(tree.logged("d"), b"lines\n");
}

/// With 0.76 there is no rotation any more.
#[test]
fn what_comes_in_the_way_of_a_rotation_is_set_aside() {
    let tree = tree();
    let script = ["s4096", "!cat; echo 1 >&5", "./d"];
    let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
    let mut input = process.stdin();
    until("multilog is ready", || {
        tree.log_files("d").iter().any(|file| file.kind() == "current" && file.mode == 0o644)
    });
    let tree = tree.dir("d/previous/x").dir("d/processed/x").dir("d/newstate").dir("elsewhere");
    std::fs::remove_file(tree.path("d/state")).expect("remove state");
    std::fs::create_dir(tree.path("d/state")).expect("make a directory");
    input.write_all(&lines(34)).expect("write");
    until("the file is finished", || names(&tree).contains(&"@.s".to_owned()));
    drop(input);
    let out = process.wait();
    // Each is told as by 0.76 first.
    let told = |what: &str| format!("multilog: {what}: is a directory\n");
    let expected = [
        told("warning: unable to rename current to previous in directory ./d, pausing"),
        set_aside("previous", "a directory"),
        told("fatal: unable to run cat; echo 1 >&5"),
        "multilog: warning: processor failed in ./d, pausing\n".to_owned(),
        set_aside("processed", "a directory"),
        set_aside("newstate", "a directory"),
        told("warning: unable to rename newstate to state in directory ./d, pausing"),
        set_aside("state", "a directory"),
    ];
    assert_eq!((out.end, said(&out.stderr)), (daemontools_tests::End::Code(0), expected.concat()));
    assert_eq!((tree.logged("d"), tree.read("d/state")), (lines(34), b"1\n".to_vec()));
}

/// What multilog cannot do without, it says, as 0.76 does.
#[test]
fn without_current_state_or_lock_it_does_not_start() {
    for (name, message) in [
        ("current", "unable to append to ./d/current: is a directory"),
        ("state", "unable to write to ./d/state: is a directory"),
        ("lock", "unable to lock directory ./d: is a directory"),
    ] {
        let tree = tree().dir(format!("d/{name}"));
        let out = tree.command("multilog").arg("./d").stdin("x\n").run();
        assert_eq!(out, exits(111, "", format!("multilog: fatal: {message}\n")));
    }
    // A FIFO is no log, and a reader of it would get the lines.
    let tree = tree().dir("d").fifo("d/current");
    let out = tree.command("multilog").arg("./d").stdin("x\n").run();
    assert_eq!(said(&out.stderr), set_aside("current", "a FIFO"));
    assert_eq!(tree.read("d/current"), b"x\n");
}
