//! Where ours differs from the original on purpose, races that ours does not lose,
//! and trees in which ours and the original work together.

mod completions;
mod container;
mod demo;
mod documented;
mod escaping;
mod help;
mod init;
mod install;
mod linking;
mod manuals;
mod mdoc;
mod mixed;
mod mixed_multilog;
mod multilog;
mod starts;
mod supervise;
mod svlint;
mod svlint_live;
mod svlint_styles;
mod svlog;
mod svlog_follow;
mod svlog_locate;
mod svlog_packed;
mod svlog_progress;
mod svlog_range;
mod svps;
mod svscan;
mod svscan_changes;
mod svscanboot;
mod svstat;
mod svstat_json;
mod svup;
mod svwait;
mod tai64nlocal;
mod unsafe_code;
