//! `svok`.

use daemontools_tests::{Tree, exits};

/// Spec, svok: "Exit 0 if supervise runs in DIR, 100 silently if not".
#[test]
fn no_supervise() {
    let tree = Tree::new().dir("sv");
    assert_eq!(tree.run("svok", ["sv"]), exits(100, "", ""));
}
