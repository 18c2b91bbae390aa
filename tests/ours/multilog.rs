//! multilog where it differs from 0.76 on purpose: docs/differences.md, its section.
//!
//! What a kill costs is in `torture`.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::Duration;

use daemontools_tests::cyclog::is_drained;
use daemontools_tests::wait::all_the_while;
use daemontools_tests::{End, Programs, Tree, broken_pipe, exits, proc, until};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::Signal;

/// What root and others may enlarge a pipe to, in bytes.
const MAX_PIPE: usize = 1024 * 1024;

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

/// Kind, mode and content of each file but `lock`.
fn contents(tree: &Tree) -> Vec<(String, u32, String)> {
    let files = tree.log_files("d").into_iter().filter(|file| file.name != "lock");
    files.map(|file| (file.kind(), file.mode, String::from_utf8_lossy(&file.content).into_owned())).collect()
}

/// The same, to compare with.
fn are<const N: usize>(files: [(&str, u32, &str); N]) -> Vec<(String, u32, String)> {
    files.map(|(kind, mode, content)| (kind.to_owned(), mode, content.to_owned())).to_vec()
}

fn put(tree: &Tree, name: &str, content: &str, mode: u32) {
    let path = tree.path("d").join(name);
    fs::create_dir_all(tree.path("d")).expect("make a directory");
    fs::write(&path, content).expect("write a file");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set its mode");
}

/// A pipe that outlives who reads it.
fn pipe() -> (OwnedFd, File) {
    let (reader, writer) = daemontools_tests::pipe();
    (reader, File::from(writer))
}

fn rest(reader: OwnedFd, writer: File) -> Vec<u8> {
    drop(writer);
    let mut rest = Vec::new();
    File::from(reader).read_to_end(&mut rest).expect("read a pipe");
    rest
}

#[test]
fn an_empty_current_leaves_no_file_behind() {
    let tree = tree();
    put(&tree, "current", "", 0o644);
    put(&tree, "state", "S", 0o644);
    assert_eq!(tree.run("multilog", ["./d"]), exits(0, "", ""));
    assert_eq!(contents(&tree), are([("current", 0o744, ""), ("state", 0o644, "")]));
}

/// 0.76 leaves them, and the next rotation overwrites them.
#[test]
fn what_lies_beside_a_clean_current_is_kept() {
    for (processed, kept) in [
        (None, are([("@.u", 0o644, "P"), ("current", 0o744, "C"), ("state", 0o644, "S")])),
        (Some(0o644), are([("@.u", 0o644, "P"), ("current", 0o744, "C"), ("state", 0o644, "S")])),
        (Some(0o744), are([("@.s", 0o744, "Q"), ("current", 0o744, "C"), ("state", 0o644, "S")])),
    ] {
        let tree = tree();
        put(&tree, "current", "C", 0o744);
        put(&tree, "previous", "P", 0o644);
        put(&tree, "state", "S", 0o644);
        if let Some(mode) = processed {
            put(&tree, "processed", "Q", mode);
        }
        assert_eq!(tree.run("multilog", ["./d"]), exits(0, "", ""));
        assert_eq!(contents(&tree), kept, "{processed:?}");
    }
}

/// Where the clock has been set back, 0.76 removes each new file at once, being the oldest by its name.
#[test]
fn a_new_file_comes_after_all_others_whatever_the_clock_says() {
    let tree = tree();
    put(&tree, "@40000000fffffffa3b9ac9ff.s", "a", 0o744);
    for line in ["b\n", "c\n", "d\n"] {
        put(&tree, "current", line, 0o644);
        assert_eq!(tree.run("multilog", ["n4", "./d"]), exits(0, "", ""));
    }
    let old: Vec<(String, Vec<u8>)> =
        tree.log_files("d").into_iter().filter(|file| file.is_old()).map(|file| (file.name, file.content)).collect();
    let names: Vec<&str> = old.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(old.len(), 3, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("@40000000fffffffb0000000")), "{names:?}");
    assert_eq!(old.last().expect("an old file").1, b"d\n");
}

/// A name beyond all clocks counts as old, and does not keep the next file from its own.
#[test]
fn a_file_from_the_end_of_time_does_not_cost_the_newest() {
    let tree = tree();
    put(&tree, "@ffffffffffffffffffffffff.s", "strange", 0o744);
    put(&tree, "current", "new\n", 0o644);
    assert_eq!(tree.run("multilog", ["n2", "./d"]), exits(0, "", ""));
    assert_eq!(contents(&tree)[0], ("@.u".to_owned(), 0o644, "new\n".to_owned()));
}

