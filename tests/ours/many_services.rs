//! Many services in one command: directories, links into several places, and what is none of these, each under its own name,
//! also where few files can be open. (What is held open from one service to the next must not be taken for another's.)
//!
//! Not tested: links that others have planted (`planted_links.rs`).

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;

use daemontools_tests::status::raw_record;
use daemontools_tests::{Programs, Tree, exits};

/// More than svstat leaves open.
const COUNT: u32 = 60;
/// A second that has not come yet: the age is 0.
const FUTURE: u64 = 1 << 62 | 1 << 40;

/// What would be a supervise reads these.
struct Readers {
    _oks: Vec<File>,
    controls: Vec<File>,
}

/// Where the directory of a service is; in `scan` there is a link to it, unless it is there itself. Directories in different
/// places have the same names: what is looked up in the wrong one is another service.
fn place(number: u32) -> (String, Option<String>) {
    let (group, name) = (number / 7, format!("s{number:02}"));
    let linked = |place: &str, target: String| (place.to_owned(), Some(target));
    match number % 7 {
        0 => (format!("scan/{name}"), None),
        1 => linked(&format!("other/{group}-4"), format!("../other/{group}-4")),
        // With slashes more.
        2 => linked(&format!("third/{group}-5"), format!("..//third/{group}-5//")),
        3 => linked(&format!("scan/.{name}"), format!(".{name}")),
        place => linked(&format!("sv/{group}-{place}"), format!("../sv/{group}-{place}")),
    }
}

fn tree() -> (Tree, Readers) {
    let mut tree = Tree::of(Programs::ours()).dir("scan");
    let open = |tree: &Tree, path: &str| {
        let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path(path));
        file.expect("open a FIFO")
    };
    let mut readers = Readers { _oks: Vec::new(), controls: Vec::new() };
    for number in 0..COUNT {
        let (dir, link) = place(number);
        let [ok, control] = ["ok", "control"].map(|file| format!("{dir}/supervise/{file}"));
        tree = tree.fifo(&ok).fifo(&control);
        tree = tree.file(format!("{dir}/supervise/status"), raw_record(FUTURE, 1000 + number, 0, b'u'));
        let details = format!("state up\nsince @{FUTURE:016x}00000000\nrestarts 0\n");
        tree = tree.file(format!("{dir}/supervise/details"), details);
        if let Some(link) = link {
            tree = tree.link(format!("scan/s{number:02}"), link);
        }
        readers._oks.push(open(&tree, &ok));
        readers.controls.push(open(&tree, &control));
    }
    (
        tree.link("scan/nowhere", "../sv/missing").dir("scan/new").file("scan/file", "").link("scan/loop", "loop"),
        readers,
    )
}

/// The names, those that are no services among the others.
fn names() -> Vec<String> {
    let services = (0..COUNT).map(|number| format!("scan/s{number:02}"));
    let mut names: Vec<String> = services.collect();
    for (at, name) in [(9, "nowhere"), (20, "new"), (31, "file"), (45, "loop")] {
        names.insert(at, format!("scan/{name}"));
    }
    names
}

#[test]
fn each_is_shown_under_its_own_name() {
    let (tree, _readers) = tree();
    let line = |name: String| match name.strip_prefix("scan/s") {
        Some(number) => format!("{name}: up (pid 10{number}) 0 seconds\n"),
        None => match name.as_str() {
            "scan/new" => format!("{name}: unable to open supervise/ok: file does not exist\n"),
            "scan/nowhere" => format!("{name}: unable to chdir: file does not exist\n"),
            "scan/file" => format!("{name}: unable to chdir: not a directory\n"),
            _ => format!("{name}: unable to chdir: symbolic link loop\n"),
        },
    };
    let lines: String = names().into_iter().map(line).collect();
    for limit in [12, 40, 1024] {
        let svstat = tree.command("svstat").args(names()).limit(libc::RLIMIT_NOFILE, limit, limit).run();
        assert_eq!(svstat, exits(0, &lines, ""), "{limit} files");
        let svps = tree.command("svps").arg("scan").limit(libc::RLIMIT_NOFILE, limit, limit).run();
        let text = String::from_utf8(svps.stdout).expect("text");
        for number in 0..COUNT {
            let words = format!("s{number:02} up {}", 1000 + number);
            let is_line = |line: &str| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ") == words;
            let line = text.lines().find(|line| is_line(line));
            // The last column is in the details.
            assert!(line.is_some_and(|line| line.ends_with("0/h")), "{words}, {limit} files: {text}");
        }
    }
}

#[test]
fn services_alone_need_two_files() {
    let (tree, _readers) = tree();
    let names = (0..COUNT).map(|number| format!("scan/s{number:02}"));
    let lines: String =
        (0..COUNT).map(|number| format!("scan/s{number:02}: up (pid 10{number:02}) 0 seconds\n")).collect();
    assert_eq!(tree.command("svstat").args(names).limit(libc::RLIMIT_NOFILE, 5, 5).run(), exits(0, lines, ""));
}

#[test]
fn each_is_told_what_is_meant_for_it() {
    let (tree, mut readers) = tree();
    let names = (0..30).map(|number| format!("scan/s{number:02}"));
    assert_eq!(tree.command("svc").arg("-u").args(names).limit(libc::RLIMIT_NOFILE, 6, 6).run(), exits(0, "", ""));
    for (number, control) in readers.controls.iter_mut().enumerate() {
        let mut said = Vec::new();
        // Nobody writes to it any more: that is its end.
        control.read_to_end(&mut said).expect("read");
        assert_eq!(said, if number < 30 { &b"u"[..] } else { b"" }, "{number}");
    }
}
