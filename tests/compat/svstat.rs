//! `svstat DIR…`, on status files written by hand. What supervise writes is in `supervise.rs`.
//!
//! Not tested: an unreadable current directory; a read error (where 0.76 shows what it read before: see `ours`).

use std::fs::File;

use daemontools_tests::status::{raw_record, record};
use daemontools_tests::{End, NONE, Tree, broken_pipe, exits, needs_root};

use crate::fake::{self, reads};

/// A service whose supervise is only pretended.
fn supervised() -> (Tree, File) {
    let tree = Tree::new().fifo("sv/supervise/ok");
    let ok = reads(&tree, "sv/supervise/ok");
    (tree, ok)
}

/// The line about `sv`, without its beginning and end, for this status file.
fn line(tree: &Tree, status: &[u8]) -> String {
    tree.put_file("sv/supervise/status", status);
    let out = tree.run("svstat", ["sv"]);
    assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]));
    let text = String::from_utf8(out.stdout).expect("svstat writes ASCII");
    text.strip_prefix("sv: ").and_then(|text| text.strip_suffix('\n')).expect("a line about sv").to_owned()
}

/// The line with the seconds taken out, which must be those of `record` with 1000 seconds, give or take the time the test took.
fn words(tree: &Tree, pid: u32, paused: u8, want: u8) -> String {
    let line = line(tree, &record(1000, pid, paused, want));
    let (before, after) = line.split_once(" seconds").expect("seconds");
    let (before, seconds) = before.rsplit_once(' ').expect("a number");
    let seconds: u64 = seconds.parse().expect("a number");
    assert!((1000..1060).contains(&seconds), "{line}");
    format!("{before} S{after}")
}

/// Spec, svstat: "`DIR: up (pid N) S seconds` or `DIR: down S seconds`, then in this order: `, normally down` … `, normally
/// up` … `, paused`, `, want up` … `, want down`".
#[test]
fn every_combination_of_words() {
    let (tree, _ok) = supervised();
    for (pid, paused, want, expected) in [
        (7, 0, b'u', "up (pid 7) S"),
        (7, 1, b'u', "up (pid 7) S, paused"),
        (7, 0, b'd', "up (pid 7) S, want down"),
        (7, 1, b'd', "up (pid 7) S, paused, want down"),
        (7, 0, 0, "up (pid 7) S"),
        (7, 1, 0, "up (pid 7) S, paused"),
        (0, 0, b'u', "down S, normally up, want up"),
        (0, 0, b'd', "down S, normally up"),
        (0, 0, 0, "down S, normally up"),
        (0, 1, b'u', "down S, normally up, want up"),
    ] {
        assert_eq!(words(&tree, pid, paused, want), expected);
    }
    let tree = tree.file("sv/down", "");
    for (pid, paused, want, expected) in [
        (7, 0, b'u', "up (pid 7) S, normally down"),
        (7, 1, b'd', "up (pid 7) S, normally down, paused, want down"),
        (0, 0, b'u', "down S, want up"),
        (0, 0, b'd', "down S"),
        (0, 0, 0, "down S"),
    ] {
        assert_eq!(words(&tree, pid, paused, want), expected);
    }
}

/// Spec, a service directory: bytes 12–15 are the process id, little-endian. Measured: any byte 16 but 0 is paused, any
/// byte 17 but `u` and `d` says nothing.
#[test]
fn bytes_of_the_record() {
    let (tree, _ok) = supervised();
    assert_eq!(words(&tree, 0x0403_0201, 0, b'u'), "up (pid 67305985) S");
    assert_eq!(words(&tree, 0x8000_0000, 0, b'u'), "up (pid 2147483648) S");
    assert_eq!(words(&tree, 5, 2, b'U'), "up (pid 5) S, paused");
    assert_eq!(words(&tree, 5, 255, b'D'), "up (pid 5) S, paused");
    assert_eq!(words(&tree, 0, 0, 1), "down S, normally up");
}

/// Spec, corners: "status of 0–17 bytes: `bad format`; bytes after the 18th are ignored; 18 × 0xFF: …; 18 × 0: …".
#[test]
fn garbage() {
    let (tree, _ok) = supervised();
    for length in 0..18 {
        for byte in [0, b'u', 0xff] {
            assert_eq!(line(&tree, &vec![byte; length]), "unable to read supervise/status: bad format");
        }
    }
    for length in [18, 19, 4096] {
        assert_eq!(line(&tree, &vec![0xff; length]), "up (pid 4294967295) 0 seconds, paused");
        let zeros = line(&tree, &vec![0; length]);
        assert!(zeros.starts_with("down 46116860") && zeros.ends_with(" seconds, normally up"), "{zeros}");
    }
    let long = [record(1000, 7, 0, b'd'), b"uuuuu".to_vec()].concat();
    assert!(line(&tree, &long).ends_with(" seconds, want down"));
}

