//! What is made of what an earlier run left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{Tree, needs_root};

use super::log;

/// A file that is left: its content and mode.
type Left = Option<(&'static str, u32)>;

/// Each file of the directory but `lock`: kind, mode, content.
fn contents(tree: &Tree) -> Vec<(String, u32, String)> {
    let files = tree.log_files("d").into_iter().filter(|file| file.name != "lock");
    files.map(|file| (file.kind(), file.mode, String::from_utf8_lossy(&file.content).into_owned())).collect()
}

fn with(left: [(&str, Left); 5]) -> Tree {
    let tree = Tree::new().dir("d");
    for (name, file) in left {
        if let Some((content, mode)) = file {
            let path = tree.path("d").join(name);
            fs::write(&path, content).expect("write a file");
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("set its mode");
        }
    }
    tree
}

/// Spec, multilog: "a finished `processed` (execute bit) is kept as `.s`, an unfinished one is dropped in favour of
/// `previous` as `.u`, an unclean `current` becomes `.u`, `state` starts empty".
///
/// Every combination that an earlier run may have left, except an empty `current` without its execute bit (`ours`):
/// `recovery.txt` has a line for each, with what the original made of it.
#[test]
fn every_state_of_the_directory() {
    let lines = include_str!("recovery.txt").lines().filter(|line| !line.starts_with('#'));
    let mut tried = 0;
    for line in lines {
        let (before, after) = line.split_once(" | ").expect("before and after");
        let words: Vec<&str> = before.split_whitespace().collect();
        let names = ["current", "previous", "processed", "newstate", "state"];
        let left: Vec<(&str, Left)> = names.into_iter().zip(words.into_iter().map(file)).collect();
        let tree = with(left.try_into().expect("five files"));
        log(&tree, &["./d"], b"");
        let expected: Vec<_> = after.split(' ').map(|word| word.split_once('=').expect("a file")).collect();
        let found = contents(&tree);
        let found: Vec<(&str, String)> = found
            .iter()
            .map(|(kind, mode, text)| match mode {
                0o744 => (kind.as_str(), format!("{text}!")),
                0o644 => (kind.as_str(), text.clone()),
                other => panic!("{line}: {kind} has the mode {other:o}"),
            })
            .collect();
        assert_eq!(found.iter().map(|(kind, text)| (*kind, text.as_str())).collect::<Vec<_>>(), expected, "{line}");
        tried += 1;
    }
    assert_eq!(tried, 72);
}

/// A word of `recovery.txt`.
fn file(word: &'static str) -> Left {
    match word.strip_suffix('!') {
        Some(content) => Some((content, 0o744)),
        None => (word != "-").then_some((word, 0o644)),
    }
}

/// Spec, multilog: "`current` with its execute bit set was closed cleanly and is appended to".
#[test]
fn a_clean_current_is_gone_on_with() {
    for (current, mode) in [("C", 0o744), ("", 0o744), ("C", 0o100), ("C", 0o777)] {
        if mode == 0o100 && !needs_root("a current that its owner may not write") {
            continue;
        }
        for state in [None, Some(("S", 0o644))] {
            let tree = with([
                ("current", Some((current, mode))),
                ("previous", None),
                ("processed", None),
                ("newstate", None),
                ("state", state),
            ]);
            log(&tree, &["./d"], b"new\n");
            let mut expected = vec![("current".to_owned(), 0o744, format!("{current}new\n"))];
            expected.extend(state.map(|(text, mode)| ("state".to_owned(), mode, text.to_owned())));
            assert_eq!(contents(&tree), expected, "{current} {mode:o} {state:?}");
        }
    }
}

/// What is recovered counts as an old file, and the oldest go for it.
#[test]
fn what_is_recovered_counts() {
    let tree = with([
        ("current", Some(("C", 0o644))),
        ("previous", Some(("P", 0o644))),
        ("processed", None),
        ("newstate", None),
        ("state", None),
    ]);
    tree.put_file("d/@4000000000000000000000aa.s", "old");
    log(&tree, &["n3", "./d"], b"");
    let kept: Vec<_> = contents(&tree).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(kept, ["P", "C", "", ""]);
}

/// 0.76 names an old file by a link, and may have been killed before it removed the other name.
#[test]
fn a_file_that_has_its_name_already_is_not_kept_twice() {
    let tree = with([
        ("current", Some(("C", 0o644))),
        ("previous", Some(("P", 0o744))),
        ("processed", None),
        ("newstate", None),
        ("state", None),
    ]);
    fs::hard_link(tree.path("d/previous"), tree.path("d/@4000000000000000000000aa.s")).expect("make a link");
    log(&tree, &["./d"], b"");
    let kept: Vec<_> = contents(&tree).into_iter().map(|(kind, _, text)| (kind, text)).collect();
    let expected = [("@.s", "P"), ("@.u", "C"), ("current", ""), ("state", "")];
    assert_eq!(kept, expected.map(|(kind, text)| (kind.to_owned(), text.to_owned())));
}
