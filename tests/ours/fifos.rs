//! `control` and `ok` are used only where they are FIFOs, and not through a link: the owner of a service directory cannot
//! lead root's tools to other files.
//!
//! Not tested: svwait, which looks again (`svwait_trouble.rs`).

use std::fs;
use std::os::unix::fs::OpenOptionsExt;

use daemontools_tests::status::until_up;
use daemontools_tests::{Programs, Tree, exits, until};

/// Places of which each has something else where supervise makes its FIFOs.
fn tree() -> Tree {
    Tree::of(Programs::ours())
        .file("secret", "kept\n")
        .fifo("elsewhere/control")
        .fifo("elsewhere/ok")
        .file("plain/supervise/control", "kept\n")
        .file("plain/supervise/ok", "kept\n")
        .link("file/supervise/control", "../../secret")
        .link("file/supervise/ok", "../../secret")
        .link("fifo/supervise/control", "../../elsewhere/control")
        .link("fifo/supervise/ok", "../../elsewhere/ok")
        .link("nowhere/supervise/control", "missing")
        .link("nowhere/supervise/ok", "missing")
}

const PLACES: [&str; 4] = ["plain", "file", "fifo", "nowhere"];

#[test]
fn svc_writes_into_fifos_alone() {
    let tree = tree();
    let open = |path: &str| {
        let file = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path(path));
        file.expect("open a FIFO")
    };
    let _readers = (open("elsewhere/control"), open("elsewhere/ok"));
    for place in PLACES {
        let message = format!("svc: warning: unable to control {place}: supervise/control is not a FIFO\n");
        assert_eq!(tree.run("svc", ["-dxk", place]), exits(0, "", message));
    }
    for file in ["secret", "plain/supervise/control", "plain/supervise/ok"] {
        assert_eq!(fs::read(tree.path(file)).expect("read"), b"kept\n", "{file}");
    }
    assert!(!tree.path("nowhere/supervise/missing").exists());
}

#[test]
fn what_is_no_fifo_tells_of_no_supervise() {
    let tree = tree();
    for place in PLACES {
        let reason = "unable to open supervise/ok: not a FIFO";
        assert_eq!(tree.run("svstat", [place]), exits(0, format!("{place}: {reason}\n"), ""));
        let fatal = |program: &str| format!("{program}: fatal: unable to open {place}/supervise/ok: not a FIFO\n");
        assert_eq!(tree.run("svok", [place]), exits(111, "", fatal("svok")));
        assert_eq!(tree.run("svup", [place]), exits(111, "", fatal("svup")));
    }
}

/// The directory itself may be a link, as on read-only file systems.
#[test]
fn a_link_in_the_place_of_supervise_is_followed() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987").link("sv/supervise", "../state");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until("it is supervised", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-u", "sv"]), exits(0, "", ""));
}

/// Nor does what is in the place of `status` lead to another file.
#[test]
fn a_link_in_the_place_of_status_is_not_followed() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987").file("secret", "123456789012345678");
    let _supervise = tree.spawn("supervise", ["sv"]);
    // A later status would take the place of the link.
    until_up(&tree, "sv");
    let tree = tree.link("sv/supervise/new", "../../secret");
    fs::rename(tree.path("sv/supervise/new"), tree.path("sv/supervise/status")).expect("rename");
    let message = "sv: unable to open supervise/status: symbolic link loop\n";
    assert_eq!(tree.run("svstat", ["sv"]), exits(0, message, ""));
}
