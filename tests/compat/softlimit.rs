//! `softlimit [-acdflmoprst N] PROG…`: lower soft limits. What else it inherits is in `transparency.rs`.
//!
//! Not tested: what the kernel does to a program that reaches a limit.

use std::collections::BTreeMap;

use daemontools_tests::{Invocation, NONE, Output, Tree, exits};

const USAGE: &str = "softlimit: usage: softlimit [-a allbytes] [-c corebytes] [-d databytes] [-f filebytes] \
    [-l lockbytes] [-m membytes] [-o openfiles] [-p processes] [-r residentbytes] [-s stackbytes] [-t cpusecs] child\n";

/// The limits that a program gets which is started like this: soft and hard, by the kernel's names for them.
fn limits(invocation: Invocation) -> BTreeMap<String, (String, String)> {
    let told = invocation.args(["cat", "/proc/self/limits"]).run();
    assert_eq!((told.end, &told.stderr[..]), (exits(0, "", "").end, &b""[..]));
    let text = String::from_utf8(told.stdout).expect("text");
    let column = |line: &str, from: usize, to: usize| line[from..to.min(line.len())].trim().to_owned();
    text.lines().skip(1).map(|line| (column(line, 0, 26), (column(line, 26, 47), column(line, 47, 68)))).collect()
}

/// What is different in a program's limits if it is started through softlimit with these options.
fn changes(options: &[&str], start: impl Fn(Invocation) -> Invocation) -> Vec<(String, String, String)> {
    let tree = Tree::new();
    let before = limits(start(tree.invocation("/usr/bin/env")));
    let after = limits(start(tree.command("softlimit")).args(options));
    let differs = |name: &&String| before[*name] != after[*name];
    after.keys().filter(differs).map(|name| (name.clone(), after[name].0.clone(), after[name].1.clone())).collect()
}

/// With a hard limit above the soft one for open files and for locked memory.
fn plain(invocation: Invocation) -> Invocation {
    invocation.limit(libc::RLIMIT_NOFILE, 50, 60).limit(libc::RLIMIT_MEMLOCK, 1000, 50_000)
}

fn change(name: &str, soft: &str, hard: &str) -> (String, String, String) {
    (name.into(), soft.into(), hard.into())
}

#[test]
fn usage() {
    let tree = Tree::new();
    assert_eq!(tree.run("softlimit", NONE), exits(100, "", USAGE));
    for words in [&["-o", "5"][..], &["-o5"], &["--"], &["-o", "sh"], &["-m", "-c", "0", "true"]] {
        assert_eq!(tree.run("softlimit", words), exits(100, "", USAGE), "{words:?}");
    }
    for (word, letter) in [("-x", "x"), ("-n5", "n"), ("-:", ":"), ("-h", "h")] {
        let message = format!("softlimit: illegal option -- {letter}\n{USAGE}");
        assert_eq!(tree.run("softlimit", [word, "true"]), exits(100, "", message), "{word}");
    }
    for letter in "acdflmoprst".chars() {
        let message = format!("softlimit: option requires an argument -- {letter}\n{USAGE}");
        assert_eq!(tree.run("softlimit", [format!("-{letter}")]), exits(100, "", message));
    }
}

/// Spec: "not a number: usage, 100".
#[test]
fn what_is_no_number() {
    let tree = Tree::new();
    for value in ["x", "5x", "-5", "+5", " 5", "5 ", "==", "=5", "5=", "0x10", "1e3", "1k", "\u{b2}"] {
        assert_eq!(tree.run("softlimit", ["-o", value, "true"]), exits(100, "", USAGE), "{value}");
    }
}

/// Spec: which letter is for what, "m = data+stack+memlock+AS".
#[test]
fn each_letter_lowers_its_limit() {
    const HARD: &str = "800000000";
    for (letter, name) in [
        ("-a", "Max address space"),
        ("-c", "Max core file size"),
        ("-d", "Max data size"),
        ("-f", "Max file size"),
        ("-r", "Max resident set"),
        ("-s", "Max stack size"),
        ("-t", "Max cpu time"),
    ] {
        let open = |invocation: Invocation| {
            let all = [
                libc::RLIMIT_AS,
                libc::RLIMIT_CORE,
                libc::RLIMIT_DATA,
                libc::RLIMIT_FSIZE,
                libc::RLIMIT_RSS,
                libc::RLIMIT_STACK,
                libc::RLIMIT_CPU,
            ];
            all.into_iter().fold(invocation, |i, resource| i.limit(resource, 700_000_000, 800_000_000))
        };
        let expected = [change(name, "50000000", HARD)];
        assert_eq!(changes(&[letter, "50000000"], open), expected, "{letter}");
        assert_eq!(changes(&[&format!("{letter}50000000")], open), expected, "{letter}");
        assert_eq!(changes(&[letter, "="], open), [change(name, HARD, HARD)], "{letter}");
    }
    assert_eq!(changes(&["-o", "40"], plain), [change("Max open files", "40", "60")]);
    assert_eq!(changes(&["-l", "7"], plain), [change("Max locked memory", "7", "50000")]);
    let processes = |invocation: Invocation| invocation.limit(libc::RLIMIT_NPROC, 20_000, 30_000);
    assert_eq!(changes(&["-p", "9999"], processes), [change("Max processes", "9999", "30000")]);
    let memory = changes(&["-m", "50000000"], |i| i.limit(libc::RLIMIT_MEMLOCK, 1000, 50_000));
    let soft: Vec<_> = memory.iter().map(|(name, soft, _)| (&name[..], &soft[..])).collect();
    let (much, locked) = ("50000000", "50000");
    let names = ["Max address space", "Max data size", "Max locked memory", "Max stack size"];
    assert_eq!(soft, [(names[0], much), (names[1], much), (names[2], locked), (names[3], much)]);
}

