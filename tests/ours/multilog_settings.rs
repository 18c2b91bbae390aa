//! multilog's settings, the words of its script that begin with a colon.
//!
//! Not tested: that what `:sync` brings to the disk is there after a power failure.

use std::fs::{self, File, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, SystemTime};

use daemontools_tests::accounts::{shell, with_module};
use daemontools_tests::programs::workspace;
use daemontools_tests::{Programs, Tree, exits, needs_root, until};

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

/// A line of this length.
fn line(length: usize) -> Vec<u8> {
    [vec![b'x'; length - 1], b"\n".to_vec()].concat()
}

/// An archived file that was last written so long ago.
fn archived(tree: &Tree, name: &str, size: usize, ago: Duration) {
    fs::create_dir_all(tree.path("d")).expect("make a directory");
    let file = File::create(tree.path("d").join(name)).expect("make a file");
    file.set_len(size as u64).expect("make it long");
    file.set_times(FileTimes::new().set_modified(SystemTime::now() - ago)).expect("set its time");
}

fn archive(tree: &Tree) -> Vec<String> {
    tree.log_files("d").into_iter().filter(|file| file.is_old()).map(|file| file.name).collect()
}

const DAY: Duration = Duration::from_secs(86_400);
const FIRST: &str = "@400000003b9aca0a00000000.s";
const SECOND: &str = "@400000003b9aca0b00000000.s";
const THIRD: &str = "@400000003b9aca0c00000000.s";

/// A log that is not kept as somebody meant it is lost, so it does not begin.
#[test]
fn what_is_not_understood_is_fatal() {
    for (word, message) in [
        (":max-age=30", "malformed setting :max-age=30"),
        (":size=4095", "malformed setting :size=4095"),
        (":sync=never", "malformed setting :sync=never"),
        (":keep=5", "unknown setting :keep=5"),
        (":", "unknown setting :"),
    ] {
        let tree = tree();
        let expected = exits(111, "", format!("multilog: fatal: {message}\n"));
        assert_eq!(tree.command("multilog").args([word, "./d"]).stdin("x\n").run(), expected);
        assert!(!tree.path("d").exists());
    }
}

/// A setting holds for the directories after it, until it is taken back.
#[test]
fn settings_are_taken_back() {
    let tree = tree();
    let on = [":line-max=4", ":prefix=> ", ":mode=0640", ":compress=gzip", ":level=9", ":rotate=1h", ":max-age=1h"];
    let off = [":line-max=off", ":prefix=", ":mode=0644", ":compress=off", ":level=off", ":rotate=off", ":max-age=off"];
    let script = [&on[..], &["./d"], &off, &["./e"]].concat();
    assert_eq!(tree.command("multilog").args(script).stdin("a line\n").run(), exits(0, "", ""));
    assert_eq!((tree.read("d/current"), tree.read("e/current")), (b"> a li\\\n> ne\n".to_vec(), b"a line\n".to_vec()));
    let others = ["d/current", "e/current"].map(|file| fs::metadata(tree.path(file)).expect("its mode").mode() & 0o77);
    assert_eq!(others, [0o40, 0o44]);
}

/// Those that come from another logger find there what they may write here.
#[test]
fn what_the_page_on_other_loggers_names_is_understood() {
    let page = fs::read_to_string(workspace().join("docs/logging.md")).expect("read the page");
    let words = page.split(['`', ' ', '\n', ',', ';', '\'']).filter(|word| word.starts_with(':') && word.contains('='));
    // TIME and the like stand for something; a group is of a system.
    let words = words.filter(|word| !word.contains(char::is_uppercase) && !word.starts_with(":group="));
    let words: Vec<&str> = words.chain(["./d"]).collect();
    assert!(words.len() > 30, "{words:?}");
    assert_eq!(tree().command("multilog").arg("t").args(words).stdin("x\n").run(), exits(0, "", ""));
}

#[test]
fn a_file_may_be_larger_than_0_76_allows() {
    let tree = tree();
    let text = line(1000).repeat(18_000);
    let script = ["s4096", ":size=1g", "./d", "s16777215", "./e"];
    assert_eq!(tree.command("multilog").args(script).stdin(&text).run(), exits(0, "", ""));
    assert_eq!((tree.log_sizes("d"), tree.log_sizes("e").len()), (vec![18_000_000], 2));
}

/// By the time of the last line, whatever the name says; also where nothing is finished.
#[test]
fn files_that_are_too_old_are_removed() {
    let tree = tree();
    archived(&tree, FIRST, 10, DAY);
    archived(&tree, SECOND, 10, 9 * DAY);
    archived(&tree, THIRD, 10, 3 * DAY);
    let mut process = tree.command("multilog").args([":max-age=5d", "./d"]).stdin_pipe().spawn();
    let input = process.stdin();
    until("a file is removed", || archive(&tree) == [FIRST, THIRD]);
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
    archived(&tree, FIRST, 10, 6 * DAY);
    assert_eq!(tree.command("multilog").args([":max-age=5d", "./d"]).run(), exits(0, "", ""));
    assert_eq!(archive(&tree), [THIRD]);
}

