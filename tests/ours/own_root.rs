//! A root directory of its own for shell scripts: all of this system below, and what the scripts write above it, in memory,
//! gone at the end. For everything that installs, and for commands as the documents show them.

use std::time::Duration;

use daemontools_tests::programs::{NAMES, workspace};
use daemontools_tests::{End, Output, Programs, Tree, left_out, needs_root};

/// Mounts the root and becomes the script in it.
const MOUNTS: &str = "set -e
number=0
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work
mount -t overlay overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work root
mount -t proc proc root/proc
mount --bind /dev root/dev
mount -t tmpfs tmpfs root/run
# A layer shows one file system, and these may lie on others.
for shown in $WORKSPACE $BUILT; do
	[ ! -e root$shown/Makefile ] && [ ! -e root$shown/svscan ] || continue
	number=$((number + 1))
	mkdir -p layer/upper$number layer/work$number root$shown
	mount -t overlay overlay -o lowerdir=$shown,upperdir=layer/upper$number,workdir=layer/work$number root$shown
done
mkdir -p root$PWD
mount --bind $PWD root$PWD
mkdir -p root/command-test
cp script root/command-test/script
exec chroot root /bin/sh /command-test/script";

/// Runs a shell script as root of a copy of the system, with our programs first in its PATH, their directory in `BUILT` and
/// the sources in `WORKSPACE`. `make` builds nothing there.
pub fn in_own_root(tree: &Tree, script: &str) -> Output {
    tree.put_file("script", script);
    let make = format!("CARGO=true BUILT={}", Programs::ours().dir().display());
    let unshare = tree.invocation("/usr/bin/unshare").args(["--mount", "--pid", "--fork", "--kill-child", "/bin/sh"]);
    let mut path = Programs::ours().search_path();
    path.push(":/usr/sbin:/sbin");
    let unshare = unshare.args(["-c", MOUNTS]).env("PATH", path).env("MAKEFLAGS", make).env("HOME", "/root");
    let process = unshare.env("BUILT", Programs::ours().dir()).env("WORKSPACE", workspace()).env("SVDIR", "/service");
    // A script may be all commands of a page.
    process.spawn().wait_after(Duration::from_secs(120))
}

/// The beginning of a script for a system on which no daemontools are installed and nothing is built: it leaves only PATH,
/// MAKEFLAGS and HOME in the environment, and works in the sources.
pub fn bare_system() -> String {
    let programs: Vec<String> = NAMES.iter().map(|name| format!("/usr/bin/{name} /usr/local/bin/{name}")).collect();
    format!(
        "set -e
cd \"$WORKSPACE\"
rm -rf /service /etc/service /command /package {}
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export MAKEFLAGS=\"CARGO=no-cargo-here BUILT=$BUILT\"
unset SVDIR
",
        programs.join(" ")
    )
}

/// A tree with the places that `in_own_root` mounts on; none where that is not allowed, and then it says that `what` is
/// left out.
pub fn own_root(what: &str) -> Option<Tree> {
    if !needs_root(what) {
        return None;
    }
    let tree = Tree::of(Programs::ours()).dir("layer").dir("root");
    let tried = in_own_root(&tree, "exit 0");
    if tried.end == End::Code(0) {
        return Some(tree);
    }
    left_out(what, &format!("no root of its own: {}", String::from_utf8_lossy(&tried.stderr).trim()));
    None
}
