//! `svps --watch`: on a terminal, with its signals; what links lead to; without inotify.
//!
//! Not tested here: each kind of change (`svps_changes.rs`).

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;

use daemontools_tests::run::answer;
use daemontools_tests::status::{until_down, until_up};
use daemontools_tests::{End, Process, Programs, Tree, fault, left_out, pipe, proc, until};
use nix::sys::signal::Signal;

use crate::svps::svps;
use crate::svps_changes::last;

/// svps on a terminal of its own, which is set to a number of lines and columns, and what it has written there so far.
struct Watching {
    process: Process,
    terminal: File,
    /// The program's side, which keeps the terminal alive.
    slave: OwnedFd,
    text: Vec<u8>,
}

impl Watching {
    fn start(tree: &Tree) -> Watching {
        let pty = nix::pty::openpty(None, None).expect("a terminal");
        set_size(&pty.slave, 24, 80);
        let slave = pty.slave.try_clone().expect("duplicate");
        nix::fcntl::fcntl(&pty.master, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).expect("fcntl");
        let process = svps(tree)
            .args(["-w", "t"])
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .own_group()
            .descriptor(1, pty.slave)
            .spawn();
        Watching { process, terminal: pty.master.into(), slave, text: Vec::new() }
    }

    /// Waits until it has written this after what was waited for before.
    fn until(&mut self, expected: &str) {
        until(expected, || {
            let _ = self.terminal.read_to_end(&mut self.text);
            let text = String::from_utf8_lossy(&self.text).into_owned();
            let found = text.find(expected);
            if let Some(at) = found {
                self.text.drain(..at + expected.len());
            }
            found.is_some()
        });
    }
}

/// Sets the size of a terminal, of which this is the side of the program.
fn set_size(slave: &impl AsRawFd, rows: u16, columns: u16) {
    let path = format!("/proc/{}/fd/{}", std::process::id(), slave.as_raw_fd());
    let mut stty = Command::new("stty");
    stty.args(["-F", &path, "rows", &rows.to_string(), "columns", &columns.to_string()]);
    let out = answer(&mut stty).expect("run stty");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}

const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

#[test]
fn signals_leave_the_terminal_as_it_was() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    for signal in [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM, Signal::SIGHUP] {
        let mut watching = Watching::start(&tree);
        watching.until(&format!("{ENTER}\x1b[2J\x1b[Ht: 1 service"));
        watching.until("-\x1b[K");
        watching.process.signal(signal);
        watching.until(LEAVE);
        assert_eq!(watching.process.wait().end, End::Signal(signal as i32), "as the shell expects");
    }
}

#[test]
fn it_stops_and_goes_on_as_the_shell_asks() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    let mut watching = Watching::start(&tree);
    watching.until(ENTER);
    watching.until("t: 1 service");
    for _ in 0..2 {
        watching.process.signal(Signal::SIGTSTP);
        watching.until(LEAVE);
        until("it is stopped", || proc::state(watching.process.pid()) == Some('T'));
        watching.process.signal(Signal::SIGCONT);
        watching.until(ENTER);
        watching.until("\x1b[2J\x1b[Ht: 1 service");
    }
}

#[test]
fn a_window_of_another_size_is_drawn_again() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    let mut watching = Watching::start(&tree);
    watching.until("SERVICE  STATE         PID  FOR  WANTS  LOG  RESTARTS");
    set_size(&watching.slave, 10, 30);
    watching.process.signal(Signal::SIGWINCH);
    watching.until("\x1b[2J\x1b[Ht: 1 service, 1 not as wanted");
    watching.until("SERVICE  STATE         LOG\x1b[K");
}

/// As a person does it: ^C at a shell's terminal.
#[test]
fn control_c_ends_it_at_a_terminal() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    if !std::path::Path::new("/usr/bin/script").exists() {
        left_out("svps at a terminal", "script is not installed (bsdutils)");
        return;
    }
    let command = format!("exec {} -w t", Programs::ours().path("svps").display());
    let (reader, writer) = pipe();
    let script = tree.invocation("/usr/bin/script").arg0("script").args(["-qec", &command, "typescript"]);
    let script = script.env("TERM", "xterm").env("SHELL", "/bin/sh").descriptor(0, reader).spawn();
    until("it draws", || String::from_utf8_lossy(&script.stdout()).contains("unsupervised"));
    File::from(writer).write_all(b"\x03").expect("type");
    let out = script.wait();
    assert_eq!(out.end, End::Code(128 + libc::SIGINT));
    assert!(String::from_utf8_lossy(&out.stdout).ends_with(LEAVE), "{out:?}");
}

