//! `envuidgid ACCOUNT PROG…`: an account's ids as variables. Accounts that only a name service knows are in
//! `accounts.rs`; what else the program inherits is in `transparency.rs`.

use daemontools_tests::{NONE, Output, Tree, exits};

const USAGE: &str = "envuidgid: usage: envuidgid account child\n";

fn fatal(message: &str) -> Output {
    exits(111, "", format!("envuidgid: fatal: {message}\n"))
}

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("envuidgid", NONE), exits(100, "", USAGE));
    for word in ["root", "no-such-account", "-x", "--", ""] {
        assert_eq!(tree.run("envuidgid", [word]), exits(100, "", USAGE), "{word}");
    }
}

/// Spec: "sets GID and UID in the environment (decimal), keeps its own ids".
#[test]
fn the_account_s_ids_are_variables() {
    let tree = Tree::new();
    let ids = tree.shell("id -u nobody; id -g nobody; id -u").stdout;
    let script = "echo $UID; echo $GID; id -u";
    assert_eq!(tree.run("envuidgid", ["nobody", "sh", "-c", script]), exits(0, ids, ""));
    assert_eq!(tree.run("envuidgid", ["root", "sh", "-c", "echo $UID $GID"]), exits(0, "0 0\n", ""));
}

/// Spec, corners: "takes out its first entry only, moves the last entry into the gap, appends the new one; […]
/// `envuidgid` sets GID, then UID".
#[test]
fn the_environment_keeps_its_order() {
    let tree = Tree::new();
    let run = |environment: &[&str]| {
        let invocation = tree.command("envuidgid").environ(environment);
        let out = invocation.args(["root", "/bin/cat", "/proc/self/environ"]).run();
        assert_eq!((out.end, out.stderr.len()), (exits(0, "", "").end, 0));
        String::from_utf8(out.stdout).expect("text").replace('\0', "|")
    };
    assert_eq!(run(&[]), "GID=0|UID=0|");
    assert_eq!(run(&["A=1", "UID=7", "B=2", "GID=8", "C=3"]), "A=1|GID=0|B=2|C=3|UID=0|");
    assert_eq!(run(&["UID=1", "UID=2", "odd", "", "GID", "GIDX=1"]), "GID=0|UID=2|odd||GID|GIDX=1|UID=0|");
}

/// Spec: "`unknown account X`"; a number is not taken for a uid.
#[test]
fn an_account_that_nobody_knows() {
    let tree = Tree::new();
    for name in ["no-such-account", "0", "65534", "", "-x", "--", "root ", "root:", "roo", "ROOT"] {
        let unknown = fatal(&format!("unknown account {name}"));
        assert_eq!(tree.run("envuidgid", [name, "echo", "x"]), unknown);
    }
}

#[test]
fn a_program_that_cannot_be_run() {
    let tree = Tree::new();
    assert_eq!(tree.run("envuidgid", ["root", "./none"]), fatal("unable to run ./none: file does not exist"));
}
