//! Trees of the original that svupgrade takes over.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::fault::can_trace;
use crate::programs::NAMES;
use crate::run::outcome;
use crate::{Output, Process, Programs, Tree, left_out, needs_root, proc};

/// The original; none, which is said, where its processes cannot be taken over.
#[must_use]
pub fn originals(what: &str) -> Option<&'static Programs> {
    let original = Programs::original(what)?;
    if !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
        left_out(what, "not on this kind of machine");
        return None;
    }
    (needs_root(what) && can_trace(what)).then_some(original)
}

/// The tree's svscan in `scan`.
#[must_use]
pub fn scan(tree: &Tree) -> Process {
    tree.command("svscan").arg("scan").spawn()
}

/// Puts our programs into the place of those in `bin`, as a package manager does.
pub fn put_ours_into_bin(tree: &Tree) {
    for program in NAMES {
        let new = tree.path(format!("bin/{program}.new"));
        assert!(outcome(Command::new("cp").args([&Programs::ours().path(program), &new])).success());
        fs::rename(new, tree.path(format!("bin/{program}"))).expect("rename");
    }
}

/// svupgrade of ours on `scan`, with these arguments before it.
#[must_use]
pub fn upgrade(tree: &Tree, arguments: &[&str]) -> Output {
    tree.command_of(Programs::ours(), "svupgrade").args(arguments).arg("scan").run()
}

/// What svupgrade said of the processes of a program.
#[must_use]
pub fn verdicts(out: &Output, program: &str) -> Vec<String> {
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let lines = text.lines().filter(|line| line.starts_with(&format!("{program} ")));
    lines.map(|line| line.split_once("): ").expect("a verdict").1.to_owned()).collect()
}

/// Whether a process runs the program of this name of these programs.
#[must_use]
pub fn runs(pid: i32, programs: &Programs, name: &str) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    let wanted = fs::metadata(programs.path(name)).map(id).expect("a program");
    fs::metadata(format!("/proc/{pid}/exe")).map(id).ok() == Some(wanted)
}

/// The supervise of a process, once it is there.
#[must_use]
#[track_caller]
pub fn supervise_of(pid: i32) -> i32 {
    proc::parent(pid).expect("its supervise")
}
