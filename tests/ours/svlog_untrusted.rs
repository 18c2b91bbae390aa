//! `svlog` as root on log and service directories of another account: it shows what that account could read, says what it
//! passed over, and is neither harmed nor held up. The walk itself is tested in crates/untrusted.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::time::{Duration, Instant};

use daemontools_tests::fault::can_trace;
use daemontools_tests::{End, Output, Programs, Tree, exits, needs_root, proc, spare_user, until};

use crate::svlog::{line, old, shown, start, svlog};

/// A tree with a secret log, a log directory `log` and a service `sv` of another account; `None` where we are not root.
fn tree_of_mallory(what: &str) -> Option<(Tree, u32)> {
    if !needs_root(what) {
        return None;
    }
    let user = spare_user();
    let tree = Tree::of(Programs::ours())
        .file("secret/current", "the secret\n")
        .file("log/current", line(9, "hers"))
        .script("sv/run", "exec sleep 987")
        .script("sv/log/run", "exec cat");
    for name in ["log", "log/current", "sv", "sv/run", "sv/log", "sv/log/run"] {
        lchown(tree.path(name), Some(user), Some(user)).expect("give it away");
    }
    fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o700)).expect("shut it");
    fs::set_permissions(tree.path("secret/current"), Permissions::from_mode(0o600)).expect("shut it");
    Some((tree, user))
}

/// The warning about a file.
fn passed_over(path: &str, user: u32) -> String {
    format!("svlog: warning: unable to read {path}: user {user} may have put it there, and cannot read it\n")
}

#[test]
fn a_link_in_a_log_directory_shows_root_nothing_that_its_owner_may_not_read() {
    let Some((tree, user)) = tree_of_mallory("a link in a log directory of another account") else { return };
    let name = format!("log/{}", old(5, "s"));
    let all = ["plain", "-ojson", "-n5", "-S@400000000000000a"];
    for target in ["../secret/current", tree.path("secret/current").to_str().expect("text"), "between", "/proc/kmsg"] {
        let _ = fs::remove_file(tree.path("log/between"));
        symlink("../secret/current", tree.path("log/between")).expect("link");
        symlink(target, tree.path(&name)).expect("link");
        for option in all {
            let options = [&[option][..], &["log"]].concat();
            let out = svlog(&tree, if option == "plain" { &options[1..] } else { &options });
            let told = if target == "/proc/kmsg" {
                format!("svlog: warning: unable to read {name}: is made up by the kernel, not a regular file\n")
            } else {
                passed_over(&name, user)
            };
            assert_eq!(
                (out.end, String::from_utf8_lossy(&out.stderr).into_owned()),
                (End::Code(111), told),
                "{option}"
            );
            assert!(out.stdout.windows(4).any(|text| text == b"hers"), "{out:?}");
        }
        fs::remove_file(tree.path(&name)).expect("remove the link");
    }
    // A hard link, and a file that somebody else has put there.
    fs::hard_link(tree.path("secret/current"), tree.path(&name)).expect("link");
    assert_eq!(String::from_utf8_lossy(&svlog(&tree, &["log"]).stderr), passed_over(&name, user));
    // What she can read is shown, through a link too.
    fs::remove_file(tree.path(&name)).expect("remove the link");
    tree.put_file("public", "for all\n");
    symlink("../public", tree.path(&name)).expect("link");
    assert!(shown(&tree, &["log"]).starts_with("for all\n"));
}

#[test]
fn a_service_directory_leads_root_to_no_log_that_its_owner_may_not_read() {
    let Some((tree, user)) = tree_of_mallory("a service directory of another account") else { return };
    let told = format!("unable to read ../secret: user {user} may have put it there, and cannot read it");
    let secret = tree.path("secret");
    let is_silent = |out: Output| {
        assert_eq!((out.end, out.stdout.as_slice()), (End::Code(111), &b""[..]), "{out:?}");
        let stderr = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(stderr.contains(&format!("user {user} may have put it there, and cannot read it")), "{stderr} {told}");
    };
    // A script of hers names it, from her directory or from the root.
    for dir in ["../../secret", secret.to_str().expect("text")] {
        tree.put_script("sv/log/run", &format!("exec multilog t {dir}"));
        is_silent(svlog(&tree, &["sv"]));
        is_silent(svlog(&tree, &["sv/log"]));
    }
    // A link of hers is called main, or log.
    symlink("../../secret", tree.path("sv/log/main")).expect("link");
    is_silent(svlog(&tree, &["sv"]));
    fs::remove_dir_all(tree.path("sv/log")).expect("remove log");
    symlink("../secret", tree.path("sv/log")).expect("link");
    is_silent(svlog(&tree, &["sv"]));
    // For her, links are followed as ever; for root, those of root.
    symlink("secret", tree.path("roots")).expect("link");
    assert_eq!(shown(&tree, &["roots"]), "the secret\n");
    // A copy that she can reach.
    assert_eq!(tree.shell(&format!("cp {} svlog", Programs::ours().path("svlog").display())).end, End::Code(0));
    let hers = tree.invocation(tree.path("svlog")).arg0("svlog").user(user, user);
    tree.put_file("sv/public/current", "for all\n");
    fs::remove_file(tree.path("sv/log")).expect("remove the link");
    symlink("public", tree.path("sv/log")).expect("link");
    assert_eq!(hers.args(["sv/log"]).run(), exits(0, "for all\n", ""));
}

