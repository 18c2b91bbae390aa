//! What the actions do with lines.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use daemontools_tests::cyclog::is_drained;
use daemontools_tests::{End, Tree, exits, until};

use super::{Running, line, log, multilog, pipe};

/// The stamp at the start of a line, if there is one.
fn stamped(line: &[u8]) -> bool {
    line.len() > 26
        && line[0] == b'@'
        && line[25] == b' '
        && line[1..25].iter().all(|b| b"0123456789abcdef".contains(b))
}

/// Spec, multilog: "`t` (as the very first action only) puts `@`, 24 hex digits of TAI64N and a space before each line".
#[test]
fn t_stamps_where_it_comes_first() {
    for (script, stamps) in [
        (&["t", "./d"][..], true),
        (&["tx", "./d"], true),
        (&["t", "t", "./d"], true),
        (&["x", "t", "./d"], false),
        (&["./d", "t"], false),
        (&["n5", "t", "./d"], false),
    ] {
        let tree = Tree::new();
        log(&tree, script, b"one\n\nthree");
        let lines: Vec<Vec<u8>> = tree.read("d/current").split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
        assert_eq!(lines.len(), 3, "{script:?}");
        assert!(lines.iter().all(|line| stamped(line) == stamps), "{script:?}: {lines:?}");
        let rest = |line: &Vec<u8>| line[if stamps { 26 } else { 0 }..].to_vec();
        assert_eq!(
            lines.iter().map(rest).collect::<Vec<_>>(),
            [b"one\n".to_vec(), b"\n".to_vec(), b"three\n".to_vec()]
        );
    }
}

/// The stamp tells when the line's first bytes were seen, also where it ends later.
#[test]
fn a_stamp_tells_when_the_line_began() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_nanos();
    let tree = Tree::new();
    let (reader, mut writer) = pipe();
    let stdin = reader.try_clone().expect("copy a descriptor");
    let process = tree.command("multilog").args(["t", "./d"]).descriptor(0, stdin).spawn();
    writer.write_all(b"begun").expect("write");
    until("the beginning is seen", || is_drained(&reader));
    let seen = now();
    writer.write_all(b" and ended\n").expect("write");
    tree.until_logged("d", 26 + 16);
    let text = String::from_utf8(tree.logged("d")).expect("text");
    let seconds = u64::from_str_radix(&text[1..17], 16).expect("a stamp") - (1 << 62) - 10;
    let nanoseconds = u64::from_str_radix(&text[17..25], 16).expect("a stamp");
    assert!(u128::from(seconds) * 1_000_000_000 + u128::from(nanoseconds) <= seen, "{text}: seen before {seen}");
    assert!(text.ends_with(" begun and ended\n"), "{text}");
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// Spec, multilog: the pattern paragraph; 0.76's manual: its examples.
#[test]
fn patterns_match_whole_lines() {
    let lines = b"hello\nhello world\n\n*\na*b\nnamed[135]: Cleaned cache of 3121 RRs\nxxy\nabxy\n";
    for (pattern, matching) in [
        ("hello", &["hello"][..]),
        ("hello*", &["hello", "hello world"]),
        ("*", &["hello", "hello world", "", "*", "a*b", "named[135]: Cleaned cache of 3121 RRs", "xxy", "abxy"]),
        ("", &[""]),
        ("named[*]: Cleaned cache *", &["named[135]: Cleaned cache of 3121 RRs"]),
        ("*xy", &["abxy"]),
        ("**", &["*", "a*b"]),
        ("**b", &["a*b"]),
        ("*b*", &["a*b", "abxy"]),
        ("* *", &["hello world", "named[135]: Cleaned cache of 3121 RRs"]),
        ("h*d", &["hello world"]),
        ("h*l", &[]),
        ("Hello", &[]),
    ] {
        let tree = Tree::new();
        log(&tree, &["-*", &format!("+{pattern}"), "./selected", "+*", &format!("-{pattern}"), "./others"], lines);
        assert_eq!(tree.lines("selected/current"), matching, "+{pattern}");
        assert_eq!(tree.lines("others/current").len() + matching.len(), 8, "-{pattern}");
    }
}

#[test]
fn actions_are_carried_out_in_order_and_lines_begin_selected() {
    let tree = Tree::new();
    log(
        &tree,
        &["-a", "./d1", "+*", "s5000", "./d2", "-b", "x", "", &format!("{}", tree.path("d3").display())],
        b"a\nb\nc\n",
    );
    assert_eq!(tree.read("d1/current"), b"b\nc\n");
    assert_eq!(tree.read("d2/current"), b"a\nb\nc\n");
    assert_eq!(tree.read("d3/current"), b"a\nc\n");
}

/// Spec, multilog: "patterns and stderr see the stamp".
#[test]
fn patterns_see_the_stamp() {
    let tree = Tree::new();
    log(&tree, &["t", "-*", "+@* fatal: *", "./d", "+*", "-fatal: *", "./all"], b"fatal: x\nnot fatal: x\nfatal:\n");
    assert_eq!(tree.lines("d/current").len(), 1);
    assert!(tree.lines("d/current")[0].ends_with(" fatal: x"));
    assert_eq!(tree.lines("all/current").len(), 3);
}

