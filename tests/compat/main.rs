//! What an unchanged tree, script or reader relies on: the same tests on the C original and on ours.
//!
//! `DAEMONTOOLS_UNDER_TEST=/usr/bin cargo test --test compat` runs them on the original;
//! a test that fails there is a wrong test.

mod accounts;
mod article;
mod conventions;
mod envdir;
mod envuidgid;
mod fake;
mod fghack;
mod invocations;
mod multilog;
mod pgrphack;
mod readproctitle;
mod setlock;
mod setuidgid;
mod softlimit;
mod supervise;
mod svc;
mod svok;
mod svscan;
mod svscanboot;
mod svstat;
mod tai64n;
mod tai64nlocal;
mod transparency;
mod wide;
