//! `tai64nlocal`: local time in place of labels. What 0.76 crashes on is in `ours/tai64nlocal.rs`.
//!
//! Not tested: a zone whose file changes while it runs.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use daemontools_tests::{End, Programs, Random, Tree, broken_pipe, exits, left_out, until};

/// What the programs under test make of a text in a zone.
fn local(zone: &str, text: &str) -> String {
    let out = Tree::new().command("tai64nlocal").env("TZ", zone).stdin(text).run();
    assert_eq!((out.end, out.stderr.len()), (End::Code(0), 0), "{zone}");
    String::from_utf8(out.stdout).expect("text")
}

/// Spec: "replaces a label at the start of a line with local time `YYYY-MM-DD HH:MM:SS.NNNNNNNNN` (TZ counts)".
#[test]
fn a_label_becomes_local_time() {
    for (zone, time) in [
        ("UTC0", "1999-08-24 04:04:05.787492500"),
        ("PST8PDT,M4.1.0,M10.5.0", "1999-08-23 21:04:05.787492500"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "1999-08-24 06:04:05.787492500"),
        ("NPT-5:45", "1999-08-24 09:49:05.787492500"),
        ("<-00>0:44:30", "1999-08-24 03:19:35.787492500"),
    ] {
        assert_eq!(local(zone, "@4000000037c219bf2ef02e94 mark\n"), format!("{time} mark\n"), "{zone}");
    }
}

#[test]
fn the_clock_is_changed_in_spring_and_autumn() {
    let text = |unix: u64| format!("@{:016x}00000000\n", (1 << 62) + 10 + unix);
    let zone = "CET-1CEST,M3.5.0,M10.5.0/3";
    let (spring, autumn) = (1_774_746_000, 1_792_890_000);
    let times: String = [spring - 1, spring, spring + 1, autumn - 1, autumn, autumn + 1].map(text).concat();
    let expected = [
        "2026-03-29 01:59:59.000000000\n2026-03-29 03:00:00.000000000\n2026-03-29 03:00:01.000000000\n",
        "2026-10-25 02:59:59.000000000\n2026-10-25 02:00:00.000000000\n2026-10-25 02:00:01.000000000\n",
    ];
    assert_eq!(local(zone, &times), expected.concat());
}

/// Spec: "other lines and the rest of each line pass unchanged".
#[test]
fn all_else_passes_unchanged() {
    let label = "@400000000000000a00000000";
    let time = "1970-01-01 00:00:00.000000000";
    for (text, expected) in [
        ("", String::new()),
        ("\n\n", "\n\n".into()),
        ("no label\nand none", "no label\nand none".into()),
        (&format!(" {label}\n"), format!(" {label}\n")),
        (&format!("x{label} {label}\n"), format!("x{label} {label}\n")),
        (&format!("{label}\n"), format!("{time}\n")),
        (&format!("{label} {label}\n"), format!("{time} {label}\n")),
        (&format!("{label}{label}\n"), format!("{time}{label}\n")),
        (&format!("{label}xyz\n"), format!("{time}xyz\n")),
        (&format!("{label}ABC\n"), format!("{time}ABC\n")),
        (&format!("{label} no newline"), format!("{time} no newline")),
        (&format!("\n{label}\0\u{fffd}\r\n{label}\t\n"), format!("\n{time}\0\u{fffd}\r\n{time}\t\n")),
    ] {
        assert_eq!(local("UTC0", text), expected, "{text:?}");
    }
}

/// Spec: "hex digits are read as long as they come": the last 24 count. Nanoseconds beyond a second are printed too.
#[test]
fn odd_labels_are_times_as_long_as_the_year_fits() {
    for (label, time) in [
        ("@0400000000000000a00000001", "1970-01-01 00:00:00.000000001"),
        ("@deadbeef400000000000000a00000001", "1970-01-01 00:00:00.000000001"),
        ("@4000000000000009ffffffff", "1969-12-31 23:59:59.4294967295"),
        ("@40000000000000003b9aca00", "1969-12-31 23:59:50.1000000000"),
        ("@4000010000000000ffffffff", "36812-02-20 00:36:06.4294967295"),
        ("@4000ffffffffffff00000000", "8921556-12-07 10:44:05.000000000"),
        ("@3fffff000000000000000000", "18446744073709518743-11-12 23:23:34.000000000"),
    ] {
        assert_eq!(local("UTC0", &format!("{label} x\n")), format!("{time} x\n"));
    }
}

/// Spec: "`tail -F current | tai64nlocal` shows each line at once, and has to".
#[test]
fn nothing_is_held_back() {
    let tree = Tree::new();
    let mut process = tree.command("tai64nlocal").env("TZ", "UTC0").stdin_pipe().spawn();
    let mut input = process.stdin();
    let mut shown = String::new();
    for (piece, more) in [
        ("no ", "no "),
        ("label\n@4000000", "label\n"),
        ("00000000a0000", ""),
        ("0000 ", "1970-01-01 00:00:00.000000000 "),
        ("x\n@400000000000000a00000000", "x\n"),
        ("\n\n", "1970-01-01 00:00:00.000000000\n\n"),
    ] {
        input.write_all(piece.as_bytes()).expect("write");
        shown += more;
        until("it is shown", || process.stdout() == shown.as_bytes());
    }
    drop(input);
    assert_eq!(process.wait(), exits(0, shown, ""));
}

