//! `make install-over` and `make uninstall-over`: in the place of a daemontools 0.76 that was installed from source, and back.
//!
//! The layout is made by the steps of 0.76's own installer (its `package/upgrade`): the programs in a directory of
//! `/package`, a link without the version to it, links to that in `/command`, and links to these in `/usr/local/bin`.

use std::fs;
use std::path::Path;

use daemontools_tests::programs::NAMES;
use daemontools_tests::{End, Output, Programs, Tree};

use crate::install::{files, make, make_is_missing};
use crate::manuals::programs;
use crate::own_root::{bare_system, in_own_root, own_root};

/// What `package/upgrade` does in `$root`, with programs from `$from`.
const UPGRADE: &str = r#"
here=/package/admin/daemontools-0.76
mkdir -p "$root$here/command" "$root/command" "$root/usr/local/bin"
for name in $names; do cp "$from/$name" "$root$here/command/$name"; done
(cd "$root$here" && ln -s daemontools-0.76 daemontools && mv -f daemontools ..)
for name in $names; do
	ln -s "/package/admin/daemontools/command/$name" "$root/command/$name{new}"
	mv -f "$root/command/$name{new}" "$root/command/$name"
done
for name in $names; do
	ln -s "/command/$name" "$root/usr/local/bin/$name{new}"
	mv -f "$root/usr/local/bin/$name{new}" "$root/usr/local/bin/$name"
done
"#;

fn upgrade(root: &str, from: &str) -> String {
    format!("set -e\nroot='{root}' from='{from}' names='{}'\n{UPGRADE}", NAMES.join(" "))
}

/// The layout in `root/`, with programs that are files of a word.
fn tree_with_layout() -> Tree {
    let tree = NAMES.iter().fold(Tree::of(Programs::ours()), |tree, name| tree.file(format!("old/{name}"), "0.76"));
    assert_eq!(tree.shell(&upgrade("root", "old")).end, End::Code(0));
    tree
}

/// Every file and link below `root/`, with its content or where it leads.
fn layout(tree: &Tree) -> Vec<(String, Vec<u8>)> {
    let list = tree.shell("cd root && find . -type l -printf '%p -> %l\\n' -o -type f -print | LC_ALL=C sort").stdout;
    let list = String::from_utf8(list).expect("text");
    let content = |name: &str| fs::read(tree.path("root").join(name)).unwrap_or_default();
    list.lines().map(|name| (name.to_owned(), content(name))).collect()
}

fn make_over(tree: &Tree, target: &str) -> Output {
    make(tree, "root", &["PREFIX=/usr/local", target])
}

fn ends_well(output: &Output) {
    assert_eq!(output.end, End::Code(0), "{output:?}");
}

/// A refusal says why and changes nothing.
#[track_caller]
fn refuses(tree: &Tree, target: &str, reason: &str) {
    let before = layout(tree);
    let refused = make_over(tree, target);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.end != End::Code(0) && said.contains(reason), "{refused:?}");
    assert_eq!(layout(tree), before);
}

#[test]
fn every_name_leads_to_ours_and_back_again() {
    let tree = tree_with_layout();
    if make_is_missing(&tree) {
        return;
    }
    let before = layout(&tree);
    ends_well(&make_over(&tree, "install-over"));
    // Again, as an administrator does who is not sure.
    ends_well(&make_over(&tree, "install-over"));
    let version = env!("CARGO_PKG_VERSION");
    let here = format!("package/admin/daemontools-rs-{version}/command");
    let led = fs::read_link(tree.path("root/package/admin/daemontools")).expect("the link");
    assert_eq!(led, Path::new(&format!("daemontools-rs-{version}")));
    for name in programs() {
        let link = |at: &str| fs::read_link(tree.path(format!("root/{at}/{name}"))).expect("a link");
        assert_eq!(link("usr/local/bin"), Path::new("/command").join(&name));
        assert_eq!(link("command"), Path::new("/package/admin/daemontools/command").join(&name));
        assert!(tree.path(format!("root/{here}/{name}")).is_file(), "{name}");
    }
    let pages = files(&tree.path("root/usr/local/share/man"));
    assert!(pages.len() > NAMES.len(), "{pages:?}");
    ends_well(&make_over(&tree, "uninstall-over"));
    assert_eq!(layout(&tree), before);
    assert!(!tree.path(format!("root/{here}")).exists());
}

#[test]
fn make_install_does_not_replace_a_part_of_it() {
    let tree = tree_with_layout();
    if !make_is_missing(&tree) {
        refuses(&tree, "install", "leads to /command/");
    }
}