#[test]
fn what_is_no_regular_file_is_passed_over_at_once() {
    let tree = Tree::of(Programs::ours()).fifo(format!("log/{}", old(3, "s"))).dir(format!("log/{}", old(4, "s")));
    let tree =
        tree.link(format!("log/{}", old(5, "s")), "/dev/zero").link(format!("log/{}", old(6, "s")), "/proc/kmsg");
    let _socket = std::os::unix::net::UnixListener::bind(tree.path(format!("log/{}", old(7, "s")))).expect("a socket");
    let tree = tree.file("log/current", "a\n");
    let told = [
        (3, "is a FIFO, not a regular file"),
        (4, "is a directory"),
        (5, "is a device, not a regular file"),
        (6, "is made up by the kernel, not a regular file"),
        (7, "is a socket, not a regular file"),
    ]
    .map(|(seconds, why)| format!("svlog: warning: unable to read log/{}: {why}\n", old(seconds, "s")))
    .concat();
    assert_eq!(svlog(&tree, &["log"]), exits(111, "a\n", told));
    // A script that never ends.
    let tree = Tree::of(Programs::ours()).link("sv/log/run", "/dev/zero").fifo("other/log/run");
    let told = |name: &str, why: &str| format!("svlog: fatal: unable to find the log of {name}: {why}\n");
    assert_eq!(svlog(&tree, &["sv"]), exits(111, "", told("sv", "is a device, not a regular file")));
    assert_eq!(svlog(&tree, &["other"]), exits(111, "", told("other", "is a FIFO, not a regular file")));
}

#[test]
fn a_follower_says_once_what_it_cannot_read_and_rests() {
    for kind in [
        "mkfifo log/current",
        "mkdir log/current",
        "ln -s /dev/zero log/current",
        "ln -s loop log/current; ln -s current log/loop",
    ] {
        let tree = Tree::of(Programs::ours()).dir("log");
        assert_eq!(tree.shell(kind).end, End::Code(0));
        let mut follower = start(&tree, &["-f", "log"]);
        let lines = || follower.stderr().iter().filter(|&&byte| byte == b'\n').count();
        until("a warning", || lines() == 1);
        // Events do not make it try more often than once a second.
        for number in 0..200 {
            tree.put_file(format!("log/{number}"), "");
        }
        until("svlog to wait", || proc::state(follower.pid()) == Some('S'));
        assert_eq!(lines(), 1, "{kind}");
        // As soon as there is a file, it is followed.
        assert_eq!(tree.shell("rm -rf log/current; echo here >log/new; mv log/new log/current").end, End::Code(0));
        until("the line", || follower.stdout() == b"here\n");
        assert_eq!((lines(), follower.ended()), (1, None), "{kind}");
    }
}

/// A file that cannot be read for a while, as on a disk or a server in trouble: said once, tried again once a second.
#[test]
fn a_follower_says_once_what_fails_and_tries_again_each_second() {
    if !can_trace("a follower whose file cannot be read for a while") {
        return;
    }
    for (errno, told) in [("EIO", "input/output error"), ("ESTALE", "stale NFS file handle")] {
        let tree = Tree::of(Programs::ours()).file("log/current", "a\n");
        let begun = Instant::now();
        let follower = tree
            .invocation("/usr/bin/strace")
            .args([
                "-qq",
                "-o",
                "trace",
                "-e",
                "trace=pread64",
                "-e",
                &format!("inject=pread64:error={errno}:when=2..4"),
            ])
            .arg("-P")
            .arg(tree.path("log/current"))
            .arg(Programs::ours().path("svlog"))
            .args(["-f", "log"])
            .spawn();
        until("the first line", || follower.stdout() == b"a\n");
        fs::File::options()
            .append(true)
            .open(tree.path("log/current"))
            .and_then(|mut file| file.write_all(b"b\n"))
            .expect("append");
        until("the second line", || follower.stdout() == b"a\nb\n");
        // Three attempts fail, the fourth does not.
        assert!(begun.elapsed() >= Duration::from_secs(2), "{errno}: it did not rest");
        assert_eq!(tree.lines("trace").iter().filter(|line| line.contains("(INJECTED)")).count(), 3);
        let warning = format!("svlog: warning: unable to read log/current: {told}\n");
        assert_eq!(String::from_utf8_lossy(&follower.stderr()), warning, "{errno}");
    }
}
