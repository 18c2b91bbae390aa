//! `svlint` as root on service directories of another account: it shows nothing that the account could not read.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};

use daemontools_tests::{Programs, Tree, needs_root, spare_user, until, value};

fn told(tree: &Tree) -> (String, String) {
    let out = tree.command_of(Programs::ours(), "svlint").arg("sv").run();
    (String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

#[test]
fn the_tail_of_a_log_is_that_of_a_file_its_owner_may_read() {
    if !needs_root("svlint on a service directory of another account") {
        return;
    }
    let user = spare_user();
    let tree = Tree::of(Programs::ours())
        .file("secret", "the secret\n")
        .script("sv/run", "exec 2>&1; exit 1")
        .script("sv/log/run", "exec multilog t ./main")
        .dir("sv/log/main");
    fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o600)).expect("shut it");
    // Without a logger, so that the log stays as it is.
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("several starts", || told(&tree).0.contains("SL019"));
    for target in ["../../../secret", "/proc/kmsg", "/dev/zero"] {
        let _ = fs::remove_file(tree.path("sv/log/main/current"));
        symlink(target, tree.path("sv/log/main/current")).expect("link");
        for name in ["sv/log/main", "sv/log/main/current"] {
            lchown(tree.path(name), Some(user), Some(user)).expect("give it away");
        }
        // At the moment of a look it may just not be ending again and again.
        let found = value("the finding", || Some(told(&tree).0).filter(|found| found.contains("SL019")));
        assert!(!found.contains("    | "), "{target}: {found}");
    }
    // What the account can read is shown.
    tree.put_file("public", "for all\n");
    fs::remove_file(tree.path("sv/log/main/current")).expect("remove the link");
    symlink("../../../public", tree.path("sv/log/main/current")).expect("link");
    until("its last line", || told(&tree).0.contains("    | for all\n"));
}

#[test]
fn a_script_that_its_owner_may_not_read_is_passed_over() {
    if !needs_root("svlint on a service directory of another account") {
        return;
    }
    let user = spare_user();
    let tree = Tree::of(Programs::ours()).script("secret", "secretprogram & exit").dir("sv");
    fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o700)).expect("shut it");
    symlink("../secret", tree.path("sv/run")).expect("link");
    lchown(tree.path("sv"), Some(user), Some(user)).expect("give it away");
    let (found, warned) = told(&tree);
    assert!(!found.contains("secretprogram"), "{found}");
    assert_eq!(
        warned,
        format!("svlint: warning: unable to read sv/run: user {user} may have put it there, and cannot read it\n")
    );
    // Nor what a script of theirs reads into itself.
    fs::remove_file(tree.path("sv/run")).expect("remove the link");
    tree.put_script("sv/run", ". ../secret\nexec sleep 987");
    assert!(!told(&tree).0.contains("secretprogram"));
}
