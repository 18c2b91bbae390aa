//! Trees of the original are taken over, in whatever way it was built: five builds of its source.
//!
//! The source is the distribution's (`tests/original-source` brings it); left out where DAEMONTOOLS_SOURCE does not name its
//! directory. Not tested: other compilers than those that are called gcc here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daemontools_tests::run::outcome;
use daemontools_tests::status::{until_down, until_old, until_up};
use daemontools_tests::takeover::{originals, put_ours_into_bin, supervise_of, upgrade};
use daemontools_tests::{End, Programs, Tree, exits, left_out, proc, until};

/// Some 2000 numbered lines a second.
const WRITER: &str = "trap 'echo HUP >>got' HUP
i=0
while :; do
    n=0
    while [ $n -lt 100 ]; do i=$((i + 1)); n=$((n + 1)); echo $i; done
    sleep 0.05
done";

/// The source archive.
fn source(what: &str) -> Option<PathBuf> {
    let dir = std::env::var_os("DAEMONTOOLS_SOURCE").map(PathBuf::from);
    let source = dir.map(|dir| dir.join("daemontools_0.76.orig.tar.gz")).filter(|file| file.exists());
    if source.is_none() {
        left_out(what, "no source of daemontools 0.76 (tests/original-source DIR; DAEMONTOOLS_SOURCE=DIR)");
    }
    source
}

/// Builds the programs in `built` of a tree, with these commands that compile and link.
fn build(tree: &Tree, source: &Path, compile: &str, link: &str) -> Option<&'static Programs> {
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        outcome(command.current_dir(tree.path("built")).args(arguments).stdout(Stdio::null())).success()
    };
    fs::create_dir(tree.path("built")).expect("make a directory");
    assert!(run("tar", &["-xzf", &source.display().to_string(), "--strip-components=3"]), "unpack the source");
    // The source is older than errno.h as it is today, and than compilers that want each function declared.
    tree.put_file("built/conf-cc", format!("{compile} -std=gnu89 -w -include errno.h\n"));
    tree.put_file("built/home", format!("{}\n", tree.path("built").display()));
    tree.put_file("built/conf-ld", format!("{link}\n"));
    let programs = ["svscan", "supervise", "multilog", "svc", "svok", "svstat"];
    run("make", &[&["-s"], &programs[..]].concat()).then(|| Programs::other(tree.path("built")))
}

/// A tree of such programs with a service that writes numbered lines, taken over while it works.
fn is_taken_over(what: &str, compile: &str, link: &str) {
    let Some(_) = originals(what) else { return };
    let Some(source) = source(what) else { return };
    let compiler = compile.split(' ').next().unwrap_or_default();
    let has =
        |program: &str| outcome(Command::new("sh").args(["-c", &format!("command -v {program} >/dev/null")])).success();
    if !has(compiler) || !has("make") {
        return left_out(what, &format!("{compiler} or make is not installed"));
    }
    let build_tree = Tree::new();
    let built = build(&build_tree, &source, compile, link).expect("it builds");
    let tree =
        Tree::of(built).script("scan/sv/run", WRITER).script("scan/sv/log/run", "exec multilog s16777215 ./main");
    built.copy_to(&tree.path("bin"));
    let path = format!("{}:{}", tree.path("bin").display(), built.search_path().to_string_lossy());
    let svscan = tree.invocation(tree.path("bin/svscan")).arg0("svscan").arg("scan").env("PATH", path).spawn();
    let services = ["scan/sv", "scan/sv/log"];
    let pids = services.map(|service| until_up(&tree, service));
    let supervises = pids.map(supervise_of);
    let all = [pids[0], supervises[0], supervises[1], svscan.pid()];
    let started = all.map(proc::started);
    services.iter().for_each(|service| until_old(&tree, service, 2));
    put_ours_into_bin(&tree);

    let out = upgrade(&tree, &["--bin", &tree.path("bin").display().to_string()]);
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{what}: {out:?}");
    let is_new = |pid: i32, name: &str| {
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == tree.path(format!("bin/{name}")))
    };
    assert!(is_new(svscan.pid(), "svscan") && supervises.iter().all(|&pid| is_new(pid, "supervise")), "{what}");
    until("the logger is new", || is_new(until_up(&tree, "scan/sv/log"), "multilog"));
    let count = || tree.logged("scan/sv/log/main").len();
    let before = count();
    until("the log goes on", || count() > before);
    assert_eq!((until_up(&tree, "scan/sv"), all.map(proc::started)), (pids[0], started), "{what}");
    assert_eq!(tree.run("svc", ["-h", "scan/sv"]), exits(0, "", ""));
    until("it obeys", || tree.lines("scan/sv/got") == ["HUP"]);
    assert_eq!(tree.run("svc", ["-d", "scan/sv"]), exits(0, "", ""));
    until_down(&tree, "scan/sv");
    let logged = || String::from_utf8(tree.logged("scan/sv/log/main")).expect("digits");
    until("whole lines are in the log", || logged().ends_with('\n'));
    let wrong = logged().lines().zip(1_u64..).find(|(line, number)| *line != number.to_string()).map(|(_, at)| at);
    assert_eq!(wrong, None, "{what}: a line is lost, doubled or torn");
}

#[test]
fn built_without_optimization() {
    is_taken_over("0.76 built without optimization, taken over", "gcc -O0 -g", "gcc");
}

#[test]
fn built_with_optimization_and_stripped() {
    is_taken_over("0.76 built with optimization and stripped, taken over", "gcc -O2", "gcc -s");
}

#[test]
fn built_static() {
    is_taken_over("0.76 built static, taken over", "gcc -O2", "gcc -static -s");
}

#[test]
fn built_for_fixed_addresses() {
    is_taken_over("0.76 built for fixed addresses, taken over", "gcc -O2 -fno-pie", "gcc -no-pie");
}

#[test]
fn built_with_musl() {
    is_taken_over("0.76 built with musl, taken over", "musl-gcc -Os", "musl-gcc -static");
}
