//! `make demo`: the whole of it comes to its end, and leaves nothing behind.
//!
//! Not tested: that make builds the programs for it.

use std::fs;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree};

#[test]
fn the_demo_works() {
    let tree = Tree::of(Programs::ours()).dir("tmp");
    let demo = tree.invocation(workspace().join("examples/demo")).env("TMPDIR", tree.path("tmp"));
    let shown = demo.env("PATH", "/usr/bin:/bin").arg(Programs::ours().dir()).run();
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.end, End::Code(0), "{shown:?}");
    assert!(text.ends_with("# That is all. The tree is taken down.\n"), "{text}");
    assert_eq!(fs::read_dir(tree.path("tmp")).expect("read tmp").count(), 0, "it leaves something behind");
}
