//! `svctl`, run by root over directories that another account has made: nothing of what is planted there is followed, waited
//! for or obeyed by a terminal.
//!
//! Not tested: what `svlog` and `svlint` read, which is their own matter.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Programs, Tree, exits, needs_root, until};

use crate::svctl::{svctl, text};

const STRANGER: u32 = 1234;

/// Gives everything below a directory, and itself, to the stranger.
fn give_away(tree: &Tree, dir: &str) {
    let chown = tree.invocation("/bin/chown").args(["-hR", "1234:1234"]).arg(tree.path(dir)).run();
    assert_eq!(chown.end, End::Code(0), "{chown:?}");
}

#[test]
fn fifos_links_and_devices_are_neither_followed_nor_waited_for() {
    if !needs_root("svctl over what another account has planted") {
        return;
    }
    let tree = Tree::of(Programs::ours()).file("secret", "the secret\n").dir("scan/web/log");
    fs::set_permissions(tree.path("secret"), Permissions::from_mode(0o600)).expect("chmod");
    let fifo = |path: &str| {
        fs::create_dir_all(tree.path(path).parent().expect("a directory")).expect("make it");
        nix::unistd::mkfifo(&tree.path(path), nix::sys::stat::Mode::from_bits_truncate(0o666)).expect("a FIFO");
    };
    for path in
        ["run", "log/run", "supervise/status", "supervise/details", "supervise/history", "supervise.d/stop-timeout"]
    {
        fifo(&format!("scan/web/{path}"));
    }
    fifo("scan/web/supervise/control");
    fifo("scan/web/supervise/ok");
    for link in ["supervise.d/ready-timeout", "supervise.d/finish", "supervise.d/reload"] {
        symlink(tree.path("secret"), tree.path(format!("scan/web/{link}"))).expect("a link");
    }
    give_away(&tree, "scan/web");
    for verb in ["status", "why", "cat", "history", "reload", "start", "stop", "restart", "kill", "pause"] {
        let told = svctl(&tree, &[verb, "-t", "1s", "web"]);
        let said = text(&told.stdout) + &text(&told.stderr);
        assert!(matches!(told.end, End::Code(_)), "{verb}: {told:?}");
        assert!(!said.contains("the secret"), "{verb}: {told:?}");
    }
    // Both ends of what is planted are open, as by a supervise of the stranger.
    let reader = |path: &str| {
        let hold = format!("exec 3<>{path}; : >{path}.held; exec sleep 987");
        tree.invocation("/bin/sh").args(["-c", &hold]).spawn()
    };
    let paths = ["scan/web/supervise/ok", "scan/web/supervise/control", "scan/web/supervise/status"];
    let _readers = paths.map(reader);
    until("they are held", || paths.iter().all(|path| tree.path(format!("{path}.held")).exists()));
    for verb in ["status", "reload", "restart", "edit"] {
        let told = svctl(&tree, &[verb, "-t", "1s", "web"]);
        assert!(matches!(told.end, End::Code(_)), "{verb}: {told:?}");
        assert!(!(text(&told.stdout) + &text(&told.stderr)).contains("the secret"), "{verb}: {told:?}");
    }
}

