//! `svlog` with a bound on memory and time whatever is in a log: holes, endless lines, packed files that ask for gigabytes.

use std::fs::{self, File};
use std::io::Write;

use daemontools_tests::{End, Programs, Tree, exits};
use nix::libc;

use crate::svlog::{line, local, old, shown, svlog};

/// The stated limit of a line.
const LONGEST: usize = 1 << 20;
/// What svlog may take of memory in these tests, all of it counted: far below what the files ask for.
const MEMORY: u64 = 512 << 20;

/// Runs it with little memory.
fn bounded(tree: &Tree, arguments: &[&str]) -> daemontools_tests::Output {
    let svlog = tree.command_of(Programs::ours(), "svlog").env("TZ", "UTC").args(arguments);
    svlog.limit(libc::RLIMIT_AS, MEMORY, MEMORY).run()
}

#[test]
fn holes_are_skipped() {
    let tree = Tree::of(Programs::ours()).file("log/current", [line(1, "a"), line(2, "b")].concat());
    let file = File::options().append(true).open(tree.path("log/current")).expect("open current");
    file.set_len(100 << 30).expect("make it sparse");
    let both = [local(1, "a"), local(2, "b")].concat();
    assert_eq!(bounded(&tree, &["log"]), exits(0, &both, ""));
    assert_eq!(bounded(&tree, &["-n1", "log"]), exits(0, local(2, "b"), ""));
    assert_eq!(bounded(&tree, &["-n5", "log"]), exits(0, &both, ""));
    assert_eq!(bounded(&tree, &["-S", "1970-01-01 00:00:02", "log"]), exits(0, local(2, "b"), ""));
    assert_eq!(bounded(&tree, &["-S", "-15m", "log"]), exits(0, "", ""));
    assert_eq!(bounded(&tree, &["-gb", "-n1", "log"]), exits(0, local(2, "b"), ""));
    // And what comes after it.
    (&file).write_all(line(3, "c").as_bytes()).expect("write");
    assert_eq!(bounded(&tree, &["log"]), exits(0, [&*both, &local(3, "c")].concat(), ""));
    assert_eq!(bounded(&tree, &["-n2", "log"]), exits(0, [local(2, "b"), local(3, "c")].concat(), ""));
    // Nothing but a hole.
    let tree = Tree::of(Programs::ours()).file("log/current", "");
    File::options().write(true).open(tree.path("log/current")).expect("open").set_len(100 << 30).expect("a hole");
    assert_eq!(bounded(&tree, &["-n1", "log"]), exits(0, "", ""));
}

#[test]
fn a_line_that_is_too_long_is_cut_and_says_so() {
    let long = format!("{}{}\n", line(2, "").trim_end(), format_args!(" {}", "x".repeat(3 * LONGEST)));
    let fits = "y".repeat(LONGEST);
    let text = [line(1, "a"), long, format!("{fits}\n"), line(3, "b")].concat();
    let tree = Tree::of(Programs::ours()).file("log/current", &text);
    let out = bounded(&tree, &["-otai64n", "log"]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]));
    let lines: Vec<_> = out.stdout.split(|&byte| byte == b'\n').collect();
    let mark = b" [cut: the line is longer than 1048576 bytes]";
    assert_eq!(lines.len(), 5);
    assert!(lines[1].len() == LONGEST + mark.len() && lines[1].ends_with(mark), "{}", lines[1].len());
    assert_eq!((lines[2], lines[3]), (fits.as_bytes(), line(3, "b").trim_end().as_bytes()));
    let json = shown(&tree, &["-ojson", "log"]);
    let cut: Vec<bool> = json.lines().map(|line| line.ends_with(",\"cut\":true}")).collect();
    assert_eq!(cut, [false, true, false, false]);
}

#[test]
fn a_packed_file_that_is_an_endless_line_is_left() {
    for (packer, suffix) in [("gzip -9", "gz"), ("zstd -q", "zst"), ("xz -0", "xz")] {
        let tree = Tree::of(Programs::ours()).file("log/current", "here\n");
        let name = format!("log/{}.{suffix}", old(2, "s"));
        let packed = tree.shell(&format!("head -c 40000000 /dev/zero | {packer} >{name}"));
        if packed.end != End::Code(0) || !packed.stderr.is_empty() {
            daemontools_tests::left_out(packer, "it is not installed");
            continue;
        }
        for (options, most) in [(&["-n1", "log"][..], 5), (&["log"], 2 * LONGEST)] {
            let out = bounded(&tree, options);
            let told = format!("svlog: warning: unable to read {name}: it has a line without an end\n");
            assert_eq!(
                (out.end, String::from_utf8_lossy(&out.stderr).into_owned()),
                (End::Code(111), told),
                "{packer}"
            );
            assert!(out.stdout.ends_with(b"here\n") && out.stdout.len() <= most, "{packer}: {}", out.stdout.len());
        }
    }
}

#[test]
fn a_decoder_is_given_no_more_memory_than_stated() {
    let tree = Tree::of(Programs::ours()).file("log/current", "here\n").file("x", "x\n");
    let name = |suffix: &str| format!("log/{}.{suffix}", old(2, "s"));
    // The header of a block that announces 4 GiB: its checksum is right.
    let packed = tree.shell("xz -c <x >x.xz");
    if packed.end == End::Code(0) {
        let mut bytes = tree.read("x.xz");
        // LZMA2's one property is at 16, the checksum of the block's header at 20.
        let sizes = u32::from(bytes[12] + 1) * 4;
        let (from, to) = (12, 12 + sizes as usize - 4);
        let property = (from..to).find(|&at| bytes[at..at + 2] == [0x21, 1]).expect("LZMA2") + 2;
        bytes[property] = 40;
        let checksum = crc32(&bytes[from..to]).to_le_bytes();
        bytes[to..to + 4].copy_from_slice(&checksum);
        tree.put_file(name("xz"), bytes);
        let why = "it needs a dictionary of more than 128 MiB to be unpacked";
        let told = format!("svlog: warning: unable to read {}: {why}\n", name("xz"));
        assert_eq!(bounded(&tree, &["log"]), exits(111, "here\n", told));
        fs::remove_file(tree.path(name("xz"))).expect("remove it");
    } else {
        daemontools_tests::left_out("xz", "it is not installed");
    }
    // A window of 2 GiB.
    tree.put_file(name("zst"), b"\x28\xb5\x2f\xfd\x00\xa8\x11\x00\x00x\n");
    let why = "it needs a window of more than 128 MiB to be unpacked";
    let told = format!("svlog: warning: unable to read {}: {why}\n", name("zst"));
    assert_eq!(bounded(&tree, &["log"]), exits(111, "here\n", told));
}

/// The checksum of a block's header.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

#[test]
fn what_can_be_read_is_shown_where_something_else_cannot() {
    let tree = Tree::of(Programs::ours()).file("good/current", "a\n").link("dangling", "nowhere");
    let told = "svlog: warning: unable to look at dangling: file does not exist\n";
    assert_eq!(svlog(&tree, &["good", "dangling"]), exits(111, "good: a\n", told));
    assert_eq!(svlog(&tree, &["dangling", "good"]), exits(111, "good: a\n", told));
}
