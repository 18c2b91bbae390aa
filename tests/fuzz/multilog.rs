//! Scripts, patterns and lines for `multilog`: the same into the original and into ours, the same files out.
//!
//! Left out on purpose: sizes so small that a file ends (the original decides by what it reads at a time; `ours` holds
//! ours against itself), and stamps, which tell the time.

use std::fs;
use std::path::Path;

use daemontools_tests::cyclog::files;
use daemontools_tests::fuzz::fuzz;
use daemontools_tests::{Invocation, Programs, Random, Tree};

/// A pattern of the bytes that lines are made of.
fn pattern(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => random.bytes(6, b"ab*"),
        1 => random.bytes(12, b"ab *:\xff"),
        2 => [random.bytes(3, b"ab* "), vec![*random.one(b"ab"); random.below(1100) as usize], b"*".to_vec()].concat(),
        _ => random.bytes(30, b"ab****    :"),
    }
}

/// An action. The shell does not see it, so it may hold all but NUL.
fn action(random: &mut Random, number: u64) -> Vec<u8> {
    match random.below(12) {
        0..=2 => [b"-".to_vec(), pattern(random)].concat(),
        3..=5 => [b"+".to_vec(), pattern(random)].concat(),
        6 => b"e".to_vec(),
        7 => format!("=status{}", random.below(3)).into_bytes(),
        8 => format!("n{}", random.below(20)).into_bytes(),
        9 => random.bytes(5, b"axyz# "),
        _ => format!("./log{number}").into_bytes(),
    }
}

/// Lines of few different bytes, some of them long, the last one perhaps without its newline.
fn lines(random: &mut Random) -> Vec<u8> {
    let mut lines = Vec::new();
    for _ in 0..random.below(60) {
        match random.below(8) {
            0 => lines.extend(vec![*random.one(b"ab "); random.below(2500) as usize]),
            1 => lines.extend(random.bytes(2500, b"ab :")),
            2 => lines.extend(random.bytes(300, &(0..=255).collect::<Vec<u8>>())),
            _ => lines.extend(random.bytes(12, b"aab  b:*\xff")),
        }
        lines.push(b'\n');
    }
    if random.once_in(3) {
        lines.extend(random.bytes(1200, b"ab "));
    }
    lines
}

/// What a run leaves: what it said, the status files, and each log's files.
type Left = (daemontools_tests::Output, Vec<Vec<u8>>, Vec<Vec<(String, u32, Vec<u8>)>>);

fn run(programs: &Programs, script: &[Vec<u8>], input: &[u8]) -> Left {
    let tree = Tree::of(Programs::ours());
    let words = script.iter().map(|word| std::os::unix::ffi::OsStringExt::from_vec(word.clone()));
    let command = |command: Invocation| command.args(words.collect::<Vec<std::ffi::OsString>>()).stdin(input);
    let out = command(tree.command_of(programs, "multilog")).run();
    let status = (0..3).map(|number| tree.read(format!("status{number}"))).collect();
    let in_log = |log: &Path| files(log).into_iter().map(|file| (file.kind(), file.mode, file.content)).collect();
    let logs = (0..20).map(|number| in_log(&tree.path(format!("log{number}")))).collect();
    (out, status, logs)
}

#[test]
fn scripts_and_lines() {
    let Some(original) = Programs::original("scripts for multilog, the same into both") else { return };
    fuzz("multilog: scripts and lines", 150, |random| {
        let script: Vec<Vec<u8>> = (0..random.below(12)).map(|number| action(random, number)).collect();
        let input = lines(random);
        let [theirs, ours] = [original, Programs::ours()].map(|programs| run(programs, &script, &input));
        let shown: Vec<String> = script.iter().map(|word| word.escape_ascii().to_string()).collect();
        assert!(theirs == ours, "{shown:?} on {}\n{theirs:?}\n{ours:?}", input.escape_ascii());
    });
}

/// Rotations of lines that come one by one, as a script of a shell would write them.
#[test]
fn sizes_line_by_line() {
    let Some(original) = Programs::original("rotations of multilog, the same into both") else { return };
    fuzz("multilog: sizes, line by line", 6, |random| {
        let lengths: Vec<usize> = (0..random.below(40)).map(|_| 1 + random.below(3000) as usize).collect();
        let size = format!("s{}", 4096 + random.below(3000));
        let [theirs, ours] = [original, Programs::ours()].map(|programs| {
            let tree = Tree::of(Programs::ours());
            let command = tree.command_of(programs, "multilog").args([&size, "n99", "./d"]);
            let mut process = command.stdin_pipe().spawn();
            let (mut input, mut given) = (process.stdin(), 0);
            for &length in &lengths {
                let line = [vec![b'x'; length - 1], b"\n".to_vec()].concat();
                std::io::Write::write_all(&mut input, &line).expect("write");
                given += length;
                tree.until_logged("d", given);
            }
            drop(input);
            assert_eq!(process.wait(), daemontools_tests::exits(0, "", ""));
            tree.log_sizes("d")
        });
        assert_eq!(theirs, ours, "{size} {lengths:?}");
    });
}

/// What an earlier run may have left.
#[test]
fn left_overs() {
    let Some(original) = Programs::original("what multilog finds, the same for both") else { return };
    fuzz("multilog: what it finds", 60, |random| {
        let mut left: Vec<(String, Vec<u8>, u32)> = Vec::new();
        for name in ["current", "previous", "processed", "state", "newstate"] {
            if random.once_in(2) {
                // An empty `current`, and what lies beside a clean one, ours deals with otherwise (`ours`).
                let mode = if name == "current" { 0o644 } else { *random.one(&[0o644, 0o744, 0o600]) };
                left.push((name.to_owned(), [b"x".to_vec(), random.bytes(9, b"ab\n")].concat(), mode));
            }
        }
        for _ in 0..random.below(5) {
            let stamp = format!("{:016x}{:08x}", (1_u64 << 62) + random.below(1 << 30), random.below(1_000_000_000));
            left.push((format!("@{stamp}{}", random.one(&[".s", ".u", ""])), random.bytes(9, b"ab\n"), 0o744));
        }
        let script = [format!("n{}", 4 + random.below(4)).into_bytes(), b"./log0".to_vec()];
        let [theirs, ours] = [original, Programs::ours()].map(|programs| {
            let tree = Tree::of(Programs::ours()).dir("log0");
            for (name, content, mode) in &left {
                let path = tree.path("log0").join(name);
                fs::write(&path, content).expect("write a file");
                fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(*mode)).expect("set its mode");
            }
            let words = script.iter().map(|word| String::from_utf8(word.clone()).expect("text"));
            let out = tree.command_of(programs, "multilog").args(words).stdin("line\n").run();
            let kinds: Vec<_> =
                tree.log_files("log0").into_iter().map(|file| (file.kind(), file.mode, file.content)).collect();
            (out, kinds)
        });
        assert_eq!(theirs, ours, "{left:?}");
    });
}
