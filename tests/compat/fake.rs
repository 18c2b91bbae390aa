//! A supervise that is only pretended: the test itself reads the FIFOs.

use std::fs::{File, Permissions, set_permissions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use daemontools_tests::Tree;

/// Opens a FIFO for reading and does not wait for a writer.
pub fn reads(tree: &Tree, path: impl AsRef<Path>) -> File {
    File::options().read(true).custom_flags(libc::O_NONBLOCK).open(tree.path(path)).expect("open a FIFO")
}

/// What can be read now.
pub fn taken(fifo: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Ends with EAGAIN while there is a writer, else at the end of file.
    let _ = fifo.read_to_end(&mut bytes);
    bytes
}

/// Makes a directory its owner's alone, as supervise makes its own.
pub fn private(tree: &Tree, path: &str) {
    set_permissions(tree.path(path), Permissions::from_mode(0o700)).expect("change a mode");
}
