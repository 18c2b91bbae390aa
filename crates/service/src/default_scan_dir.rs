//! The scan directory of a program that was not told one.

use std::env::var_os;
use std::path::{Path, PathBuf};

/// Where a tree usually is; the first is djb's, the second Debian's.
const USUAL: [&str; 2] = ["/service", "/etc/service"];

/// The scan directory that `$SVDIR` names, else the first usual place that exists; else the first one, about which a
/// message will be.
pub fn default_scan_dir() -> PathBuf {
    let named = var_os("SVDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let found = || USUAL.into_iter().find(|dir| Path::new(dir).is_dir()).or(USUAL.into_iter().next());
    named.unwrap_or_else(|| found().unwrap_or(".").into())
}
