//! Root's tools on a service directory of another account: links in the place of `supervise` and `log` do not lead them to
//! another service, to read its state or to command it. Trees in which such links are meant go on working.
//!
//! Not tested: links in the place of the files (`fifos.rs`), what svlog and svlint read (`svlog_untrusted.rs`,
//! `svlint_untrusted.rs`), each step of a walk (crates/untrusted).

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};

use daemontools_tests::status::{Status, until_up};
use daemontools_tests::{Process, Programs, Tree, exits, needs_root, spare_user, until};

/// A service of root's, `vault/sshd`, and a service directory `scan/hers` of another account; `None` where we are not root.
fn tree(what: &str) -> Option<(Tree, Process, u32)> {
    if !needs_root(what) {
        return None;
    }
    let tree = Tree::of(Programs::ours())
        .script("vault/sshd/run", "exec sleep 987")
        .script("scan/hers/run", "exec sleep 987")
        .dir("open");
    let user = spare_user();
    for path in ["scan/hers", "scan/hers/run", "open"] {
        lchown(tree.path(path), Some(user), Some(user)).expect("give it away");
    }
    let supervise = tree.spawn("supervise", ["vault/sshd"]);
    until_up(&tree, "vault/sshd");
    Some((tree, supervise, user))
}

/// Makes a link of this owner.
fn plant(tree: &Tree, target: &str, path: &str, owner: u32) {
    symlink(target, tree.path(path)).expect("link");
    lchown(tree.path(path), Some(owner), Some(owner)).expect("give it away");
}

/// Nobody sees the service of root in this directory, or commands it.
fn leads_nowhere(tree: &Tree, dir: &str) {
    let pid = Status::of(tree, "vault/sshd").expect("a status").pid;
    let absolute = tree.path(dir).to_str().expect("text").to_owned();
    for dir in [dir, &absolute, &format!("{dir}/"), &format!("./{dir}")] {
        let svstat = tree.run("svstat", [dir]);
        assert_eq!(svstat, exits(0, format!("{dir}: supervise not running\n"), ""));
        assert_eq!(tree.run("svok", [dir]), exits(100, "", ""));
        let message = format!("svc: warning: unable to control {dir}: supervise not running\n");
        assert_eq!(tree.run("svc", ["-dxk", dir]), exits(0, "", message));
        assert_ne!(tree.run("svup", [dir]), exits(0, "", ""));
        assert_ne!(tree.run("svwait", ["-t1", dir]), exits(0, "", ""));
    }
    for (program, arguments) in [
        ("svstat", vec!["--json", "scan/hers"]),
        ("svps", vec!["scan"]),
        ("svps", vec!["--json", "scan"]),
        ("svctl", vec!["--dir", "scan", "status", "hers"]),
        ("svctl", vec!["--dir", "scan", "stop", "-t1s", "hers"]),
        ("svlint", vec!["scan"]),
    ] {
        let out = tree.run(program, &arguments);
        let text = [out.stdout, out.stderr].concat();
        assert!(
            !String::from_utf8_lossy(&text).contains(&pid.to_string()),
            "{program}: {}",
            String::from_utf8_lossy(&text)
        );
    }
    let status = Status::of(tree, "vault/sshd").expect("a status");
    assert_eq!((status.pid, status.want), (pid, 'u'));
}

#[test]
fn a_planted_supervise_is_not_that_of_another_service() {
    let Some((tree, _supervise, user)) = tree("a planted link in the place of supervise") else { return };
    plant(&tree, "../../vault/sshd/supervise", "scan/hers/supervise", user);
    leads_nowhere(&tree, "scan/hers");
    // Through a second link of hers, and one that root has made.
    fs::remove_file(tree.path("scan/hers/supervise")).expect("remove");
    plant(&tree, "../vault/sshd/supervise", "open/first", user);
    plant(&tree, "../../open/first", "scan/hers/supervise", 0);
    leads_nowhere(&tree, "scan/hers");
    // Through the service directory itself.
    fs::remove_file(tree.path("scan/hers/supervise")).expect("remove");
    fs::rename(tree.path("scan/hers"), tree.path("open/hers")).expect("rename");
    plant(&tree, "../vault/sshd", "open/second", user);
    symlink("../open/second", tree.path("scan/hers")).expect("link");
    leads_nowhere(&tree, "scan/hers");
}

#[test]
fn a_planted_log_is_not_another_service() {
    let Some((tree, _supervise, user)) = tree("a planted link in the place of log") else { return };
    plant(&tree, "../../vault/sshd", "scan/hers/log", user);
    leads_nowhere(&tree, "scan/hers/log");
}

