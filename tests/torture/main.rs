//! Every fault that can be thought of, in a loop: each prints how many it tried. `cargo test` tries a selection,
//! `make torture` (TORTURE=1) all of them.

mod footprint;
mod hostile;
mod life;
mod multilog;
mod multilog_disk;
mod multilog_errors;
mod multilog_kill;
mod multilog_order;
mod multilog_pack;
mod multilog_settings;
mod peers;
mod peers_multilog;
mod peers_supervise;
mod privileges;
mod supervise_errors;
mod supervise_kill;
mod supervise_load;
mod supervise_restarts;
mod supervise_settings;
mod svscan_load;
mod takeover;
mod upgrade;
