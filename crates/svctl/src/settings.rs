//! The settings of a service, as files of its `supervise.d`: for display and for how long to wait. What they do is up to
//! supervise, which also says when one cannot be used.

use std::ffi::CString;

use daemontools_core::settings::{DIRECTORY, Kind, MAX_SIZE, Setting};
use daemontools_program::file_kind::Kind as FileKind;
use daemontools_program::stdio;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::open_private_at;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, fstat};

/// The contents of a setting's file; `None` where there is none, or no regular file of a setting's size.
pub fn read(dir: &ServiceDir, setting: Setting) -> Option<Vec<u8>> {
    let path = CString::new([DIRECTORY, b"/", setting.name().as_bytes()].concat()).ok()?;
    let file = open_private_at(dir, path.as_c_str(), OFlag::O_RDONLY | OFlag::O_NONBLOCK, Mode::empty()).ok()?;
    let found = fstat(&file).ok()?;
    if FileKind::of(&found) != FileKind::File {
        return None;
    }
    let mut contents = vec![0; MAX_SIZE];
    let count = stdio::read(&file, &mut contents).ok()?;
    contents.truncate(count);
    Some(contents)
}

/// Every setting that the service has, in the order of docs/settings.md, with its value; a hook and a directory have none.
pub fn all(dir: &ServiceDir) -> Vec<(Setting, Option<Vec<u8>>)> {
    let found = |setting: Setting| {
        let contents = read(dir, setting)?;
        let line = contents.split(|&byte| byte == b'\n').next().unwrap_or_default().to_vec();
        Some((setting, Some(line).filter(|_| setting.kind() == Kind::Value)))
    };
    Setting::all().filter_map(found).collect()
}
