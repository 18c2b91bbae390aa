//! Where `svlog` finds the log of a service: at its running logger, in `log/main`, by `log/run`, in the tree.
//!
//! Not tested: a logger with another root directory.

use daemontools_tests::status::until_up;
use daemontools_tests::{Programs, Tree, exits, until};

use crate::svlog::{shown, svlog, with_both};

#[test]
fn a_service_is_asked_where_its_log_is() {
    with_both(|programs| {
        let tree = Tree::of(programs)
            .script("sv/run", "echo hello; exec sleep 987")
            // Without exec: multilog is a child. Where the script says nothing, the open files do.
            .script("sv/log/run", "d=../elsewhere; multilog t - - ./errors '-*' '+x' $d/log; exit 1")
            .script("main/log/run", "exec cat")
            .file("main/log/main/current", "in main\n")
            .script("said/log/run", "exec setuidgid nobody \\\n  multilog t '-*' +x ./x '+*' '../else where' ../log")
            .file("said/log/current", "beside\n")
            .script("silent/log/run", "exec cat")
            .script("lonely/run", "exec cat");
        let tree = tree.script("sv/log/run", "d=../elsewhere; multilog t $d/log; exit 1").dir("sv/elsewhere");
        let _svscan = tree.spawn("svscan", ["."]);
        until_up(&tree, "sv/log");
        until("a line in the log", || !tree.lines("sv/elsewhere/log/current").is_empty());
        assert!(shown(&tree, &["sv"]).ends_with(" hello\n"));
        assert!(shown(&tree, &["sv/log"]).ends_with(" hello\n"));
        assert!(shown(&tree, &["sv/elsewhere/log"]).ends_with(" hello\n"));
        assert_eq!(shown(&tree, &["main"]), "in main\n");
        assert_eq!(shown(&tree, &["main/log"]), "in main\n");
        for name in ["silent", "lonely"] {
            let reason = "its logger holds none, and there is neither log/main nor a log/run that names one";
            let told = format!("svlog: fatal: unable to find the log of {name}: {reason}\n");
            assert_eq!(svlog(&tree, &[name]), exits(111, "", told));
        }
    });
}

#[test]
fn the_run_script_tells_where_the_log_is_when_nothing_else_does() {
    let tree = Tree::of(Programs::ours())
        .script("sv/log/run", "exec setuidgid nobody \\\n  multilog t '-*' '+x' ./x '+*' '../logs'")
        .file("sv/log/x/current", "the first\n")
        .file("sv/logs/current", "the second\n");
    assert_eq!(shown(&tree, &["sv"]), "the first\n");
}

#[test]
fn a_name_is_that_of_a_service_in_the_tree_unless_it_is_here() {
    let tree = Tree::of(Programs::ours())
        .file("tree/web/log/main/current", "in the tree\n")
        .file("tree/here/log/main/current", "in the tree too\n")
        .file("here/log/main/current", "here\n");
    let asked = |names: &[&str]| {
        let svlog = tree.command_of(Programs::ours(), "svlog").env("SVDIR", tree.path("tree"));
        svlog.args(names).run()
    };
    assert_eq!(asked(&["web"]), exits(0, "in the tree\n", ""));
    assert_eq!(asked(&["web/log"]), exits(0, "in the tree\n", ""), "its logger has the same log");
    assert_eq!(asked(&["web", "here"]), exits(0, "web: in the tree\nhere: here\n", ""));
    assert_eq!(asked(&["nobody"]), exits(111, "", "svlog: fatal: unable to look at nobody: file does not exist\n"));
    assert_eq!(asked(&["./web"]), exits(111, "", "svlog: fatal: unable to look at ./web: file does not exist\n"));
}