/// Of an install before there was `install-over`, or into another layout.
#[test]
fn programs_of_ours_in_the_bin_directory_give_way_and_others_stay() {
    let tree = tree_with_layout();
    if make_is_missing(&tree) {
        return;
    }
    let bin = |name: &str| tree.path("root/usr/local/bin").join(name);
    for name in ["svc", "svps", "svstat"] {
        let _ = fs::remove_file(bin(name));
    }
    for name in ["svc", "svps"] {
        fs::copy(Programs::ours().path(name), bin(name)).expect("copy a program");
    }
    fs::write(bin("svstat"), "the admin's own").expect("write a file");
    let done = make_over(&tree, "install-over");
    ends_well(&done);
    assert!(String::from_utf8_lossy(&done.stderr).contains("/usr/local/bin/svstat is another program and stays"));
    for name in ["svc", "svps"] {
        assert_eq!(fs::read_link(bin(name)).expect("a link"), Path::new("/command").join(name));
    }
    ends_well(&make_over(&tree, "uninstall-over"));
    assert_eq!(fs::read(bin("svstat")).expect("read"), b"the admin's own");
    assert!(!bin("svps").exists() && bin("svc").is_symlink());
}

#[test]
fn what_is_no_such_layout_is_left_alone() {
    let tree = tree_with_layout();
    if make_is_missing(&tree) {
        return;
    }
    refuses(&tree, "uninstall-over", "replaced");
    fs::remove_file(tree.path("root/command/svscan")).expect("remove a link");
    let tree = tree.link("root/command/svscan", "/opt/other/svscan");
    refuses(&tree, "install-over", "/command/svscan does not lead to");
    fs::remove_file(tree.path("root/package/admin/daemontools")).expect("remove the link");
    refuses(&tree, "install-over", "no daemontools 0.76 installed from source");
}

/// With `/usr/local` on a disk of its own, which is full or read-only.
#[test]
fn a_disk_that_takes_nothing_leaves_0_76_in_place() {
    let tree = tree_with_layout();
    if make_is_missing(&tree) || !tree.tmpfs("root/usr/local/share", "size=4k") {
        return;
    }
    refuses(&tree, "install-over", "nothing was installed");
}

/// The programs are written, and the links to what 0.76 does not have cannot be made.
#[test]
fn where_a_link_cannot_be_made_everything_is_taken_back() {
    let tree = tree_with_layout();
    if make_is_missing(&tree) || !tree.tmpfs("root/usr/local/bin", "ro") {
        return;
    }
    refuses(&tree, "install-over", "nothing was changed");
}

/// What the names start, seen in a root of its own: `/command/svscanboot`, as inittab has it, starts the programs of the
/// one kind or the other, and a running tree is left alone by the change.
#[test]
fn the_next_boot_starts_ours_and_after_the_way_back_0_76() {
    let Some(original) = Programs::original("install-over on a running 0.76") else { return };
    let Some(tree) = own_root("install-over on a running 0.76") else { return };
    let script = format!(
        r#"mkdir /original && for name in {names}; do cp {from}/$name /original/; done
{bare}{upgrade}
mkdir -p /etc/service/a
printf '#!/bin/sh\nexec sleep 1000\n' >/etc/service/a/run
chmod 755 /etc/service/a/run
soon() {{ tries=0; until "$@" >/dev/null 2>&1; do tries=$((tries + 1)); [ $tries -lt 1800 ] || {{ echo "in vain: $*"; exit 1; }}; sleep 0.1; done; }}
is_up() {{ /command/svstat /etc/service/a | grep -q ': up'; }}
process() {{ /command/svstat /etc/service/a | sed 's/.*(pid \([0-9]*\)).*/\1/'; }}
is_down() {{ ! /command/svok /etc/service/a; }}
runs() {{ for exe in /proc/[0-9]*/exe; do readlink $exe; done 2>/dev/null | grep -q "^$1\$"; }}
runs_not() {{ ! runs "$1"; }}
# Boots, sees which svscan and supervise run, and does something meanwhile.
boot() {{
	/command/svscanboot & booted=$!
	soon is_up
	runs "/package/admin/$1/command/svscan" && runs "/package/admin/$1/command/supervise" || {{ echo "not $1"; exit 1; }}
	before=$(process)
	make -s $2
	[ "$(process)" = "$before" ] || {{ echo "the service was disturbed: $before $(process)"; exit 1; }}
	for svscan in /proc/[0-9]*; do
		case $(readlink $svscan/exe) in */$1/command/svscan*) kill ${{svscan#/proc/}} ;; esac
	done
	/command/svc -dx /etc/service/a
	soon is_down
	wait $booted || :
}}
cd "$WORKSPACE"
boot daemontools-0.76 install-over
boot daemontools-rs-{version} uninstall-over
boot daemontools-0.76 -v >/dev/null"#,
        names = NAMES.join(" "),
        from = original.dir().display(),
        bare = bare_system(),
        upgrade = upgrade("", "/original"),
        version = env!("CARGO_PKG_VERSION"),
    );
    let done = in_own_root(&tree, &script);
    assert!(done.end == End::Code(0), "{done:?}");
}
