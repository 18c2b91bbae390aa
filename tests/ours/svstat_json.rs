//! `svstat --json DIR…`, on supervises of ours and of the original, read by a JSON parser that is not ours.
//!
//! Not tested here: each name and its order, which are pure (`crates/svstat/src/json.rs`).

use daemontools_tests::status::{until_down, until_up};
use daemontools_tests::{End, Programs, Tree, broken_pipe, exits};
use serde_json::{Value, json};

/// The objects that are printed about these directories.
fn objects(tree: &Tree, dirs: &[&str]) -> Vec<Value> {
    let out = tree.command_of(Programs::ours(), "svstat").arg("--json").args(dirs).run();
    assert_eq!((out.end, &out.stderr[..]), (End::Code(0), &b""[..]));
    let text = String::from_utf8(out.stdout).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn look(programs: &'static Programs, counts: bool) {
    let tree = Tree::of(programs)
        .script("up/run", "exec sleep 987")
        .script("down/run", "exec sleep 987")
        .file("down/down", "")
        .dir("new");
    let (_up, _down) = (tree.spawn("supervise", ["up"]), tree.spawn("supervise", ["down"]));
    let pid = until_up(&tree, "up");
    until_down(&tree, "down");
    let objects = objects(&tree, &["up", "down/", "new", "missing"]);
    let states: Vec<_> = objects.iter().map(|object| (text(&object["dir"]), text(&object["state"]))).collect();
    let expected = [("up", "up"), ("down/", "down"), ("new", "unsupervised"), ("missing", "unknown")];
    assert_eq!(states, expected);
    let restarts = if counts { json!({"last_minute": 0, "last_hour": 0, "total": 0}) } else { Value::Null };
    assert_eq!((&objects[0]["pid"], &objects[0]["restarts"]), (&json!(pid), &restarts));
    assert_eq!(objects[1]["normally"], "down");
    assert_eq!(objects[3]["error"], "unable to chdir: file does not exist");
}

#[test]
fn under_ours() {
    look(Programs::ours(), true);
}

#[test]
fn under_the_original() {
    if let Some(original) = Programs::original("svstat --json on the original's supervise") {
        look(original, false);
    }
}

/// Only the first word is an option; elsewhere it is a directory, as in 0.76.
#[test]
fn the_option_is_the_first_word() {
    let tree = Tree::of(Programs::ours()).dir("new");
    let expected =
        "new: unable to open supervise/ok: file does not exist\n--json: unable to chdir: file does not exist\n";
    assert_eq!(tree.run("svstat", ["new", "--json"]), exits(0, expected, ""));
    assert_eq!(tree.run("svstat", ["--json"]), exits(0, "", ""));
}

#[test]
fn a_broken_pipe_ends_it_quietly_and_a_full_disk_does_not() {
    let tree = Tree::of(Programs::ours()).dir("new");
    let command = || tree.command("svstat").args(["--json", "new"]);
    assert_eq!(command().descriptor(1, broken_pipe()).run().end, End::Signal(libc::SIGPIPE));
    let full = std::fs::File::options().write(true).open("/dev/full").expect("open /dev/full");
    let message = "svstat: fatal: unable to write output: out of disk space\n";
    assert_eq!(command().descriptor(1, full).run(), exits(111, "", message));
}
