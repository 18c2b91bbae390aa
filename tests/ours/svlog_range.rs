//! `svlog -S`, `-U`, `-n` and `-g`: which lines are shown.
//!
//! Not tested: a clock that was set back while the log was written.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use daemontools_tests::{Programs, Tree, left_out, until};

use crate::svlog::{EPOCH, line, local, old, shown, start};

/// Three files; lines without a stamp belong to the one before them.
fn small() -> Tree {
    let first = [line(10, "a"), "    at x\n".into(), line(20, "b")].concat();
    let second = [line(30, "c"), line(30, "d"), "    at y\n    at z\n".into(), line(40, "e")].concat();
    let third = [line(50, "f"), "\n".into(), "@4 no stamp\n".into(), line(60, "g")].concat();
    Tree::of(Programs::ours())
        .file(format!("log/{}", old(25, "s")), first)
        .file(format!("log/{}", old(45, "s")), second)
        .file("log/current", third)
        .file("log/state", "no line\n")
        .file("log/lock", "")
}

/// The whole of `small`, and pieces of it by line numbers.
fn part(lines: std::ops::Range<usize>) -> String {
    let all = [
        local(10, "a"),
        "    at x\n".into(),
        local(20, "b"),
        local(30, "c"),
        local(30, "d"),
        "    at y\n".into(),
        "    at z\n".into(),
        local(40, "e"),
        local(50, "f"),
        "\n".into(),
        "@4 no stamp\n".into(),
        local(60, "g"),
    ];
    all[lines].concat()
}

#[test]
fn a_range_begins_and_ends_where_it_should() {
    let tree = small();
    let stamp = |seconds: u64| format!("@{:016x}{:08x}", EPOCH + seconds, seconds * 1000);
    for (since, until, expected) in [
        (None, None, 0..12),
        (Some(0), None, 0..12),
        (Some(10), Some(10), 0..2),
        (Some(11), Some(30), 2..7),
        (Some(30), Some(30), 3..7),
        (Some(31), Some(39), 12..12),
        (Some(25), Some(55), 3..11),
        (Some(46), None, 8..12),
        (Some(60), None, 11..12),
        (Some(61), None, 12..12),
        (None, Some(9), 0..0),
        (None, Some(20), 0..3),
        (None, Some(99), 0..12),
    ] {
        let mut arguments = Vec::new();
        arguments.extend(since.map(|since| format!("-S{}", stamp(since))));
        arguments.extend(until.map(|until| format!("-U{}", stamp(until))));
        arguments.push("log".into());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        assert_eq!(shown(&tree, &arguments), part(expected), "{since:?} {until:?}");
    }
    assert_eq!(shown(&tree, &["-S", "1970-01-01 00:00:50", "log"]), part(8..12));
    assert_eq!(shown(&tree, &["-U", "1970-01-01T00:00:30.00003Z", "log"]), part(0..7));
    assert_eq!(shown(&tree, &["-S", "-1m", "log"]), "");
}

#[test]
fn a_zone_decides_what_a_time_means() {
    let tree = small();
    let berlin = |time: &str| {
        let svlog = tree.command_of(Programs::ours(), "svlog").env("TZ", "Europe/Berlin");
        String::from_utf8(svlog.args(["-ounix", "-S", time, "log"]).run().stdout).expect("text").lines().count()
    };
    assert_eq!(berlin("1970-01-01 01:00:30"), 9);
    assert_eq!(berlin("1970-01-01 00:00:30"), 12);
    assert_eq!(berlin("1970-01-01 02:00"), 0);
}

#[test]
fn the_last_lines_are_the_last_of_all_lines() {
    let tree = small();
    for count in 0..14 {
        assert_eq!(
            shown(&tree, &["-n", &count.to_string(), "log"]),
            part(12usize.saturating_sub(count)..12),
            "{count}"
        );
    }
    assert_eq!(shown(&tree, &["-n2", "-U", "@4000000000000036", "log"]), part(6..8));
    assert_eq!(shown(&tree, &["-n3", "-g", "at", "log"]), ["    at x\n", "    at y\n", "    at z\n"].concat());
    assert_eq!(shown(&tree, &["-n1", "-g", "a", "-U", "@4000000000000019", "log"]), "    at x\n");
}