#[test]
fn files_that_are_too_large_together_are_removed() {
    let tree = tree();
    for name in [FIRST, SECOND, THIRD] {
        archived(&tree, name, 4000, DAY);
    }
    let run = |script: &[&str], input: &[u8]| {
        assert_eq!(tree.command("multilog").args(script).stdin(input).run(), exits(0, "", ""));
    };
    run(&[":max-total=12k", "s4096", "./d"], b"");
    assert_eq!(archive(&tree), [FIRST, SECOND, THIRD]);
    // With the next one of 4000 there would be 16000.
    run(&[":max-total=12k", "s4096", "./d"], &line(4000));
    let left = archive(&tree);
    assert!(left.len() == 3 && left[0] == SECOND, "{left:?}");
    // No limit of number, unless one is given.
    run(&[":max-total=1g", "s4096", "./d"], &line(3000).repeat(20));
    assert_eq!(archive(&tree).len(), 23);
    run(&[":max-total=1g", "n5", "s4096", "./d"], &line(3000));
    assert_eq!(archive(&tree).len(), 4);
}

#[test]
fn modes_and_groups_are_those_that_were_asked_for() {
    let tree = tree();
    let script = ["s4096", ":mode=0640", ":dir-mode=2750", "!cat", "./d"];
    let text = [line(3000), b"x\n".to_vec()].concat();
    assert_eq!(tree.command("multilog").args(script).stdin(&text).run(), exits(0, "", ""));
    // The execute bit marks a finished file, whatever the mode.
    let modes: Vec<(String, u32)> = tree.log_files("d").iter().map(|file| (file.kind(), file.mode)).collect();
    let expected = [("@.s", 0o740), ("current", 0o740), ("lock", 0o600), ("state", 0o640)];
    assert_eq!(modes, expected.map(|(kind, mode)| (kind.to_owned(), mode)));
    assert_eq!(fs::metadata(tree.path("d")).expect("a directory").mode() & 0o7777, 0o2750);
    if needs_root("files of another group") {
        let script = [":group=1234", "s4096", "./e"];
        assert_eq!(tree.command("multilog").args(script).stdin(&text).run(), exits(0, "", ""));
        let group = |path: &std::path::Path| fs::metadata(path).expect("a file").gid();
        assert_eq!((group(&tree.path("e")), group(&tree.path("e/current"))), (1234, 1234));
        assert!(
            tree.log_files("e")
                .iter()
                .filter(|file| file.is_old())
                .all(|file| { group(&tree.path("e").join(&file.name)) == 1234 })
        );
    }
}

/// Names of groups come from every name service: `/etc/group` first, then those that getent asks.
#[test]
fn a_group_has_a_number_or_a_name() {
    let tree = tree();
    let unknown = exits(111, "", "multilog: fatal: unknown group no-such-group\n");
    assert_eq!(tree.run("multilog", [":group=no-such-group", "./d"]), unknown);
    // Nothing to look it up with is not the same as an unknown one.
    let told = "multilog: fatal: unable to look up group no-such-group: getent does not run, and /etc/group has none\n";
    let out = tree.command("multilog").args([":group=no-such-group", "./d"]).env("PATH", "/nonexistent").run();
    assert_eq!(out, exits(111, "", told));
    assert!(!tree.path("d").exists());
    let Some(tree) = with_module(tree, "a group that only a name-service module knows") else { return };
    let out = shell(&tree, &format!("echo x | {} :group=second ./d", tree.programs().path("multilog").display()));
    assert_eq!(out, exits(0, "", ""));
    assert_eq!(fs::metadata(tree.path("d/current")).expect("a file").gid(), 47005);
    let script = [":group=daemon", "./e", ":group=0", "./f"];
    assert_eq!(tree.command("multilog").args(script).stdin("x\n").env("PATH", "").run(), exits(0, "", ""));
    let group = |file: &str| fs::metadata(tree.path(file)).expect("a file").gid();
    assert_eq!((group("e/current"), group("f/current")), (1, 0));
}

/// What an earlier directory was made with stays.
#[test]
fn a_directory_that_is_there_keeps_its_mode() {
    let tree = tree().dir("d");
    let before = fs::metadata(tree.path("d")).expect("a directory").mode();
    assert_eq!(tree.command("multilog").args([":dir-mode=0711", "./d"]).stdin("x\n").run(), exits(0, "", ""));
    assert_eq!(fs::metadata(tree.path("d")).expect("a directory").mode(), before);
}

#[test]
fn lines_are_brought_to_the_disk_when_it_was_asked_for() {
    let log = |setting: &str| {
        let tree = tree();
        let mut process = tree.command("multilog").args([setting, "./d"]).stdin_pipe().spawn();
        let mut input = process.stdin();
        for count in 1..=3 {
            std::io::Write::write_all(&mut input, b"a line\n").expect("write");
            tree.until_logged("d", 7 * count);
        }
        drop(input);
        assert_eq!(process.wait(), exits(0, "", ""));
        assert_eq!(tree.log_sizes("d"), [21]);
    };
    for setting in [":sync=always", ":sync=1s", ":sync=rotate"] {
        log(setting);
    }
}

/// 0.76 stops rotating for good, with a line that names something else.
#[test]
fn a_directory_among_archived_files_is_passed_over() {
    let tree = tree().dir(format!("d/{FIRST}"));
    let warning = format!("multilog: warning: unable to remove ./d/{FIRST}: is a directory\n");
    let out = tree.command("multilog").args(["n2", "s4096", "./d"]).stdin(line(3000).repeat(2)).run();
    assert_eq!(out, exits(0, "", warning.repeat(2)));
    // The directory and the newest file.
    assert_eq!((archive(&tree).len(), tree.path("d").join(FIRST).is_dir()), (2, true));
}
