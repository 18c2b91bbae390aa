//! `pgrphack PROG…`: a session of its own for the program. What else it inherits is in `transparency.rs`, and how a
//! program is found by its name is tested here for all that run one.
//!
//! Not tested: that a program which leads a process group already is started all the same.

use std::fs;

use daemontools_tests::{NONE, Output, Tree, exits, proc, until};

fn unable(name: &str, reason: &str) -> Output {
    exits(111, "", format!("pgrphack: fatal: unable to run {name}: {reason}\n"))
}

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("pgrphack", NONE), exits(100, "", "pgrphack: usage: pgrphack child\n"));
}

/// Spec: "new session (setsid), then PROG".
#[test]
fn the_program_leads_a_session_and_a_group() {
    let tree = Tree::new();
    let process = tree.spawn("pgrphack", ["sleep", "1000"]);
    until("the program runs", || proc::arguments(process.pid()).first().is_some_and(|name| name == b"sleep"));
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.pid())).expect("stat");
    let after_name: Vec<&str> = stat.rsplit(')').next().expect("a name in parentheses").split_whitespace().collect();
    let own = process.pid().to_string();
    assert_eq!(after_name[2..4], [&own, &own], "process group and session");
}

/// Spec, conventions: "a name with a slash is executed as it is; else each directory of PATH in turn (no PATH:
/// `/bin:/usr/bin`; an empty element is `.`)".
#[test]
fn a_program_is_found_by_its_name() {
    let tree =
        Tree::new().script("a/prog", "echo a $0 $1").script("b/prog", "echo b $0 $1").script("prog", "echo . $0");
    let run = |path: &str, name: &str| tree.command("pgrphack").env("PATH", path).args([name, "x"]).run();
    assert_eq!(run("a:b", "prog"), exits(0, "a a/prog x\n", ""));
    assert_eq!(run("none:b:a", "prog"), exits(0, "b b/prog x\n", ""));
    for here in ["", ":", ":a", "none::a", "none:"] {
        assert_eq!(run(here, "prog"), exits(0, ". ./prog\n", ""), "{here}");
    }
    assert_eq!(run("none", "a/prog"), exits(0, "a a/prog x\n", ""));
    assert_eq!(run("none", "./a/prog"), exits(0, "a ./a/prog x\n", ""));
    let without = tree.command("pgrphack").env_remove("PATH").args(["echo", "x"]).run();
    assert_eq!(without, exits(0, "x\n", ""));
    let without = tree.command("pgrphack").env_remove("PATH").args(["prog", "x"]).run();
    assert_eq!(without, unable("prog", "file does not exist"));
}

/// Spec, conventions: "The search goes on after ENOENT, EACCES, EPERM and EISDIR and stops at any other error […]; the
/// error reported is the last one that was not ENOENT, else ENOENT. There is no fallback to a shell on ENOEXEC."
#[test]
fn a_search_goes_on_and_stops_as_it_always_did() {
    let tree = Tree::new()
        .script("good/prog", "echo good")
        .file("forbidden/prog", "#!/bin/sh\n")
        .exec("plain/prog", "echo no interpreter line")
        .exec("lost/prog", "#!/nonexistent\n")
        .dir("directory/prog")
        .link("loop/prog", "prog")
        .file("flat", "");
    let run = |path: &str| tree.command("pgrphack").env("PATH", path).arg("prog").run();
    for path in ["none:good", "forbidden:good", "directory:good", "lost:good", "forbidden:none:lost:directory:good"] {
        assert_eq!(run(path), exits(0, "good\n", ""), "{path}");
    }
    for (path, reason) in [
        ("none", "file does not exist"),
        ("forbidden", "access denied"),
        ("forbidden:none", "access denied"),
        ("none:directory:lost", "access denied"),
        ("lost", "file does not exist"),
        ("flat:good", "not a directory"),
        ("loop:good", "symbolic link loop"),
        ("plain:good", "exec format error"),
    ] {
        assert_eq!(run(path), unable("prog", reason), "{path}");
    }
    let long = "x".repeat(300);
    assert_eq!(run(&format!("{long}:good")), unable("prog", "file name too long"));
    assert_eq!(run(&format!("{}:good", "x/".repeat(3000))), unable("prog", "file name too long"));
}

#[test]
fn an_empty_name_is_a_directory_of_path() {
    let tree = Tree::new().dir("a");
    let run = |path: &str| tree.command("pgrphack").env("PATH", path).arg("").run();
    assert_eq!(run("a"), unable("", "access denied"));
    assert_eq!(run(""), unable("", "access denied"));
    assert_eq!(run("none"), unable("", "file does not exist"));
}

/// It has no options.
#[test]
fn words_with_dashes_are_names() {
    let tree = Tree::new();
    for word in ["-x", "--", "-"] {
        assert_eq!(tree.run("pgrphack", [word, "true"]), unable(word, "file does not exist"));
    }
}
