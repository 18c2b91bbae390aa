//! multilog's setting `:compress`: finished files are packed beside everything else.
//!
//! Kills and full disks are in `tests/torture`. Not tested: how much of processor and disk the packing gets.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use daemontools_tests::{End, Programs, Tree, exits, until};
use nix::sys::signal::Signal;

/// The zstd and gzip of the system, where they are.
fn unpackers(tree: &Tree) -> Vec<(&'static str, &'static str, &'static str)> {
    let all = [("zstd", "zst", "zstd -dqc"), ("gzip", "gz", "zcat")];
    let (there, missing): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(name, _, _)| tree.shell(&format!("command -v {name}")).end == End::Code(0));
    for (name, _, _) in missing {
        daemontools_tests::left_out(&format!("what is packed, read by {name}"), "it is not installed");
    }
    there
}

fn line(number: usize) -> String {
    format!("{number:07} a line of a service that says the same again and again\n")
}

fn lines(range: std::ops::Range<usize>) -> String {
    range.map(line).collect()
}

/// The archived files.
fn archive(tree: &Tree) -> Vec<String> {
    let entries = fs::read_dir(tree.path("d")).map(|entries| entries.flatten().collect::<Vec<_>>()).unwrap_or_default();
    let names = entries.into_iter().map(|entry| entry.file_name().into_string().expect("a name"));
    let mut names: Vec<String> = names.filter(|name| name.starts_with('@')).collect();
    names.sort();
    names
}

/// Whether all archived files are packed, and there are so many.
fn are_packed(tree: &Tree, count: usize, suffix: &str) -> bool {
    let archive = archive(tree);
    archive.len() == count && archive.iter().all(|name| name.ends_with(suffix)) && !tree.path("d/packed").exists()
}

/// Zstd, gzip and svlog read what was packed; names, modes and times stay.
#[test]
fn finished_files_are_packed() {
    let tree = Tree::of(Programs::ours());
    for (method, suffix, unpacker) in unpackers(&tree) {
        let tree = Tree::of(Programs::ours());
        let script = [&format!(":compress={method}"), "s4096", "n99", "./d"].map(ToOwned::to_owned);
        let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
        let mut input = process.stdin();
        input.write_all(lines(0..200).as_bytes()).expect("write");
        // Each has a little more than 2096 bytes.
        until("all is packed", || are_packed(&tree, 5, suffix));
        drop(input);
        assert_eq!(process.wait(), exits(0, "", ""));
        let files = tree.log_files("d");
        let shape: Vec<(String, u32)> = files.iter().map(|file| (file.kind(), file.mode)).collect();
        let mut expected = vec![(format!("@.s.{suffix}"), 0o744); 5];
        expected
            .extend([("current", 0o744), ("lock", 0o600), ("state", 0o644)].map(|(name, mode)| (name.into(), mode)));
        assert_eq!(shape, expected);
        assert!(files[..5].iter().all(|file| file.content.len() < 1000), "{:?}", tree.log_shape("d"));
        let whole = tree.shell(&format!("{unpacker} d/@*; cat d/current"));
        assert_eq!((whole.end, String::from_utf8_lossy(&whole.stdout).as_ref()), (End::Code(0), &*lines(0..200)));
        assert_eq!(tree.run("svlog", ["d"]), exits(0, lines(0..200), ""));
    }
}

