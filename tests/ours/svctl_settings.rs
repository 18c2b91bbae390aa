//! What `svctl` does with the settings of a service: the program of `reload`, times to wait, and what `cat` shows.
//!
//! Not tested: an access control list that lets another account write a setting.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Programs, Tree, exits, needs_root, until};

use crate::svctl::{svctl, text};

/// A service that notes each HUP.
const NOTES: &str = "trap 'echo HUP >>hups' HUP; : >ready; while :; do sleep 0.1; done";

fn hold_reload(programs: &'static Programs) {
    let tree = Tree::of(programs).script("scan/web/run", NOTES);
    let _supervise = tree.spawn("supervise", ["scan/web"]);
    let pid = until_up(&tree, "scan/web");
    until("the service takes HUP", || tree.path("scan/web/ready").exists());
    // Without the setting: HUP.
    let told = format!("web: told to read its configuration again (pid {pid})\n");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(0, told.clone(), ""));
    until("HUP", || tree.lines("scan/web/hups") == ["HUP"]);
    // The program, in the service directory, with the process id.
    tree.put_script("scan/web/supervise.d/reload", "echo \"$1 $#\" >args; pwd -P >where; exit ${CODE-0}");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(0, format!("web: reloaded (pid {pid})\n"), ""));
    assert_eq!(tree.lines("scan/web/args"), [format!("{pid} 1")]);
    let real = fs::canonicalize(tree.path("scan/web")).expect("the directory").display().to_string();
    assert_eq!(tree.lines("scan/web/where"), [real]);
    let failing = tree.command_of(Programs::ours(), "svctl").env("CODE", "7").args(["--dir", "scan", "reload", "web"]);
    assert_eq!(failing.run(), exits(1, "web: supervise.d/reload failed (exit 7)\n", ""));
    // `off` takes it back, also that of the tree.
    tree.put_script("scan/.supervise.d/reload", "echo tree >args");
    tree.put_file("scan/web/supervise.d/reload", "off\n");
    fs::set_permissions(tree.path("scan/web/supervise.d/reload"), Permissions::from_mode(0o644)).expect("chmod");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(0, told, ""));
    until("HUP again", || tree.lines("scan/web/hups").len() == 2);
    fs::remove_file(tree.path("scan/web/supervise.d/reload")).expect("remove");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(0, format!("web: reloaded (pid {pid})\n"), ""));
    assert_eq!(tree.lines("scan/web/args"), ["tree"]);
    assert_eq!(tree.lines("scan/web/hups").len(), 2, "a program is instead of HUP");
}

#[test]
fn reload_runs_the_setting_or_sends_hup() {
    hold_reload(Programs::ours());
}

#[test]
fn reload_runs_the_setting_or_sends_hup_on_the_original() {
    if let Some(original) = Programs::original("svctl reload on the original's supervise") {
        hold_reload(original);
    }
}

#[test]
fn several_reload_at_once_and_one_that_takes_too_long_is_ended() {
    let tree = Tree::of(Programs::ours());
    let names = ["a", "b", "c"];
    for name in names {
        tree.put_script(format!("scan/{name}/run"), "exec sleep 987");
        // Each waits for the other two: one after the other, they would never end.
        let both = names.iter().filter(|other| **other != name).map(|other| format!("[ -e ../{other}/begun ]"));
        let wait = both.collect::<Vec<_>>().join(" && ");
        tree.put_script(
            format!("scan/{name}/supervise.d/reload"),
            &format!(": >begun; until {wait}; do sleep 0.1; done"),
        );
    }
    let _supervises = names.map(|name| tree.spawn("supervise", [format!("scan/{name}")]));
    names.iter().for_each(|name| _ = until_up(&tree, &format!("scan/{name}")));
    let all = svctl(&tree, &["reload", "*"]);
    assert_eq!(all.end, End::Code(0), "{all:?}");
    assert_eq!(text(&all.stdout).lines().filter(|line| line.contains(": reloaded (pid ")).count(), 3, "{all:?}");
    tree.put_script("scan/a/supervise.d/reload", "echo $$ >pid; exec sleep 987");
    let late = svctl(&tree, &["reload", "-t", "1s", "a"]);
    assert_eq!(late.end, End::Code(99), "{late:?}");
    assert!(text(&late.stdout).starts_with("a: timed out after "), "{late:?}");
    assert!(text(&late.stdout).ends_with(" s: supervise.d/reload was ended\n"), "{late:?}");
}

