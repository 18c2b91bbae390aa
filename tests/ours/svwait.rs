//! `svwait`, on supervises of ours and of the original.
//!
//! Not tested: a clock that is set (that is a unit test).

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::time::Duration;

use daemontools_tests::status::{Status, now, raw_record, record, until_down, until_up};
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{End, Output, Process, Programs, Tree, exits, open_files, proc, until};

pub(crate) const RUN: &str = "exec sleep 987";

pub(crate) fn start(tree: &Tree, arguments: &[&str]) -> Process {
    tree.command_of(Programs::ours(), "svwait").args(arguments).spawn()
}

pub(crate) fn svwait(tree: &Tree, arguments: &[&str]) -> Output {
    start(tree, arguments).wait()
}

/// Waits until it has looked, and listens.
#[track_caller]
pub(crate) fn until_waiting(process: &mut Process) {
    let pid = process.pid();
    let listens = |number: i32| {
        fs::read_link(format!("/proc/{pid}/fd/{number}")).is_ok_and(|link| link.ends_with("anon_inode:inotify"))
    };
    until("svwait to listen", || proc::state(pid) == Some('S') && proc::descriptors(pid).into_iter().any(listens));
    assert_eq!(process.ended(), None);
}

/// What a supervise that is only pretended holds.
pub(crate) fn reader(tree: &Tree, fifo: &str) -> fs::File {
    let opened = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path(fifo));
    opened.expect("open a FIFO")
}

