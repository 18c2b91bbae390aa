//! The scan directory that is shown, and which services of it.

use std::ffi::CString;

use daemontools_core::label::Label;
use daemontools_observe::tree::{self, Entry};
use daemontools_program::failure::{Failure, Unable};
use daemontools_service::by_path::Opener;
use daemontools_service::service_dir::ServiceDir;
use nix::sys::stat::stat;
use nix::unistd::chdir;

use crate::options::Options;

/// Goes to the scan directory, to stay.
pub fn enter(options: &Options) -> Result<(), Failure> {
    let dir = options.dir.to_bytes();
    chdir(options.dir.as_c_str()).unable([b"chdir to ", dir])?;
    if options.names.is_empty() && tree::is_service() {
        return Err(Failure::fatal([dir, b" is a service, not a scan directory"]));
    }
    for name in &options.names {
        stat(name.as_c_str()).unable([b"find ", name.to_bytes(), b" in ", dir])?;
    }
    Ok(())
}

/// Looks at every service that is wanted, in the scan directory, which is the current one.
pub fn look(options: &Options, now: Label) -> Result<Vec<Entry>, Failure> {
    let (mut opener, mut names) = (Opener::default(), names(options)?);
    // Now, since names are smaller than entries, which the sort moves.
    names.sort_unstable();
    let mut entries = Vec::with_capacity(names.len());
    entries.extend(names.into_iter().filter_map(|name| tree::entry(&mut opener, name, now)));
    Ok(entries)
}

/// How many of the last ends of each service, and of its logger, were because memory ran out; `None`: that is not known.
pub fn oom_kills(entries: &[Entry]) -> Vec<[Option<u32>; 2]> {
    let count = |dir: Option<ServiceDir>| dir.map(|dir| dir.history().iter().map(|run| u32::from(run.oom)).sum());
    let mut opener = Opener::default();
    let of = |entry: &Entry| {
        let dir = entry.service.details.as_ref().and_then(|_| opener.open(&entry.name).ok());
        let has_details = entry.log.as_ref().is_some_and(|log| log.details.is_some());
        let log = has_details.then(|| opener.open(&entry.name).ok()?.log().ok()?).flatten();
        [count(dir), count(log)]
    };
    entries.iter().map(of).collect()
}

/// The services in the current directory that are wanted.
pub fn names(options: &Options) -> Result<Vec<CString>, Failure> {
    let names = tree::names().unable([b"read directory ", options.dir.to_bytes()])?;
    let wanted = |name: &CString| options.names.is_empty() || options.names.contains(name);
    Ok(names.into_iter().filter(wanted).collect())
}
