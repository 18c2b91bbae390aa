//! `svc [-udopchaitkx] DIR…`: what is written where, and what is said. What the bytes do is in `supervise.rs`.
//!
//! Not tested: a supervise that ends between svc's open and its write; an unreadable current directory.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;

use daemontools_tests::{NONE, Tree, broken_pipe, exits, needs_root, until};

use crate::fake::{self, reads, taken};

const USAGE: &str =
    "svc options: u up, d down, o once, x exit, p pause, c continue, h hup, a alarm, i interrupt, t term, k kill\n";

fn tree_with_control() -> (Tree, File) {
    let tree = Tree::new().fifo("sv/supervise/control");
    let control = reads(&tree, "sv/supervise/control");
    (tree, control)
}

/// Spec, svc: "Writes the option letters, in order and each once, to DIR/supervise/control."
#[test]
fn letters_are_written_in_order_and_each_once() {
    let (tree, mut control) = tree_with_control();
    for (arguments, bytes) in [
        (&["-udopchaitkx", "sv"][..], "udopchaitkx"),
        (&["-xktiahcpodu", "sv"], "xktiahcpodu"),
        (&["-d", "-x", "-t", "sv"], "dxt"),
        (&["-ud", "-d", "-u", "sv"], "ud"),
        (&["-dddddd", "-xd", "sv"], "dx"),
        (&["sv"], ""),
        (&["-u", "sv", "sv/", "./sv"], "uuu"),
    ] {
        assert_eq!(tree.run("svc", arguments), exits(0, "", ""), "{arguments:?}");
        assert_eq!(taken(&mut control), bytes.as_bytes(), "{arguments:?}");
    }
}

/// Spec, conventions, options: "end at the first word that does not start with `-`, at a lone `-` (which stays an
/// argument), or at `--…` (which is swallowed); letters combine".
#[test]
fn options_are_parsed_in_the_traditional_way() {
    let (tree, mut control) = tree_with_control();
    let no_directory = |name: &str| format!("svc: warning: unable to chdir to {name}: file does not exist\n");
    for (arguments, bytes, message) in [
        (&["-d", "--", "sv"][..], "d", String::new()),
        (&["-d", "--x", "sv"], "d", String::new()),
        (&["--u", "-d", "sv"], "", no_directory("-d")),
        (&["-d", "-", "sv"], "d", no_directory("-")),
        (&["-d", "sv", "-u"], "d", no_directory("-u")),
        (&["-d", "", "-u", "sv"], "d", no_directory("") + &no_directory("-u")),
    ] {
        assert_eq!(tree.run("svc", arguments), exits(0, "", message), "{arguments:?}");
        assert_eq!(taken(&mut control), bytes.as_bytes(), "{arguments:?}");
    }
}

/// Spec, conventions: "A wrong letter prints `svc: illegal option -- z` and the usage line, exit 100".
#[test]
fn a_wrong_letter_is_refused_before_anything_is_written() {
    let (tree, mut control) = tree_with_control();
    for (words, letter) in [
        (&[&b"-z"[..]][..], &b"z"[..]),
        (&[b"-dzu"], b"z"),
        (&[b"-d", b"-u-"], b"-"),
        (&[b"-du-x"], b"-"),
        (&[b"-:"], b":"),
        (&[b"-?"], b"?"),
        (&[b"-U"], b"U"),
        (&[b"-\xff"], b"\xff"),
        (&[b"-\xc3\xa9"], b"\xc3"),
    ] {
        use std::os::unix::ffi::OsStrExt;
        let words = words.iter().map(|word| std::ffi::OsStr::from_bytes(word));
        let message = [b"svc: illegal option -- ", letter, b"\n", USAGE.as_bytes()].concat();
        assert_eq!(tree.command("svc").args(words).arg("sv").run(), exits(100, "", message));
        assert_eq!(taken(&mut control), b"");
    }
}

/// Spec, svc: "No DIR: does nothing, exit 0."
#[test]
fn no_directory_is_nothing_to_do() {
    let tree = Tree::new();
    assert_eq!(tree.run("svc", NONE), exits(0, "", ""));
    assert_eq!(tree.run("svc", ["-dx"]), exits(0, "", ""));
    assert_eq!(tree.run("svc", ["--"]), exits(0, "", ""));
}

