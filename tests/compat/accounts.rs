//! `setuidgid` and `envuidgid` with accounts that only a name-service module knows: the distribution's
//! `libnss-extrausers`, told about in a mount namespace of the test's own, so that the machine's files stay as they are.
//!
//! Not tested: name services on a network; root's rights from anywhere but its uid.

use std::path::Path;

use daemontools_tests::{Output, Tree, exits, left_out, needs_root};

/// A tree with accounts for the module, or none where the module or the namespace is not to be had.
fn tree(what: &str) -> Option<Tree> {
    let passwd = "\
        extra:x:47001:47002:Known to a module:/:/bin/sh\n\
        4711:x:47003:47002:A name of digits:/:/bin/sh\n\
        rooted:x:0:0:Too small for the module:/:/bin/sh\n\
        largest:x:4294967295:47002:No uid at all:/:/bin/sh\n\
        grouped:x:47004:4294967295:No gid at all:/:/bin/sh\n\
        broken:x::47002:No number:/:/bin/sh\n\
        hexed:x:0x0:47002:No decimal number:/:/bin/sh\n";
    let tree = Tree::new()
        .file("extra/passwd", passwd)
        .file("extra/group", "primary:x:47002:\nsecond:x:47005:extra,4711\nthird:x:47006:extra\n")
        .file("extra/shadow", "")
        .file("nsswitch.conf", "passwd: files extrausers\ngroup: files extrausers\n");
    if !needs_root(what) {
        return None;
    }
    if !Path::new("/var/lib/extrausers").is_dir() {
        left_out(what, "libnss-extrausers is not installed");
        return None;
    }
    if tree.shell("unshare --mount true").stderr.is_empty() {
        return Some(tree);
    }
    left_out(what, "no mount namespace is to be had");
    None
}

/// Runs a line of shell where the module is asked, or whatever else `nsswitch.conf` of the tree says.
fn shell(tree: &Tree, line: &str) -> Output {
    tree.put_file(
        "go",
        format!(
            "mount --bind nsswitch.conf /etc/nsswitch.conf && mount --bind extra /var/lib/extrausers || exit 99\n{line}\n"
        ),
    );
    tree.invocation("/usr/bin/unshare").args(["--mount", "--propagation", "private", "sh", "go"]).run()
}

fn unknown(program: &str, account: &str) -> Output {
    exits(111, "", format!("{program}: fatal: unknown account {account}\n"))
}

/// Issue 3: "find accounts that only a name-service module knows".
#[test]
fn an_account_that_only_a_module_knows_is_found() {
    let Some(tree) = tree("accounts of a name-service module") else { return };
    let ids = "id -u; id -g; id -G; id -ru; id -rg";
    let out = shell(&tree, &format!("exec setuidgid extra sh -c '{ids}'"));
    assert_eq!(out, exits(0, "47001\n47002\n47002\n47001\n47002\n", ""), "without the groups that list it");
    let out = shell(&tree, "exec envuidgid extra sh -c 'echo $UID $GID; id -u; id -g'");
    assert_eq!(out, exits(0, "47001 47002\n0\n0\n", ""));
}

/// Without the module nobody knows it: what the tests above see is the module's doing.
#[test]
fn without_the_module_the_account_is_unknown() {
    let Some(tree) = tree("accounts of a name-service module") else { return };
    for program in ["setuidgid", "envuidgid"] {
        assert_eq!(tree.run(program, ["extra", "echo", "x"]), unknown(program, "extra"));
    }
}

/// Issue 3: "a number where the account belongs is not taken for a uid"; a name made of digits is a name.
#[test]
fn a_number_is_not_a_uid() {
    let Some(tree) = tree("accounts of a name-service module") else { return };
    for number in ["47001", "47002", "0", "00", "+0", "-1"] {
        for program in ["setuidgid", "envuidgid"] {
            let out = shell(&tree, &format!("exec {program} {number} echo x"));
            assert_eq!(out, unknown(program, number));
        }
    }
    assert_eq!(shell(&tree, "exec setuidgid 4711 sh -c 'id -u; id -G'"), exits(0, "47003\n47002\n", ""));
}

/// Issue 3: "fail closed: no program is ever run with more rights than asked for".
#[test]
fn an_account_without_proper_ids_runs_nothing() {
    let Some(tree) = tree("accounts of a name-service module") else { return };
    for account in ["rooted", "broken", "hexed", "no-such-account"] {
        for program in ["setuidgid", "envuidgid"] {
            assert_eq!(shell(&tree, &format!("exec {program} {account} echo x")), unknown(program, account));
        }
    }
    // The kernel takes -1 for "leave it as it is" in some calls, and refuses it in these.
    for (account, what) in [("largest", "setuid"), ("grouped", "setgid")] {
        let refused = exits(111, "", format!("setuidgid: fatal: unable to {what}: invalid argument\n"));
        assert_eq!(shell(&tree, &format!("exec setuidgid {account} echo x")), refused);
    }
    assert_eq!(shell(&tree, "exec envuidgid largest sh -c 'echo $UID'"), exits(0, "4294967295\n", ""));
}

/// A name service that is configured and not there: nobody is known, not even root.
#[test]
fn a_name_service_that_is_not_there_runs_nothing() {
    let Some(tree) = tree("accounts of a name-service module") else { return };
    tree.put_file("nsswitch.conf", "passwd: nosuchmodule\n");
    for account in ["root", "extra", "daemon"] {
        for program in ["setuidgid", "envuidgid"] {
            assert_eq!(shell(&tree, &format!("exec {program} {account} echo x")), unknown(program, account));
        }
    }
    tree.put_file("nsswitch.conf", "passwd: nosuchmodule files extrausers\n");
    assert_eq!(shell(&tree, "exec setuidgid extra id -u"), exits(0, "47001\n", ""));
}
