//! `multilog`: the script, the files, the signals, the processor, recovery.
//!
//! In the modules: `script` what the actions do with lines; `rotation` when files end and what they are called;
//! `recovery` what is made of what an earlier run left; `signals` TERM and ALRM; `processor`; `trouble`.
//!
//! Not tested: how many bytes a kill loses (in `torture`, on ours); at which line end a file ends when several lines near
//! its size are read at a time (the original takes the last one of up to 1024 bytes; ours the first).

mod processor;
mod recovery;
mod rotation;
mod script;
mod signals;
mod trouble;

use std::io::Write;
use std::os::fd::OwnedFd;

use daemontools_tests::{End, Output, Process, Tree, exits};
use std::process::ChildStdin;

/// Runs multilog on this input to its end.
fn multilog(tree: &Tree, script: &[&str], input: &[u8]) -> Output {
    tree.command("multilog").args(script).stdin(input).run()
}

/// The same where nothing is said.
#[track_caller]
fn log(tree: &Tree, script: &[&str], input: &[u8]) {
    assert_eq!(multilog(tree, script, input), exits(0, "", ""), "{script:?}");
}

/// A line of this length, the newline included.
fn line(length: usize) -> Vec<u8> {
    let mut line = vec![b'x'; length - 1];
    line.push(b'\n');
    line
}

/// A multilog that runs, with its input in our hands.
struct Running {
    tree: Tree,
    process: Process,
    input: ChildStdin,
    /// How many bytes it was given.
    given: usize,
}

impl Running {
    fn new(script: &[&str]) -> Running {
        Running::within(Tree::new(), script)
    }

    fn within(tree: Tree, script: &[&str]) -> Running {
        let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
        let input = process.stdin();
        Running { tree, process, input, given: 0 }
    }

    /// Gives it bytes that it writes to ./d, and waits until it has.
    #[track_caller]
    fn give(&mut self, bytes: &[u8]) {
        self.input.write_all(bytes).expect("write to multilog");
        self.given += bytes.len();
        self.tree.until_logged("d", self.given);
    }

    /// Ends its input.
    #[track_caller]
    fn end(self) -> Tree {
        drop(self.input);
        assert_eq!(self.process.wait(), exits(0, "", ""));
        self.tree
    }
}

/// A pipe for standard input that outlives who reads it.
fn pipe() -> (OwnedFd, std::fs::File) {
    let (reader, writer) = daemontools_tests::pipe();
    (reader, std::fs::File::from(writer))
}

/// Spec, multilog: "At the end of input the last partial line gets a newline", and exit 0 in any case.
#[test]
fn what_comes_is_in_the_log() {
    for (input, expected) in
        [("", ""), ("\n", "\n"), ("one\ntwo\n", "one\ntwo\n"), ("one\npart", "one\npart\n"), ("\n\n\nx", "\n\n\nx\n")]
    {
        let tree = Tree::new();
        log(&tree, &["./d"], input.as_bytes());
        assert_eq!(tree.read("d/current"), expected.as_bytes(), "{input:?}");
    }
    let tree = Tree::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).chain([b'\n']).collect();
    log(&tree, &["./d"], &bytes);
    assert_eq!(tree.read("d/current"), bytes);
}

/// Spec, corners: "Standard input closed or a directory: as at its end, exit 0."
#[test]
fn input_that_cannot_be_read_is_at_its_end() {
    let tree = Tree::new().file("file", "from a file\nwithout a newline");
    let command = || tree.command("multilog").arg("./d");
    assert_eq!(command().closed(0).run(), exits(0, "", ""));
    assert_eq!(command().descriptor(0, std::fs::File::open("/").expect("open /")).run(), exits(0, "", ""));
    assert_eq!(command().run(), exits(0, "", ""));
    assert_eq!(tree.read("d/current"), b"");
    let file = std::fs::File::open(tree.path("file")).expect("open a file");
    assert_eq!(command().descriptor(0, file).run(), exits(0, "", ""));
    assert_eq!(tree.read("d/current"), b"from a file\nwithout a newline\n");
}

#[test]
fn a_socket_is_as_good_as_a_pipe() {
    let tree = Tree::new();
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets");
    let process = tree.command("multilog").arg("./d").descriptor(0, theirs).spawn();
    (&ours).write_all(b"one\n").expect("write");
    tree.until_logged("d", 4);
    (&ours).write_all(b"two\nthr").expect("write");
    tree.until_logged("d", 8);
    drop(ours);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(tree.read("d/current"), b"one\ntwo\nthr\n");
}

/// Spec, multilog: "Nothing it has read is held back while it waits for more".
#[test]
fn each_line_is_there_as_it_comes() {
    let mut running = Running::new(&["./d"]);
    for length in [1, 2, 80, 999, 1000, 1001, 5000] {
        running.give(&line(length));
    }
    running.end();
}

/// Spec, corners: "A line of 100 MB passes within 2 MB of memory." Here of 8 MB.
#[test]
fn a_line_has_any_length() {
    let tree = Tree::new();
    let mut input = vec![b'x'; 8 << 20];
    input.extend(b"y\nnext\n");
    log(&tree, &["s16777215", "./d"], &input);
    assert_eq!(tree.read("d/current").len(), input.len());
    assert!(tree.read("d/current") == input, "it is not what came");
}

/// Spec, multilog: the modes; "umask 022", whatever it was started with.
#[test]
fn modes_are_what_they_are_under_any_umask() {
    for mask in [0o000, 0o022, 0o077] {
        let tree = Tree::new();
        let mut process = tree.command("multilog").args(["s4096", "=st", "./d"]).umask(mask).stdin_pipe().spawn();
        let mut input = process.stdin();
        input.write_all(&line(3000)).expect("write");
        tree.until_logged("d", 3000);
        input.write_all(&line(10)).expect("write");
        tree.until_logged("d", 3010);
        let files = |current| {
            [("@.s", 0o744, 3000), ("current", current, 10), ("lock", 0o600, 0), ("state", 0o644, 0)]
                .map(|(name, mode, size)| (name.to_owned(), mode, size))
        };
        daemontools_tests::until("the files of a running log", || tree.log_shape("d") == files(0o644));
        drop(input);
        assert_eq!(process.wait().end, End::Code(0));
        assert_eq!(tree.log_shape("d"), files(0o744), "umask {mask:o}");
        let mode = |path| {
            daemontools_tests::cyclog::files(&tree.path("."))
                .into_iter()
                .find_map(|file| (file.name == path).then_some(file.mode))
        };
        assert_eq!((mode("d"), mode("st")), (Some(0o700), Some(0o600)), "umask {mask:o}");
    }
}
