//! A root directory of its own for a program that is told to work in `/`: what it finds there is the same on every
//! machine, and what it writes is gone with it.

use std::sync::OnceLock;

use crate::{Invocation, Programs, Tree, left_out};

/// Makes the root and becomes a command in it. `$1` is the tree, `$2` the directory of the programs; the rest the command.
const ROOTED: &str = r#"#!/bin/sh
set -e
tree=$1 programs=$2
shift 2
mount -t tmpfs tmpfs "$tree/.root"
cd "$tree/.root"
for entry in bin lib lib32 lib64 libx32 sbin usr; do
    if [ -L "/$entry" ]; then
        cp -P "/$entry" .
    elif [ -d "/$entry" ]; then
        mkdir "$entry"
        mount --rbind "/$entry" "$entry"
    fi
done
for shown in "$programs" "$tree"; do
    mkdir -p ".$shown"
    mount --bind "$shown" ".$shown"
done
exec chroot . /usr/bin/env -C "$tree" "$@"
"#;

impl Tree {
    /// An invocation of a program under test whose `/` holds the system's programs and libraries, the program and the
    /// tree, and nothing else. `None` where that is not to be had; then says that `what` is left out.
    #[must_use]
    pub fn rooted(&self, what: &str, name: &str) -> Option<Invocation> {
        static POSSIBLE: OnceLock<bool> = OnceLock::new();
        let possible = *POSSIBLE.get_or_init(|| {
            let empty = Tree::of(self.programs());
            let nothing = empty.alone(self.programs()).arg("/bin/true").run();
            nothing == crate::exits(0, "", "")
        });
        if !possible {
            left_out(what, "no mount namespace is to be had");
            return None;
        }
        Some(self.alone(self.programs()).arg(self.programs().path(name)))
    }

    fn alone(&self, programs: &Programs) -> Invocation {
        std::fs::create_dir_all(self.path(".root")).expect("make a mount point");
        self.put_exec(".rooted", ROOTED);
        let unshare = self.invocation("/usr/bin/unshare").arg("--mount");
        let unshare = if nix::unistd::geteuid().is_root() { unshare } else { unshare.arg("--map-root-user") };
        unshare.arg("./.rooted").arg(self.path("")).arg(programs.dir())
    }
}
