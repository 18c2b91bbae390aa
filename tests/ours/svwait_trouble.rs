//! `svwait` in trouble: signals, mistakes, directories of others, a kernel that cannot tell of changes.

use std::fs;
use std::time::Duration;

use daemontools_tests::fault;
use daemontools_tests::status::until_up;
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{End, NONE, Output, Programs, Tree, exits, needs_root, proc, until};
use nix::sys::signal::Signal;

use crate::svwait::{RUN, reader, start, svwait, until_waiting};

#[test]
fn it_ends_by_a_signal_at_once() {
    let tree = Tree::of(Programs::ours()).dir("nothing");
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        let mut process = start(&tree, &["nothing"]);
        until_waiting(&mut process);
        process.signal(signal);
        assert_eq!(process.wait(), Output { end: End::Signal(signal as i32), stdout: vec![], stderr: vec![] });
    }
}

#[test]
fn a_directory_that_does_not_exist_is_told_at_once() {
    let tree = Tree::of(Programs::ours()).dir("there");
    // It may be a slip of the pen.
    assert_eq!(svwait(&tree, &["-x", "thre"]), exits(0, "", "svwait: thre does not exist\n"));
    let late = "svwait: timed out after 10 milliseconds: thre: does not exist\n";
    let told = "svwait: thre does not exist yet, waiting for it\n";
    assert_eq!(svwait(&tree, &["-t", "10ms", "thre"]), exits(99, "", format!("{told}{late}")));
    assert_eq!(
        svwait(&tree, &["-t0", "there"]).stderr,
        b"svwait: timed out after 0 milliseconds: there: not supervised\n"
    );
}

/// Faults that keep inotify from serving us: too many instances, too many watches, no memory to wait with.
#[test]
fn without_inotify_it_looks_every_second() {
    if !fault::can_trace("svwait without inotify") {
        return;
    }
    for fault in
        ["inject=inotify_init1:error=EMFILE", "inject=inotify_add_watch:error=ENOSPC", "inject=ppoll:error=ENOMEM"]
    {
        let tree = Tree::of(Programs::ours()).script("sv/run", RUN);
        let wait =
            tree.traced_file("trace", &[fault.into()], &Programs::ours().path("svwait")).args(["-u", "sv"]).spawn();
        until("it has looked", || tree.lines("trace").iter().any(|line| line.starts_with("ppoll")));
        let _supervise = tree.spawn("supervise", ["sv"]);
        assert_eq!(wait.wait(), exits(0, "", ""), "{fault}");
    }
}

/// The owner of a service directory cannot make a waiting svwait take a processor.
#[test]
fn what_is_in_the_place_of_ok_is_not_used() {
    let tree = Tree::of(Programs::ours()).file("plain/supervise/ok", "").fifo("aside/ok");
    let tree = tree.link("sysfs/supervise/ok", "/sys/kernel/uevent_seqnum").link("fifo/supervise/ok", "../../aside/ok");
    let _reader = reader(&tree, "aside/ok");
    for name in ["plain", "sysfs", "fifo"] {
        let mut process = start(&tree, &[name]);
        until_waiting(&mut process);
        let used = || proc::cpu_ticks(process.pid()).expect("its processor time");
        let before = used();
        all_the_while("svwait is there", Duration::from_secs(2), || proc::alive(process.pid()));
        assert!(used() - before < 50, "it sleeps");
        process.signal(Signal::SIGTERM);
        let told = format!("svwait: warning: unable to open {name}/supervise/ok: not a FIFO\n");
        assert_eq!(process.wait(), Output { end: End::Signal(libc::SIGTERM), stdout: vec![], stderr: told.into() });
    }
}

#[test]
fn misuse_and_trouble_are_told() {
    let tree = Tree::of(Programs::ours()).link("loop", "loop").file("file", "").dir("odd/supervise/ok");
    let usage = String::from_utf8(svwait(&tree, &NONE).stderr).expect("text");
    assert!(usage.starts_with("svwait: usage: svwait ") && usage.lines().count() == 1, "{usage}");
    assert_eq!(svwait(&tree, &NONE), exits(100, "", &usage));
    for (arguments, reason) in [
        (&["-z", "x"][..], "invalid option '-z'"),
        (&["-t"], "missing argument for option '-t'"),
        (&["-t", "soon", "x"], "not a time: soon"),
        (&["-u", "-x", "x"], "options contradict each other"),
        (&["-s", "--for", "1", "x"], "--for goes with -u, -r and -d only"),
    ] {
        assert_eq!(svwait(&tree, arguments), exits(100, "", format!("svwait: {reason}\n{usage}")), "{arguments:?}");
    }
    let fatal = |text: &str| exits(111, "", format!("svwait: fatal: unable to {text}\n"));
    assert_eq!(svwait(&tree, &["loop"]), fatal("chdir to loop: symbolic link loop"));
    assert_eq!(svwait(&tree, &["odd"]), fatal("open odd/supervise/ok: is a directory"));
    assert_eq!(svwait(&tree, &["-t0", "file"]).end, End::Code(99));
    assert_eq!(svwait(&tree, &["-x", "file"]), exits(0, "", "svwait: file does not exist\n"));
}

#[test]
fn another_user_is_told_why() {
    if !needs_root("svwait as another user") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("sv/run", RUN);
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    tree.put_exec("svwait", fs::read(Programs::ours().path("svwait")).expect("read svwait"));
    let out = tree.invocation(tree.path("svwait")).arg0("svwait").arg("sv").user(65534, 65534).run();
    assert_eq!(out, exits(111, "", "svwait: fatal: unable to open sv/supervise/ok: access denied\n"));
}
