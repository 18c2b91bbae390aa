//! Labels and streams of lines, for `tai64nlocal` and `tai64n`.

use daemontools_tests::fuzz::fuzz;
use daemontools_tests::{End, Programs, Random, Tree, exits};

use crate::Both;

const ZONES: [&str; 6] = [
    "UTC",
    "Europe/Berlin",
    "America/St_Johns",
    "Australia/Lord_Howe",
    "<-03>3:30:15<-02>2:10:45,M3.5.0/1:07:09,J300/3:33:33",
    "right/Europe/London",
];

/// A label that is a time from 1970 to 2100 at most; now and then with digits before the last 24, or too many nanoseconds.
fn label(random: &mut Random, near: &mut u64) -> String {
    if random.once_in(10) {
        *near = random.below(4_102_444_800);
    }
    *near += random.below(3) * random.below(400);
    let before = if random.once_in(20) { random.bytes(40, b"0123456789abcdef") } else { Vec::new() };
    let nanoseconds = if random.once_in(10) { random.below(1 << 32) } else { random.below(1_000_000_000) };
    let before = String::from_utf8(before).expect("digits");
    format!("@{before}{:016x}{nanoseconds:08x}", (1_u64 << 62) + 10 + *near)
}

/// What comes after a label or instead of one; never one itself.
fn text(random: &mut Random) -> Vec<u8> {
    let mut text = match random.below(6) {
        0 => Vec::new(),
        1 => random.bytes(20, b"@0123456789abcdefABCDEF x"),
        2 => random.bytes(100_000, b"long "),
        3 => random.bytes(50, &(0..=255).collect::<Vec<u8>>()),
        _ => random.bytes(150, b"a line of log: 0123456789@"),
    };
    // A newline within would begin a line, perhaps with a label that is none.
    text.retain(|&byte| byte != b'\n');
    text
}

/// Lines that the original can read: each label is a time, and none is at the end of input.
fn sane(random: &mut Random) -> Vec<u8> {
    let (mut stream, mut near) = (Vec::new(), random.below(4_102_444_800));
    for _ in 0..random.below(300) {
        if random.once_in(3) {
            stream.push(b' ');
        } else {
            stream.extend(label(random, &mut near).into_bytes());
            // What follows must be no digit, or it would be one of the label's.
            stream.push(*random.one(b" \t.@xX-:,g\0\xff"));
        }
        stream.extend(text(random));
        stream.push(b'\n');
    }
    if random.once_in(2) {
        stream.extend(b" no newline");
    }
    stream
}

#[test]
fn the_same_stream_comes_out_of_both() {
    let Some(both) = Both::new("tai64nlocal on random streams") else { return };
    fuzz("tai64nlocal, both", 40, |random| {
        let (stream, zone) = (sane(random), *random.one(&ZONES));
        let [theirs, ours] = both.run("tai64nlocal", |start| start.env("TZ", zone).stdin(&stream));
        assert_eq!(theirs.end, End::Code(0), "{}", stream.escape_ascii());
        assert!(theirs == ours, "{zone}: {}", stream.escape_ascii());
    });
}

/// Anything at all: every line that begins with no label passes, and the others pass or become a time.
#[test]
fn no_stream_is_too_odd() {
    let tree = Tree::of(Programs::ours());
    fuzz("tai64nlocal, anything", 60, |random| {
        let kinds: [&[u8]; 4] = [b"@4000\n", b"@0123456789abcdef\n", b"@@@@@4\n\n\n", &(0..=255).collect::<Vec<u8>>()];
        let (mut stream, mut near) = (Vec::new(), 0);
        for _ in 0..random.below(40) {
            let kind = *random.one(&kinds);
            stream.extend(random.bytes(2000, kind));
            stream.extend(label(random, &mut near).into_bytes());
            stream.extend(random.bytes(3, b"\n@4"));
        }
        let out = tree.command("tai64nlocal").env("TZ", "UTC0").stdin(&stream).run();
        assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]), "{}", stream.escape_ascii());
        let lines = |text: &[u8]| text.split(|&byte| byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
        let (before, after) = (lines(&stream), lines(&out.stdout));
        assert_eq!(before.len(), after.len(), "{}", stream.escape_ascii());
        for (before, after) in before.iter().zip(&after) {
            assert!(before == after || converted(before, after), "{} {}", before.escape_ascii(), after.escape_ascii());
        }
    });
}

/// Whether `after` is `before` with a time in place of the label, as far as that can be told without a calendar.
fn converted(before: &[u8], after: &[u8]) -> bool {
    let digits = before.iter().skip(1).take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
    let rest = &before[(1 + digits).min(before.len())..];
    let Some(time) = after.strip_suffix(rest) else { return false };
    let nanoseconds = String::from_utf8_lossy(&before[(1 + digits).saturating_sub(8)..1 + digits]).into_owned();
    let nanoseconds = u32::from_str_radix(&nanoseconds, 16).map_or_else(|_| "?".into(), |n| format!(".{n:09}"));
    let shape = time.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-' | b':' | b'.' | b' '));
    before.starts_with(b"@") && digits >= 24 && shape && time.ends_with(nanoseconds.as_bytes())
}

#[test]
fn tai64n_changes_nothing_but_the_start_of_lines() {
    let tree = Tree::of(Programs::ours());
    fuzz("tai64n", 40, |random| {
        let kinds: [&[u8]; 3] = [b"\n\n\n\nx", b"a line\n", &(0..=255).collect::<Vec<u8>>()];
        let mut stream = Vec::new();
        for _ in 0..random.below(20) {
            let kind = *random.one(&kinds);
            stream.extend(random.bytes(30_000, kind));
        }
        let out = tree.command("tai64n").stdin(&stream).run();
        let lines = out.stdout.split_inclusive(|&byte| byte == b'\n');
        let bare: Vec<u8> = lines.flat_map(|line| line.get(26..).unwrap_or(b"a stamp is missing")).copied().collect();
        assert!(exits(0, &bare, "") == exits(0, &stream, "") && out.end == End::Code(0), "{}", stream.escape_ascii());
    });
}
