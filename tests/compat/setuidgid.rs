//! `setuidgid ACCOUNT PROG…`: a program under an account's ids. Accounts that only a name service knows are in
//! `accounts.rs`; what else the program inherits is in `transparency.rs`.

use daemontools_tests::{NONE, Output, Tree, exits, left_out, needs_root};

const USAGE: &str = "setuidgid: usage: setuidgid account child\n";

fn fatal(message: &str) -> Output {
    exits(111, "", format!("setuidgid: fatal: {message}\n"))
}

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("setuidgid", NONE), exits(100, "", USAGE));
    for word in ["root", "no-such-account", "-x", "--", ""] {
        assert_eq!(tree.run("setuidgid", [word]), exits(100, "", USAGE), "{word}");
    }
}

/// Spec: "sets the groups to the account's primary group alone, gid and uid (all three of each)".
#[test]
fn all_ids_are_the_account_s_and_no_group_is_left() {
    if !needs_root("setuidgid") {
        return;
    }
    let tree = Tree::new();
    // setpriv gives it groups to lose.
    let uid = String::from_utf8(tree.shell("id -u daemon").stdout).expect("text").trim().to_owned();
    let gid = String::from_utf8(tree.shell("id -g daemon").stdout).expect("text").trim().to_owned();
    let script =
        "setpriv --groups 4,20,65534 setuidgid daemon grep -E '^(Uid|Gid|Groups|Cap(Prm|Eff|Amb)):' /proc/self/status";
    let none = "0000000000000000";
    let expected = format!(
        "Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t{gid} \n\
         CapPrm:\t{none}\nCapEff:\t{none}\nCapAmb:\t{none}\n"
    );
    assert_eq!(tree.shell(script), exits(0, expected, ""));
}

/// Spec: "`unknown account X`"; a number is not taken for a uid.
#[test]
fn an_account_that_nobody_knows() {
    let tree = Tree::new();
    for name in ["no-such-account", "0", "65534", "", "-x", "--", "root ", "root:", "roo", "ROOT"] {
        let unknown = fatal(&format!("unknown account {name}"));
        assert_eq!(tree.run("setuidgid", [name, "echo", "x"]), unknown);
    }
}

/// A user who may not change the group never gets as far as the program, whatever the account, even if it is his own.
#[test]
fn who_may_not_change_ids_runs_nothing() {
    if !needs_root("setuidgid as another user") {
        return;
    }
    let tree = Tree::new();
    for account in ["root", "daemon", "nobody"] {
        let out = tree.public("setuidgid").user(65534, 65534).args([account, "echo", "x"]).run();
        assert_eq!(out, fatal("unable to setgid: permission denied"), "{account}");
    }
}

/// Root without the right to change uids: the group is changed, the user is not, and the program does not run.
#[test]
fn a_uid_that_cannot_be_changed() {
    if !needs_root("setuidgid without a capability") {
        return;
    }
    let tree = Tree::new();
    if !tree.shell("setpriv --bounding-set -setuid true").stderr.is_empty() {
        return left_out("setuidgid without a capability", "setpriv cannot take one away");
    }
    let out = tree.shell("exec setpriv --bounding-set -setuid setuidgid daemon echo x");
    assert_eq!(out, fatal("unable to setuid: permission denied"));
    let out = tree.shell("exec setpriv --bounding-set -setgid setuidgid daemon echo x");
    assert_eq!(out, fatal("unable to setgid: permission denied"));
}

#[test]
fn a_program_that_cannot_be_run() {
    if !needs_root("setuidgid") {
        return;
    }
    let tree = Tree::new();
    assert_eq!(tree.run("setuidgid", ["root", "./none"]), fatal("unable to run ./none: file does not exist"));
}