#[test]
fn a_pattern_is_sought_in_what_follows_the_stamp() {
    let tree = small();
    assert_eq!(shown(&tree, &["-g", "no stamp", "log"]), "@4 no stamp\n");
    assert_eq!(shown(&tree, &["-g", "^@4 .* stamp$", "log"]), "@4 no stamp\n");
    assert_eq!(shown(&tree, &["-g", "400000000", "log"]), "");
    assert_eq!(shown(&tree, &["-g", r"\*", "log"]), "");
    assert_eq!(shown(&tree, &["-g", "", "log"]), part(0..12));
}

/// A log of both nights in which Berlin changes its clocks, a line every ten minutes.
#[test]
fn times_mean_something_also_when_the_clock_is_changed() {
    if !Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        return left_out("nights in which the clock is changed", "there is no zone Europe/Berlin");
    }
    let (spring, autumn) = (1_774_746_000u64, 1_792_890_000u64);
    let stamps = [spring, autumn].into_iter().flat_map(|change| (change - 7200..=change + 7200).step_by(600));
    let text: String = stamps.map(|unix| format!("@{:016x}00000000 x\n", EPOCH + unix)).collect();
    let tree = Tree::of(Programs::ours()).file("log/current", text);
    let edges = |since: &str, until: &str| {
        let svlog = tree.command_of(Programs::ours(), "svlog").env("TZ", "Europe/Berlin");
        let out = svlog.args(["-ounix", "-S", since, "-U", until, "log"]).run();
        let text = String::from_utf8(out.stdout).expect("text");
        let times: Vec<u64> = text.lines().filter_map(|line| line.split('.').next()?.parse().ok()).collect();
        (*times.first().expect("a line"), *times.last().expect("a line"))
    };
    // 02:00 to 03:00 does not exist.
    assert_eq!(edges("2026-03-29 02:30", "2026-03-29 03:10"), (spring, spring + 600));
    assert_eq!(edges("2026-03-29 01:50", "2026-03-29 02:10"), (spring - 600, spring));
    assert_eq!(edges("2026-03-29 01:50", "2026-03-29 03:20"), (spring - 600, spring + 1200));
    // 02:00 to 03:00 comes twice: from an hour before the change to an hour after it.
    assert_eq!(edges("2026-10-25 02:30", "2026-10-25 02:40"), (autumn - 1800, autumn + 2400));
    assert_eq!(edges("2026-10-25 01:50", "2026-10-25 03:00"), (autumn - 4200, autumn + 3600));
    assert_eq!(edges("2026-10-25 02:30+02:00", "2026-10-25 01:10Z"), (autumn - 1800, autumn + 600));
}

/// 640 files of 16 MiB, mostly holes: what is read for a range at the end is a few blocks of them.
#[test]
fn ten_gigabytes_are_searched_by_reading_almost_nothing() {
    let tree = Tree::of(Programs::ours()).dir("log");
    for number in 1..=640u64 {
        let name = if number == 640 { "current".into() } else { old(number * 1000 + 999, "s") };
        let file = fs::File::create(tree.path(format!("log/{name}"))).expect("make a file");
        for part in 0..90 {
            // A line every 180 KiB; between them a line without a stamp, most of it a hole.
            let text = format!("\n{}", line(number * 1000 + part * 10, "here"));
            file.write_all_at(text.as_bytes(), part * 180 * 1024).expect("write");
        }
        file.write_all_at(b"\n", 16 * 1024 * 1024 - 1).expect("write");
    }
    let label = |seconds: u64| format!("@{:016x}00000000", EPOCH + seconds);
    let count = |arguments: &[&str]| {
        let follower = start(&tree, &[&["-f", "-g", "here"], arguments, &["log"]].concat());
        until("a line", || follower.stdout().contains(&b'\n'));
        let text = fs::read_to_string(format!("/proc/{}/io", follower.pid())).expect("what it read");
        let read = text.lines().find_map(|line| line.strip_prefix("rchar: ")).expect("rchar");
        (follower.stdout().iter().filter(|&&byte| byte == b'\n').count(), read.parse::<u64>().expect("a number"))
    };
    let (lines, read) = count(&["-S", &label(640_890)]);
    assert_eq!(lines, 1);
    assert!(read < 8 << 20, "{read} bytes were read");
    let out = shown(&tree, &["-g", "here", "-S", &label(300_100), "-U", &label(300_122), "log"]);
    assert_eq!(out.lines().count(), 3, "{out}");
}
