//! Rights: none too many for the program that setuidgid starts, whichever step fails; modes of what is made; no link
//! that somebody planted is written through.
//!
//! Not tested: file systems that know no owners.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use daemontools_tests::fault::{calls, can_trace, try_each};
use daemontools_tests::process::End;
use daemontools_tests::status::until_up;
use daemontools_tests::{Tree, exits, needs_root, until};

/// Each system call of setuidgid fails in its turn, with each error that it may have: the program is started with the
/// account's rights, or not at all.
#[test]
fn setuidgid_fails_closed() {
    if !needs_root("setuidgid's failing steps") || !can_trace("setuidgid's failing steps") {
        return;
    }
    let tree = Tree::new();
    let run = |trace: &str, faults: &[String]| {
        // By its full name: PATH may lead through directories that the account must not enter.
        tree.traced(trace, faults, "setuidgid").args(["nobody", "/usr/bin/id", "-u"]).run()
    };
    let account = nix::unistd::User::from_name("nobody").expect("look up nobody").expect("nobody");
    let sound = exits(0, format!("{}\n", account.uid), "");
    assert_eq!(run("clean", &[]), sound);
    // From getting to know the account on; what comes before is the C library's own beginning.
    let calls = calls(&tree.read("clean"), "setgroups");
    let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).take(3).collect();
    assert_eq!(names, ["setgroups", "setgid", "setuid"], "the order: groups first, the uid last");
    let faults: Vec<_> =
        calls[..3].iter().flat_map(|call| ["EPERM", "EAGAIN", "EINVAL", "ENOMEM"].map(|errno| (call, errno))).collect();
    try_each("setuidgid's failing steps", &faults, 2, |(call, errno)| {
        let output = run(&format!("{}-{errno}", call.name), &[call.failed(errno)]);
        assert_eq!((output.end, output.stdout.as_slice()), (End::Code(111), &b""[..]), "{call:?} {errno}: {output:?}");
        assert!(output.stderr.starts_with(b"setuidgid: fatal: unable to set"), "{call:?} {errno}: {output:?}");
    });
}

/// The child of setuidgid: real, effective, saved and file system ids, no supplementary group, no capability.
#[test]
fn the_child_of_setuidgid_has_nothing_left() {
    if !needs_root("the ids of setuidgid's child") {
        return;
    }
    let tree = Tree::new();
    let output = tree.run("setuidgid", ["nobody", "/bin/cat", "/proc/self/status"]);
    let status = String::from_utf8_lossy(&output.stdout).into_owned();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let account = nix::unistd::User::from_name("nobody").expect("look up nobody").expect("nobody");
    assert_eq!(field("Uid"), vec![account.uid.to_string(); 4]);
    assert_eq!(field("Gid"), vec![account.gid.to_string(); 4]);
    assert_eq!(field("Groups"), [account.gid.to_string()]);
    for capabilities in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(capabilities), ["0000000000000000"], "{capabilities}");
    }
}

/// Whatever the umask: `supervise/` and what is in it is closed to others; only the status may be read.
#[test]
fn modes_of_what_is_made() {
    let tree = Tree::new().script("sv/run", "exec sleep 1000").dir("logs");
    let supervise = tree.command("supervise").arg("sv").umask(0).spawn();
    until_up(&tree, "sv");
    assert_eq!(tree.command("multilog").arg("./logs/main").stdin("line\n").umask(0).run(), exits(0, "", ""));
    let mode = |path: &str| fs::metadata(tree.path(path)).expect(path).permissions().mode() & 0o7777;
    for (path, expected) in [
        ("sv/supervise", 0o700),
        ("sv/supervise/lock", 0o600),
        ("sv/supervise/control", 0o600),
        ("sv/supervise/ok", 0o600),
        ("sv/supervise/status", 0o644),
        ("logs/main", 0o700),
        ("logs/main/lock", 0o600),
        ("logs/main/current", 0o744),
    ] {
        assert_eq!(mode(path), expected, "{path}: {:o}", mode(path));
    }
    tree.run("svc", ["-dx", "sv"]);
    assert_eq!(supervise.wait(), exits(0, "", ""));
}

