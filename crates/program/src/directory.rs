//! Reading a directory through a descriptor that is above the standard ones, like every other descriptor of ours.

use daemontools_sys::fd::open_private;
use nix::NixPath;
use nix::dir::Dir;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

/// Opens a directory to read its entries.
pub fn open<P: ?Sized + NixPath>(path: &P) -> nix::Result<Dir> {
    Dir::from_fd(open_private(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())?)
}