#[test]
fn a_program_that_others_may_write_is_not_run() {
    if !needs_root("svctl reload over what other accounts may write") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("scan/web/run", "exec sleep 987");
    tree.put_script("scan/web/supervise.d/reload", "echo ran >ran");
    let _supervise = tree.spawn("supervise", ["scan/web"]);
    let pid = until_up(&tree, "scan/web");
    let hook = tree.path("scan/web/supervise.d/reload");
    let directory = tree.path("scan/web/supervise.d");
    let refused = |why: &str| {
        let expected = format!("web: unable to use supervise.d/reload: {why}\n");
        assert_eq!(svctl(&tree, &["reload", "web"]), exits(1, expected, ""));
        assert!(!tree.path("scan/web/ran").exists(), "{why}");
    };
    let mode = |path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("chmod");
    mode(&hook, 0o777);
    refused("others than its owner may write it");
    mode(&hook, 0o644);
    refused("not executable");
    mode(&hook, 0o755);
    chown(&hook, Some(1234), None).expect("chown");
    refused("it belongs to another account");
    chown(&hook, Some(0), None).expect("chown");
    chown(&directory, Some(1234), None).expect("chown");
    refused("it belongs to another account");
    chown(&directory, Some(0), None).expect("chown");
    // A supervise of somebody else, who may have chosen everything in the directory.
    chown(tree.path("scan/web/supervise"), Some(1234), None).expect("chown");
    refused("its supervise runs as another account");
    chown(tree.path("scan/web/supervise"), Some(0), None).expect("chown");
    fs::rename(tree.path("scan/web/supervise"), tree.path("elsewhere")).expect("rename");
    symlink(tree.path("elsewhere"), tree.path("scan/web/supervise")).expect("link");
    assert_eq!(svctl(&tree, &["reload", "web"]), exits(0, format!("web: reloaded (pid {pid})\n"), ""));
    fs::remove_file(tree.path("scan/web/ran")).expect("remove");
    std::os::unix::fs::lchown(tree.path("scan/web/supervise"), Some(1234), None).expect("lchown");
    refused("its supervise runs as another account");
    fs::remove_file(&hook).expect("remove");
    nix::unistd::mkfifo(&hook, nix::sys::stat::Mode::from_bits_truncate(0o700)).expect("a FIFO");
    refused("not a regular file");
}

#[test]
fn how_long_is_waited_comes_from_the_settings() {
    // The original does not know settings, so that the service goes on; svctl gives up ten seconds after stop-timeout.
    let Some(original) = Programs::original("how long svctl waits for a supervise that obeys no settings") else {
        return;
    };
    let tree = Tree::of(original).script("scan/deaf/run", "trap '' TERM; : >deaf; while :; do sleep 987; done");
    let _supervise = tree.spawn("supervise", ["scan/deaf"]);
    until_up(&tree, "scan/deaf");
    until("the service ignores TERM", || tree.path("scan/deaf/deaf").exists());
    tree.put_file("scan/.supervise.d/stop-timeout", "100ms\n");
    let stopping = svctl(&tree, &["stop", "deaf"]);
    assert_eq!(stopping.end, End::Code(99), "{stopping:?}");
    let said = text(&stopping.stdout);
    let seconds = said.split_once("after ").and_then(|(_, rest)| rest.split(' ').next()?.parse::<f64>().ok());
    assert!(seconds.is_some_and(|seconds| (10.1..60.0).contains(&seconds)), "{stopping:?}");
}

#[test]
fn cat_shows_scripts_and_settings_and_nothing_that_was_planted() {
    let tree =
        Tree::of(Programs::ours()).file("secret", "the secret\n").file("scan/web/run", "#!/bin/sh\n\x1b[2Jecho\n");
    tree.put_file("scan/web/log/run", "#!/bin/sh\nexec multilog ./main");
    tree.put_file("scan/web/supervise.d/stop-timeout", "10s\nmore\n");
    tree.put_file("scan/web/supervise.d/finish", "#!/bin/sh\n");
    let expected = "==> scan/web/run <==\n#!/bin/sh\n\\x1b[2Jecho\n\
                    \n==> scan/web/supervise.d/stop-timeout <==\n10s\n\
                    \n==> scan/web/supervise.d/finish <==\n#!/bin/sh\n\
                    \n==> scan/web/log/run <==\n#!/bin/sh\nexec multilog ./main\n";
    assert_eq!(svctl(&tree, &["cat", "web"]), exits(0, expected, ""));
    if !needs_root("svctl cat over what other accounts made") {
        return;
    }
    let secret = tree.path("secret");
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).expect("chmod");
    fs::remove_file(tree.path("scan/web/run")).expect("remove");
    symlink(&secret, tree.path("scan/web/run")).expect("link");
    fs::remove_file(tree.path("scan/web/supervise.d/stop-timeout")).expect("remove");
    symlink(&secret, tree.path("scan/web/supervise.d/stop-timeout")).expect("link");
    for path in ["scan/web", "scan/web/supervise.d"] {
        chown(tree.path(path), Some(1234), None).expect("chown");
    }
    let told = svctl(&tree, &["cat", "web"]);
    assert_eq!(told.end, End::Code(111), "{told:?}");
    assert!(!text(&told.stdout).contains("secret"), "{told:?}");
    assert!(text(&told.stderr).contains("unable to read scan/web/run: user 1234 may have put it there"), "{told:?}");
    let status = svctl(&tree, &["status", "web"]);
    assert!(!text(&status.stdout).contains("secret"), "{status:?}");
}
