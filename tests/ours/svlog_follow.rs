//! `svlog -f`, and reading while multilog rotates, on the logs of our multilog and of the original's.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;

use daemontools_tests::{End, Process, Programs, Tree, pipe, proc, until};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::svlog::{Feed, is_complete, line, local, numbered, old_files, shown, start, with_both};

/// Waits until the follower has shown this many lines.
#[track_caller]
fn until_shown(process: &Process, count: u32) {
    until(&format!("{count} lines"), || {
        process.stdout().iter().filter(|&&byte| byte == b'\n').count() >= count as usize
    });
}

#[test]
fn following_loses_and_repeats_nothing() {
    with_both(|programs| {
        for stamped in ["t", "-nothing"] {
            for processor in [None, Some("!cat"), Some("!gzip")] {
                let tree = Tree::of(programs).dir("log");
                let script = [Some(stamped), Some("s4096"), Some("n1000"), processor, Some("./log")];
                let script: Vec<&str> = script.into_iter().flatten().collect();
                let mut feed = Feed::new(&tree, &script);
                feed.lines(300);
                until("current", || tree.path("log/current").exists());
                let follower = start(&tree, &["-f", "-n", "1000000", "log"]);
                until_shown(&follower, 300);
                // Fast, and then line by line.
                feed.lines(3000);
                for _ in 0..50 {
                    feed.lines(1);
                }
                until_shown(&follower, 3350);
                // It sleeps while multilog rotates many times; then multilog rests.
                let rotations = old_files(&tree, "log");
                kill(Pid::from_raw(follower.pid()), Signal::SIGSTOP).expect("stop svlog");
                until("svlog to stop", || proc::state(follower.pid()) == Some('T'));
                feed.lines(1000);
                until("rotations", || old_files(&tree, "log") > rotations + 5);
                kill(Pid::from_raw(follower.pid()), Signal::SIGCONT).expect("continue svlog");
                feed.lines(10);
                until_shown(&follower, 4360);
                // The same again, and multilog ends and begins anew meanwhile.
                kill(Pid::from_raw(follower.pid()), Signal::SIGSTOP).expect("stop svlog");
                feed.lines(200);
                let next = feed.next;
                feed.end();
                let mut feed = Feed::new(&tree, &script);
                feed.next = next;
                feed.lines(500);
                kill(Pid::from_raw(follower.pid()), Signal::SIGCONT).expect("continue svlog");
                feed.lines(1);
                until_shown(&follower, feed.next);
                let what = format!("{stamped} {processor:?}");
                assert_eq!(follower.stderr(), b"", "{what}");
                is_complete(&follower.stdout(), feed.next);
                feed.end();
            }
        }
    });
}

/// What was thrown away while it slept is lost; what is left comes in order, and nothing comes twice.
#[test]
fn a_follower_that_slept_too_long_goes_on_with_what_is_left() {
    with_both(|programs| {
        for processor in [None, Some("!gzip")] {
            let tree = Tree::of(programs);
            let script: Vec<&str> = ["t", "s4096", "n3"].into_iter().chain(processor).chain(["./log"]).collect();
            let mut feed = Feed::new(&tree, &script);
            feed.lines(100);
            until("current", || tree.path("log/current").exists());
            let follower = start(&tree, &["-f", "log"]);
            until_shown(&follower, 10);
            kill(Pid::from_raw(follower.pid()), Signal::SIGSTOP).expect("stop svlog");
            feed.lines(3001);
            feed.end();
            kill(Pid::from_raw(follower.pid()), Signal::SIGCONT).expect("continue svlog");
            let ends = |text: &[u8]| text.ends_with(format!("{}\n", numbered(3100)).as_bytes());
            until("the last line", || ends(&follower.stdout()));
            let text = String::from_utf8(follower.stdout()).expect("text");
            let numbers: Vec<u32> = text
                .lines()
                .map(|line| line.split(' ').nth(3).and_then(|n| n.parse().ok()).expect("a number"))
                .collect();
            assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{processor:?}: {numbers:?}");
            assert!(numbers.len() > 20, "{processor:?}: {numbers:?}");
        }
    });
}

#[test]
fn following_begins_with_the_last_ten_and_holds_back_half_lines() {
    let tree = Tree::of(Programs::ours());
    let lines: String = (0..30).map(|number| line(number, "x")).collect();
    let tree = tree.file("log/current", lines);
    let follower = start(&tree, &["-f", "log"]);
    until_shown(&follower, 10);
    let mut current = fs::File::options().append(true).open(tree.path("log/current")).expect("open current");
    let half = line(40, "y");
    let (begin, end) = half.split_at(20);
    current.write_all(begin.as_bytes()).expect("write");
    // Who begins now has to see all of that line too.
    let late = start(&tree, &["-fn0", "log"]);
    until("two that wait", || proc::state(late.pid()) == Some('S') && proc::state(follower.pid()) == Some('S'));
    current.write_all(end.as_bytes()).expect("write");
    until_shown(&follower, 11);
    until_shown(&late, 1);
    let text = String::from_utf8(follower.stdout()).expect("text");
    assert!(text.starts_with(&local(20, "x")) && text.ends_with(&local(40, "y")), "{text}");
    let late = String::from_utf8(late.stdout()).expect("text");
    assert!(late.ends_with(&local(40, "y")), "{late}");
}

