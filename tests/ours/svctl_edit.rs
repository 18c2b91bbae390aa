//! `svctl edit`, with editors that are shell scripts.
//!
//! Not tested: a terminal, on which a draft with errors may be edited again.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Output, Programs, Tree, exits, needs_root};

use crate::svctl::{svctl, text, without_spans};

const BEFORE: &str = "#!/bin/sh\nexec sleep 987\n";
const AFTER: &str = "#!/bin/sh\nexec sleep 986\n";

/// A service, and a directory for drafts.
fn service() -> Tree {
    let tree = Tree::of(Programs::ours()).exec("scan/web/run", BEFORE).dir("drafts");
    fs::set_permissions(tree.path("scan/web/run"), Permissions::from_mode(0o750)).expect("chmod");
    tree
}

/// Edits `web` with this editor, which finds its file in `$1`, and answers with these lines.
fn edit(tree: &Tree, editor: &str, answer: &str) -> Output {
    tree.put_script("editor", editor);
    tree.put_file("answer", answer);
    let svctl = tree.command_of(Programs::ours(), "svctl").env("EDITOR", tree.path("editor"));
    let svctl = svctl.env("TMPDIR", tree.path("drafts")).args(["--dir", "scan", "edit", "web"]);
    without_spans(svctl.stdin(answer).run())
}

fn run_of(tree: &Tree) -> String {
    text(&tree.read("scan/web/run"))
}

/// The draft that is left: its path as the last word of what was said.
fn draft_in(output: &Output) -> String {
    let said = text(&output.stdout);
    let path = said.trim_end().rsplit_once("; the draft is ").expect("a draft is named").1;
    fs::read_to_string(path).expect("the draft")
}

fn drafts(tree: &Tree) -> usize {
    fs::read_dir(tree.path("drafts")).expect("the drafts").count()
}

#[test]
fn a_sound_draft_takes_the_place_of_the_script_with_owner_and_mode() {
    let tree = service();
    let rooted = needs_root("svctl edit of a script of another account");
    if rooted {
        chown(tree.path("scan/web/run"), Some(1234), Some(2345)).expect("chown");
    }
    let before = fs::metadata(tree.path("scan/web/run")).expect("stat");
    let path = fs::canonicalize(tree.path("scan/web/run")).expect("the path").display().to_string();
    let look = "stat -c '%a %a' \"$1\" \"${1%/*}\" >modes; echo 'exec sleep 1' >\"$1~\"";
    let edited = edit(&tree, &format!("{look}\nsed -i s/987/986/ \"$1\""), "");
    assert_eq!(edited, exits(0, format!("web: {path} is replaced\n"), ""));
    assert_eq!(run_of(&tree), AFTER);
    assert_eq!(tree.lines("modes"), ["600 600", "700 700"], "only we may read the draft");
    let after = fs::metadata(tree.path("scan/web/run")).expect("stat");
    let facts = |found: &fs::Metadata| (found.uid(), found.gid(), found.mode());
    assert_eq!(facts(&before), facts(&after));
    assert_ne!(before.ino(), after.ino(), "it is another file");
    assert_eq!(drafts(&tree), 0, "nothing is left behind");
    // No change, and no editor.
    assert_eq!(edit(&tree, "true", ""), exits(0, "web: run is as it was\n", ""));
    assert_eq!(edit(&tree, "exit 3", ""), exits(1, "web: run is as it was; the editor failed\n", ""));
    assert_eq!((run_of(&tree).as_str(), drafts(&tree)), (AFTER, 0));
    let names = fs::read_dir(tree.path("scan/web")).expect("read the service").count();
    assert_eq!(names, 1, "no other file in the service");
}

#[test]
fn a_draft_with_an_error_is_kept_and_named() {
    let tree = service();
    let refused = edit(&tree, "echo '#!/nowhere/sh' >\"$1\"", "");
    assert_eq!(refused.end, End::Code(1), "{refused:?}");
    let said = text(&refused.stdout);
    assert!(said.starts_with("scan/web/run:1: error SL005: "), "{refused:?}");
    assert!(said.contains("\nweb: run is as it was: svlint finds errors; the draft is "), "{refused:?}");
    assert_eq!((run_of(&tree).as_str(), draft_in(&refused).as_str()), (BEFORE, "#!/nowhere/sh\n"));
    let failed = edit(&tree, "echo '# half' >>\"$1\"; exit 1", "");
    assert_eq!(failed.end, End::Code(1), "{failed:?}");
    assert!(text(&failed.stdout).starts_with("web: run is as it was: the editor failed; "), "{failed:?}");
    assert!(draft_in(&failed).ends_with("# half\n"));
    for made in ["rm \"$1\"", "rm \"$1\"; mkdir \"$1\"", "rm \"$1\"; mkfifo \"$1\""] {
        let gone = edit(&tree, made, "");
        assert_eq!(gone.end, End::Code(1), "{made}: {gone:?}");
        assert!(text(&gone.stdout).contains("the draft is no regular file any more"), "{made}: {gone:?}");
    }
    assert_eq!(run_of(&tree), BEFORE);
}