/// Runs a test with supervises of ours, and with those of the original.
fn with_both(test: fn(&'static Programs)) {
    test(Programs::ours());
    if let Some(original) = Programs::original("svwait on the original's supervise") {
        test(original);
    }
}

#[test]
fn a_state_that_is_reached_before_it_looks_counts() {
    with_both(|programs| {
        let tree = Tree::of(programs).script("up/run", RUN).script("down/run", RUN).file("down/down", "").dir("none");
        let _supervises = (tree.spawn("supervise", ["up"]), tree.spawn("supervise", ["down"]));
        until_up(&tree, "up");
        until_down(&tree, "down");
        until("ok", || svwait(&tree, &["-s", "-t", "0", "up", "down"]).end == End::Code(0));
        for arguments in [
            &["up"][..],
            &["-u", "up"],
            &["-d", "down"],
            &["-x", "none"],
            &["-uo", "down", "up", "nowhere"],
            &["--up", "--for", "0", "--timeout", "0", "up/"],
        ] {
            assert_eq!(svwait(&tree, arguments), exits(0, "", ""), "{arguments:?}");
        }
    });
}

#[test]
fn who_was_not_there_is_told() {
    with_both(|programs| {
        let tree = Tree::of(programs).script("up/run", RUN).script("down/run", RUN).file("down/down", "").dir("none");
        let _supervises = (tree.spawn("supervise", ["up"]), tree.spawn("supervise", ["down"]));
        let pid = until_up(&tree, "up");
        until_down(&tree, "down");
        until("ok", || svwait(&tree, &["-s", "-t", "0", "up", "down"]).end == End::Code(0));
        let told = |arguments: &[&str]| {
            let out = svwait(&tree, arguments);
            assert_eq!((out.end, &out.stdout[..]), (End::Code(99), &b""[..]), "{arguments:?}");
            String::from_utf8(daemontools_tests::scrub::scrub(&out.stderr)).expect("text")
        };
        let after = "svwait: timed out after 100 milliseconds";
        assert_eq!(told(&["-t100", "up", "down"]), format!("{after}: down: down N seconds\n"));
        assert_eq!(told(&["-t100", "-d", "up", "down"]), format!("{after}: up: up (pid N) N seconds\n"));
        assert_eq!(told(&["-t100", "-x", "up", "none"]), format!("{after}: up: up (pid N) N seconds\n"));
        assert_eq!(told(&["-t100", "-s", "up", "none"]), format!("{after}: none: not supervised\n"));
        let long = told(&["-t100", "--for", "999", "up"]);
        assert_eq!(long, format!("{after}: up: up (pid N) N seconds\n"));
        assert!(proc::alive(pid));
    });
}

#[test]
fn each_change_is_heard_of() {
    with_both(|programs| {
        let tree = Tree::of(programs).script("sv/run", RUN).file("sv/down", "");
        let wait_for = |option: &str, then: &dyn Fn()| {
            let mut process = start(&tree, &[option, "sv"]);
            until_waiting(&mut process);
            then();
            assert_eq!(process.wait(), exits(0, "", ""), "{option}");
        };
        let svc = |letter: &str| assert_eq!(tree.run("svc", [letter, "sv"]).end, End::Code(0));
        let supervise = std::cell::RefCell::new(None);
        wait_for("-s", &|| drop(supervise.replace(Some(tree.spawn("supervise", ["sv"])))));
        wait_for("-u", &|| svc("-u"));
        wait_for("-d", &|| svc("-d"));
        wait_for("-x", &|| svc("-x"));
        // Once more: what supervise left behind is there already.
        wait_for("-s", &|| drop(supervise.replace(Some(tree.spawn("supervise", ["sv"])))));
        wait_for("-u", &|| svc("-o"));
        // Killed: nothing is written any more, and the status still says up.
        wait_for("-x", &|| drop(supervise.take()));
        assert_eq!(svwait(&tree, &["-ut0", "sv"]).end, End::Code(99));
        assert_eq!(svwait(&tree, &["-dt0", "sv"]).end, End::Code(99));
    });
}

#[test]
fn a_wait_is_idle() {
    let tree = Tree::of(Programs::ours()).script("sv/run", RUN);
    let _supervise = tree.spawn("supervise", ["sv"]);
    until_up(&tree, "sv");
    let mut process = start(&tree, &["-d", "sv", "elsewhere/sv"]);
    until_waiting(&mut process);
    let switches = || proc::field(process.pid(), "voluntary_ctxt_switches");
    // What comes of the first look may come first.
    until("two seconds without a wake-up", || {
        let before = switches();
        all_the_while("svwait is there", Duration::from_secs(2), || proc::alive(process.pid()));
        before == switches()
    });
}

#[test]
fn a_service_that_svscan_has_not_seen_yet() {
    with_both(|programs| {
        let tree = Tree::of(programs);
        let mut process = start(&tree, &["-u", "not/yet/service/sv", "not/yet/service/sv/log"]);
        until_waiting(&mut process);
        let tree = tree.dir("not/yet");
        let tree = tree.dir("not/yet/service").script("made/run", RUN).script("made/log/run", "exec cat");
        let svscan = tree.spawn("svscan", ["not/yet/service"]);
        assert_eq!(process.ended(), None);
        let tree = tree.link("not/yet/service/sv", "../../../made");
        let told =
            ["sv", "sv/log"].map(|name| format!("svwait: not/yet/service/{name} does not exist yet, waiting for it\n"));
        assert_eq!(process.wait(), exits(0, "", told.concat()));
        until_up(&tree, "made");
        until_up(&tree, "made/log");
        drop(svscan);
    });
}

#[test]
fn links_are_followed_wherever_they_lead() {
    let tree = Tree::of(Programs::ours())
        .script("one/run", RUN)
        .script("two/run", RUN)
        .link("one/supervise", "../state/one")
        .link("sv", "chain")
        .link("chain", "./one/../one");
    let mut process = start(&tree, &["sv"]);
    until_waiting(&mut process);
    // supervise makes what its link points to, once the directory is there.
    let tree = tree.dir("state");
    let one = tree.spawn("supervise", ["one"]);
    assert_eq!(process.wait(), exits(0, "", ""));
    // The name leads elsewhere while it waits.
    let mut process = start(&tree, &["-d", "sv"]);
    until_waiting(&mut process);
    let tree = tree.link("other", "two").file("two/down", "");
    fs::rename(tree.path("other"), tree.path("chain")).expect("rename a link");
    let two = tree.spawn("supervise", ["two"]);
    assert_eq!(process.wait(), exits(0, "", ""));
    until_up(&tree, "one");
    drop((one, two));
}

#[test]
fn up_for_a_while_is_not_up_again_and_again() {
    with_both(|programs| {
        let tree = Tree::of(programs).script("sv/run", "echo $$ >>started\ntest -e well || exit 0\nexec sleep 987");
        let _supervise = tree.spawn("supervise", ["sv"]);
        let process = start(&tree, &["-u", "--for", "2.5", "sv"]);
        until("the third start", || tree.lines("sv/started").len() >= 3);
        tree.put_file("sv/well", "");
        assert_eq!(process.wait(), exits(0, "", ""));
        let status = Status::of(&tree, "sv").expect("a status");
        assert!(now().as_nanos() as i128 - status.since >= 2_500_000_000, "{status:?}");
        // And it has been long enough for everybody who asks later.
        assert_eq!(svwait(&tree, &["-ut0", "--for", "2.5", "sv"]), exits(0, "", ""));
    });
}

/// `svc -u x && svwait -u x`, and the like, many times: no change is missed, whenever it comes. A start is a second after
/// the one before it, so many services take part.
#[test]
fn no_race_is_lost() {
    with_both(|programs| {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
        let tree = names.iter().fold(Tree::of(programs), |tree, name| {
            tree.script(format!("{name}/run"), RUN).file(format!("{name}/down"), "")
        });
        let svwait = Programs::ours().path("svwait");
        let script = "i=0; $W -st200000 $0 || exit 1
            while [ $i -lt 8 ]; do i=$((i+1))
                svc -u $0 && $W -ut200000 $0 || exit 2
                svc -d $0 && $W -dt200000 $0 || exit 3
            done
            svc -x $0 && $W -xt200000 $0 || exit 4";
        let shell = |name: &&str| tree.invocation("/bin/sh").env("W", &svwait).args(["-c", script, name]).spawn();
        let shells: Vec<Process> = names.iter().map(shell).collect();
        let supervises: Vec<Process> = names.iter().map(|name| tree.spawn("supervise", [name])).collect();
        for process in shells.into_iter().chain(supervises) {
            assert_eq!(process.wait(), exits(0, "", ""));
        }
    });
}

/// A hundred services that are only pretended; the last one's status comes late, by rename as supervise does it.
#[test]
fn many_services() {
    let tree = Tree::of(Programs::ours());
    let names: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
    let mut held = Vec::new();
    let tree = names.iter().fold(tree, |tree, name| {
        let tree = tree.fifo(format!("{name}/supervise/ok"));
        held.push(reader(&tree, &format!("{name}/supervise/ok")));
        tree.put_file(format!("{name}/supervise/status"), record(10, 7, 0, b'u'));
        tree
    });
    tree.put_file("s99/supervise/status", record(10, 0, 0, b'u'));
    let arguments =
        |option: &'static str| [option].into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>();
    let mut process = tree
        .command_of(Programs::ours(), "svwait")
        .args(arguments("-u"))
        .limit(libc::RLIMIT_NOFILE, 40, open_files(4096))
        .spawn();
    until_waiting(&mut process);
    tree.put_file("s99/supervise/status.new", record(0, 8, 0, b'u'));
    fs::rename(tree.path("s99/supervise/status.new"), tree.path("s99/supervise/status")).expect("rename");
    assert_eq!(process.wait(), exits(0, "", ""));
    // One of them: whichever it is.
    let mut process = start(&tree, &arguments("-xo"));
    until_waiting(&mut process);
    drop(held.pop());
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// daemontools-encore writes into the file that is there.
#[test]
fn a_status_that_is_written_in_place() {
    let tree = Tree::of(Programs::ours()).fifo("sv/supervise/ok");
    let _ok = reader(&tree, "sv/supervise/ok");
    tree.put_file("sv/supervise/status", "short");
    let mut process = start(&tree, &["sv"]);
    until_waiting(&mut process);
    tree.put_file("sv/supervise/status", raw_record((1 << 62) + 10, 7, 0, b'u'));
    assert_eq!(process.wait(), exits(0, "", ""));
}

#[test]
fn a_service_is_found_by_its_name_in_the_scan_directory() {
    let tree = Tree::of(Programs::ours()).script("t/web/run", RUN).script("t/web/log/run", RUN).dir("here");
    let _supervises = (tree.spawn("supervise", ["t/web"]), tree.spawn("supervise", ["t/web/log"]));
    let named = |name: &str| tree.command_of(Programs::ours(), "svwait").args(["-t", "30s", name]).env("SVDIR", "t");
    assert_eq!(named("web").run(), exits(0, "", ""));
    assert_eq!(named("web/log").run(), exits(0, "", ""));
    // What is called so here comes first, and a path is a path.
    let late = |name: &str| named("web").args(["-t0", "-d", name]).run().stderr;
    assert!(late("here").ends_with(b"here: not supervised\n"));
    assert!(late("./web").ends_with(b"./web: does not exist\n"));
}

#[test]
fn a_restart_is_another_process() {
    with_both(|programs| {
        let tree = Tree::of(programs).script("sv/run", RUN);
        let _supervise = tree.spawn("supervise", ["sv"]);
        let first = until_up(&tree, "sv");
        let pid = format!("--new-pid={first}");
        assert_eq!(svwait(&tree, &[&pid, "-t0", "sv"]).end, End::Code(99));
        let mut process = start(&tree, &["--new-pid", "sv"]);
        until_waiting(&mut process);
        tree.run("svc", ["-t", "sv"]);
        assert_eq!(process.wait(), exits(0, "", ""));
        assert_eq!(svwait(&tree, &[&pid, "sv"]), exits(0, "", ""));
        assert_ne!(until_up(&tree, "sv"), first);
    });
}
