//! The draft of a script: a file that only we can read, in a directory that only we can search.

use std::env::var_os;
use std::ffi::{CStr, CString, OsStr};
use std::fs::{create_dir_all, remove_dir_all};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::open_private;
use daemontools_untrusted::{Directory, Error};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::mkdtemp;

use crate::edit::c_path;
use crate::edited_file::EditedFile;
use crate::names::Named;

/// The largest draft that is read, in bytes.
const MOST: usize = 1 << 20;
/// What of a service has no place in a copy that svlint looks at: the script, and what supervise has made.
const LEFT_OUT: [&[u8]; 2] = [b"run", b"supervise"];

/// A draft. It stays where it is unless it is removed.
pub struct Draft {
    directory: PathBuf,
    path: CString,
}

impl Draft {
    /// A draft with the contents of the file.
    pub fn new(file: &EditedFile) -> Result<Draft, Failure> {
        let above = var_os("TMPDIR").filter(|dir| !dir.is_empty()).map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        let directory = mkdtemp(&above.join("svctl.XXXXXX"));
        let directory = directory.unable([b"make a directory in ", above.as_os_str().as_bytes()])?;
        let path = c_path(&directory.join("run").into_os_string().into_vec());
        let draft = Draft { directory, path };
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let made = open_private(draft.path.as_c_str(), flags, Mode::from_bits_truncate(0o600));
        let written = made.and_then(|made| write_all(&made, file.contents()));
        written.unable([b"write the draft ", draft.path.to_bytes()])?;
        Ok(draft)
    }

    /// Where it is.
    pub fn path(&self) -> &CStr {
        &self.path
    }

    /// What is in it; `None`: the editor has left no regular file, or one that is too large.
    pub fn contents(&self) -> Result<Option<Vec<u8>>, Failure> {
        let here = Directory::current().unable([b"open the current directory"])?;
        match here.file(Path::new(OsStr::from_bytes(self.path.to_bytes()))) {
            Ok(file) => {
                let (contents, has_more) = file.read_up_to(MOST).unable([b"read the draft ", self.path.to_bytes()])?;
                Ok(Some(contents).filter(|_| !has_more))
            }
            Err(Error::System(Errno::ENOENT) | Error::NotRegular(_)) => Ok(None),
            Err(error) => {
                let reason = error.reason();
                Err(Failure::fatal([b"unable to read the draft ", self.path.to_bytes(), b": ", reason.as_bytes()]))
            }
        }
    }

    /// A service directory for svlint: the draft as `run`, with the owner and mode of the script, and links to all else.
    /// Its name is `log` if that of the service is.
    pub fn service_with_it(&self, file: &EditedFile, named: &Named) -> Result<CString, Failure> {
        let base = named.path.to_bytes().rsplit(|&byte| byte == b'/').find(|part| !part.is_empty());
        let base = base.filter(|base| *base != b"." && *base != b"..").unwrap_or(b"service");
        let copy = self.directory.join("check");
        let service = copy.join(OsStr::from_bytes(base));
        let failed = |error: &std::io::Error| {
            let errno = Errno::from_raw(error.raw_os_error().unwrap_or_default());
            Failure::because([b"unable to copy the service to ", copy.as_os_str().as_bytes()], errno)
        };
        // Of the round before.
        match remove_dir_all(&copy) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&error)),
            _ => create_dir_all(&service).map_err(|error| failed(&error))?,
        }
        let here = Directory::current().unable([b"open the current directory"])?;
        let real = std::fs::canonicalize(OsStr::from_bytes(named.path.to_bytes())).map_err(|error| failed(&error))?;
        let names = here.directory(&real).and_then(|dir| dir.names());
        let names =
            names.map_err(|error| Failure::because([b"unable to read ", named.path.to_bytes()], error.errno()))?;
        for name in names.into_iter().map(|name| name.name).filter(|name| !LEFT_OUT.contains(&name.as_bytes())) {
            symlink(real.join(&name), service.join(&name)).map_err(|error| failed(&error))?;
        }
        let run = service.join("run");
        let made =
            open_private(&run, OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL, Mode::from_bits_truncate(0o600));
        let contents = self.contents()?.unwrap_or_default();
        let written = made.and_then(|made| write_all(&made, &contents).and_then(|()| file.dress(&made)));
        written.unable([b"write ", run.as_os_str().as_bytes()])?;
        Ok(c_path(service.as_os_str().as_bytes()))
    }

    /// Removes it, and all that the editor has left beside it.
    pub fn remove(&self) {
        let _ = remove_dir_all(&self.directory);
    }
}
