//! Accounts that only a name-service module knows: the distribution's `libnss-extrausers`, told about in a mount namespace
//! of the test's own, so that the machine's files stay as they are.

use std::path::Path;

use crate::{Output, Tree, left_out, needs_root};

/// The tree with accounts for the module, or none where the module or the namespace is not to be had; then says that
/// `what` is left out.
#[must_use]
pub fn with_module(tree: Tree, what: &str) -> Option<Tree> {
    let passwd = "\
        extra:x:47001:47002:Known to a module:/:/bin/sh\n\
        4711:x:47003:47002:A name of digits:/:/bin/sh\n\
        rooted:x:0:0:Too small for the module:/:/bin/sh\n\
        largest:x:4294967295:47002:No uid at all:/:/bin/sh\n\
        grouped:x:47004:4294967295:No gid at all:/:/bin/sh\n\
        broken:x::47002:No number:/:/bin/sh\n\
        hexed:x:0x0:47002:No decimal number:/:/bin/sh\n";
    let tree = tree
        .file("extra/passwd", passwd)
        .file("extra/group", "primary:x:47002:\nsecond:x:47005:extra,4711\nthird:x:47006:extra\n")
        .file("extra/shadow", "")
        .file("nsswitch.conf", "passwd: files extrausers\ngroup: files extrausers\n");
    if !needs_root(what) {
        return None;
    }
    if !Path::new("/var/lib/extrausers").is_dir() {
        left_out(what, "libnss-extrausers is not installed");
        return None;
    }
    if tree.shell("unshare --mount true").stderr.is_empty() {
        return Some(tree);
    }
    left_out(what, "no mount namespace is to be had");
    None
}

/// Runs a line of shell where the module is asked, or whatever else `nsswitch.conf` of the tree says.
pub fn shell(tree: &Tree, line: &str) -> Output {
    tree.put_file(
        "go",
        format!(
            "mount --bind nsswitch.conf /etc/nsswitch.conf && mount --bind extra /var/lib/extrausers || exit 99\n{line}\n"
        ),
    );
    tree.invocation("/usr/bin/unshare").args(["--mount", "--propagation", "private", "sh", "go"]).run()
}