#[test]
fn a_terminal_shows_a_picture_that_is_redrawn() {
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
    let pty = nix::pty::openpty(None, None).expect("a terminal");
    let watching = svps(&tree).args(["-w", "t"]).env("TERM", "dumb").descriptor(1, pty.slave).spawn();
    nix::fcntl::fcntl(&pty.master, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK)).expect("fcntl");
    let (mut master, mut text) = (File::from(pty.master), Vec::new());
    let mut shows = |what: &str| {
        until(what, || {
            let _ = master.read_to_end(&mut text);
            String::from_utf8_lossy(&text).contains(what)
        });
    };
    shows("\x1b[2J\x1b[Ht: 1 service, 1 not as wanted\x1b[K");
    let _supervise = tree.spawn("supervise", ["t/sv"]);
    shows("\x1b[Ht: 1 service, all as wanted\x1b[K");
    shows(" 2 s ");
    drop(watching);
}

/// A link, and a link behind a link, lead elsewhere while it watches, as in a switch to a new release.
#[test]
fn watching_follows_what_links_lead_to() {
    let tree = Tree::of(Programs::ours()).dir("t/other").script("releases/1/sv/run", "exec sleep 987");
    let tree = tree.script("releases/2/sv/run", "exec sleep 987").file("releases/2/sv/down", "");
    let tree = tree.link("current", "releases/1").link("t/sv", "../current/sv");
    let one = tree.spawn("supervise", ["releases/1/sv"]);
    let first = until_up(&tree, "releases/1/sv");
    let watching = svps(&tree).args(["-jw", "t"]).spawn();
    until("the first release", || last(&watching).is_some_and(|o| o["pid"] == first));
    let _two = tree.spawn("supervise", ["releases/2/sv"]);
    until_down(&tree, "releases/2/sv");
    let tree = tree.link("new", "releases/2");
    std::fs::rename(tree.path("new"), tree.path("current")).expect("rename a link");
    until("the second release", || last(&watching).is_some_and(|o| o["state"] == "down"));
    // And what the link leads to is replaced in place; for a moment, in which svps looks, it leads nowhere.
    std::fs::rename(tree.path("releases/2/sv"), tree.path("releases/2/old")).expect("rename");
    let other = |line: &str| line.contains("\"name\":\"other\"");
    until("only the other one is there", || {
        let text = String::from_utf8(watching.stdout()).expect("UTF-8");
        text.ends_with('\n') && text.lines().last().is_some_and(other)
    });
    std::fs::rename(tree.path("releases/1/sv"), tree.path("releases/2/sv")).expect("rename");
    until("the first again", || last(&watching).is_some_and(|o| o["pid"] == first));
    tree.run("svc", ["-d", "releases/2/sv"]);
    until("its end", || last(&watching).is_some_and(|o| o["state"] == "down"));
    drop(one);
}

#[test]
fn watching_without_inotify_looks_every_second() {
    if !fault::can_trace("svps without inotify") {
        return;
    }
    for fault in
        ["inject=inotify_init1:error=EMFILE", "inject=inotify_add_watch:error=ENOSPC", "inject=ppoll:error=ENOMEM"]
    {
        let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec sleep 987");
        let faults = ["trace=inotify_init1,inotify_add_watch,ppoll".into(), fault.into()];
        let watching = tree.traced_file("trace", &faults, &Programs::ours().path("svps")).args(["-jw", "t"]).spawn();
        until("it is unsupervised", || last(&watching).is_some_and(|o| o["state"] == "unsupervised"));
        let _supervise = tree.spawn("supervise", ["t/sv"]);
        until("it is up", || last(&watching).is_some_and(|o| o["state"] == "up"));
    }
}

/// More happens while they are stopped than the kernel keeps for them; what a link leads to changes last.
#[test]
fn nothing_is_missed_when_the_queue_overflows() {
    let tree = Tree::of(Programs::ours()).script("one/run", "exec sleep 987").script("two/run", "exec sleep 987");
    let tree = tree.link("t/sv", "../one").file("two/down", "");
    let _supervises = (tree.spawn("supervise", ["one"]), tree.spawn("supervise", ["two"]));
    until_up(&tree, "one");
    until_down(&tree, "two");
    let watching = svps(&tree).args(["-jw", "t"]).spawn();
    let waiting = tree.command_of(Programs::ours(), "svwait").args(["-d", "t/sv"]).spawn();
    until("svps has looked", || last(&watching).is_some_and(|o| o["state"] == "up"));
    until("svwait waits", || proc::state(waiting.pid()) == Some('S') && proc::descriptors(waiting.pid()).len() > 4);
    let both = [&watching, &waiting];
    both.iter().for_each(|process| process.signal(Signal::SIGSTOP));
    let most = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("the limit");
    let most: usize = most.trim().parse().expect("a number");
    for number in 0..most / 2 + 100 {
        let path = tree.path(format!("t/.{number}"));
        File::create(&path).expect("make a file");
        std::fs::remove_file(&path).expect("remove it");
    }
    std::os::unix::fs::symlink("../two", tree.path("t/.new")).expect("link");
    std::fs::rename(tree.path("t/.new"), tree.path("t/sv")).expect("rename");
    both.iter().for_each(|process| process.signal(Signal::SIGCONT));
    until("svps sees the other one", || last(&watching).is_some_and(|o| o["state"] == "down"));
    assert_eq!(waiting.wait().end, End::Code(0));
}