/// 0.76 takes that for the end of input.
#[test]
fn input_that_does_not_block_is_waited_for() {
    let tree = tree();
    let (reader, mut writer) = pipe();
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("set a flag");
    let process = tree.command("multilog").arg("./d").descriptor(0, reader).spawn();
    for count in 1..=3 {
        writer.write_all(b"line\n").expect("write");
        tree.until_logged("d", 5 * count);
    }
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
}

/// 0.76 is ended by SIGPIPE.
#[test]
fn a_closed_standard_error_does_not_end_the_log() {
    let tree = tree();
    let out = tree.command("multilog").args(["e", "./d"]).stdin("a\nb\n").descriptor(2, broken_pipe()).run();
    assert_eq!(out.end, End::Code(0));
    assert_eq!(tree.read("d/current"), b"a\nb\n");
}

/// Whatever of them a user could have put there: nothing is written where a link leads.
#[test]
fn links_in_a_log_directory_are_not_followed() {
    const SET_ASIDE: &str = "renamed";
    for (file, message) in [
        ("current", "append to ./d/current"),
        ("lock", "lock directory ./d"),
        ("state", ""),
        ("newstate", ""),
        ("processed", SET_ASIDE),
        ("previous", SET_ASIDE),
    ] {
        let tree = tree().dir("d").file("target", "precious");
        symlink("../target", tree.path("d").join(file)).expect("make a link");
        let out = tree.command("multilog").args(["s4096", "!cat", "./d"]).stdin(vec![b'x'; 5000]).run();
        match message {
            "" => assert_eq!(out, exits(0, "", ""), "{file}"),
            SET_ASIDE => {
                let warning = format!("multilog: warning: ./d/{file} is a symbolic link, renamed to {file}.@");
                assert!(out.stderr.starts_with(warning.as_bytes()) && out.end == End::Code(0), "{out:?}");
            }
            _ => assert_eq!(out, exits(111, "", format!("multilog: fatal: unable to {message}: symbolic link loop\n"))),
        }
        assert_eq!(tree.read("target"), b"precious", "{file}");
    }
}

/// 0.76 warns twice and names whatever error came last.
#[test]
fn a_processor_that_crashed_is_told_once() {
    let tree = tree();
    let script = "!echo x >>../runs; test $(wc -l <../runs) = 2 || kill -9 $$; cat";
    let out = tree.command("multilog").args(["s4096", script, "./d"]).stdin(vec![b'x'; 4097]).run();
    assert_eq!(out, exits(0, "", "multilog: warning: processor crashed in ./d, pausing\n"));
}

/// Lines are lost then (docs/differences.md), but nobody takes the other's reading for the end of the input.
#[test]
fn two_readers_of_a_pipe_stay_until_its_end() {
    let tree = tree();
    let (reader, mut writer) = pipe();
    let read =
        |log| tree.command("multilog").arg(log).descriptor(0, reader.try_clone().expect("copy a descriptor")).spawn();
    let mut readers = ["./a", "./b"].map(read);
    for _ in 0..300 {
        writer.write_all(&b"a line\n".repeat(100)).expect("write");
    }
    until("all is read", || is_drained(&reader));
    assert!(readers.iter_mut().all(|process| process.ended().is_none()));
    drop((writer, reader));
    for process in readers {
        assert_eq!(process.wait().end, End::Code(0));
    }
}

/// 0.76 reads no more until the processor has ended. Ours goes on until the next file of that log is full.
#[test]
fn a_processor_at_work_keeps_no_log_waiting() {
    let tree = tree().fifo("go");
    let script = ["s4096", "./plain", "!read x <../go; cat", "./slow"];
    let mut process = tree.command("multilog").args(script).stdin_pipe().spawn();
    let mut input = process.stdin();
    let long = [vec![b'x'; 2999], b"\n".to_vec()].concat();
    input.write_all(&long).expect("write");
    until("the processor runs", || tree.path("slow/newstate").exists());
    input.write_all(b"later\n").expect("write");
    for log in ["plain", "slow"] {
        until("a line in the new file", || tree.read(format!("{log}/current")) == b"later\n");
    }
    assert!(tree.log_files("slow").iter().all(|file| !file.is_old()));
    // The next full file waits, and with it the input.
    input.write_all(&[&long[..], b"last\n"].concat()).expect("write");
    until("a full file", || tree.read("slow/current").len() == 3006);
    drop(input);
    tree.put_file("go", "go\n");
    until("the second run", || {
        tree.log_files("slow").iter().any(|file| file.is_old()) && tree.path("slow/newstate").exists()
    });
    tree.put_file("go", "go\n");
    assert_eq!(process.wait(), exits(0, "", ""));
    for log in ["plain", "slow"] {
        assert_eq!(tree.log_sizes(log), [3000, 3006, 5], "{log}");
    }
}

