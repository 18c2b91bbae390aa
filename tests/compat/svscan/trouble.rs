//! What svscan warns of while the others go on.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use daemontools_tests::status::until_up;
use daemontools_tests::{Process, Tree, needs_root, proc, spare_user, until};

use super::{SLEEP, scanned, supervises, until_next_scan};

/// Waits until svscan or a supervise has said the line.
fn until_said(svscan: &Process, line: &str) {
    until(line, || String::from_utf8_lossy(&svscan.stderr()).lines().any(|said| said == line));
}

/// Spec, svscan: "Entries that cannot be stat'ed …: `svscan: warning: unable to … NAME: REASON`, others go on."
#[test]
fn entries_that_cannot_be_looked_at() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).link("scan/dangling", "nowhere").link("scan/loop", "loop");
    let svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until_said(&svscan, "svscan: warning: unable to stat dangling: file does not exist");
    until_said(&svscan, "svscan: warning: unable to stat loop: symbolic link loop");
    assert_eq!(supervises(&tree), ["sv"]);
    // What the link points to may come later.
    tree.put_script("made/run", SLEEP);
    fs::rename(tree.path("made"), tree.path("scan/nowhere")).expect("put a service there");
    until_up(&tree, "scan/nowhere");
}

/// `log` may be anything that exists; what supervise makes of it is its business.
#[test]
fn a_log_that_is_a_file() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).file("scan/sv/log", "");
    let svscan = scanned(&tree);
    until_up(&tree, "scan/sv");
    until_said(&svscan, "supervise: fatal: unable to chdir to log: not a directory");
    // It is tried again, and may have been mended.
    fs::remove_file(tree.path("scan/sv/log")).expect("remove a file");
    tree.put_script("made/run", SLEEP);
    fs::rename(tree.path("made"), tree.path("scan/sv/log")).expect("put a logger there");
    until_up(&tree, "scan/sv/log");
}

/// A service directory that supervise cannot use is tried again, and does not hold up the others.
#[test]
fn a_supervise_that_keeps_dying() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).script("scan/bad/run", SLEEP).file("scan/bad/supervise", "");
    let svscan = scanned(&tree);
    let line = "supervise: fatal: unable to acquire bad/supervise/lock: not a directory\n";
    until("two tries", || String::from_utf8_lossy(&svscan.stderr()).matches(line).count() >= 2);
    until_up(&tree, "scan/sv");
    fs::remove_file(tree.path("scan/bad/supervise")).expect("remove a file");
    until_up(&tree, "scan/bad");
}

/// Measured: `svscan: warning: unable to read directory: REASON`; svscan stays and looks again.
#[test]
fn a_directory_that_cannot_be_read() {
    if !needs_root("svscan as another user") {
        return;
    }
    let tree = Tree::new().script("scan/sv/run", SLEEP);
    chown(tree.path("scan/sv"), Some(65534), Some(65534)).expect("chown");
    let mode = |mode: u32| fs::set_permissions(tree.path("scan"), fs::Permissions::from_mode(mode)).expect("chmod");
    mode(0o711);
    let svscan = tree.public("svscan").arg("scan").user(65534, 65534).spawn();
    until_said(&svscan, "svscan: warning: unable to read directory: access denied");
    assert_eq!(supervises(&tree), [""; 0]);
    mode(0o755);
    until_up(&tree, "scan/sv");
}

/// Spec, svscan: "a failing fork or pipe: `svscan: warning: unable to … NAME: REASON`".
#[test]
fn a_fork_that_fails() {
    if !needs_root("svscan without a second process") {
        return;
    }
    let user = spare_user();
    let tree = Tree::new().script("scan/sv/run", SLEEP);
    let command = tree.public("svscan").arg("scan").user(user, user).limit(libc::RLIMIT_NPROC, 1, 1);
    let svscan = command.spawn();
    until_said(&svscan, "svscan: warning: unable to fork for sv: temporary failure");
}

/// A svscan without standard error warns nobody and goes on.
#[test]
fn warnings_that_nobody_can_read() {
    let tree = Tree::new().script("scan/sv/run", SLEEP).link("scan/dangling", "nowhere");
    let _svscan = tree.command("svscan").arg("scan").closed(2).spawn();
    until_up(&tree, "scan/sv");
    until_next_scan(&tree, "scan");
}

/// Measured: `ulimit -n` 9 to 16. svscan takes the three standard streams and one to read directories with; each two others
/// serve a logger, and supervise needs 9.
#[test]
fn few_descriptors_go_to_loggers() {
    let (services, lowest) = (6, 9);
    for limit in lowest..=lowest + 7 {
        let tree = (0..services).fold(Tree::new(), |tree, number| {
            let run = "#!/usr/bin/tail -f\n";
            tree.exec(format!("scan/sv{number}/run"), run).exec(format!("scan/sv{number}/log/run"), run)
        });
        let svscan = tree.command("svscan").arg("scan").limit(libc::RLIMIT_NOFILE, limit, limit).spawn();
        // Without a descriptor more, no status says so.
        let is_service = |process: &i32| proc::arguments(*process).first().is_some_and(|word| word == b"/usr/bin/tail");
        let running = || tree.processes().iter().filter(|process| is_service(process)).count();
        let pairs = (usize::try_from(limit).expect("small") - 4) / 2;
        until(&format!("{pairs} services and their loggers"), || running() == 2 * pairs);
        let refused = b"unable to create pipe for";
        let is_refused = || svscan.stderr().windows(refused.len()).any(|words| words == refused);
        if pairs < services {
            until("the others are warned of", is_refused);
        }
        assert_eq!((running(), is_refused()), (2 * pairs, pairs < services), "{limit}");
    }
}