/// The file was last written when its last line was.
#[test]
fn a_packed_file_keeps_its_time() {
    let name = "@400000003b9aca0a00000000.s";
    let tree = Tree::of(Programs::ours()).file(format!("d/{name}"), lines(0..100));
    let old = tree.path("d").join(name);
    let time = SystemTime::now() - Duration::from_secs(86_400);
    let file = fs::File::options().write(true).open(&old).expect("open");
    file.set_modified(time).expect("set its time");
    fs::set_permissions(&old, fs::Permissions::from_mode(0o640)).expect("set its mode");
    let before = fs::metadata(&old).expect("a file");
    let mut process = tree.command("multilog").args([":compress=gzip", ":level=9", "./d"]).stdin_pipe().spawn();
    let input = process.stdin();
    until("it is packed", || are_packed(&tree, 1, ".gz"));
    let after = fs::metadata(tree.path("d").join(format!("{name}.gz"))).expect("a file");
    let about = |file: &fs::Metadata| (file.mtime(), file.mtime_nsec(), file.mode());
    assert_eq!(about(&after), about(&before));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// Number and sum count what is on the disk.
#[test]
fn limits_count_packed_files() {
    let tree = Tree::of(Programs::ours());
    let script = [":compress=gzip", "s4096", "n4", ":max-total=6k", "./d"];
    let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
    let mut input = process.stdin();
    for round in 0..6 {
        let newest = archive(&tree).pop();
        // Exactly one file: 34 lines of 63 bytes end within 2000 bytes of the size.
        input.write_all(lines(round * 34..round * 34 + 34).as_bytes()).expect("write");
        until("another file is packed", || {
            let now = archive(&tree);
            now.last() != newest.as_ref() && now.iter().all(|name| name.ends_with(".gz"))
        });
    }
    // Three of 4096 bytes would be more than 6k.
    assert!(are_packed(&tree, 3, ".gz"), "{:?}", tree.log_shape("d"));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// What somebody packed, or a processor, is left as it is; and what is no file.
#[test]
fn what_is_packed_already_is_not_packed_again() {
    let packed = "@400000003b9aca0a00000000.s";
    let tree = Tree::of(Programs::ours())
        .file("d/@400000003b9aca0900000000.s.xz", "x")
        .file(format!("d/{packed}"), b"\x1f\x8b\x08\0 packed by a processor")
        .dir("d/@400000003b9aca0b00000000.s")
        .link("d/@400000003b9aca0c00000000.s", "../elsewhere")
        .fifo("d/@400000003b9aca0d00000000.s")
        .file("d/@400000003b9aca0e00000000.u", "torn")
        .file("elsewhere", lines(0..9));
    let mut process = tree.command("multilog").args([":compress=zstd", "n20", "./d"]).stdin_pipe().spawn();
    let input = process.stdin();
    until("the last one is packed", || archive(&tree).ends_with(&["@400000003b9aca0e00000000.u.zst".into()]));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(archive(&tree).len(), 6);
    assert!(
        tree.read(format!("d/{packed}")).ends_with(b"processor") && tree.read("elsewhere").len() == lines(0..9).len()
    );
}

/// TERM does not wait for it, and the next one goes on.
#[test]
fn the_end_does_not_wait() {
    let tree = Tree::of(Programs::ours());
    let noise = "head -c 30000000 /dev/urandom >d/@400000003b9aca0a00000000.s";
    assert_eq!(tree.shell(&format!("mkdir d; {noise}")).end, End::Code(0));
    let run = || tree.command("multilog").args([":compress=gzip", ":level=9", "./d"]).stdin_pipe().spawn();
    let mut process = run();
    let input = process.stdin();
    until("it is being packed", || tree.path("d/packed").exists());
    process.signal(Signal::SIGTERM);
    assert_eq!(process.wait(), exits(0, "", ""));
    drop(input);
    assert_eq!((archive(&tree), tree.path("d/packed").exists()), (vec!["@400000003b9aca0a00000000.s".into()], false));
    tree.put_file("d/@400000003b9aca0a00000000.s", lines(0..9));
    let mut process = run();
    let input = process.stdin();
    until("it is packed", || are_packed(&tree, 1, ".gz"));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// While a copy is being made, the original counts, for multilog and for svlog.
#[test]
fn what_was_made_until_a_kill_is_made_again() {
    let name = "@400000003b9aca0a00000000.s";
    let tree = Tree::of(Programs::ours())
        .file(format!("d/{name}"), lines(0..50))
        .file(format!("d/{name}.zst"), "half of it")
        .file("d/packed", "garbage");
    let mut process = tree.command("multilog").args([":compress=zstd", "n2", "s4096", "./d"]).stdin_pipe().spawn();
    let input = process.stdin();
    until("it is packed", || are_packed(&tree, 1, ".zst"));
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(tree.run("svlog", ["d"]), exits(0, lines(0..50), ""));
}

#[test]
fn a_level_that_the_method_does_not_have_is_fatal() {
    let tree = Tree::of(Programs::ours());
    for (script, message) in [
        ([":compress=gzip", ":level=10", "./d"], "gzip has levels from 1 to 9"),
        ([":level=19", ":compress=zstd", "./d"], "zstd has levels from 1 to 9"),
        ([":level=x", ":compress=zstd", "./d"], "malformed setting :level=x"),
        ([":level=1", ":compress=xz", "./d"], "malformed setting :compress=xz"),
    ] {
        let expected = exits(111, "", format!("multilog: fatal: {message}\n"));
        assert_eq!(tree.command("multilog").args(script).run(), expected);
    }
}

/// A log whose files would never be packed does not begin.
#[test]
fn without_the_program_that_packs_it_does_not_start() {
    let tree = Tree::of(Programs::ours());
    // By a process of its own, so that nobody has it open for writing when it is run.
    let copy = format!("cp {} multilog", tree.programs().path("multilog").display());
    assert_eq!(tree.shell(&copy), exits(0, "", ""));
    let out = tree.invocation(tree.path("multilog")).args([":compress=zstd", "./d"]).run();
    let expected =
        format!("multilog: fatal: unable to run {}: file does not exist\n", tree.path("multilog-pack").display());
    assert_eq!(out, exits(111, "", expected));
}

/// By hand, as a filter.
#[test]
fn multilog_pack_packs_what_it_reads() {
    let tree = Tree::of(Programs::ours()).file("lines", lines(0..1000));
    for (method, _, unpacker) in unpackers(&tree) {
        for way in
            ["<lines >packed", "<lines 1<>packed", "<lines | cat >packed", "1 <lines >packed", "9 <lines >packed"]
        {
            let done =
                tree.shell(&format!("rm -f packed; multilog-pack {method} {way} && {unpacker} <packed | cmp - lines"));
            assert_eq!(done, exits(0, "", ""), "{method} {way}");
            assert!(tree.read("packed").len() < 10_000, "{way}");
        }
        let full = tree.shell(&format!("multilog-pack {method} <lines >/dev/full"));
        assert_eq!(full, exits(111, "", "multilog-pack: fatal: unable to pack: out of disk space\n"), "{method}");
    }
    let usage = exits(100, "", "multilog-pack: usage: multilog-pack method [ level ]\n");
    for words in [&[][..], &["xz"], &["gzip", "0"], &["zstd", "10"], &["gzip", "6", "x"]] {
        assert_eq!(tree.run("multilog-pack", words), usage);
    }
}
