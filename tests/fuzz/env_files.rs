//! Files of an environment directory, and the environment before.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use daemontools_tests::Random;
use daemontools_tests::fuzz::fuzz;

use crate::Both;

/// The content of a file.
fn content(random: &mut Random) -> Vec<u8> {
    match random.below(6) {
        0 => Vec::new(),
        1 => random.bytes(10, b" \t\n\0"),
        2 => random.bytes(9000, b"long \t\0\n"),
        3 => random.bytes(40, &(0..=255).collect::<Vec<u8>>()),
        _ => random.bytes(40, b"value 123=\t \n\0\r"),
    }
}

/// A variable's name: short, so that names meet.
fn name(random: &mut Random) -> Vec<u8> {
    let mut name = random.bytes(3, b"AB=. \xff\n");
    if name.is_empty() || name == b"." || name == b".." {
        name = vec![b'C'];
    }
    name
}

/// An environment as nobody should have it.
fn entries(random: &mut Random) -> Vec<Vec<u8>> {
    (0..random.below(12)).map(|_| random.bytes(5, b"AB=C \xff")).collect()
}

#[test]
fn the_same_files_make_the_same_environment() {
    let Some(both) = Both::new("envdir on random files") else { return };
    fuzz("envdir", 80, |random| {
        let dir = both.tree.path("e");
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir(&dir).expect("make a directory");
        let files: Vec<_> = (0..random.below(6)).map(|_| (name(random), content(random))).collect();
        for (name, content) in &files {
            fs::write(dir.join(OsStr::from_bytes(name)), content).expect("write a file");
        }
        let before = entries(random);
        let [theirs, ours] = both.run("envdir", |start| {
            let start = start.environ(before.iter().map(|entry| OsStr::from_bytes(entry)));
            start.args(["e", "/bin/cat", "/proc/self/environ"])
        });
        assert!(theirs == ours, "{files:?} {before:?}\n{theirs:?}\n{ours:?}");
    });
}

#[test]
fn the_same_account_makes_the_same_environment() {
    let Some(both) = Both::new("envuidgid on random environments") else { return };
    fuzz("envuidgid", 40, |random| {
        let mut before = entries(random);
        for _ in 0..random.below(5) {
            let at = random.below(before.len() as u64 + 1) as usize;
            before.insert(at, random.one(&[&b"UID=1"[..], b"GID=2", b"UID", b"GID=", b"UIDX=3"]).to_vec());
        }
        let [theirs, ours] = both.run("envuidgid", |start| {
            let start = start.environ(before.iter().map(|entry| OsStr::from_bytes(entry)));
            start.args(["nobody", "/bin/cat", "/proc/self/environ"])
        });
        assert!(theirs == ours, "{before:?}\n{theirs:?}\n{ours:?}");
    });
}
