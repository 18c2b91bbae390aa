//! `setuidgid` and `envuidgid` with accounts that only a name-service module knows.
//!
//! Not tested: name services on a network; root's rights from anywhere but its uid.

use daemontools_tests::accounts::{shell, with_module};
use daemontools_tests::{Output, Tree, exits};

fn tree(what: &str) -> Option<Tree> {
    with_module(Tree::new(), what)
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
