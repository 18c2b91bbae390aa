//! `svup`, on supervises of ours and of the original.
//!
//! Not tested: an error of the system other than those that a directory tree can show.

use daemontools_tests::status::{until_down, until_up};
use daemontools_tests::{NONE, Output, Programs, Tree, exits, needs_root, until};

fn svup(tree: &Tree, arguments: &[&str]) -> Output {
    tree.command_of(Programs::ours(), "svup").args(arguments).run()
}

/// A service that is up, its logger, one that is down, and one that nobody supervises.
fn look(programs: &'static Programs) {
    let tree = Tree::of(programs)
        .script("up/run", "exec sleep 987")
        .script("up/log/run", "exec sleep 987")
        .script("down/run", "exec sleep 987")
        .file("down/down", "")
        .script("new/run", "");
    let (up, log, down) =
        (tree.spawn("supervise", ["up"]), tree.spawn("supervise", ["up/log"]), tree.spawn("supervise", ["down"]));
    until_up(&tree, "up");
    until_up(&tree, "up/log");
    until_down(&tree, "down");
    let (yes, no) = (exits(0, "", ""), exits(100, "", ""));
    for (arguments, expected) in [
        (&["up"][..], &yes),
        (&["up", "up/log"], &yes),
        (&["-l", "up"], &yes),
        (&["-L", "up"], &yes),
        (&["-L", "down"], &no),
        (&["down"], &no),
        (&["up", "down"], &no),
        (&["new"], &no),
        (&["down", "up"], &no),
    ] {
        assert_eq!(&svup(&tree, arguments), expected, "{arguments:?}");
    }
    drop(log);
    assert_eq!(svup(&tree, &["-L", "up"]), no, "its supervise has gone, the status still says up");
    assert_eq!(svup(&tree, &["up"]), yes);
    drop((up, down));
    assert_eq!(svup(&tree, &["up"]), no);
}

#[test]
fn under_ours() {
    look(Programs::ours());
}

#[test]
fn under_the_original() {
    if let Some(original) = Programs::original("svup on the original's supervise") {
        look(original);
    }
}

#[test]
fn trouble_and_misuse_are_told() {
    let tree = Tree::of(Programs::ours()).dir("odd/supervise/ok").dir("new").file("flat/log", "");
    let usage = "svup: usage: svup [ -lL ] dir ...\n";
    assert_eq!(svup(&tree, &NONE), exits(100, "", usage));
    assert_eq!(svup(&tree, &["-z", "new"]), exits(100, "", format!("svup: illegal option -- z\n{usage}")));
    let fatal = |text: &str| exits(111, "", format!("svup: fatal: unable to {text}\n"));
    assert_eq!(svup(&tree, &["missing"]), fatal("chdir to missing: file does not exist"));
    assert_eq!(svup(&tree, &["new", "missing"]), fatal("chdir to missing: file does not exist"));
    assert_eq!(svup(&tree, &["odd"]), fatal("open odd/supervise/ok: is a directory"));
    assert_eq!(svup(&tree, &["-L", "flat"]), fatal("chdir to flat/log: not a directory"));
}

#[test]
fn a_short_status_is_trouble() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    tree.put_file("sv/supervise/status", "short");
    let expected = "svup: fatal: unable to read sv/supervise/status: bad format\n";
    assert_eq!(svup(&tree, &["sv"]), exits(111, "", expected));
}

#[test]
fn another_user_is_told_why() {
    if !needs_root("svup as another user") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987");
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let copy = tree.path("svup");
    tree.put_exec("svup", std::fs::read(Programs::ours().path("svup")).expect("read svup"));
    let out = tree.invocation(copy).arg0("svup").arg("sv").user(65534, 65534).run();
    assert_eq!(out, exits(111, "", "svup: fatal: unable to open sv/supervise/ok: access denied\n"));
}

#[test]
fn a_service_is_found_by_its_name_in_the_scan_directory() {
    let tree = Tree::of(Programs::ours()).script("t/web/run", "exec sleep 987").dir("t/dns").dir("dns");
    let _supervise = tree.spawn("supervise", ["t/web"]);
    until_up(&tree, "t/web");
    let named = |name: &str| tree.command_of(Programs::ours(), "svup").arg(name).env("SVDIR", "t").run();
    until("it is up", || named("web") == exits(0, "", ""));
    assert_eq!(named("dns"), exits(100, "", ""));
    assert_eq!(named("./web"), exits(111, "", "svup: fatal: unable to chdir to ./web: file does not exist\n"));
}
