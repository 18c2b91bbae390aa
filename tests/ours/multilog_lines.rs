//! multilog's settings that change what lines look like in a log: `:stamp`, `:prefix`, `:line-max`.
//!
//! Not tested: zones that count leap seconds.

use std::io::Write;

use daemontools_tests::{Output, Programs, Tree, exits, until};

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

fn logged(tree: &Tree, log: &str) -> String {
    text(&tree.logged(log))
}

/// The lines of a log with TAI64N stamps, whatever its own are, as svlog reads them.
fn labels(tree: &Tree, log: &str) -> String {
    let Output { stdout, .. } = tree.command("svlog").args(["-o", "tai64n", "-n", "100000", log]).run();
    text(&stdout)
}

/// A stamp with a letter for each digit.
fn shape(line: &str) -> String {
    line.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect()
}

const FOUR: [&str; 7] = ["t", "./a", ":stamp=iso", "./b", ":stamp=utc", "./c", ":stamp=unix"];

/// Each directory has its own form, and all of them tell the same moments.
#[test]
fn each_form_of_stamps_is_read_by_svlog() {
    for (zone, offset) in [("<+0545>-5:45", "+05:45"), ("<-0330>3:30", "-03:30"), ("UTC0", "+00:00")] {
        let tree = tree();
        let script = FOUR.into_iter().chain(["./d"]);
        let out = tree.command("multilog").args(script).env("TZ", zone).stdin("one\n\ntwo\n").run();
        assert_eq!(out, exits(0, "", ""));
        let first = |log| logged(&tree, log).lines().next().map(shape);
        assert_eq!(first("b"), Some(shape(&format!("0000-00-00T00:00:00.000000000{offset} one"))));
        assert!(logged(&tree, "b").contains(&format!("{offset} two")), "{}", logged(&tree, "b"));
        assert_eq!(first("c").as_deref(), Some("0000-00-00T00:00:00.000000000Z one"));
        assert_eq!(first("d").as_deref(), Some("0000000000.000000000 one"));
        for log in ["a", "b", "c", "d"] {
            assert_eq!(labels(&tree, log), logged(&tree, "a"), "{log}");
        }
    }
}

/// The same where all directories agree, which takes another way to the log.
#[test]
fn stamps_of_one_form_are_in_order_over_files() {
    for form in ["tai64n", "iso", "utc", "unix"] {
        let tree = tree();
        let lines: String = (0..5000).map(|number| format!("line {number}\n")).collect();
        let script = ["t", &format!(":stamp={form}"), ":prefix=web: ", "s8192", "n999", "./d"].map(str::to_owned);
        assert_eq!(tree.command("multilog").args(script).stdin(&lines).run(), exits(0, "", ""));
        let shown = labels(&tree, "d");
        let (mut latest, mut rest) = ("", lines.lines());
        for line in shown.lines() {
            let (stamp, line) = line.split_once(" web: ").expect("a stamp and a prefix");
            assert!(stamp > latest && Some(line) == rest.next(), "{form}: {stamp} {line} after {latest}");
            latest = stamp;
        }
        assert_eq!(rest.next(), None, "{form}");
    }
}

/// Patterns, `e` and `=` see what 0.76 shows them.
#[test]
fn what_looks_at_lines_sees_tai64n() {
    let tree = tree();
    let script = ["t", ":stamp=iso", ":prefix=p ", "-*", "+@4* two", "=./status", "e", "./d"];
    let out = tree.command("multilog").args(script).env("TZ", "UTC0").stdin("one\ntwo\nthree\n").run();
    let (status, alert) = (text(&tree.read("status")), text(&out.stderr));
    let label = status.trim_end();
    assert!(label.starts_with('@') && label.ends_with(" two") && alert == format!("{label}\n"), "{label} {alert}");
    assert_eq!(labels(&tree, "d"), format!("{}\n", label.replace(" two", " p two")));
    assert_eq!(shape(&logged(&tree, "d")), "0000-00-00T00:00:00.000000000+00:00 p two\n");
}

