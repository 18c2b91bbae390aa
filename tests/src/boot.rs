//! A machine of its own for `svscanboot`: process 1 of a pid namespace, in a root made of the machine's own directories
//! but for `/etc`, `/service`, `/command`, `/tmp` and `/proc`. Nothing of it stays, and nothing of the machine's changes.

use crate::process::Process;
use crate::tree::Tree;
use crate::{left_out, needs_root, proc};

/// Makes the root and becomes `svscanboot` in it. `$1` is the directory of the programs, `$2` svscanboot, and each
/// further word a directory of services.
const BOOT: &str = r#"#!/bin/sh
set -e
programs=$1 svscanboot=$2
shift 2
mount -t tmpfs tmpfs root
for entry in /*; do
    if [ -L "$entry" ]; then
        cp -P "$entry" root/
    elif [ -d "$entry" ]; then
        mkdir "root$entry"
        case $entry in
        /etc | /proc | /service | /command | /tmp) ;;
        *) mount --rbind "$entry" "root$entry" ;;
        esac
    fi
done
rmdir root/service 2>/dev/null || :
cp /etc/passwd /etc/group /etc/nsswitch.conf root/etc/
mkdir -p root/command root/proc root/tmp
mount -t proc proc root/proc
for program in svscan supervise svc svok svstat readproctitle; do cp "$programs/$program" root/command/; done
cp "$svscanboot" root/command/
for services; do
    mkdir -p "root/$services"
    mount --bind "$services" "root/$services"
done
[ ! -x before ] || ./before
exec chroot root /usr/bin/env -i /command/svscanboot
"#;

/// Boots with these directories of the tree as `/etc/service` or `/service`; a script `before` is run first, with the new
/// root at `root`. `None` where that is not to be had.
#[must_use]
pub fn boot(tree: &Tree, what: &str, services: &[&str]) -> Option<Process> {
    if !needs_root(what) {
        return None;
    }
    if !tree.shell("unshare --mount --pid --fork true").stderr.is_empty() {
        left_out(what, "no mount and pid namespaces are to be had");
        return None;
    }
    tree.put_exec("boot", BOOT);
    std::fs::create_dir_all(tree.path("root")).expect("make a directory");
    let alone = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL"];
    let programs = tree.programs();
    let invocation = tree.invocation("/usr/bin/unshare").args(alone).arg("./boot");
    Some(invocation.arg(programs.dir()).arg(programs.path("svscanboot")).args(services).spawn())
}

/// The processes of the machine whose first word is this.
#[must_use]
pub fn running(machine: &Process, name: &str) -> Vec<i32> {
    let within = |pid: i32| std::iter::successors(Some(pid), |&pid| proc::parent(pid)).any(|up| up == machine.pid());
    let named = |pid: i32| proc::arguments(pid).first().is_some_and(|word| word == name.as_bytes());
    proc::all().into_iter().filter(|&pid| named(pid) && within(pid)).collect()
}
