//! `make demo`: the whole of it comes to its end, and README.md shows what it shows.
//!
//! Not tested: that make builds the programs for it.

use std::fs;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree};

#[test]
fn the_demo_works_and_readme_shows_it() {
    let tree = Tree::of(Programs::ours()).dir("tmp");
    let demo = tree.invocation(workspace().join("examples/demo")).env("TMPDIR", tree.path("tmp"));
    let shown = demo.env("PATH", "/usr/bin:/bin").arg(Programs::ours().dir()).run();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.end, End::Code(0), "{shown:?}");
    assert!(text.ends_with("# That is all. The tree is taken down.\n"), "{text}");
    assert_eq!(fs::read_dir(tree.path("tmp")).expect("read tmp").count(), 0, "it leaves something behind");
    let readme = fs::read_to_string(workspace().join("README.md")).expect("read README.md");
    let recorded: Vec<&str> = readme.lines().filter_map(|line| line.strip_prefix("    $ ")).collect();
    assert!(recorded.len() >= 5, "{recorded:?}");
    for command in recorded {
        assert!(text.contains(&format!("\n$ {command}\n")), "the demo does not show: {command}\n{text}");
    }
    let heads = readme.lines().find_map(|line| line.strip_prefix("    SERVICE")).expect("what svps prints");
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let same = text.lines().filter_map(|line| line.strip_prefix("SERVICE")).any(|line| words(line) == words(heads));
    assert!(same, "svps has other columns than README shows");
}