#[test]
fn a_program_of_a_stranger_is_not_run_by_root() {
    if !needs_root("svctl reload under a supervise of another account") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("scan/web/run", "exec sleep 987");
    tree.put_script("scan/web/supervise.d/reload", "id -u >>ran");
    give_away(&tree, "scan/web");
    let _supervise = tree.public("supervise").user(STRANGER, STRANGER).args(["scan/web"]).spawn();
    until_up(&tree, "scan/web");
    let refused = svctl(&tree, &["reload", "web"]);
    let reason = "unable to use supervise.d/reload: its supervise runs as another account";
    assert_eq!(refused, exits(1, format!("web: {reason}\n"), ""));
    // A link to the supervise directory of a service of root's makes it no better.
    tree.put_script("scan/root/run", "exec sleep 987");
    let _root = tree.spawn("supervise", ["scan/root"]);
    until_up(&tree, "scan/root");
    fs::rename(tree.path("scan/web/supervise"), tree.path("scan/web/theirs")).expect("rename");
    symlink(tree.path("scan/root/supervise"), tree.path("scan/web/supervise")).expect("a link");
    std::os::unix::fs::lchown(tree.path("scan/web/supervise"), Some(STRANGER), Some(STRANGER)).expect("lchown");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(1, format!("web: {reason}\n"), ""));
    assert!(!tree.path("scan/web/ran").exists());
    // Where links of hers lead, root tells nothing of what only root can see: not even whether it is there.
    tree.put_script("shut/reload", "id -u >>ran");
    fs::set_permissions(tree.path("shut"), Permissions::from_mode(0o700)).expect("shut it");
    for (path, target) in [("reload", "shut/reload"), ("reload", "shut/nothing"), ("", "shut")] {
        let place = tree.path("scan/web/supervise.d").join(path);
        let kept = tree.path("kept");
        fs::rename(&place, &kept).expect("put it aside");
        let link = tree.path(if path.is_empty() { "scan/web/supervise.d" } else { "scan/web/supervise.d/reload" });
        symlink(tree.path(target), &link).expect("a link");
        std::os::unix::fs::lchown(&link, Some(STRANGER), Some(STRANGER)).expect("lchown");
        let reason = format!("user {STRANGER} may have put it there, and cannot read it");
        let told = format!("web: unable to use supervise.d/reload: {reason}\n");
        assert_eq!(svctl(&tree, &["reload", "web"]), exits(1, told, ""), "{target}");
        fs::remove_file(&link).and_then(|()| fs::rename(&kept, &place)).expect("put it back");
    }
    assert!(!tree.path("scan/web/ran").exists());
    let edited = svctl(&tree, &["edit", "web"]);
    assert_eq!(edited.end, End::Code(111), "{edited:?}");
    assert!(text(&edited.stderr).contains("because others may write scan/web"), "{edited:?}");
}

#[test]
fn names_and_lines_never_reach_a_terminal_as_they_are() {
    let tree = Tree::of(Programs::ours()).dir("scan");
    let name = OsStr::from_bytes(b"we\x1b[2J\nb\xff");
    let long = "l".repeat(255);
    for dir in [name, OsStr::new(&long)] {
        tree.put_script(
            tree.path("sv").join(dir).join("run"),
            "exec 2>&1; printf '\\033[2J\\rline\\n'; exec sleep 987",
        );
        tree.put_script(tree.path("sv").join(dir).join("log/run"), "exec multilog ./main");
    }
    tree.put_script("sv/first/run", "exec sleep 987");
    symlink("../sv/first", tree.path("scan/first")).expect("a link");
    let _svscan = tree.spawn("svscan", ["scan"]);
    until_up(&tree, "scan/first");
    let run = |verb: &str, service: &OsStr| {
        let svctl = tree.command_of(Programs::ours(), "svctl").args(["--dir", "scan", verb]).arg(service);
        svctl.run()
    };
    let is_harmless =
        |bytes: &[u8]| !bytes.iter().any(|byte| *byte < b' ' && *byte != b'\n' && *byte != b'\t' || *byte >= 0x7f);
    for service in [name, OsStr::new(&long)] {
        let enabled = run("enable", tree.path("sv").join(service).as_os_str());
        assert_eq!(enabled.end, End::Code(0), "{enabled:?}");
        let log = std::path::Path::new("sv").join(service).join("log/main/current");
        until("a line is logged", || !tree.read(&log).is_empty());
        for verb in ["status", "why", "cat", "restart", "pause", "resume", "list", "history", "disable"] {
            let told = run(verb, service);
            assert_eq!(told.end, End::Code(0), "{verb}: {told:?}");
            assert!(is_harmless(&told.stdout) && is_harmless(&told.stderr), "{verb}: {told:?}");
        }
    }
    let entries = fs::read_dir(tree.path("scan")).expect("read scan").count();
    assert_eq!(entries, 1, "both have gone");
}
