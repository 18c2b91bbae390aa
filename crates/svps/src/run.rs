//! Looks at the tree and shows it, once, or again whenever something changes.

use std::collections::{BTreeMap, HashSet};
use std::env::var_os;
use std::ffi::{CStr, CString};
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_program::clock::Instant;
use daemontools_program::clock::time_of_day;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_program::wait::wait;
use daemontools_service::report::{Condition, ServiceReport};
use daemontools_sys::fd::STDOUT;
use daemontools_sys::terminal;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;

use crate::options::{Form, Options};
use crate::table::{self, Style};
use crate::tree::{self, Entry};
use crate::watch::{Change, Part, Watch};
use crate::{json, metrics};

/// Something is not as wanted.
const TROUBLED: Exit = Exit(1);
/// How far apart two pictures are at least, so that a storm of changes is answered by a few.
const SHOW_EVERY: Duration = Duration::from_millis(50);

/// Shows the tree.
pub fn show(options: &Options) -> Outcome {
    tree::enter(&options.dir)?;
    if options.watch {
        return follow(options);
    }
    let now = time_of_day();
    let mut entries = tree::look(&options.dir, now)?;
    tree::sort(&mut entries, options.sort);
    print(&text(options, &entries, now)?)?;
    Ok(if entries.iter().all(Entry::is_as_wanted) { Exit::OK } else { TROUBLED })
}

/// The tree in the form that is wanted.
fn text(options: &Options, entries: &[Entry], now: Label) -> Result<Vec<u8>, Failure> {
    match options.form {
        Form::Table => {
            let style = Style { colour: colour(), width: None };
            Ok((table::lines(entries, now, style).join("\n") + "\n").into_bytes())
        }
        Form::Json => json::lines(entries, now).map_err(|_| Failure::fatal([b"unable to describe the services"])),
        Form::Metrics => Ok(metrics::text(entries, now).into_bytes()),
    }
}

/// Whether the output may have colours (<https://no-color.org>).
fn colour() -> bool {
    let set = |name| var_os(name).filter(|value| !value.is_empty());
    STDOUT.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}

/// Shows the tree again and again, until a signal ends us.
fn follow(options: &Options) -> Outcome {
    let mut live = Live { dir: &options.dir, watch: Watch::here(&options.dir)?, entries: BTreeMap::new() };
    live.scan()?;
    let screen = options.form == Form::Table && STDOUT.is_terminal();
    let mut shown = None;
    loop {
        let now = time_of_day();
        let mut entries: Vec<_> = live.entries.values().map(|entry| entry.seen_at(now)).collect();
        tree::sort(&mut entries, options.sort);
        let next = Instant::now() + SHOW_EVERY;
        if screen {
            print(&picture(options, &entries, now, shown.is_none()))?;
        } else if shown.as_ref() != Some(&entries) {
            let gap: &[u8] = if shown.is_some() && options.form == Form::Table { b"\n" } else { b"" };
            print(&[gap, &text(options, &entries, now)?].concat())?;
        }
        let spans = table::spans_last(&entries, now).filter(|_| screen);
        let lasts = [table::counts_last(&entries), spans].into_iter().flatten().min();
        let lasts = lasts.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        shown = Some(entries);
        // What was heard of but means nothing is no reason to show the same again.
        while !live.listen(lasts)? && lasts.is_none_or(|lasts| Instant::now() < lasts) {}
        wait(&mut [], Some(next));
    }
}

/// The whole screen.
fn picture(options: &Options, entries: &[Entry], now: Label, first: bool) -> Vec<u8> {
    let (rows, columns) = terminal::size(STDOUT).unwrap_or((24, 80));
    let style = Style { colour: colour(), width: Some(columns.into()) };
    let title = format!("{}: {}", printable(options.dir.to_bytes()), table::summary(entries));
    let title: String = title.chars().take(columns.into()).collect();
    let mut lines = vec![title, String::new()];
    lines.append(&mut table::lines(entries, now, style));
    let room = usize::from(rows).saturating_sub(1);
    if lines.len() > room {
        let hidden = lines.len() - room + 1;
        lines.truncate(room.saturating_sub(1));
        lines.push(format!("... and {hidden} more"));
    }
    let mut text = String::from(if first { "\x1b[2J\x1b[H" } else { "\x1b[H" });
    lines.iter().for_each(|line| text.extend([line, "\x1b[K\n"]));
    text.push_str("\x1b[J");
    text.into_bytes()
}

/// The tree, kept up to date by what is heard.
struct Live<'a> {
    dir: &'a CStr,
    watch: Watch,
    entries: BTreeMap<CString, Entry>,
}

impl Live<'_> {
    /// Waits for changes, until `deadline` at most; whether there were any that matter.
    fn listen(&mut self, deadline: Option<Instant>) -> Result<bool, Failure> {
        self.wait(deadline)?;
        let mut changed = false;
        for change in self.watch.changes() {
            match change {
                Change::All | Change::Entries => self.scan()?,
                Change::Way(name) | Change::Status(name) => self.look(&name)?,
                Change::Opened(name, part) if !self.is_supervised(&name, part) => self.look(&name)?,
                Change::Closed(name, part) if self.is_supervised(&name, part) => self.look(&name)?,
                Change::Opened(..) | Change::Closed(..) => continue,
            }
            changed = true;
        }
        Ok(changed)
    }

    /// Waits until something is heard, or the deadline. If nobody reads our output any more, that is the end: there may
    /// be no change for days.
    fn wait(&self, deadline: Option<Instant>) -> Result<(), Failure> {
        let left = deadline.map(|deadline| TimeSpec::from_duration(deadline.since(Instant::now())));
        let output = PollFd::new(STDOUT, PollFlags::empty());
        let mut fds = [PollFd::new(self.watch.as_fd(), PollFlags::POLLIN), output];
        match ppoll(&mut fds, left, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).unable([b"wait for changes"]),
        }
        let gone = PollFlags::POLLERR | PollFlags::POLLHUP | PollFlags::POLLNVAL;
        let [_, output] = fds;
        match output.revents().is_some_and(|events| events.intersects(gone)) {
            true => Err(Failure::silent(Exit::TROUBLE)),
            false => Ok(()),
        }
    }

    /// Looks at everything.
    fn scan(&mut self) -> Result<(), Failure> {
        let names = tree::names().unable([b"read directory ", self.dir.to_bytes()])?;
        let here: HashSet<&CString> = names.iter().collect();
        let gone: Vec<_> = self.entries.keys().filter(|name| !here.contains(name)).cloned().collect();
        for name in gone {
            self.forget(&name);
        }
        names.iter().try_for_each(|name| self.look(name))
    }

    /// Looks at the service of this name. Listening comes first, so that no change is missed.
    fn look(&mut self, name: &CStr) -> Result<(), Failure> {
        self.watch.attend(name)?;
        match tree::entry(name.into(), time_of_day()) {
            Some(entry) => drop(self.entries.insert(name.into(), entry)),
            None => self.forget(name),
        }
        Ok(())
    }

    fn forget(&mut self, name: &CStr) {
        self.watch.leave(name);
        self.entries.remove(name);
    }

    /// Whether our own look could open `ok`, when we last looked.
    fn is_supervised(&self, name: &CStr, part: Part) -> bool {
        let opened = |service: &ServiceReport| match service.condition {
            Condition::Supervised(_) | Condition::Unknown(_) => true,
            Condition::Unsupervised => false,
        };
        self.entries.get(name).is_some_and(|entry| match part {
            Part::Service => opened(&entry.service),
            Part::Log => entry.log.as_ref().is_some_and(opened),
        })
    }
}