/// Spec, svstat: "A time in the future counts as 0 seconds."
#[test]
fn times_out_of_range() {
    let (tree, _ok) = supervised();
    let tomorrow = (1 << 62) + 10 + daemontools_tests::status::now().as_secs() + 86400;
    for future in [tomorrow, 1 << 63, u64::MAX] {
        assert_eq!(line(&tree, &raw_record(future, 7, 0, b'u')), "up (pid 7) 0 seconds");
    }
    let ancient = line(&tree, &raw_record(1 << 61, 7, 0, b'u'));
    assert!(ancient.starts_with("up (pid 7) 230584301"), "{ancient}");
}

/// Spec, svstat: "up, and a `down` file exists". Measured: whatever it is, but not where it is a dangling link.
#[test]
fn down_may_be_anything() {
    let (tree, _ok) = supervised();
    let tree = tree.link("sv/down", "nowhere");
    assert_eq!(words(&tree, 7, 0, b'u'), "up (pid 7) S");
    std::fs::remove_file(tree.path("sv/down")).expect("remove a link");
    let tree = tree.dir("sv/down");
    assert_eq!(words(&tree, 7, 0, b'u'), "up (pid 7) S, normally down");
}

/// Spec, svstat: "Else `DIR: supervise not running`, `DIR: unable to chdir: REASON`, …", one line a DIR, exit 0 in any case.
#[test]
fn trouble_is_a_line_of_output() {
    let (tree, _ok) = supervised();
    let tree = tree
        .dir("new")
        .fifo("dead/supervise/ok")
        .dir("odd/supervise/ok")
        .file("file", "")
        .link("loop", "loop")
        .file("flat/supervise", "")
        .link("turn/down", "down");
    let out =
        tree.run("svstat", ["missing", "new", "dead", "odd", "file", "loop", "flat", "turn", "--", "-x", "", "sv"]);
    let expected = "\
        missing: unable to chdir: file does not exist\n\
        new: unable to open supervise/ok: file does not exist\n\
        dead: supervise not running\n\
        odd: unable to open supervise/ok: is a directory\n\
        file: unable to chdir: not a directory\n\
        loop: unable to chdir: symbolic link loop\n\
        flat: unable to open supervise/ok: not a directory\n\
        turn: unable to stat down: symbolic link loop\n\
        --: unable to chdir: file does not exist\n\
        -x: unable to chdir: file does not exist\n\
        : unable to chdir: file does not exist\n\
        sv: unable to open supervise/status: file does not exist\n";
    assert_eq!(out, exits(0, expected, ""));
    assert_eq!(tree.run("svstat", NONE), exits(0, "", ""));
}

/// Spec, svstat: "DIR is printed as given, trailing slash and all."
#[test]
fn names_are_printed_as_given() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let long = "n".repeat(255);
    for name in [&b"sv/"[..], b"./sv", b"sv//.", b"a\nb", b"-d", b"\xff\xfe", b"with space", long.as_bytes()] {
        let path = OsStr::from_bytes(name);
        let tree = Tree::new().dir("sv").dir(path);
        let tree = tree.fifo(std::path::Path::new(path).join("supervise/ok"));
        let expected = [name, b": supervise not running\n"].concat();
        assert_eq!(tree.run("svstat", [path]), exits(0, expected, ""));
    }
}

/// Spec, corners: "A user who is not root: … svstat `unable to open supervise/ok: access denied`".
#[test]
fn another_user_may_not_ask() {
    if !needs_root("svstat as another user") {
        return;
    }
    let (tree, _ok) = supervised();
    fake::private(&tree, "sv/supervise");
    let out = tree.public("svstat").arg("sv").user(65534, 65534).run();
    assert_eq!(out, exits(0, "sv: unable to open supervise/ok: access denied\n", ""));
}

/// Spec, corners: "`svstat` and `svc` write `>/dev/full` without a complaint and exit 0; … to a closed pipe they end by SIGPIPE".
#[test]
fn output_that_goes_nowhere() {
    let (tree, _ok) = supervised();
    let command = || tree.command("svstat").args(["sv", "missing"]);
    let full = File::options().write(true).open("/dev/full").expect("open /dev/full");
    assert_eq!(command().descriptor(1, full).run(), exits(0, "", ""));
    assert_eq!(command().closed(1).run(), exits(0, "", ""));
    assert_eq!(command().closed(0).closed(1).closed(2).run(), exits(0, "", ""));
    assert_eq!(command().descriptor(1, broken_pipe()).run().end, End::Signal(libc::SIGPIPE));
    assert_eq!(command().descriptor(1, broken_pipe()).ignored(&[libc::SIGPIPE]).run(), exits(0, "", ""));
}