/// 0.76's own tools follow a link of root's, as they do on a read-only file system.
#[test]
fn a_link_of_roots_is_followed() {
    let Some((tree, _supervise, _)) = tree("a link of root's in the place of supervise") else { return };
    plant(&tree, "../../vault/sshd/supervise", "scan/hers/supervise", 0);
    plant(&tree, "../../vault/sshd", "scan/hers/log", 0);
    for dir in ["scan/hers", "scan/hers/log"] {
        assert_eq!(tree.run("svok", [dir]), exits(0, "", ""));
        assert!(tree.run("svstat", [dir]).stdout.starts_with(format!("{dir}: up (pid ").as_bytes()));
    }
    assert_eq!(tree.run("svc", ["-d", "scan/hers"]), exits(0, "", ""));
    until("it was told", || Status::of(&tree, "vault/sshd").is_some_and(|status| !status.up() && status.want == 'd'));
}

/// Where root alone may write the directory, root has made the link, even if `chown -R` gave it away afterwards.
#[test]
fn a_link_that_was_given_away_in_roots_directory_is_followed() {
    let Some((tree, _supervise, user)) = tree("a link of an account in a directory of root's") else { return };
    plant(&tree, "../vault/sshd", "scan/sshd", user);
    plant(&tree, "../sshd", "vault/sshd/log", user);
    for dir in ["scan/sshd", "vault/sshd/log/../sshd", "vault/sshd/log"] {
        assert_eq!(tree.run("svok", [dir]), exits(0, "", ""), "{dir}");
        assert!(tree.run("svstat", [dir]).stdout.starts_with(format!("{dir}: up (pid ").as_bytes()));
        assert_eq!(tree.run("svc", ["-u", dir]), exits(0, "", ""));
        assert_eq!(tree.run("svwait", ["-u", dir]), exits(0, "", ""));
    }
}

/// The whole tree was given to an account, links and all, and root supervises it: the state is root's alone.
#[test]
fn the_supervise_of_this_very_directory_is_found_through_any_link() {
    let Some((tree, _sshd, user)) = tree("a link of an account to the state of its service") else { return };
    let tree = tree.dir("state");
    fs::set_permissions(tree.path("state"), Permissions::from_mode(0o700)).expect("shut it");
    plant(&tree, "../../state", "scan/hers/supervise", user);
    let _supervise = tree.spawn("supervise", ["scan/hers"]);
    until("it is up", || Status::of(&tree, "scan/hers").is_some_and(|status| status.up()));
    for _ in 0..2 {
        assert_eq!(tree.run("svok", ["scan/hers"]), exits(0, "", ""));
        assert!(tree.run("svstat", ["scan/hers"]).stdout.starts_with(b"scan/hers: up (pid "));
        assert!(String::from_utf8_lossy(&tree.run("svps", ["scan"]).stdout).contains("up"));
    }
    assert_eq!(tree.run("svc", ["-d", "scan/hers"]), exits(0, "", ""));
    until("it was told", || Status::of(&tree, "scan/hers").is_some_and(|status| !status.up() && status.want == 'd'));
    assert_eq!(tree.run("svc", ["-x", "scan/hers"]), exits(0, "", ""));
    until("it has gone", || tree.run("svok", ["scan/hers"]) == exits(100, "", ""));
    assert_eq!(tree.run("svstat", ["scan/hers"]), exits(0, "scan/hers: supervise not running\n", ""));
}

/// 18 bytes of any file are a status, as in 0.76, but not those of a file that has other names.
#[test]
fn another_file_is_not_shown_as_a_status() {
    let Some((tree, _sshd, user)) = tree("a hard link in the place of status") else { return };
    let tree = tree.file("secret", "123456789012345678").fifo("scan/hers/supervise/ok");
    fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o600)).expect("shut it");
    lchown(tree.path("scan/hers/supervise"), Some(user), Some(user)).expect("give it away");
    lchown(tree.path("scan/hers/supervise/ok"), Some(user), Some(user)).expect("give it away");
    let hold = "exec 3<>scan/hers/supervise/ok; : >held; exec sleep 987";
    let _reader = tree.invocation("/bin/sh").args(["-c", hold]).spawn();
    until("it is held", || tree.path("held").exists());
    fs::hard_link(tree.path("secret"), tree.path("scan/hers/supervise/status")).expect("link");
    let refused = "scan/hers: unable to open supervise/status: access denied\n";
    assert_eq!(tree.run("svstat", ["scan/hers"]), exits(0, refused, ""));
    fs::remove_file(tree.path("secret")).expect("remove");
    assert!(tree.run("svstat", ["scan/hers"]).stdout.starts_with(b"scan/hers: up (pid "));
}