/// The first line end near the size, however much comes at a time.
#[test]
fn where_a_file_ends_does_not_depend_on_what_comes_at_a_time() {
    let lines: Vec<u8> = (0..3000).flat_map(|n| format!("{n} {}\n", "x".repeat(n * 37 % 200)).into_bytes()).collect();
    let sizes = |piece: usize| {
        let tree = tree();
        let mut process = tree.command("multilog").args(["s4096", "n999", "./d"]).stdin_pipe().spawn();
        let mut input = process.stdin();
        for piece in lines.chunks(piece) {
            input.write_all(piece).expect("write");
        }
        drop(input);
        assert_eq!(process.wait(), exits(0, "", ""));
        assert!(tree.logged("d") == lines);
        tree.log_sizes("d")
    };
    let expected = sizes(1_000_000);
    assert!(expected.len() > 100 && expected[0] < 2096 + 210, "{expected:?}");
    for piece in [1, 100, 511, 65_536] {
        assert_eq!(sizes(piece), expected, "in pieces of {piece}");
    }
}

/// What was not dealt with stays in the pipe, also an unfinished line: another reader finds it there.
#[test]
fn an_unfinished_line_is_not_lost_with_us() {
    let tree = tree();
    let (reader, mut writer) = pipe();
    let stdin = || reader.try_clone().expect("copy a descriptor");
    let process = tree.command("multilog").args(["t", "./d"]).descriptor(0, stdin()).spawn();
    writer.write_all(b"one\nunfin").expect("write");
    tree.until_logged("d", 26 + 4);
    process.signal(Signal::SIGKILL);
    let _ = process.wait();
    writer.write_all(b"ished\n").expect("write");
    drop(writer);
    assert_eq!(tree.command("multilog").args(["t", "./d"]).descriptor(0, stdin()).run(), exits(0, "", ""));
    let texts: Vec<String> = tree
        .log_files("d")
        .iter()
        .filter(|file| file.is_old() || file.name == "current")
        .flat_map(|file| {
            file.content.split_inclusive(|&b| b == b'\n').map(|line| line[26..].to_vec()).collect::<Vec<_>>()
        })
        .map(|text| String::from_utf8(text).expect("text"))
        .collect();
    assert_eq!(texts, ["one\n", "unfinished\n"]);
}

/// A second later it is in memory, so that nobody waits for ever for room in a pipe.
#[test]
fn an_unfinished_line_is_taken_out_in_time() {
    let tree = tree();
    let (reader, mut writer) = pipe();
    let stdin = reader.try_clone().expect("copy a descriptor");
    let process = tree.command("multilog").arg("./d").descriptor(0, stdin).spawn();
    // The smallest pipe there is: nothing more goes in until that is out.
    fcntl(&reader, FcntlArg::F_SETPIPE_SZ(4096)).expect("make the pipe small");
    writer.write_all(&[b'x'; 900]).expect("write");
    until("the beginning of a line is out", || is_drained(&reader));
    assert_eq!(tree.logged("d"), b"");
    writer.write_all(&[vec![b'y'; 5000], b"\n".to_vec()].concat()).expect("write");
    tree.until_logged("d", 5901);
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert_eq!(rest(reader, File::open("/dev/null").expect("open")), b"");
}

/// Pipes of every size, and lines cut into writes of every length.
#[test]
fn a_pipe_of_any_size_will_do() {
    let text: Vec<u8> = (0..2000).flat_map(|n| format!("{n} {}\n", "z".repeat(n % 1300)).into_bytes()).collect();
    for size in [4096, 8192, 16_384, 65_536, 1_048_576] {
        let tree = tree();
        let (reader, mut writer) = pipe();
        fcntl(&reader, FcntlArg::F_SETPIPE_SZ(size)).expect("set the size of a pipe");
        let process = tree.command("multilog").args(["s16777215", "./d"]).descriptor(0, reader).spawn();
        for (piece, length) in text.chunks(5000).zip((1..).map(|n| 1 + n * 997 % 4999)) {
            let (one, two) = piece.split_at(length.min(piece.len()));
            writer.write_all(one).expect("write");
            writer.write_all(two).expect("write");
        }
        drop(writer);
        assert_eq!(process.wait(), exits(0, "", ""));
        assert!(tree.read("d/current") == text, "through a pipe of {size}");
    }
}

