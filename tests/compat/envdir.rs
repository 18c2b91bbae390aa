//! `envdir DIR PROG…`: an environment from files. What else the program inherits is in `transparency.rs`.
//!
//! Not tested: a file that changes while it is read; an unreadable current directory, where 0.76 gives up.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{NONE, Output, Tree, exits, needs_root};

const USAGE: &str = "envdir: usage: envdir dir child\n";

fn fatal(message: &str) -> Output {
    exits(111, "", format!("envdir: fatal: {message}\n"))
}

/// The environment that a program gets through `envdir e`, if it was this before: entries in their order.
fn environment(tree: &Tree, before: &[&str]) -> Vec<String> {
    let out = tree.command("envdir").environ(before).args(["e", "/bin/cat", "/proc/self/environ"]).run();
    assert_eq!(exits(0, &out.stdout, ""), out);
    let mut entries: Vec<String> = out.stdout.split(|&b| b == 0).map(|e| e.escape_ascii().to_string()).collect();
    entries.pop();
    entries
}

/// A tree whose directory `e` holds one file.
fn with(name: &str, content: impl AsRef<[u8]>) -> Tree {
    Tree::new().file(format!("e/{name}"), content)
}

/// Spec, conventions: "`envdir` alone exits 111 on wrong usage."
#[test]
fn usage() {
    let tree = Tree::new().dir("e");
    assert_eq!(tree.run("envdir", NONE), exits(111, "", USAGE));
    for word in ["e", "none", "-x", "--", ""] {
        assert_eq!(tree.run("envdir", [word]), exits(111, "", USAGE), "{word}");
    }
}

/// Spec: "the variable is the first line, trailing spaces and tabs removed, NUL bytes turned into newlines".
#[test]
fn the_first_line_is_the_value() {
    for (content, value) in [
        (&b"value\n"[..], "value"),
        (b"value", "value"),
        (b"one\ntwo\n", "one"),
        (b" both sides \t \n", " both sides"),
        (b"tab\tinside\t\t", "tab\\tinside"),
        (b"dos\r\n", "dos\\r"),
        (b"dos \r \n", "dos \\r"),
        (b"\n", ""),
        (b" \t", ""),
        (b"\nsecond line", ""),
        (b"a\0b", "a\\nb"),
        (b"a\0\0\n", "a\\n\\n"),
        (b"a \0 \n", "a \\n"),
        (b"\0", "\\n"),
        (b"\xff\xfe\x01", "\\xff\\xfe\\x01"),
        (b"=", "="),
        (b"'\"$(x)", "\\'\\\"$(x)"),
    ] {
        assert_eq!(environment(&with("NAME", content), &["NAME=old"]), [format!("NAME={value}")]);
    }
}

/// Spec: "empty file: the variable is removed".
#[test]
fn an_empty_file_removes_the_variable() {
    let tree = with("GONE", "");
    assert_eq!(environment(&tree, &["A=1", "GONE=2", "B=3"]), ["A=1", "B=3"]);
    assert_eq!(environment(&tree, &["A=1"]), ["A=1"]);
    assert_eq!(environment(&tree, &["GONE", "GONEX=1", "GONE="]), ["GONE", "GONEX=1"]);
}

/// Spec, corners: "setting a variable takes out its first entry only, moves the last entry into the gap, appends the
/// new one; further duplicates, empty entries and entries without `=` stay".
#[test]
fn the_environment_keeps_its_order() {
    let tree = with("V", "new");
    assert_eq!(environment(&tree, &[]), ["V=new"]);
    assert_eq!(environment(&tree, &["A=1", "V=2", "B=3", "C=4"]), ["A=1", "C=4", "B=3", "V=new"]);
    assert_eq!(environment(&tree, &["V=1", "V=2", "odd", "", "V", "VV=1"]), ["VV=1", "V=2", "odd", "", "V", "V=new"]);
    let tree = with("V", "");
    assert_eq!(environment(&tree, &["V=1", "A=1", "V=2", ""]), ["", "A=1", "V=2"]);
}

/// Spec: "for each file in DIR not starting with `.`".
#[test]
fn every_file_counts_but_for_those_with_a_dot() {
    let tree =
        with("A", "1").file("e/B", "2\n").file("e/.hidden", "x").file("e/..x", "y").file("e/a b", "3").link("e/L", "B");
    let mut got = environment(&tree, &["Z=0"]);
    got.sort();
    assert_eq!(got, ["A=1", "B=2", "L=2", "Z=0", "a b=3"]);
}

