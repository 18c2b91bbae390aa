//! `--help` and `--version`, for every program.

use daemontools_tests::{End, Programs, Tree, programs};

/// docs/differences.md: "`--help` and `--version` as the only argument print to standard output and exit 0."
#[test]
fn help_and_version() {
    let tree = Tree::of(Programs::ours());
    let names =
        programs::NAMES.into_iter().chain(["multilog-pack", "svlint", "svlog", "svps", "svup", "svupgrade", "svwait"]);
    for name in names {
        let help = tree.run(name, ["--help"]);
        assert_eq!((help.end, &help.stderr[..]), (End::Code(0), &b""[..]), "{name}");
        let text = String::from_utf8(help.stdout).expect("ASCII");
        let usage = [format!("{name}: usage: {name}"), format!("{name} options: ")];
        assert!(usage.iter().any(|usage| text.starts_with(usage)), "{text}");
        if name == "svscanboot" {
            // It has its version from `make install`: see install.rs.
            continue;
        }
        let version = tree.run(name, ["--version"]);
        assert_eq!((version.end, &version.stderr[..]), (End::Code(0), &b""[..]), "{name}");
        let text = String::from_utf8(version.stdout).expect("ASCII");
        let line = format!("{name} (daemontools-rs) {}\n", env!("CARGO_PKG_VERSION"));
        assert_eq!(text, line);
    }
}

/// Beside another argument they are what they are in 0.76: names, and to svc and its like the end of the options.
#[test]
fn only_alone() {
    let tree = Tree::of(Programs::ours());
    for (name, code, stdout, stderr) in [
        ("svok", 111, "", "svok: fatal: unable to chdir to --help: file does not exist\n"),
        ("svc", 0, "", "svc: warning: unable to chdir to x: file does not exist\n"),
        ("svstat", 0, "--help: unable to chdir: file does not exist\nx: unable to chdir: file does not exist\n", ""),
        ("supervise", 100, "", "supervise: usage: supervise dir\n"),
        ("svscan", 111, "", "svscan: fatal: unable to chdir to --help: file does not exist\n"),
        ("setuidgid", 111, "", "setuidgid: fatal: unknown account --help\n"),
        ("envdir", 111, "", "envdir: fatal: unable to switch to directory --help: file does not exist\n"),
    ] {
        let out = tree.run(name, ["--help", "x"]);
        assert_eq!(out, daemontools_tests::exits(code, stdout, stderr), "{name}");
    }
}
