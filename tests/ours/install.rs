//! `make install` and `make uninstall`: everything or nothing, and away again without a trace.
//!
//! Not tested: that make builds what it installs; the programs here are those that the suite has built.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Output, Programs, Tree, left_out};

use crate::manuals::{page_of, programs};

/// Runs make with a private DESTDIR; `words` are a target and more variables.
pub fn make(tree: &Tree, destdir: &str, words: &[&str]) -> Output {
    let mut built = std::ffi::OsString::from("BUILT=");
    built.push(Programs::ours().dir());
    let mut target = std::ffi::OsString::from("DESTDIR=");
    target.push(tree.path(destdir));
    // A cargo of that name is nowhere: nothing is built.
    let make =
        tree.invocation("/bin/sh").args(["-c", "exec make \"$@\"", "make", "CARGO=no-cargo-here", "PREFIX=/usr"]);
    make.current_dir(workspace()).arg(built).arg(target).args(words).run()
}

pub fn make_is_missing(tree: &Tree) -> bool {
    let missing = tree.shell("command -v make").end != End::Code(0);
    if missing {
        left_out("make install", "make is not installed");
    }
    missing
}

/// Everything below a directory but directories, with its mode, in order.
pub fn files(dir: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    let mut dirs = vec![dir.to_path_buf()];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.metadata().expect("stat"));
            if kind.is_dir() {
                dirs.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("below").to_string_lossy().into_owned();
                found.push((name, kind.permissions().mode() & 0o7777));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_is_installed_works_and_goes_away_again() {
    let tree = Tree::of(Programs::ours());
    if make_is_missing(&tree) {
        return;
    }
    // Whose name has a space, and who has a file of his own there already.
    let tree = tree.file("my root/usr/bin/mine", "");
    let installed = make(&tree, "my root", &["install"]);
    assert_eq!(installed.end, End::Code(0), "{installed:?}");
    let programs = programs();
    let mut expected: Vec<(String, u32)> = programs.iter().map(|name| (format!("usr/bin/{name}"), 0o755)).collect();
    let with_page = programs.iter().filter(|name| page_of(name).exists());
    expected.extend(with_page.map(|name| (format!("usr/share/man/man8/{name}.8"), 0o644)));
    expected.push(("usr/share/man/man7/daemontools.7".into(), 0o644));
    expected.extend(programs.iter().flat_map(|name| completions_of(name)).map(|file| (file, 0o644)));
    expected.push(("usr/lib/systemd/system/svscan.service".into(), 0o644));
    expected.extend(pages().into_iter().map(|page| (format!("usr/share/doc/daemontools-rs/{page}"), 0o644)));
    let examples = files(&workspace().join("examples"));
    let mode = |mode: u32| if mode & 0o100 == 0 { 0o644 } else { 0o755 };
    expected.extend(
        examples.into_iter().map(|(file, had)| (format!("usr/share/doc/daemontools-rs/examples/{file}"), mode(had))),
    );
    let mut mine = files(&tree.path("my root"));
    assert_eq!(mine.len(), expected.len() + 1, "{mine:?}");
    expected.iter().for_each(|file| assert!(mine.contains(file), "{file:?} is not in {mine:?}"));
    for name in &programs {
        let version = tree.invocation(tree.path(format!("my root/usr/bin/{name}"))).arg("--version").run();
        let text = String::from_utf8_lossy(&version.stdout).into_owned();
        assert_eq!(text, format!("{name} (daemontools-rs) {}\n", env!("CARGO_PKG_VERSION")));
    }
    hold_references(&tree.path("my root"));
    hold_manuals(&tree, expected.iter().filter(|(name, _)| name.contains("/man/")).map(|(name, _)| name.as_str()));
    let gone = make(&tree, "my root", &["uninstall"]);
    assert_eq!(gone.end, End::Code(0), "{gone:?}");
    mine.retain(|(name, _)| name == "usr/bin/mine");
    assert_eq!(files(&tree.path("my root")), mine);
    assert!(!tree.path("my root/usr/share/doc/daemontools-rs").exists(), "directories of ours stay");
}

/// README.md and docs/*.md.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(workspace().join("docs")).expect("read docs/").flatten();
    let docs = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    docs.filter(|page| page.ends_with(".md")).chain(["README.md".to_owned()]).collect()
}

/// What is installed names files that are installed: the pages that a manual refers to, what a page links to, and the
/// program that the unit starts.
fn hold_references(root: &Path) {
    let mut count = 0;
    let text = |file: &str| fs::read_to_string(root.join(file)).expect("text");
    for (file, _) in files(root) {
        let text = if file.contains("/man/") || file.ends_with(".md") { text(&file) } else { continue };
        assert!(!text.contains("/usr/local/share/doc"), "{file} names a place of another PREFIX");
        let named = text.split_whitespace().filter(|word| word.starts_with("/usr/share/doc/daemontools-rs/"));
        for named in named.filter(|_| file.contains("/man/")) {
            assert!(root.join(&named[1..]).is_file(), "{file} refers to {named}");
            count += 1;
        }
        for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
            if !link.is_empty() && !link.contains("://") && file.ends_with(".md") {
                let place = root.join(&file).parent().expect("a directory").join(link);
                assert!(place.exists(), "{file} links to {link}");
                count += 1;
            }
        }
    }
    assert!(count > 40, "only {count} references were found");
    assert!(text("usr/lib/systemd/system/svscan.service").contains("exec /usr/bin/svscan "));
}