/// Spec: "Names may not be checked beyond that": the entry is `NAME=VALUE`, and its name ends at the first `=`.
#[test]
fn names_with_an_equals_sign() {
    assert_eq!(environment(&with("G=H", "v"), &["G=1", "G=H=2"]), ["G=H=2", "G=H=v"]);
    assert_eq!(environment(&with("X=Y", ""), &["X=1"]), ["X=Y"]);
    assert_eq!(environment(&with("=", "v"), &["=1", "A=1"]), ["A=1", "==v"]);
}

/// The search for the program is by the PATH that envdir was started with, from the directory that it was started in.
#[test]
fn the_program_is_found_as_without_envdir() {
    let tree = Tree::new().file("e/PATH", "elsewhere").script("bin/prog", "echo $PATH; pwd").dir("elsewhere");
    let here = tree.path("");
    let here = here.to_str().expect("text").trim_end_matches('/');
    let told = exits(0, format!("elsewhere\n{here}\n"), "");
    assert_eq!(tree.command("envdir").env("PATH", "/usr/bin:bin").args(["e", "prog"]).run(), told);
    assert_eq!(tree.run("envdir", ["e", "bin/prog"]), told);
    assert_eq!(tree.run("envdir", ["./e/", "./bin/prog"]), told);
}

/// Spec: "`unable to switch to directory DIR`, `unable to read DIR/NAME`, `unable to read directory DIR` 111".
#[test]
fn what_cannot_be_read() {
    let tree = Tree::new().file("flat", "").link("loop", "loop").dir("e/sub").link("l/L", "L");
    for (dir, message) in [
        ("none", "unable to switch to directory none: file does not exist"),
        ("flat", "unable to switch to directory flat: not a directory"),
        ("loop", "unable to switch to directory loop: symbolic link loop"),
        ("", "unable to switch to directory : file does not exist"),
        ("e", "unable to read e/sub: is a directory"),
        ("./e/", "unable to read ./e//sub: is a directory"),
        ("l", "unable to read l/L: symbolic link loop"),
    ] {
        assert_eq!(tree.run("envdir", [dir, "echo", "x"]), fatal(message));
    }
}

#[test]
fn what_may_not_be_read() {
    if !needs_root("envdir as another user") {
        return;
    }
    let tree = Tree::new().file("e/SECRET", "x").dir("closed").dir("unlisted");
    for (name, mode) in [("e/SECRET", 0o600), ("closed", 0o700), ("unlisted", 0o711)] {
        set_permissions(tree.path(name), Permissions::from_mode(mode)).expect("change a mode");
    }
    let run = |dir: &str| tree.public("envdir").user(65534, 65534).args([dir, "echo", "x"]).run();
    assert_eq!(run("e"), fatal("unable to read e/SECRET: access denied"));
    assert_eq!(run("closed"), fatal("unable to switch to directory closed: access denied"));
    assert_eq!(run("unlisted"), fatal("unable to read directory unlisted: access denied"));
}

/// A FIFO is opened without waiting, and nobody writes: it is empty.
#[test]
fn a_fifo_is_not_waited_for() {
    let tree = Tree::new().fifo("e/F");
    assert_eq!(environment(&tree, &["F=1"]), NONE);
}

/// A link to nothing is as good as an empty file where it comes first, and is among the defects where it does not.
#[test]
fn a_link_to_nothing_removes_the_variable() {
    let tree = Tree::new().dir("e").link("e/L", "none");
    assert_eq!(environment(&tree, &["L=1", "A=1"]), ["A=1"]);
}

/// As much as the system lets a program have: 128 KiB with name and all.
#[test]
fn large_values() {
    let tree = with("BIG", "x".repeat(131_000));
    assert_eq!(environment(&tree, &[])[0].len(), 131_004);
    let tree = with("BIG", "x".repeat(200_000));
    assert_eq!(tree.run("envdir", ["e", "true"]), fatal("unable to run true: argument list too long"));
    let tree = with("SMALL", "x".repeat(10) + "\n" + &"y".repeat(200_000));
    assert_eq!(environment(&tree, &[]), ["SMALL=xxxxxxxxxx"]);
    let tree = with("SPACE", "x".to_owned() + &" ".repeat(200_000));
    assert_eq!(environment(&tree, &[]), ["SPACE=x"]);
}

#[test]
fn a_program_that_cannot_be_run() {
    let tree = with("A", "1");
    assert_eq!(tree.run("envdir", ["e", "./none"]), fatal("unable to run ./none: file does not exist"));
}
