//! What holds for every program: one message is one write, and no environment variable is needed.
//!
//! Here for the programs that serve a tree; those that run another program are in `transparency.rs` and their own files.
//! Not tested: messages longer than a pipe takes in one piece.

use std::os::unix::net::UnixDatagram;

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Tree, exits, until};

/// The packets that come out of a datagram socket: each write is one.
fn packets(socket: &UnixDatagram) -> Vec<String> {
    socket.set_nonblocking(true).expect("do not wait");
    let mut buffer = [0; 4096];
    let mut packets = Vec::new();
    while let Ok(length) = socket.recv(&mut buffer) {
        packets.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
    }
    packets
}

/// Spec, conventions: "Each message is one write, so that lines of several processes do not mix."
#[test]
fn a_message_is_one_write() {
    let tree = Tree::new().dir("sv").link("scan/dangling", "nowhere");
    for (name, arguments, expected) in [
        ("svok", &["missing"][..], &["svok: fatal: unable to chdir to missing: file does not exist\n"][..]),
        ("svok", &[], &["svok: usage: svok dir\n"]),
        (
            "svc",
            &["-u", "sv", "missing"],
            &[
                "svc: warning: unable to control sv: file does not exist\n",
                "svc: warning: unable to chdir to missing: file does not exist\n",
            ],
        ),
        ("supervise", &["missing"], &["supervise: fatal: unable to chdir to missing: file does not exist\n"]),
        ("svscan", &["missing"], &["svscan: fatal: unable to chdir to missing: file does not exist\n"]),
    ] {
        let (here, there) = UnixDatagram::pair().expect("two sockets");
        tree.command(name).args(arguments).descriptor(2, there).run();
        assert_eq!(packets(&here), expected, "{name}");
    }
    // And those of a process on its way to the service, and of svscan at work.
    for (name, dir, expected) in [
        ("supervise", "sv", "supervise: fatal: unable to start sv/run: file does not exist\n"),
        ("svscan", "scan", "svscan: warning: unable to stat dangling: file does not exist\n"),
    ] {
        let (here, there) = UnixDatagram::pair().expect("two sockets");
        let _process = tree.command(name).arg(dir).descriptor(2, there).spawn();
        let mut said = Vec::new();
        until("a message", || {
            said.extend(packets(&here));
            !said.is_empty()
        });
        assert!(said.iter().all(|packet| packet == expected), "{said:?}");
    }
}

/// Spec, conventions: "No program needs any environment variable."
#[test]
fn an_empty_environment() {
    let tree = Tree::new().exec("sv/run", "#!/bin/cat -\n");
    let command = |name: &str| tree.command(name).environ([""; 0]);
    assert_eq!(command("svok").arg("sv").run(), exits(100, "", ""));
    let supervise = command("supervise").arg("sv").stdin_pipe().spawn();
    until_up(&tree, "sv");
    let out = command("svstat").arg("sv").run();
    assert!(out.end == End::Code(0) && out.stdout.starts_with(b"sv: up (pid "), "{out:?}");
    assert_eq!(command("svc").args(["-dx", "sv"]).run(), exits(0, "", ""));
    assert_eq!(supervise.wait(), exits(0, "", ""));
    let out = command("svscan").arg("missing").run();
    assert_eq!(out, exits(111, "", "svscan: fatal: unable to chdir to missing: file does not exist\n"));
}