#[test]
fn a_prefix_needs_no_stamp_and_ends_with_the_next_one() {
    let tree = tree();
    let script = [":prefix=a=b ", "./a", ":prefix=", "./b", "-*2", ":prefix=\u{2192}", "./c"];
    assert_eq!(tree.command("multilog").args(script).stdin("1\n2\n3").run(), exits(0, "", ""));
    assert_eq!(logged(&tree, "a"), "a=b 1\na=b 2\na=b 3\n");
    assert_eq!(logged(&tree, "b"), "1\n2\n3\n");
    assert_eq!(logged(&tree, "c"), "\u{2192}1\n\u{2192}3\n");
}

/// Without stamps, and with marks, the pieces are the line.
#[test]
fn a_long_line_is_cut_into_lines_of_one_stamp() {
    let tree = tree();
    let long: String = ('a'..='z').cycle().take(3000).collect();
    let script = ["t", ":line-max=1k", ":prefix=> ", "./d", ":prefix=", ":stamp=unix", ":line-max=3000", "./e"];
    let input = format!("first\n{long}\nlast\n");
    assert_eq!(tree.command("multilog").args(script).stdin(&input).run(), exits(0, "", ""));
    let written = logged(&tree, "d");
    let lines: Vec<(&str, &str)> = written.lines().map(|line| line.split_once(" > ").expect("a head")).collect();
    assert_eq!(lines.len(), 5, "{written}");
    assert!(lines[1..4].iter().all(|(stamp, _)| *stamp == lines[1].0), "{written}");
    assert!(lines[0].0 < lines[1].0 && lines[3].0 < lines[4].0, "{written}");
    assert!(lines[1..3].iter().all(|(_, piece)| piece.len() == 1025 && piece.ends_with('\\')), "{written}");
    let joined: String = lines[1..4].iter().map(|(_, piece)| piece.trim_end_matches('\\')).collect();
    assert_eq!((joined, lines[0].1, lines[4].1), (long.clone(), "first", "last"));
    // What is not too long is not cut, and svlog shows all pieces in their order.
    assert_eq!(logged(&tree, "e").lines().count(), 3);
    assert_eq!(labels(&tree, "d"), written);
}

/// The beginning of a line is written before its end has come; it goes on where it was.
#[test]
fn a_line_that_comes_slowly_has_one_stamp() {
    let tree = tree();
    let script = ["t", ":stamp=utc", ":line-max=2k", "./d"];
    let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
    let mut input = process.stdin();
    for count in 1..=3_usize {
        input.write_all(&[b'x'; 1500]).expect("write");
        // A head of 31 bytes, and one more and a mark for each 2048.
        let cuts = (1500 * count - 1) / 2048;
        tree.until_logged("d", 1500 * count + 31 + cuts * 33);
    }
    input.write_all(b"\n").expect("write");
    until("the line ends", || logged(&tree, "d").ends_with("x\n"));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    let written = logged(&tree, "d");
    let heads: Vec<&str> = written.lines().map(|line| &line[..31]).collect();
    assert_eq!(heads, [heads[0]; 3]);
    assert_eq!(written.lines().map(str::len).collect::<Vec<_>>(), [2080, 2080, 435]);
}

#[test]
fn what_cannot_be_is_fatal() {
    for (script, message) in [
        (&["t", ":stamp=local", "./d"][..], "malformed setting :stamp=local"),
        (&["t", ":stamp", "./d"], "malformed setting :stamp"),
        (&["t", ":line-max=0", "./d"], "malformed setting :line-max=0"),
        (&["t", ":prefix=a\nb", "./d"], "malformed setting :prefix=a\nb"),
        (&[":stamp=iso", "t", "./d"], ":stamp=iso needs t as the first action"),
    ] {
        let tree = tree();
        let expected = exits(111, "", format!("multilog: fatal: {message}\n"));
        assert_eq!(tree.command("multilog").args(script).stdin("x\n").run(), expected);
        assert!(!tree.path("d").exists());
    }
}
