//! `tai64n`: a stamp before each line.
//!
//! Not tested: what it says after the system's clock was set back.

use std::fs::File;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use daemontools_tests::{End, Invocation, Tree, broken_pipe, exits, until};

/// The time that a label at the start of the text tells: since the Unix epoch, in nanoseconds.
fn time(text: &[u8]) -> u128 {
    let label = std::str::from_utf8(&text[..26]).expect("text");
    assert!(label.starts_with('@') && label.ends_with(' '), "{label}");
    assert!(label[1..25].bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{label}");
    let seconds = u64::from_str_radix(&label[1..17], 16).expect("hex") - (1 << 62) - 10;
    let nanoseconds = u32::from_str_radix(&label[17..25], 16).expect("hex");
    assert!(nanoseconds < 1_000_000_000);
    u128::from(seconds) * 1_000_000_000 + u128::from(nanoseconds)
}

fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_nanos()
}

/// What `tai64n` makes of a text, and whether each line but an empty last one begins with a stamp of its time.
fn stamped(text: &[u8]) -> Vec<u8> {
    let before = now();
    let out = Tree::new().command("tai64n").stdin(text).run();
    assert_eq!((out.end, out.stderr.len()), (End::Code(0), 0));
    let (mut latest, mut rest) = (before - 1_000, Vec::new());
    for line in out.stdout.split_inclusive(|&byte| byte == b'\n') {
        let at = time(line);
        assert!(latest <= at && at <= now(), "{latest} {at}");
        latest = at;
        rest.extend_from_slice(&line[26..]);
    }
    rest
}

/// Spec: "puts the stamp […] and a space before each line"; "a last line without a newline stays without one".
#[test]
fn each_line_gets_a_stamp_and_stays_as_it_is() {
    for text in
        ["", "one\n", "one", "\n", "\n\n\n", "one\ntwo\n\nthree", "@4000000037c219bf2ef02e94 x\n", "a\0b\n\0\n\r\n"]
    {
        assert_eq!(stamped(text.as_bytes()), text.as_bytes());
    }
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(stamped(&bytes), bytes);
}

#[test]
fn long_and_many_lines_pass() {
    let mut text = vec![b'x'; 3_000_000];
    text.push(b'\n');
    text.extend(vec![b'\n'; 100_000]);
    for length in 0..1500 {
        text.extend(vec![b'y'; length]);
        text.push(b'\n');
    }
    assert_eq!(stamped(&text), text);
}

/// Spec: "the stamp of the moment in which it got the line's first byte […]; nothing is held back while it waits".
#[test]
fn a_line_is_stamped_and_shown_as_it_comes() {
    let tree = Tree::new();
    let mut process = tree.command("tai64n").stdin_pipe().spawn();
    let mut input = process.stdin();
    let mut lines = 0;
    for _ in 0..3 {
        let begun = now();
        input.write_all(b"fi").expect("write");
        until("the stamp and two bytes", || process.stdout().len() == lines + 28);
        let shown = now();
        assert!(process.stdout().ends_with(b" fi"));
        input.write_all(b"rst\n").expect("write");
        until("the rest of the line", || process.stdout().len() == lines + 32);
        let at = time(&process.stdout()[lines..]);
        assert!(begun - 1_000 <= at && at <= shown, "{begun} {at} {shown}");
        lines += 32;
    }
    drop(input);
    assert_eq!(process.wait().end, End::Code(0));
}

/// It has no options and no arguments; what there is has always been ignored.
#[test]
fn arguments_are_ignored() {
    let tree = Tree::new();
    for words in [&["-x"][..], &["--", "file"], &["a", "b"], &[""]] {
        assert_eq!(tree.command("tai64n").args(words).run(), exits(0, "", ""), "{words:?}");
    }
}

/// Spec, corners: exit 111, silently, where it cannot read or write.
#[test]
fn trouble_with_input_or_output_is_111() {
    let tree = Tree::new();
    let start = || tree.command("tai64n");
    let run = |invocation: Invocation| (invocation.run(), exits(111, "", ""));
    let (out, expected) = run(start().stdin("x\n").descriptor(1, File::create("/dev/full").expect("open")));
    assert_eq!(out, expected);
    let (out, expected) = run(start().descriptor(0, File::open("/").expect("open")));
    assert_eq!(out, expected);
    let (out, expected) = run(start().closed(0));
    assert_eq!(out, expected);
    let (out, expected) = run(start().stdin("x\n").closed(1));
    assert_eq!(out, expected);
    assert_eq!(start().closed(1).run(), exits(0, "", ""), "with nothing to write nobody notices");
}

#[test]
fn a_closed_pipe_ends_it_by_sigpipe_or_where_that_is_ignored_by_111() {
    let tree = Tree::new();
    let start = || tree.command("tai64n").stdin("x\n").descriptor(1, broken_pipe());
    assert_eq!(start().run().end, End::Signal(libc::SIGPIPE));
    assert_eq!(start().ignored(&[libc::SIGPIPE]).run(), exits(111, "", ""));
}
