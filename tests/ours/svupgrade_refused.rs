//! Trees that svupgrade leaves alone: other supervisors, 32-bit programs, processes that it may not look at or trace. One
//! line says so, it exits 111, and nothing is touched.
//!
//! Not tested: daemontools-encore, of which there is no package.

use std::fs;
use std::process::{Command, Stdio};

use daemontools_tests::run::outcome;
use daemontools_tests::status::{until_old, until_up};
use daemontools_tests::takeover::{originals, runs, scan, supervise_of};
use daemontools_tests::{End, Output, Programs, Tree, exits, left_out, needs_root, proc, until};

use crate::takeover::refused;

/// Whether a program of another supervisor is there.
fn installed(program: &str) -> bool {
    let is_there = fs::metadata(format!("/usr/bin/{program}")).is_ok();
    if !is_there {
        left_out(&format!("svupgrade on a tree of {program}"), "it is not installed");
    }
    is_there
}

/// The lines of both outputs.
fn lines(out: &Output) -> Vec<String> {
    let text = [&out.stdout[..], &out.stderr].concat();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// What runs in the tree, by number.
fn processes(tree: &Tree) -> Vec<i32> {
    let mut all = tree.processes();
    all.sort_unstable();
    all
}

#[test]
fn another_supervisor_is_named() {
    for program in ["runsvdir", "s6-svscan"] {
        if !installed(program) {
            continue;
        }
        let tree = Tree::of(Programs::ours()).script("scan/sv/run", "echo $$ >>pids; exec sleep 1000");
        let other = tree.invocation(format!("/usr/bin/{program}")).arg0(program).arg("scan").spawn();
        until("its service runs", || tree.lines("scan/sv/pids").len() == 1);
        let before = processes(&tree);
        let begin = "svupgrade: warning: no svscan runs in scan";
        let line = format!("{begin}: {program} does (process {}), which svupgrade leaves alone\n", other.pid());
        assert_eq!(tree.run("svupgrade", ["scan"]), exits(111, "", line));
        assert_eq!((processes(&tree), tree.lines("scan/sv/pids").len()), (before, 1));
    }
}

/// A program that goes to the directory of its argument and waits for signals, as Linux runs it on i386.
fn program_of_32_bits() -> Vec<u8> {
    let enter = [0x8b, 0x5c, 0x24, 8, 0xb8, 12, 0, 0, 0, 0xcd, 0x80]; // chdir(argv[1])
    let sleep = [0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7]; // again: pause(); goto again
    let code = [&enter[..], &sleep].concat();
    let size = 52 + 32 + code.len() as u32;
    let header = [[0x464c_457f, 0x0001_0101, 0, 0], [0x0003_0002, 1, 0x0804_8054, 52], [0, 0, 0x0020_0034, 1]];
    let segment = [1, 0, 0x0804_8000, 0x0804_8000, size, size, 5, 4096];
    let words = header.concat().into_iter().chain([0]).chain(segment);
    words.flat_map(u32::to_le_bytes).chain(code).collect()
}

/// A tree of the original with two services, of which `odd` runs under another program that is called supervise.
fn refused_under(original: &'static Programs, supervise: &[u8], why: &str) {
    let tree = Tree::of(original)
        .script("scan/good/run", "exec sleep 1000")
        .script("scan/odd/run", "echo $$ >>pids; exec sleep 1000");
    tree.put_exec("odd/supervise", supervise);
    let choose = "case $1 in good) exec /proc/self/fd/9 good;; esac; exec \"$ODD\" \"$1\"";
    tree.put_script("foreign/supervise", choose);
    let path = format!("{}:{}", tree.path("foreign").display(), original.search_path().to_string_lossy());
    let real = fs::File::options().read(true).open(original.path("supervise")).expect("a program");
    let svscan = tree.command("svscan").arg("scan").env("PATH", path).env("ODD", tree.path("odd/supervise"));
    let svscan = svscan.descriptor(9, real).spawn();
    until_old(&tree, "scan/good", 2);
    let odd = || proc::all().into_iter().find(|&pid| runs_file(&tree, pid, "odd/supervise"));
    until("the other program runs", || odd().is_some());
    let before = (odd(), tree.lines("scan/odd/pids"));
    refused(&tree, &svscan, why);
    assert_eq!((odd(), tree.lines("scan/odd/pids")), before);
}

fn runs_file(tree: &Tree, pid: i32, file: &str) -> bool {
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == tree.path(file))
}

