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

/// What svlint tells of a service of another account, with each of these in turn at a place that only root can reach.
fn told_with_each(tree: &Tree, secret: &str) -> Vec<(String, String)> {
    let each: [&dyn Fn(); 5] = [
        &|| {},
        &|| tree.put_file(secret, "a secret\n"),
        &|| tree.put_script(secret, "exec secretprogram"),
        &|| fs::create_dir_all(tree.path(secret).join("secretname")).expect("mkdir"),
        &|| tree.put_script(format!("{secret}/run"), "exec secretprogram"),
    ];
    let told = each.map(|make| {
        make();
        let found = told(tree);
        let path = tree.path(secret);
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        found
    });
    told.into()
}

/// Neither that a file is there, nor what it is, nor its mode: svlint says the same whatever a link leads to that its owner
/// could not follow, and whatever a script of theirs names.
#[test]
fn nothing_is_told_of_a_place_that_its_owner_may_not_enter() {
    if !needs_root("svlint on a service directory of another account") {
        return;
    }
    let user = spare_user();
    let new = || {
        let tree = Tree::of(Programs::ours()).dir("secret").dir("sv");
        fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o700)).expect("shut it");
        tree
    };
    let give = |tree: &Tree, path: &str| lchown(tree.path(path), Some(user), Some(user)).expect("give it away");
    let links =
        ["run", "log", "down", "finish", "setup", "env", "type", "supervise", "supervise.d", "log/run", "log/down"];
    for link in links.into_iter().chain(["supervise.d/check", "supervise.d/group", "supervise.d/cgroup"]) {
        let tree = if link == "run" { new() } else { new().script("sv/run", "exec sleep 987") };
        if let Some((directory, _)) = link.split_once('/') {
            fs::create_dir(tree.path(format!("sv/{directory}"))).expect("mkdir");
            give(&tree, &format!("sv/{directory}"));
        }
        give(&tree, "sv");
        symlink(tree.path("secret/it"), tree.path(format!("sv/{link}"))).expect("link");
        give(&tree, &format!("sv/{link}"));
        let told = told_with_each(&tree, "secret/it");
        assert!(told.iter().all(|one| *one == told[0]), "{link}: {told:#?}");
    }
    let secret = |tree: &Tree| tree.path("secret/it").display().to_string();
    let scripts: [&dyn Fn(&str) -> String; 6] = [
        &|secret| format!("#!{secret}\nexec sleep 987\n"),
        &|secret| format!("#!/bin/sh\nexec {secret}\n"),
        &|secret| format!("#!/bin/sh\nPATH=$PATH:{secret}\nexec run\n"),
        &|secret| format!("#!/bin/sh\n. {secret}\nexec sleep 987\n"),
        &|secret| format!("#!/bin/sh\nexec multilog t {secret}\n"),
        &|secret| format!("#!/bin/sh\nexec setuidgid nobody multilog t {secret}/it\n"),
    ];
    for script in scripts {
        for place in ["sv/run", "sv/log/run"] {
            let tree = new().script("sv/run", "exec sleep 987");
            tree.put_exec(place, script(&secret(&tree)));
            give(&tree, "sv");
            give(&tree, place);
            let told = told_with_each(&tree, "secret/it");
            assert!(told.iter().all(|one| *one == told[0]), "{place} {}: {told:#?}", script("SECRET"));
        }
    }
}

/// A `supervise` of root's in a directory of another account is no planted one.
#[test]
fn a_tree_without_svscan_is_seen_whoever_owns_its_services() {
    if !needs_root("svlint on a service directory of another account") {
        return;
    }
    let user = spare_user();
    let tree = Tree::of(Programs::ours()).script("sv/web/run", "exec sleep 987").file("sv/web/supervise/lock", "");
    fs::set_permissions(tree.path("sv/web/supervise"), Permissions::from_mode(0o700)).expect("shut it");
    lchown(tree.path("sv/web"), Some(user), Some(user)).expect("give it away");
    assert!(told(&tree).0.contains("svscan does not run"), "{:?}", told(&tree));
    fs::remove_file(tree.path("sv/web/run")).expect("remove it");
    let alone = tree.command_of(Programs::ours(), "svlint").arg("sv/web").run();
    assert!(String::from_utf8_lossy(&alone.stdout).contains("SL001"), "{alone:?}");
}