#[test]
fn a_follower_sees_what_a_killed_multilog_left() {
    with_both(|programs| {
        let tree = Tree::of(programs);
        let mut feed = Feed::new(&tree, &["t", "./log"]);
        feed.lines(10);
        until("ten lines", || tree.lines("log/current").len() == 10);
        let follower = start(&tree, &["-fn100", "log"]);
        until_shown(&follower, 10);
        // Killed in the middle of a line, which never ends.
        drop(feed);
        let mut current = fs::File::options().append(true).open(tree.path("log/current")).expect("open current");
        current.write_all(b"half a line").expect("write");
        let mut feed = Feed::new(&tree, &["t", "./log"]);
        feed.next = 10;
        feed.lines(10);
        until_shown(&follower, 21);
        let text = String::from_utf8(follower.stdout()).expect("text");
        let (torn, whole): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.ends_with("half a line"));
        assert_eq!(torn.len(), 1, "{text}");
        is_complete((whole.join("\n") + "\n").as_bytes(), 20);
        assert_eq!(follower.stderr(), b"");
    });
}

/// Removed or moved away with what is above it, and made again: whoever follows goes on there.
#[test]
fn a_log_directory_that_is_made_again_is_followed() {
    let ours = Programs::ours();
    for away in ["rm -r sv/log/main", "rm -r sv/log", "mv sv/log/main old", "rm -r sv"] {
        let tree = Tree::of(ours).dir("sv/log");
        let begin = |first: u32| {
            let mut feed = Feed::new(&tree, &["t", "./sv/log/main"]);
            feed.next = first;
            feed.lines(10);
            feed
        };
        let feed = begin(0);
        until("ten lines", || tree.lines("sv/log/main/current").len() == 10);
        let follower = start(&tree, &["-fn100", "sv/log/main"]);
        until_shown(&follower, 10);
        feed.end();
        for round in 1..4 {
            assert_eq!(tree.shell(&format!("rm -rf old; {away}")).end, End::Code(0), "{away}");
            // At once, or when the follower has seen that nothing is there.
            if round == 2 {
                until("svlog to wait", || proc::state(follower.pid()) == Some('S'));
            }
            fs::create_dir_all(tree.path("sv/log")).expect("make sv/log");
            let feed = begin(round * 10);
            until_shown(&follower, (round + 1) * 10);
            feed.end();
        }
        is_complete(&follower.stdout(), 40);
        assert_eq!(follower.stderr(), b"", "{away}");
    }
}

/// Whoever reads while multilog rotates sees every line from the first to some later one.
#[test]
fn reading_a_log_that_is_rotated_meanwhile_leaves_no_gap() {
    with_both(|programs| {
        for processor in [None, Some("!cat")] {
            let tree = Tree::of(programs);
            let script: Vec<&str> = ["t", "s4096", "n9999"].into_iter().chain(processor).chain(["./log"]).collect();
            let mut feed = Feed::new(&tree, &script);
            feed.lines(1);
            until("current", || tree.path("log/current").exists());
            let feeder = std::thread::spawn(move || {
                (0..100).for_each(|_| feed.lines(100));
                feed
            });
            let mut seen = 0;
            for round in 0.. {
                let text = shown(&tree, &["-otai64n", "log"]);
                let count = text.lines().count() as u32;
                is_complete(text.as_bytes(), count);
                assert!(count >= seen, "{seen} lines, and then {count}");
                seen = count;
                if feeder.is_finished() && round > 20 {
                    break;
                }
            }
            feeder.join().expect("feed").end();
            is_complete(shown(&tree, &["log"]).as_bytes(), 10_001);
        }
    });
}

fn readable(reader: &impl AsFd) -> bool {
    let mut descriptors = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    poll(&mut descriptors, PollTimeout::ZERO) == Ok(1)
}

/// Also where the reader does not read, so that svlog waits in the middle of its output.
#[test]
fn a_signal_ends_a_follower_after_a_whole_line() {
    let lines: String = (0..20_000).map(|number| line(number, &"x".repeat(300))).collect();
    let tree = Tree::of(Programs::ours()).file("log/current", &lines);
    for signal in [Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM] {
        let command = || tree.command_of(Programs::ours(), "svlog").args(["-fn20000", "-otai64n", "log"]);
        let (reader, writer) = pipe();
        let follower = command().descriptor(1, writer).spawn();
        until("something is shown", || readable(&reader));
        until("svlog to wait", || proc::state(follower.pid()) == Some('S'));
        follower.signal(signal);
        let mut text = Vec::new();
        fs::File::from(reader).read_to_end(&mut text).expect("read");
        assert_eq!(follower.wait().end, End::Signal(signal as i32));
        assert!(text.ends_with(b"x\n") && lines.as_bytes().starts_with(&text), "{} bytes", text.len());
        // Everything was shown, and then it waited.
        let follower = start(&tree, &["-f", "log"]);
        until_shown(&follower, 10);
        follower.signal(signal);
        assert_eq!(follower.wait().end, End::Signal(signal as i32));
        // What was ignored stays ignored.
        let (reader, writer) = pipe();
        let follower = command().ignored(&[signal as i32]).descriptor(1, writer).spawn();
        follower.signal(signal);
        let mut text = vec![0; lines.len()];
        fs::File::from(reader).read_exact(&mut text).expect("read");
        assert_eq!(follower.wait().end, End::Code(0));
        assert!(text == lines.as_bytes());
    }
}
