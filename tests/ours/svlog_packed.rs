//! `svlog` on the files that a processor has packed, with gzip, zstd and xz.

use std::fs;

use daemontools_tests::{End, Programs, Tree};

use crate::svlog::{Feed, is_complete, line, local, old, old_files, shown, svlog, with_both};

#[test]
fn files_that_a_processor_packed_are_unpacked() {
    with_both(|programs| {
        for packer in ["gzip", "zstd -q", "xz", "cat"] {
            let tree = Tree::of(programs);
            let name = packer.split(' ').next().expect("a name");
            if tree.shell(&format!("command -v {name}")).end != End::Code(0) {
                daemontools_tests::left_out(packer, "it is not installed");
                continue;
            }
            let mut feed = Feed::new(&tree, &["t", "s4096", "n100", &format!("!{packer}"), "./log"]);
            feed.lines(500);
            feed.end();
            assert!(old_files(&tree, "log") > 2);
            let out = shown(&tree, &["-otai64n", "log"]);
            is_complete(out.as_bytes(), 500);
            let all: Vec<&str> = out.lines().collect();
            for (from, to) in [(0, 499), (100, 400), (499, 499), (250, 250)] {
                let stamp = |at: usize| all[at].split(' ').next().expect("a stamp");
                let range = shown(&tree, &["-otai64n", "-S", stamp(from), "-U", stamp(to), "log"]);
                let between =
                    |line: &&&str| (stamp(from)..=stamp(to)).contains(&line.split(' ').next().expect("a stamp"));
                assert_eq!(range.lines().collect::<Vec<_>>(), all.iter().filter(between).copied().collect::<Vec<_>>());
            }
            assert_eq!(shown(&tree, &["-otai64n", "-n300", "log"]).lines().collect::<Vec<_>>(), all[200..]);
        }
    });
}

#[test]
fn packed_files_may_have_names_of_their_own_and_several_parts() {
    let tree = Tree::of(Programs::ours())
        .file("one", line(1, "a"))
        .file("two", line(2, "b"))
        .file("log/current", line(3, "c"));
    for (packer, suffix) in [("gzip", "gz"), ("zstd -q", "zst"), ("xz", "xz")] {
        let name = format!("log/{}.{suffix}", old(2, "s"));
        let packed = tree.shell(&format!("({packer} -c <one; {packer} -c <two) >{name}"));
        if packed.end != End::Code(0) {
            daemontools_tests::left_out(packer, "it is not installed");
            continue;
        }
        assert_eq!(shown(&tree, &["log"]), [local(1, "a"), local(2, "b"), local(3, "c")].concat(), "{packer}");
        // Broken off: what is there is shown, and that more was to come is told.
        let whole = tree.read(&name);
        tree.put_file(&name, &whole[..whole.len() - 9]);
        let out = svlog(&tree, &["log"]);
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.end, End::Code(111), "{packer}");
        assert!(told.starts_with(&format!("svlog: warning: unable to read {name}: ")), "{told}");
        assert!(String::from_utf8_lossy(&out.stdout).ends_with(&local(3, "c")), "{out:?}");
        fs::remove_file(tree.path(&name)).expect("remove a file");
    }
}