/// A pipe of packets is read as it comes, since a packet cannot be taken out in part.
#[test]
fn packets_are_lines_too() {
    let tree = tree();
    let (reader, writer) = nix::unistd::pipe2(OFlag::O_DIRECT | OFlag::O_CLOEXEC).expect("a pipe of packets");
    let process = tree.command("multilog").args(["s16777215", "./d"]).descriptor(0, reader).spawn();
    let mut writer = File::from(writer);
    let mut expected = Vec::new();
    for number in 0..300 {
        let packet = format!("{number} {}\n{number} be", "x".repeat(number % 90));
        writer.write_all(packet.as_bytes()).expect("write");
        writer.write_all(b"gun\n").expect("write");
        expected.extend([packet.as_bytes(), b"gun\n"].concat());
    }
    drop(writer);
    assert_eq!(process.wait(), exits(0, "", ""));
    assert!(tree.read("d/current") == expected);
}

/// Few descriptors: it reads without looking first.
#[test]
fn eight_open_files_are_enough() {
    for limit in 8..16 {
        let tree = tree();
        let lines: Vec<u8> = (0..2000).flat_map(|n| format!("{n} a line\n").into_bytes()).collect();
        let command = tree.command("multilog").args(["s4096", "n3", "!cat", "./d"]);
        let out = command.limit(libc::RLIMIT_NOFILE, limit, limit).stdin(&lines).run();
        assert_eq!(out, exits(0, "", ""), "{limit} open files");
        assert!(lines.ends_with(&tree.logged("d")) && tree.log_sizes("d").len() == 3, "{limit} open files");
    }
}

/// What a flood needs, memory and a larger pipe, goes back when it is over; and the next flood gets it again.
#[test]
fn a_flood_leaves_nothing_behind() {
    // A pipe is filled by whole lines of this length.
    let line = [vec![b'x'; 63], b"\n".to_vec()].concat();
    let lines = line.repeat(MAX_PIPE / line.len());
    for script in [&["t", "s16777215", "./d"][..], &["s16777215", "-*y*", "e", "./d"]] {
        let tree = tree();
        let (reader, mut writer) = pipe();
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).expect("set a flag");
        let pipe_size = || fcntl(&writer, FcntlArg::F_GETPIPE_SZ).expect("the size of a pipe");
        let before = pipe_size();
        let stdin = reader.try_clone().expect("copy a descriptor");
        let process = tree.command("multilog").args(script).descriptor(0, stdin).spawn();
        let kilobytes = |name| -> u64 {
            let field = proc::field(process.pid(), name).expect("a field");
            field.trim_end_matches(" kB").parse().expect("a number")
        };
        (&writer).write_all(&line).expect("write");
        until("the first line is there", || !tree.read("d/current").is_empty());
        let small = kilobytes("RssAnon");
        for _ in 0..2 {
            until("more memory and a larger pipe", || {
                until("multilog has read all", || is_drained(&reader));
                // On a busy machine the writer would be slower than multilog, and the pipe never full.
                process.signal(Signal::SIGSTOP);
                until("multilog has stopped", || proc::state(process.pid()) == Some('T'));
                while (&writer).write(&lines).is_ok() {}
                process.signal(Signal::SIGCONT);
                pipe_size() > before && kilobytes("RssAnon") > small + 400
            });
            until("the pipe is as it was", || pipe_size() == before);
            until("the memory is back", || kilobytes("RssAnon") < small + 200);
        }
        writer.flush().expect("flush");
        drop((reader, writer));
        assert_eq!(process.wait().end, End::Code(0));
    }
}

/// Idle, it sleeps.
#[test]
fn an_idle_multilog_does_not_wake_up() {
    let tree = tree();
    let mut process = tree.command("multilog").args(["t", "./d"]).stdin_pipe().spawn();
    let mut input = process.stdin();
    input.write_all(b"a line\n").expect("write");
    tree.until_logged("d", 33);
    let pid = process.pid();
    let wakes = || proc::field(pid, "voluntary_ctxt_switches");
    // What comes of the line may come first.
    until("three seconds without a wake-up", || {
        let before = wakes();
        all_the_while("multilog is there", Duration::from_secs(3), || proc::alive(pid));
        before == wakes()
    });
    drop(input);
    assert_eq!(process.wait(), exits(0, "", ""));
}