/// Spec, multilog: "if the pattern matches its first 1000 bytes (the stamp counts)".
#[test]
fn a_pattern_sees_1000_bytes() {
    let exactly = "x".repeat(1000);
    for (length, pattern, matches) in [
        (999, exactly.as_str(), false),
        (1000, &exactly, true),
        (1001, &exactly, true),
        (5000, &exactly, true),
        (999, "*y", true),
        (1000, "*y", false),
        (5000, "*y", false),
    ] {
        let tree = Tree::new();
        let input = [vec![b'x'; length], b"y\n".to_vec()].concat();
        let input = if pattern == "*y" { input } else { line(length + 1) };
        log(&tree, &["-*", &format!("+{pattern}"), "./d"], &input);
        let expected: &[u8] = if matches { &input } else { b"" };
        assert!(tree.read("d/current") == expected, "{length} {}", &pattern[..2]);
    }
    // The stamp takes 26 of them.
    let tree = Tree::new();
    let input = [vec![b'x'; 974], b"y\n".to_vec()].concat();
    log(&tree, &["t", "-*", &format!("+@* {}", "x".repeat(974)), "./d"], &input);
    assert_eq!(tree.read("d/current").len(), 26 + 976);
}

/// A line of which the first 1000 bytes are known goes to the log as it comes.
#[test]
fn a_long_line_is_not_waited_for() {
    let mut running = Running::new(&["./d"]);
    running.give(&vec![b'x'; 1000]);
    running.give(b"y");
    running.give(&vec![b'z'; 3000]);
    running.give(b"\n");
    running.end();
}

/// Spec, multilog: "its first 200 bytes, then `...` if longer".
#[test]
fn e_shows_200_bytes() {
    let tree = Tree::new();
    for length in [0, 1, 199, 200, 201, 1000, 1001, 3000] {
        let out = multilog(&tree, &["e"], &line(length + 1));
        let mut expected = line(length.min(200) + 1);
        if length > 200 {
            expected.truncate(200);
            expected.extend(b"...\n");
        }
        assert_eq!(out, exits(0, "", expected), "{length}");
    }
    let out = multilog(&tree, &["t", "e"], &line(175));
    assert!(stamped(&out.stderr) && out.stderr.len() == 201 && out.stderr.ends_with(b"x\n"), "{out:?}");
    let out = multilog(&tree, &["t", "e"], &line(176));
    assert!(stamped(&out.stderr) && out.stderr.len() == 204 && out.stderr.ends_with(b"x...\n"), "{out:?}");
    let out = multilog(&tree, &["-a", "e", "+*", "e"], b"a\nb\nc");
    assert_eq!(out, exits(0, "", "a\nb\nb\nc\nc\n"));
}

/// Where standard error cannot be written, the lines are in the log all the same.
#[test]
fn e_into_nowhere_loses_no_line() {
    let tree = Tree::new();
    let command = || tree.command("multilog").args(["e", "./d"]).stdin("a\nb\n");
    assert_eq!(command().closed(2).run().end, End::Code(0));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("open /dev/full");
    assert_eq!(command().descriptor(2, full).run().end, End::Code(0));
    assert_eq!(tree.read("d/current"), b"a\nb\na\nb\n");
}

/// Spec, multilog: "makes FILE exactly 1001 bytes: the line's first 1000 bytes padded with newlines. Opened at start,
/// rewritten in place".
#[test]
fn a_status_file_shows_the_last_selected_line() {
    for (input, shown) in [
        (b"one\ntwo\n".to_vec(), b"two".to_vec()),
        (line(1000), vec![b'x'; 999]),
        (line(1001), vec![b'x'; 1000]),
        (line(2001), vec![b'x'; 1000]),
        (b"one\n-no\n\n".to_vec(), Vec::new()),
        (b"last\n-no".to_vec(), b"last".to_vec()),
    ] {
        let tree = Tree::new();
        log(&tree, &["--*", "=st"], &input);
        let mut expected = shown;
        expected.resize(1001, b'\n');
        assert!(tree.read("st") == expected, "{}", input.len());
    }
    // It is made at once, kept as long as no line comes, and not cut.
    let tree = Tree::new().file("long", vec![b'a'; 2000]);
    log(&tree, &["=new", "=long"], b"");
    assert_eq!((tree.read("new"), tree.read("long").len()), (Vec::new(), 2000));
    log(&tree, &["=long"], b"x\n");
    assert_eq!(
        (tree.read("long").len(), &tree.read("long")[..3], tree.read("long")[1001]),
        (2000, &b"x\n\n"[..], b'a')
    );
}

#[test]
fn a_status_file_is_up_to_date_while_more_is_waited_for() {
    let mut running = Running::new(&["=st", "./d"]);
    running.give(b"one\n");
    until("the line in st", || running.tree.read("st").starts_with(b"one\n\n"));
    running.give(b"two\n");
    until("the line in st", || running.tree.read("st").starts_with(b"two\n\n"));
    running.end();
}

/// 0.76 knows no wrong arguments.
#[test]
fn what_is_no_action_is_passed_over() {
    let tree = Tree::new();
    for script in [&[][..], &["x"], &["", "help", "#"]] {
        log(&tree, script, b"a line\n");
    }
    log(&tree, &["x", "./d", "y"], b"a line\n");
    assert_eq!(tree.read("d/current"), b"a line\n");
}
