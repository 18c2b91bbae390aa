//! `setuidgid account:group…`, `setuidgid -s account` and `envuidgid account:group`, which 0.76 does not have.
//!
//! Not tested: groups that only a name service on a network knows.

use daemontools_tests::{Output, Programs, Tree, exits, left_out, needs_root};

const IDS: &str = "grep -E '^(Uid|Gid|Groups):' /proc/self/status";

fn shell(tree: &Tree, script: &str) -> Output {
    tree.shell(script)
}

fn id(tree: &Tree, arguments: &str) -> String {
    String::from_utf8(tree.shell(&format!("id {arguments}")).stdout).expect("text").trim().to_owned()
}

fn ids(uid: &str, gid: &str, groups: &str) -> Output {
    exits(0, format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{gid}\t{gid}\t{gid}\t{gid}\nGroups:\t{groups} \n"), "")
}

#[test]
fn groups_that_are_named_take_the_place_of_the_account_s_own() {
    if !needs_root("setuidgid account:group") {
        return;
    }
    let tree = Tree::of(Programs::ours());
    let uid = id(&tree, "-u daemon");
    // The kernel shows supplementary groups in order of their numbers.
    assert_eq!(shell(&tree, &format!("setuidgid daemon:root {IDS}")), ids(&uid, "0", "0"));
    assert_eq!(shell(&tree, &format!("setuidgid daemon:4711:12:0:12 {IDS}")), ids(&uid, "4711", "0 12 4711"));
    assert_eq!(shell(&tree, "envuidgid daemon:4711 sh -c 'echo $UID:$GID'"), exits(0, format!("{uid}:4711\n"), ""));
}

#[test]
fn a_group_that_is_unknown_is_told_and_nothing_runs() {
    let tree = Tree::of(Programs::ours());
    for program in ["setuidgid", "envuidgid"] {
        for group in ["no-such-group", "-1", "4294967295", "4294967296"] {
            let told = exits(111, "", format!("{program}: fatal: unknown group {group}\n"));
            assert_eq!(tree.run(program, [&format!("root:{group}"), "echo", "x"]), told);
        }
        let told = exits(111, "", format!("{program}: fatal: unknown account nobody-at-all\n"));
        assert_eq!(tree.run(program, ["nobody-at-all:root", "echo", "x"]), told);
    }
    let usage = exits(100, "", "envuidgid: usage: envuidgid account child\n");
    assert_eq!(tree.run("envuidgid", ["root:0:7", "echo", "x"]), usage, "GID is one number");
    assert_eq!(tree.run("setuidgid", ["-s", "root"]), exits(100, "", "setuidgid: usage: setuidgid account child\n"));
}

#[test]
fn the_account_s_supplementary_groups_are_there_with_s_alone() {
    let what = "setuidgid -s";
    if !needs_root(what) {
        return;
    }
    let tree = Tree::of(Programs::ours());
    if !tree.shell("unshare --mount true").stderr.is_empty() {
        left_out(what, "no mount namespace is to be had");
        return;
    }
    tree.put_file("group", "root:x:0:\nmember:x:4712:daemon,nobody\nother:x:4713:nobody\nfirst:x:4711:daemon\n");
    let (uid, gid) = (id(&tree, "-u daemon"), id(&tree, "-g daemon"));
    let mount = "mount --bind group /etc/group";
    let run = |arguments: &str| {
        tree.put_file("go", format!("{mount} || exit 99\nexec setuidgid {arguments} {IDS}\n"));
        tree.invocation("/usr/bin/unshare").args(["--mount", "--propagation", "private", "sh", "go"]).run()
    };
    assert_eq!(run("daemon"), ids(&uid, &gid, &gid));
    assert_eq!(run("-s daemon"), ids(&uid, &gid, &format!("{gid} 4711 4712")));
    assert_eq!(run("-s daemon:other"), ids(&uid, "4713", "4711 4712 4713"));
}
