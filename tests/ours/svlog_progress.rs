//! How far `svlog` is: shown on a terminal when it takes more than a second, and never where the output is a pipe.
//!
//! Its work is made long by nobody reading its output for a while.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use daemontools_tests::{End, Programs, Tree, pipe, proc, until};

use crate::svlog::line;

/// Longer than svlog's patience.
const A_WHILE: Duration = Duration::from_millis(1500);

/// Runs svlog with its standard output at `output`, whose other side is `reader`: what came there.
fn slowly_read(tree: &Tree, output: OwnedFd, reader: &mut File, stderr: OwnedFd) -> String {
    let svlog = tree.command_of(Programs::ours(), "svlog").env("TZ", "UTC").arg("log");
    let svlog = svlog.descriptor(1, output).descriptor(2, stderr).spawn();
    until("svlog to wait for its reader", || proc::state(svlog.pid()) == Some('S'));
    let since = Instant::now();
    until("its patience to end", || since.elapsed() > A_WHILE);
    let mut text = Vec::new();
    // A terminal ends with EIO, because nobody has the other side open any more.
    let _ = reader.read_to_end(&mut text);
    assert_eq!(svlog.wait().end, End::Code(0));
    String::from_utf8(text).expect("text")
}

#[test]
fn a_terminal_is_told_and_a_pipe_is_not() {
    let lines: String = (0..40_000).map(|number| line(number, "a line to be read")).collect();
    let tree = Tree::of(Programs::ours()).file("log/current", lines);
    let terminal = || nix::pty::openpty(None, None).expect("a terminal");

    let pty = terminal();
    let again = pty.slave.try_clone().expect("duplicate a descriptor");
    let text = slowly_read(&tree, pty.slave, &mut File::from(pty.master), again);
    assert_eq!(text.matches("a line to be read").count(), 40_000);
    let (_, progress) = text.split_once("\r\u{1b}[Ksvlog: ").expect("progress is shown");
    let (progress, lines) = progress.split_once("\r\u{1b}[K").expect("it is taken away");
    assert!(progress.contains(" of 1.7 MiB read, ") && progress.ends_with(" %"), "{progress}");
    assert!(lines.starts_with("1970-"), "lines come where it was");

    let (pty, (reader, writer)) = (terminal(), pipe());
    let text = slowly_read(&tree, writer, &mut File::from(reader), pty.slave);
    assert_eq!(text.matches("a line to be read").count(), 40_000);
    let mut told = Vec::new();
    let _ = File::from(pty.master).read_to_end(&mut told);
    assert!(told.is_empty(), "{}", told.escape_ascii());
}
