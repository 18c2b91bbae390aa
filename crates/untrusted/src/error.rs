//! Why something is not read.

use std::borrow::Cow;

use daemontools_program::errno::reason;
use nix::errno::Errno;

use crate::writers::Writer;

/// Why something is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// A system call failed.
    System(Errno),
    /// This account may have chosen what is read, and could not read it itself.
    NotReadableBy(Writer),
    /// It is no regular file.
    NotRegular(Kind),
    /// It is no FIFO.
    NotFifo,
}

/// What is no regular file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
    /// A file that the kernel makes up as it is read, as in `/proc`.
    Kernel,
}

impl Error {
    /// The reason, to be put after a colon.
    pub fn reason(&self) -> Cow<'static, str> {
        match self {
            Error::System(errno) => reason(*errno).into(),
            Error::NotRegular(Kind::Directory) => reason(Errno::EISDIR).into(),
            Error::NotRegular(Kind::Fifo) => "is a FIFO, not a regular file".into(),
            Error::NotRegular(Kind::Socket) => "is a socket, not a regular file".into(),
            Error::NotRegular(Kind::Device) => "is a device, not a regular file".into(),
            Error::NotRegular(Kind::Kernel) => "is made up by the kernel, not a regular file".into(),
            Error::NotFifo => "not a FIFO".into(),
            Error::NotReadableBy(writer) => format!("{writer} may have put it there, and cannot read it").into(),
        }
    }

    /// The errno that comes nearest.
    pub fn errno(&self) -> Errno {
        match self {
            Error::System(errno) => *errno,
            Error::NotReadableBy(_) => Errno::EACCES,
            Error::NotRegular(Kind::Directory) => Errno::EISDIR,
            Error::NotRegular(_) | Error::NotFifo => Errno::EINVAL,
        }
    }
}

impl From<Errno> for Error {
    fn from(errno: Errno) -> Error {
        Error::System(errno)
    }
}
