//! Random run scripts for svlint: whatever is in them, it ends in time, with one of its exit codes and lines of its form.

use std::time::{Duration, Instant};

use daemontools_tests::fuzz::fuzz;
use daemontools_tests::{End, Programs, Random, Tree};

/// What scripts are made of; the more often, the more alike.
const PIECES: &[&str] = &[
    "exec ",
    "exec ",
    "2>&1",
    "\n",
    "\n",
    " ",
    " ",
    "; ",
    "& ",
    "&& ",
    "|| ",
    "| ",
    "|& ",
    "( ",
    ") ",
    "{ ",
    "} ",
    "if ",
    "then ",
    "fi\n",
    "while ",
    "do ",
    "done\n",
    "case x in ",
    "esac\n",
    ";; ",
    "a) ",
    "f() ",
    "function f ",
    "f ",
    "[[ ",
    "]] ",
    "$x ",
    "${x:-",
    "$(",
    "`",
    "'",
    "\"",
    "\\",
    "\\\n",
    "<<E\n",
    "E\n",
    "<",
    ">",
    "sh -c ",
    "setuidgid ",
    "chpst -u ",
    "nobody ",
    "a:b ",
    "multilog ",
    "t ",
    "s10M ",
    "./main ",
    "ssh -fN ",
    "-- ",
    "--daemonize=",
    "env ",
    "PATH=",
    "X=1 ",
    "ip netns exec ",
    "fdmove -c 2 1 ",
    ". ./run\n",
    "\r",
    "\r\n",
    "\u{a0}",
    "\u{201c}",
    "\u{feff}",
    "\0",
    "#",
    "é",
    "[",
    "*",
];
/// How long svlint may take for one script.
const MOST: Duration = Duration::from_secs(20);

fn script(random: &mut Random) -> Vec<u8> {
    let first =
        ["#!/bin/sh\n", "#!/bin/sh\n", "#!/usr/bin/env sh\n", "#!/bin/sh -e\r\n", "#!", "", "\u{feff}#!/bin/sh\n"];
    let mut script = random.one(&first).as_bytes().to_vec();
    let many = if random.once_in(50) { 4000 } else { 40 };
    for _ in 0..random.below(many) {
        match random.once_in(20) {
            true => script.extend(random.bytes(4, b"\xff\xc2\x80\x1b a'")),
            false => script.extend_from_slice(random.one(PIECES).as_bytes()),
        }
    }
    script
}

#[test]
fn any_run_script_is_read() {
    let tree = Tree::of(Programs::ours()).dir("t/log/main").script("t/log/run", "exec multilog ./main");
    fuzz("run scripts", 400, |random| {
        let path = if random.once_in(4) { "t/log/run" } else { "t/run" };
        tree.put_exec(path, script(random));
        let start = Instant::now();
        let out = tree.command_of(Programs::ours(), "svlint").arg("t").run();
        assert!(matches!(out.end, End::Code(0..=2 | 111)), "{out:?}");
        assert!(start.elapsed() < MOST, "{:?}", start.elapsed());
        let lines = out.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
        let is_line = |line: &[u8]| line.starts_with(b"t/") || line.starts_with(b"    ");
        assert!(lines.clone().all(is_line), "{out:?}");
        assert!(lines.clone().flatten().all(|byte| !byte.is_ascii_control()), "{out:?}");
    });
}