/// Spec: "N `=` means the hard limit; a larger N is cut to the hard limit".
#[test]
fn no_soft_limit_passes_the_hard_one() {
    let files = |soft: &str| vec![change("Max open files", soft, "60")];
    assert_eq!(changes(&["-o", "="], plain), files("60"));
    assert_eq!(changes(&["-o="], plain), files("60"));
    assert_eq!(changes(&["-o", "61"], plain), files("60"));
    assert_eq!(changes(&["-o", "18446744073709551615"], plain), files("60"));
    assert_eq!(changes(&["-o", "50"], plain), []);
}

/// Spec, corners: "an empty number is 0; a number too large wraps".
#[test]
fn numbers_without_digits_and_with_too_many() {
    assert_eq!(changes(&["-c", ""], |i| i.limit(libc::RLIMIT_CORE, 5, 5)), [change("Max core file size", "0", "5")]);
    let processes = |invocation: Invocation| invocation.limit(libc::RLIMIT_NPROC, 20_000, 30_000);
    let wrapped = [change("Max processes", "12345", "30000")];
    assert_eq!(changes(&["-p", "18446744073709563961"], processes), wrapped);
    assert_eq!(changes(&["-p", "000000000000000000000000000012345"], processes), wrapped);
}

/// Options are obeyed in their order; the last word on a limit counts.
#[test]
fn the_last_word_counts() {
    let files = |soft: &str| vec![change("Max open files", soft, "60")];
    assert_eq!(changes(&["-o", "20", "-o", "30"], plain), files("30"));
    assert_eq!(changes(&["-o", "=", "-o30", "--"], plain), files("30"));
    let several = changes(&["-m", "50000000", "-a", "=", "-d", "="], plain);
    assert!(several.iter().all(|(name, ..)| name != "Max address space"), "{several:?}");
}

fn unable(name: &str, reason: &str) -> Output {
    exits(111, "", format!("softlimit: fatal: unable to run {name}: {reason}\n"))
}

/// Spec, corners: "after the limits are lowered it still says `unable to run`".
#[test]
fn without_memory_it_still_says_why_it_cannot_run() {
    let tree = Tree::new().file("forbidden", "");
    let tight = [&["-m", "0"][..], &["-m", "1"], &["-a", "0", "-d", "0", "-s", "0"], &["-s", "4096"], &["-m1", "-o0"]];
    for options in tight {
        let run = |name: &str| tree.command("softlimit").args(options).arg(name).run();
        assert_eq!(run("./none"), unable("./none", "file does not exist"), "{options:?}");
        assert_eq!(run("none"), unable("none", "file does not exist"), "{options:?}");
        assert_eq!(run("./forbidden"), unable("./forbidden", "access denied"), "{options:?}");
        let long = "x".repeat(1000);
        assert_eq!(run(&long), unable(&long, "file name too long"), "{options:?}");
    }
}

#[test]
fn without_options_the_program_runs_as_it_would() {
    assert_eq!(changes(&[], plain), []);
    assert_eq!(changes(&["--"], plain), []);
    let tree = Tree::new();
    assert_eq!(tree.run("softlimit", ["-", "true"]), unable("-", "file does not exist"));
    assert_eq!(tree.run("softlimit", ["sh", "-c", "exit 7"]), exits(7, "", ""));
}

/// 300000 is what the examples of 0.76 allow its programs.
#[test]
fn programs_work_in_little_data() {
    for (program, arguments) in [("multilog", &["t", "./d"][..]), ("tai64n", &[]), ("tai64nlocal", &[])] {
        let tree = Tree::new();
        let told = tree.command("softlimit").args(["-d300000", program]).args(arguments).stdin(b"a line\n").run();
        assert_eq!((told.end, told.stderr.as_slice()), (exits(0, "", "").end, &b""[..]), "{program}");
    }
}
