//! svctl without its `main`: `options` reads what was typed and `names` finds the services that are meant; `job` decides
//! how one service gets to the state that is wanted, `act` brings it there, `enable` and `disable` make and take away links,
//! `reload` runs a setting's program, `event_loop` waits for all services at once; `found` is all that is known of a service,
//! `screen` and `json` are the two forms of it, `status` prints them; `edit` changes a script; `our_programs` runs the
//! programs of ours that do the rest.
#![forbid(unsafe_code)]

use daemontools_program::failure::Program;

mod act;
mod cat;
mod disable;
mod draft;
mod edit;
mod edited_file;
mod enable;
mod event_loop;
mod found;
mod history;
mod job;
mod json;
mod log_room;
mod names;
mod options;
mod our_programs;
mod process_tree;
mod reload;
mod removal;
pub mod run;
mod scanner;
mod screen;
mod settings;
mod status;

/// What svctl says about itself.
pub static PROGRAM: Program = Program {
    name: "svctl",
    usage: "svctl: usage: svctl [ option ... ] verb [ name ... ]",
    about: "Starts, stops, restarts and explains the services of a scan directory.

  status [name ...]        all services in a table, or all that is known of some
  start, stop, restart     done, and waited for
  once name ...            run to its end, which is waited for
  reload, pause, resume    the setting reload or HUP, STOP, CONT
  kill [-s SIGNAL] name    send a signal (default TERM)
  enable path, disable name
                           make the link in the scan directory; take it away
  why [name ...]           what is not as wanted, and the cause
  log name ...             read the log (svlog's options)
  history name             the last ends
  list                     the names of all services
  cat name                 its scripts and settings
  edit name                its run script, in $EDITOR

      --dir DIR            the scan directory
                           (default: $SVDIR, /service, /etc/service)
  -t, --timeout TIME       give up after this time, as in 10s or 2m
      --no-wait            do not wait for what was started
  -j, --json               JSON objects, a line each
      --from DIR           where enable looks for a name (default: /etc/sv)
      --keep-running       disable only takes the link away",
};
