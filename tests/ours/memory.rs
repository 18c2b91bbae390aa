//! Where memory ends: `PROGRAM: fatal: out of memory`, 111, never an abort. supervise, svscan and multilog at work, which
//! wait until there is memory again: `memory_at_work`.

use daemontools_tests::{End, Programs, Tree, left_out, needs_root};

use crate::linking::{contains, is_dynamic};

/// How many kilobytes of data are enough for each C library to start a program. With less the loader says so in its own
/// words, the start of a static glibc crashes, or the kernel kills what it cannot load.
const LEAST_TO_START: u64 = 240;

/// Runs a program in less and less memory. Once it can be started, it works, or it says that there is no memory; returns
/// whether it said so.
fn runs_out(program: &str, arguments: &[&str], stdin: &[u8]) -> bool {
    let (mut said, mut worked) = (false, 0);
    // So long that svlint needs more than what it starts with to read it.
    let run = "echo word\n".repeat(200) + "exec sleep 9";
    let tree = || Tree::of(Programs::ours()).script("sv/run", &run);
    let usual = tree().command(program).args(arguments).stdin(stdin).run();
    for kilobytes in (60..400).step_by(16).chain((400..2000).step_by(40)) {
        let tree = tree();
        let command =
            tree.command(program).args(arguments).limit(libc::RLIMIT_DATA, kilobytes * 1024, kilobytes * 1024);
        let out = command.stdin(stdin).run();
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_ne!(out.end, End::Signal(libc::SIGABRT), "{program} with {kilobytes} kB: {stderr}");
        let says_so = stderr == format!("{program}: fatal: out of memory\n");
        if says_so {
            assert_eq!(out.end, End::Code(111), "{program} with {kilobytes} kB");
            said = true;
        }
        let works = out.end == usual.end && out.stdout.len() == usual.stdout.len();
        assert!(
            works || says_so || kilobytes < LEAST_TO_START,
            "{program} with {kilobytes} kB: {:?} {stderr}",
            out.end
        );
        worked = if works { worked + 1 } else { 0 };
        if worked == 8 {
            return said;
        }
    }
    panic!("{program} does not work in 2 MB")
}

#[test]
fn a_program_without_memory_says_so() {
    let line = b"@400000003b9aca0a00000000 a line\n".as_slice();
    // Those that read lines may have enough as soon as they can be started, as svps has.
    let settings = &["t", ":stamp=iso", ":prefix=web: ", ":line-max=1k", "+*", "./d"];
    for (program, arguments) in [
        ("multilog", &["t", "./d"][..]),
        ("multilog", settings),
        ("tai64n", &[]),
        ("tai64nlocal", &[]),
        ("setuidgid", &["root", "true"]),
        ("svps", &["."]),
    ] {
        runs_out(program, arguments, line);
    }
    assert!(runs_out("svlint", &["sv"], line), "svlint never ran out of memory");
}

/// The limits are the least with which the original's programs work, which are dynamic, and a few percent more.
#[test]
fn what_is_static_works_where_the_original_does() {
    for (program, arguments, limit) in
        [("multilog", &["t", "./d"][..], 150_000), ("tai64n", &[], 130_000), ("tai64nlocal", &[], 150_000)]
    {
        let file = std::fs::read(Programs::ours().path(program)).expect("read a program");
        if is_dynamic(&file) || contains(&file, ".symtab") {
            left_out(&format!("{program} in {limit} bytes"), "it is not linked as it is installed");
            continue;
        }
        let tree = Tree::of(Programs::ours());
        let command = tree.command(program).args(arguments).limit(libc::RLIMIT_DATA, limit, limit);
        // At a rotation glibc reads the directory with 32 kB, for which the original has no room either.
        let count = if program == "multilog" && contains(&file, "GLIBC_TUNABLES") { 1_000 } else { 20_000 };
        let lines = "@400000003b9aca0a00000000 a line\n".repeat(count);
        let out = command.stdin(lines.as_bytes()).run();
        assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{program}");
        let told = if program == "multilog" { tree.read("d/current") } else { out.stdout };
        assert!(told.ends_with(b" a line\n"), "{program}");
    }
}

/// Most of what is needed is the C library, and how much that is differs from system to system.
#[test]
fn an_account_is_looked_up_where_the_original_does() {
    let what = "accounts under softlimit -m";
    let Some(original) = Programs::original(what).filter(|_| needs_root(what)) else { return };
    for program in ["setuidgid", "envuidgid"] {
        if contains(&std::fs::read(Programs::ours().path(program)).expect("read a program"), ".symtab") {
            left_out(what, "with what a debugger needs, a program takes more memory");
            continue;
        }
        let works = |programs: &Programs, bytes: u32| {
            let tree = Tree::of(Programs::ours());
            let command = tree.command("softlimit").args(["-m", &bytes.to_string()]).arg(programs.path(program));
            command.args(["nobody", "/bin/true"]).run().end == End::Code(0)
        };
        let of_original = [2_700_000, 3_000_000, 3_500_000].into_iter().filter(|&bytes| works(original, bytes));
        let of_original: Vec<u32> = of_original.collect();
        if of_original.is_empty() {
            left_out(what, "here the original needs more than 3.5 MB");
        }
        for bytes in of_original {
            assert!(works(Programs::ours(), bytes), "{program} in {bytes} bytes");
        }
    }
}