/// Where the completions go that a program has.
fn completions_of(name: &str) -> Vec<String> {
    let places = [
        ("bash", format!("usr/share/bash-completion/completions/{name}")),
        ("zsh", format!("usr/share/zsh/site-functions/_{name}")),
        ("fish", format!("usr/share/fish/vendor_completions.d/{name}.fish")),
    ];
    let there = |shell: &str| workspace().join(format!("crates/{name}/{name}.{shell}")).exists();
    places.into_iter().filter(|(shell, _)| there(shell)).map(|(_, place)| place).collect()
}

#[test]
fn the_classic_layout_is_links_in_command() {
    let tree = Tree::of(Programs::ours());
    if make_is_missing(&tree) {
        return;
    }
    let linked = make(&tree, "root", &["install-command"]);
    assert_eq!(linked.end, End::Code(0), "{linked:?}");
    for name in programs() {
        let link = fs::read_link(tree.path("root/command").join(&name)).expect("a link");
        assert_eq!(link, Path::new("/usr/bin").join(&name));
    }
    assert_eq!(make(&tree, "root", &["install-command"]).end, End::Code(0), "again");
    let tree = tree.file("root/command/mine", "");
    assert_eq!(make(&tree, "root", &["uninstall-command"]).end, End::Code(0));
    assert_eq!(fs::read_dir(tree.path("root/command")).expect("read /command").count(), 1);
    // The original may be there.
    let tree = tree.link("root/command/svc", "/package/admin/daemontools/command/svc");
    let refused = make(&tree, "root", &["install-command"]);
    assert_ne!(refused.end, End::Code(0));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("nothing was linked"), "{refused:?}");
    assert_eq!(fs::read_dir(tree.path("root/command")).expect("read /command").count(), 2);
    assert_eq!(make(&tree, "root", &["uninstall-command"]).end, End::Code(0));
    assert!(fs::read_link(tree.path("root/command/svc")).is_ok(), "the original's link stays");
}

#[test]
fn the_unit_is_sound() {
    let tree = Tree::of(Programs::ours());
    if tree.shell("command -v systemd-analyze").end != End::Code(0) {
        return left_out("the systemd unit", "systemd-analyze is not installed");
    }
    // Which programs and manuals are installed is not the unit's matter.
    let text = fs::read_to_string(workspace().join("packaging/svscan.service")).expect("the unit");
    assert!(text.contains("exec /usr/local/bin/svscan --init "), "{text}");
    tree.put_file("svscan.service", text);
    let verified = tree.shell("systemd-analyze verify --man=no ./svscan.service");
    hold_verified(&verified);
}

/// systemd has nothing to say of the unit. What else is installed on this machine is not the unit's matter.
pub fn hold_verified(verified: &Output) {
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(!said.contains("svscan"), "{verified:?}");
    assert!(verified.end == End::Code(0) || !said.is_empty(), "{verified:?}");
}

/// Both readers of manuals show each of them.
fn hold_manuals<'a>(tree: &Tree, manuals: impl Iterator<Item = &'a str> + Clone) {
    for (reader, line) in [("mandoc", "exec mandoc -Tascii \"$0\""), ("man", "MANWIDTH=80 exec man -l \"$0\"")] {
        if tree.shell(&format!("command -v {reader}")).end != End::Code(0) {
            left_out("manuals as they are shown", &format!("{reader} is not installed"));
            continue;
        }
        for manual in manuals.clone() {
            let shown = tree.invocation("/bin/sh").args(["-c", line]).arg(tree.path("my root").join(manual)).run();
            let text = String::from_utf8_lossy(&shown.stdout).into_owned();
            assert!(shown.end == End::Code(0) && text.contains("(8)"), "{reader} {manual}: {shown:?}");
        }
    }
}

/// Installs where it cannot be done, and expects that nothing changes.
fn hold_failure(tree: &Tree, words: &[&str], reason: &str) {
    let before = files(&tree.path(""));
    let failed = make(tree, "root", words);
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_ne!(failed.end, End::Code(0), "{failed:?}");
    assert!(said.contains(reason) && said.contains("install: nothing was installed\n"), "{said}");
    assert_eq!(files(&tree.path("")), before);
}

#[test]
fn an_install_that_cannot_be_done_says_so_and_changes_nothing() {
    let tree = Tree::of(Programs::ours());
    if make_is_missing(&tree) {
        return;
    }
    // The manuals' place is a file; the programs' place is there, with an older program, or is not.
    let tree = tree.file("root/usr/share", "").file("root/usr/bin/svc", "older");
    hold_failure(&tree, &["install"], "root/usr/share");
    assert_eq!(tree.read("root/usr/bin/svc"), b"older");
    hold_failure(&tree, &["install", "BINDIR=/new/place"], "root/usr/share");
    assert!(!tree.path("root/new").exists(), "a directory was left behind");
    // What is to be installed is not there.
    hold_failure(&tree, &["install", "MANDIR=/man", "SHAREDIR=/share", "BUILT=/nowhere"], "/nowhere/");
    assert!(!tree.path("root/man").exists(), "a directory was left behind");
}

#[test]
fn a_full_or_read_only_disk_is_left_as_it_was() {
    let tree = Tree::of(Programs::ours());
    if make_is_missing(&tree) || !tree.tmpfs("root", "size=1m") {
        return;
    }
    let tree = tree.file("root/usr/bin/svc", "older");
    hold_failure(&tree, &["install"], "No space left on device");
    assert_eq!(tree.read("root/usr/bin/svc"), b"older");
    assert_eq!(tree.shell("mount -o remount,ro root").end, End::Code(0));
    hold_failure(&tree, &["install"], "Read-only file system");
}