/// A link of this name leads to a file that the account which planted it could not write to.
fn plant(tree: &Tree, link: &str) -> impl Fn() -> bool + use<> {
    symlink(tree.path("victim"), tree.path(link)).expect("plant a link");
    let victim = tree.path("victim");
    let inode = fs::metadata(&victim).expect("victim").ino();
    move || {
        let metadata = fs::metadata(&victim).expect("victim");
        let mode = metadata.permissions().mode() & 0o7777;
        let content = fs::read(&victim).expect("read the victim");
        (content.as_slice(), metadata.ino(), mode) == (b"precious\n", inode, 0o644)
    }
}

/// Links in the places that supervise writes: what they lead to stays as it is.
#[test]
fn planted_links_are_not_followed() {
    for planted in ["status.new", "lock"] {
        let tree = Tree::new().script("sv/run", "exec sleep 1000").dir("sv/supervise").file("victim", "precious\n");
        let is_untouched = plant(&tree, &format!("sv/supervise/{planted}"));
        let supervise = tree.spawn("supervise", ["sv"]);
        until("supervise has met the link", || !supervise.stderr().is_empty() || !is_untouched());
        drop(supervise);
        assert!(is_untouched(), "{planted}");
    }
}

/// The same in a log directory, also where multilog has to make something of what it finds.
#[test]
fn planted_links_in_a_log_are_not_followed() {
    let processor = "!cat; cat <&4 >&5";
    for planted in ["lock", "current", "state", "newstate", "previous", "processed", "@4000000000000000000000000.s"] {
        for script in [&["s4096", "./d"][..], &["s4096", processor, "./d"]] {
            let tree = Tree::new().dir("d").file("victim", "precious\n");
            let is_untouched = plant(&tree, &format!("d/{planted}"));
            let input = b"a line of some length for the log\n".repeat(1000);
            let mut multilog = tree.command("multilog").args(script).stdin(input).spawn();
            // It refuses, or it says that it waits, or it has removed the link and is done.
            until("multilog has met the link", || {
                multilog.ended().is_some() || !multilog.stderr().is_empty() || !is_untouched()
            });
            drop(multilog);
            assert!(is_untouched(), "{planted}, {script:?}");
        }
    }
}

/// A service whose `supervise/` its owner opened up to be looked at: another user sees the status, and can neither
/// command, nor stop, nor take it over.
#[test]
fn another_user_can_look_but_not_touch() {
    if !needs_root("another user and a service that may be looked at") {
        return;
    }
    let tree = Tree::new().script("sv/run", "exec sleep 1000");
    let supervise = tree.spawn("supervise", ["sv"]);
    let pid = until_up(&tree, "sv");
    fs::set_permissions(tree.path("sv/supervise"), fs::Permissions::from_mode(0o755)).expect("open supervise/");
    let stranger = |name: &str| tree.public(name).user(65534, 65534);
    assert_eq!(
        stranger("svc").args(["-dx", "sv"]).run(),
        exits(0, "", "svc: warning: unable to control sv: access denied\n")
    );
    assert_eq!(stranger("svok").arg("sv").run().end, End::Code(111));
    assert_eq!(
        stranger("supervise").arg("sv").run(),
        exits(111, "", "supervise: fatal: unable to acquire sv/supervise/lock: access denied\n")
    );
    let killed = stranger("svstat").arg("sv").run();
    assert_eq!(killed.stdout, b"sv: unable to open supervise/ok: access denied\n");
    let touched = tree.invocation("/bin/sh").args(["-c", "echo x >sv/supervise/status.new; rm -f sv/supervise/lock"]);
    touched.user(65534, 65534).run();
    assert!(tree.path("sv/supervise/lock").exists());
    assert_eq!(until_up(&tree, "sv"), pid, "the same process");
    tree.run("svc", ["-dx", "sv"]);
    assert_eq!(supervise.wait(), exits(0, "", ""));
}
