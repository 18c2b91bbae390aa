//! Where memory ends: `PROGRAM: fatal: out of memory`, 111, never an abort.
//!
//! Not tested: supervise, svscan and multilog at work, which wait until there is memory again.

use daemontools_tests::{End, Programs, Tree};

/// Runs a program in less and less memory, down to what the kernel or the C library need to start it; returns whether
/// one of the runs said that there is no memory.
fn runs_out(program: &str, arguments: &[&str], stdin: &[u8]) -> bool {
    let mut said = false;
    // So long that svlint needs more than its arena to read it.
    let run = "echo word\n".repeat(5000) + "exec sleep 9";
    // So little is never enough for the loader, which then says so in its own words or is killed.
    for kilobytes in (60..2000).step_by(20) {
        let tree = Tree::of(Programs::ours()).script("sv/run", &run);
        let command =
            tree.command(program).args(arguments).limit(libc::RLIMIT_DATA, kilobytes * 1024, kilobytes * 1024);
        let out = command.stdin(stdin).run();
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_ne!(out.end, End::Signal(libc::SIGABRT), "{program} with {kilobytes} kB: {stderr}");
        if stderr == format!("{program}: fatal: out of memory\n") {
            assert_eq!(out.end, End::Code(111), "{program} with {kilobytes} kB");
            said = true;
        }
        if out.end == End::Code(0) && kilobytes > 1000 {
            break;
        }
    }
    said
}

#[test]
fn a_program_without_memory_says_so() {
    let line = b"@400000003b9aca0a00000000 a line\n".as_slice();
    for (program, arguments) in
        [("multilog", &["t", "./d"][..]), ("tai64n", &[]), ("tai64nlocal", &[]), ("svlint", &["sv"])]
    {
        assert!(runs_out(program, arguments, line), "{program} never ran out of memory");
    }
    // Linked with musl, it has enough as soon as it can be started. It must not abort all the same.
    runs_out("svps", &["."], line);
}