/// The zones of the test below: summer time of a whole and of half an hour, in winter (Dublin), of two hours (Troll),
/// by the moon (Casablanca, Gaza); offsets of quarters, of seconds (Monrovia until 1972), changed by a day (Apia); leap
/// seconds; zones without a file, by a rule of their own, and such as there are none.
const ZONES: [&str; 24] = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "Europe/Moscow",
    "America/New_York",
    "America/St_Johns",
    "America/Caracas",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Asia/Gaza",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Australia/Eucla",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "Africa/Monrovia",
    "Antarctica/Troll",
    "right/Europe/London",
    ODD_RULE,
    "Nowhere/Town",
    "",
];

/// A rule by which clocks are changed in the middle of a minute.
const ODD_RULE: &str = "<-03>3:30:15<-02>2:10:45,M3.5.0/1:07:09,J300/3:33:33";

/// When some clock was changed within a quarter of an hour: Monrovia's in 1972, for a leap second at the end of 2016, and
/// by the odd rule in 2026.
const ODD_MOMENTS: [u64; 4] = [63_593_070, 1_483_228_826, 1_774_759_044, 1_793_079_858];

/// Labels from 1970 to 2100: anywhere, in small steps, on both sides of each half hour of some year, and each
/// second around odd moments.
fn labels(random: &mut Random) -> String {
    let mut text = String::new();
    let until_2100 = 4_102_444_800;
    let mut put = |unix: u64, nanoseconds: u64| {
        writeln!(text, "@{:016x}{nanoseconds:08x} line", (1_u64 << 62) + 10 + unix).expect("write");
    };
    for _ in 0..3_000 {
        put(random.below(until_2100), random.below(1_000_000_000));
    }
    for _ in 0..20 {
        let (mut unix, step) = (random.below(until_2100), 1 + random.below(700));
        for _ in 0..200 {
            put(unix, random.below(1 << 32));
            unix = (unix + random.below(step)).saturating_sub(random.below(step) / 3);
        }
    }
    for moment in ODD_MOMENTS {
        for unix in moment - 1000..moment + 1000 {
            put(unix, 0);
        }
    }
    let year = random.below(130) * 31_556_952;
    for half_hour in 0..17_532 {
        put(year / 1800 * 1800 + half_hour * 1800, 0);
        put(year / 1800 * 1800 + half_hour * 1800 + 1799, 0);
    }
    text
}

/// Every zone and every season, as the original has them.
#[test]
fn local_time_is_right_in_every_zone_and_season() {
    let Some(original) = Programs::original("tai64nlocal against the original") else { return };
    if !Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        return left_out("tai64nlocal in many zones", "there is no zone database");
    }
    let tree = Tree::new();
    let mut random = Random::new(76);
    for zone in ZONES {
        let text = labels(&mut random);
        let run = |programs: &Programs| {
            let out = tree.command_of(programs, "tai64nlocal").env("TZ", zone).stdin(&text).run();
            assert_eq!((out.end, out.stderr.len()), (End::Code(0), 0), "{zone}");
            out.stdout
        };
        let (expected, got) = (run(original), run(Programs::under_test()));
        let lines = |output: &[u8]| String::from_utf8_lossy(output).lines().map(str::to_owned).collect::<Vec<_>>();
        for ((label, expected), got) in text.lines().zip(lines(&expected)).zip(lines(&got)) {
            assert_eq!(got, expected, "{label} in {zone}");
        }
        assert!(got == expected, "not as many lines in {zone}");
    }
}

#[test]
fn trouble_with_input_or_output_is_111() {
    let tree = Tree::new();
    let start = || tree.command("tai64nlocal");
    let trouble = exits(111, "", "");
    assert_eq!(start().stdin("x\n").descriptor(1, File::create("/dev/full").expect("open")).run(), trouble);
    assert_eq!(start().descriptor(0, File::open("/").expect("open")).run(), trouble);
    assert_eq!(start().closed(0).run(), trouble);
    assert_eq!(start().stdin("x\n").closed(1).run(), trouble);
    assert_eq!(start().closed(1).run(), exits(0, "", ""), "with nothing to write nobody notices");
}

#[test]
fn a_closed_pipe_ends_it_by_sigpipe_or_where_that_is_ignored_by_111() {
    let tree = Tree::new();
    let start = || tree.command("tai64nlocal").stdin("x\n").descriptor(1, broken_pipe());
    assert_eq!(start().run().end, End::Signal(libc::SIGPIPE));
    assert_eq!(start().ignored(&[libc::SIGPIPE]).run(), exits(111, "", ""));
}

/// It has no options and no arguments; what there is has always been ignored.
#[test]
fn arguments_are_ignored() {
    let tree = Tree::new();
    for words in [&["-x"][..], &["--", "file"], &["a", "b"], &[""]] {
        assert_eq!(tree.command("tai64nlocal").args(words).run(), exits(0, "", ""), "{words:?}");
    }
}