#[test]
fn a_supervisor_of_another_kind_is_refused() {
    let Some(original) = originals("other supervisors that are called supervise") else { return };
    for program in ["runsv", "s6-supervise"] {
        if installed(program) {
            let contents = fs::read(format!("/usr/bin/{program}")).expect("a program");
            refused_under(original, &contents, "refused: neither daemontools 0.76 nor ours: it ");
        }
    }
}

#[test]
fn a_program_of_32_bits_is_refused() {
    let what = "a 32-bit supervise, not taken over";
    let Some(original) = originals(what) else { return };
    let tree = Tree::new();
    tree.put_exec("program", program_of_32_bits());
    let Ok(mut probe) = Command::new(tree.path("program")).stderr(Stdio::null()).spawn() else {
        return left_out(what, "this kernel runs no such programs");
    };
    probe.kill().expect("kill it");
    probe.wait().expect("wait for it");
    refused_under(original, &program_of_32_bits(), "refused: not a program of this machine's kind");
}

#[test]
fn an_svscan_of_another_kind_is_refused() {
    let what = "another svscan of that name, not taken over";
    if !installed("s6-svscan") || originals(what).is_none() {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("scan/sv/run", "echo $$ >>pids; exec sleep 1000");
    tree.put_exec("foreign/svscan", fs::read("/usr/bin/s6-svscan").expect("a program"));
    let svscan = tree.invocation(tree.path("foreign/svscan")).arg("scan").spawn();
    until("its service runs", || tree.lines("scan/sv/pids").len() == 1);
    let before = processes(&tree);
    let out = tree.run("svupgrade", ["-t", "1", "scan"]);
    let why = format!(
        "svscan {} ({}): refused: neither daemontools 0.76 nor ours: it ",
        tree.path("scan").display(),
        svscan.pid()
    );
    assert_eq!((out.end, lines(&out).len()), (End::Code(111), 1), "{out:?}");
    assert!(lines(&out)[0].starts_with(&why), "{out:?}");
    assert_eq!(processes(&tree), before);
}

#[test]
fn a_tree_of_another_account_is_left_alone() {
    let what = "svupgrade as another account";
    if !needs_root(what) {
        return;
    }
    for programs in [Some(Programs::ours()), Programs::original(what)].into_iter().flatten() {
        let tree = Tree::of(programs).script("scan/sv/run", "exec sleep 1000").dir("new");
        let copied = outcome(Command::new("cp").arg(Programs::ours().path("svupgrade")).arg(tree.path("new")));
        assert!(copied.success(), "copy svupgrade");
        Programs::ours().copy_to(&tree.path("new"));
        let svscan = scan(&tree);
        let supervise = supervise_of(until_up(&tree, "scan/sv"));
        let out = tree.invocation(tree.path("new/svupgrade")).arg("scan").user(65534, 65534).run();
        let why =
            "svupgrade: warning: no svscan runs in scan, or it is one that this account may not look at (process ";
        assert_eq!((out.end, lines(&out).len()), (End::Code(111), 1), "{out:?}");
        assert!(lines(&out)[0].starts_with(why), "{out:?}");
        assert!(runs(svscan.pid(), programs, "svscan") && runs(supervise, programs, "supervise"));
    }
}

#[test]
fn where_ptrace_is_forbidden_it_says_so() {
    let Some(original) = originals("svupgrade that may not trace") else { return };
    let tree = Tree::of(original).script("scan/sv/run", "exec sleep 1000");
    let svscan = scan(&tree);
    let supervise = supervise_of(until_up(&tree, "scan/sv"));
    until_old(&tree, "scan/sv", 2);
    let forbidden = ["inject=ptrace:error=EPERM".to_owned()];
    let out =
        tree.traced_file("trace", &forbidden, &Programs::ours().path("svupgrade")).args(["-t", "1", "scan"]).run();
    assert_eq!(out.end, End::Code(111), "{out:?}");
    let denied = |line: &String| line.ends_with(": refused: unable to trace it: permission denied");
    assert!(lines(&out).len() == 2 && lines(&out).iter().all(denied), "{out:?}");
    assert!(runs(svscan.pid(), original, "svscan") && runs(supervise, original, "supervise"));
}