/// Spec, svc: "Warnings, then the next DIR; exit 0 in any case but wrong usage".
#[test]
fn each_trouble_is_a_warning_and_the_others_go_on() {
    let (tree, mut control) = tree_with_control();
    let tree = tree
        .dir("new")
        .fifo("dead/supervise/control")
        .dir("odd/supervise/control")
        .file("file", "")
        .link("loop", "loop")
        .file("flat/supervise", "");
    let out = tree.run("svc", ["-u", "missing", "new", "sv", "dead", "odd", "file", "loop", "flat", "sv"]);
    let message = "\
        svc: warning: unable to chdir to missing: file does not exist\n\
        svc: warning: unable to control new: file does not exist\n\
        svc: warning: unable to control dead: supervise not running\n\
        svc: warning: unable to control odd: is a directory\n\
        svc: warning: unable to chdir to file: not a directory\n\
        svc: warning: unable to chdir to loop: symbolic link loop\n\
        svc: warning: unable to control flat: not a directory\n";
    assert_eq!(out, exits(0, "", message));
    assert_eq!(taken(&mut control), b"uu");
}

/// Measured: without a letter the FIFO is opened all the same, and the trouble told.
#[test]
fn no_letter_still_looks_for_supervise() {
    let tree = Tree::new().fifo("sv/supervise/control");
    assert_eq!(tree.run("svc", ["sv"]), exits(0, "", "svc: warning: unable to control sv: supervise not running\n"));
}

/// Measured: where the FIFO is full, svc waits until supervise has read.
#[test]
fn a_full_fifo_is_waited_for() {
    let (tree, mut control) = tree_with_control();
    let mut writer = File::options();
    let mut writer =
        writer.write(true).custom_flags(libc::O_NONBLOCK).open(tree.path("sv/supervise/control")).expect("open");
    while writer.write(b"z").is_ok() {}
    let mut svc = tree.spawn("svc", ["-u", "sv"]);
    until("svc waits", || {
        assert_eq!(svc.ended(), None);
        matches!(daemontools_tests::proc::field(svc.pid(), "voluntary_ctxt_switches").as_deref(), Some(n) if n != "0")
            && daemontools_tests::proc::state(svc.pid()) == Some('S')
    });
    let mut bytes = taken(&mut control);
    assert_eq!(svc.wait(), exits(0, "", ""));
    bytes.extend(taken(&mut control));
    assert_eq!(bytes.iter().filter(|&&byte| byte != b'z').copied().collect::<Vec<_>>(), b"u");
}

/// Spec, corners: "A user who is not root: svc `access denied` (exit 0)".
#[test]
fn another_user_may_not_command() {
    if !needs_root("svc as another user") {
        return;
    }
    let (tree, mut control) = tree_with_control();
    fake::private(&tree, "sv/supervise");
    let out = tree.public("svc").args(["-dx", "sv"]).user(65534, 65534).run();
    assert_eq!(out, exits(0, "", "svc: warning: unable to control sv: access denied\n"));
    assert_eq!(taken(&mut control), b"");
}

/// Spec, corners: "`svstat` and `svc` write `>/dev/full` without a complaint and exit 0"; and commands are not mixed
/// up with messages where descriptors are missing.
#[test]
fn closed_and_full_standard_streams() {
    let (tree, mut control) = tree_with_control();
    let command = || tree.command("svc").args(["-d", "missing", "sv"]);
    assert_eq!(command().closed(0).closed(1).closed(2).run(), exits(0, "", ""));
    assert_eq!(command().closed(2).run(), exits(0, "", ""));
    let full = File::options().write(true).open("/dev/full").expect("open /dev/full");
    assert_eq!(command().descriptor(2, full).run(), exits(0, "", ""));
    assert_eq!(command().descriptor(2, broken_pipe()).run(), exits(0, "", ""), "svc does not mind SIGPIPE");
    assert_eq!(taken(&mut control), b"dddd");
}