#[test]
fn a_script_that_was_changed_meanwhile_stays() {
    let tree = service();
    let theirs = "echo '# theirs' >>scan/web/run";
    let refused = edit(&tree, &format!("{theirs}; sed -i s/987/986/ \"$1\""), "");
    assert_eq!(refused.end, End::Code(1), "{refused:?}");
    assert!(text(&refused.stdout).starts_with("web: run is as it was: it was changed meanwhile; "), "{refused:?}");
    assert_eq!(run_of(&tree), format!("{BEFORE}# theirs\n"));
    assert_eq!(draft_in(&refused), AFTER);
    // Another mode is a change, too.
    let refused = edit(&tree, "chmod 755 scan/web/run; sed -i s/987/986/ \"$1\"", "");
    assert!(text(&refused.stdout).contains("it was changed meanwhile"), "{refused:?}");
}

#[test]
fn what_a_link_leads_to_is_edited_and_named() {
    let tree = service().exec("common/start", BEFORE);
    fs::remove_file(tree.path("scan/web/run")).expect("remove");
    symlink("../../common/start", tree.path("scan/web/run")).expect("link");
    let path = fs::canonicalize(tree.path("common/start")).expect("the path").display().to_string();
    let edited = edit(&tree, "sed -i s/987/986/ \"$1\"", "");
    let said = format!("web: run is a link; what is edited is {path}\nweb: {path} is replaced\n");
    assert_eq!(edited, exits(0, said, ""));
    assert_eq!(text(&tree.read("common/start")), AFTER);
    assert!(fs::symlink_metadata(tree.path("scan/web/run")).expect("stat").is_symlink());
    // Where others may write the directory of the file, they may choose what it is.
    fs::set_permissions(tree.path("common"), Permissions::from_mode(0o777)).expect("chmod");
    let refused = edit(&tree, "echo ran >ran", "");
    let common = fs::canonicalize(tree.path("common")).expect("the path").display().to_string();
    let said = format!("svctl: fatal: unable to edit scan/web/run, because others may write {common}\n");
    assert_eq!(refused, exits(111, "", said));
    assert!(!tree.path("ran").exists());
}

#[test]
fn a_service_that_others_may_write_is_not_edited() {
    let tree = service();
    let web = tree.path("scan/web");
    let said = "svctl: fatal: unable to edit scan/web/run, because others may write scan/web\n";
    fs::set_permissions(&web, Permissions::from_mode(0o775)).expect("chmod");
    assert_eq!(edit(&tree, "echo ran >ran", ""), exits(111, "", said));
    fs::set_permissions(&web, Permissions::from_mode(0o755)).expect("chmod");
    if needs_root("svctl edit in a directory of another account") {
        chown(&web, Some(1234), None).expect("chown");
        assert_eq!(edit(&tree, "echo ran >ran", ""), exits(111, "", said));
        chown(&web, Some(0), None).expect("chown");
        // Nor one that another account may put there.
        chown(tree.path("scan"), Some(1234), None).expect("chown");
        let refused = edit(&tree, "echo ran >ran", "");
        assert_eq!(refused.end, End::Code(111), "{refused:?}");
    }
    assert!(!tree.path("ran").exists());
}

#[test]
fn a_restart_is_offered_where_the_service_runs() {
    let tree = service();
    let path = fs::canonicalize(tree.path("scan/web/run")).expect("the path").display().to_string();
    let _supervise = tree.spawn("supervise", ["scan/web"]);
    let first = until_up(&tree, "scan/web");
    let said = format!("web: {path} is replaced\nrestart web? [y/N] \n");
    assert_eq!(edit(&tree, "sed -i s/987/986/ \"$1\"", "no\n"), exits(0, said.clone(), ""));
    assert_eq!(until_up(&tree, "scan/web"), first);
    let restarted = edit(&tree, "sed -i s/986/985/ \"$1\"", "y\n");
    let second = until_up(&tree, "scan/web");
    assert_eq!(restarted, exits(0, format!("{said}web: up (pid {second})\n"), ""));
    assert_ne!(first, second);
    assert_eq!(svctl(&tree, &["edit", "web", "./scan/web"]).end, End::Code(100), "one at a time");
}
