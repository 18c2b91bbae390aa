//! Looks at the tree and shows it, once, or again whenever something changes.

use std::io::IsTerminal;
use std::time::Duration;

use daemontools_core::label::Label;
use daemontools_observe::blocked;
use daemontools_observe::layout::{Style, cut};
use daemontools_observe::table;
use daemontools_observe::tree::{self, Entry};
use daemontools_program::clock::{Instant, time_of_day};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_program::wait::wait;
use daemontools_sys::fd::STDOUT;

use crate::live::Live;
use crate::options::{Form, Options};
use crate::screen::Screen;
use crate::{json, metrics, scan_dir};

/// Something is not as wanted.
const TROUBLED: Exit = Exit(1);
/// How far apart two pictures are at least, so that a storm of changes is answered by a few.
const SHOW_EVERY: Duration = Duration::from_millis(50);

/// Shows the tree.
pub fn show(options: &Options) -> Outcome {
    scan_dir::enter(options)?;
    if options.watch {
        return follow(options);
    }
    let now = time_of_day();
    let mut entries = scan_dir::look(options, now)?;
    blocked::look(&mut entries);
    tree::sort(&mut entries, options.sort);
    print(&text(options, &entries, now)?)?;
    Ok(if entries.iter().all(Entry::is_as_wanted) { Exit::OK } else { TROUBLED })
}

/// The tree in the form that is wanted.
fn text(options: &Options, entries: &[Entry], now: Label) -> Result<Vec<u8>, Failure> {
    match options.form {
        Form::Table => {
            let mut lines = table::lines(entries, now, Style::of_standard_output());
            lines.extend([String::new(), table::summary(entries), String::new()]);
            Ok(lines.join("\n").into_bytes())
        }
        Form::Json => json::lines(entries, now).map_err(|_| Failure::fatal([b"unable to describe the services"])),
        Form::Metrics => Ok(metrics::text(entries, &scan_dir::oom_kills(entries), now).into_bytes()),
    }
}

/// Shows the tree again and again, until a signal ends us.
fn follow(options: &Options) -> Outcome {
    let mut live = Live::new(options)?;
    if options.form != Form::Table || !STDOUT.is_terminal() {
        return print_changes(options, &mut live);
    }
    let screen = Screen::open()?;
    let ended = draw_changes(options, &mut live, &screen);
    screen.leave()?;
    ended
}

/// Prints the tree whenever it is another one.
fn print_changes(options: &Options, live: &mut Live<'_>) -> Outcome {
    let mut printed = None;
    loop {
        let now = time_of_day();
        let mut entries = live.entries();
        tree::sort(&mut entries, options.sort);
        let next = Instant::now() + SHOW_EVERY;
        if printed.as_ref() != Some(&entries) {
            let gap: &[u8] = if printed.is_some() && options.form == Form::Table { b"\n" } else { b"" };
            print(&[gap, &text(options, &entries, now)?].concat())?;
        }
        let deadline = table::counts_change_in(&entries).map(|seconds| Instant::now() + Duration::from_secs(seconds));
        printed = Some(entries);
        // A change that means nothing is no reason to compare everything.
        while !live.wait(deadline, None)? && deadline.is_none_or(|deadline| Instant::now() < deadline) {}
        wait(&mut [], Some(next));
    }
}

/// Draws the tree whenever it looks different.
fn draw_changes(options: &Options, live: &mut Live<'_>, screen: &Screen) -> Outcome {
    let mut from_scratch = true;
    loop {
        let now = time_of_day();
        let mut entries = live.entries();
        tree::sort(&mut entries, options.sort);
        print(&picture(options, &entries, now, from_scratch))?;
        let next = Instant::now() + SHOW_EVERY;
        let changes_in = [table::counts_change_in(&entries), table::ages_change_in(&entries, now)];
        let changes_in = changes_in.into_iter().flatten().min();
        let deadline = changes_in.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        loop {
            let changed = live.wait(deadline, Some(screen.signals()))?;
            from_scratch = screen.obey()?;
            if changed || from_scratch || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
                break;
            }
        }
        wait(&mut [], Some(next));
    }
}

/// The whole screen.
fn picture(options: &Options, entries: &[Entry], now: Label, from_scratch: bool) -> Vec<u8> {
    let (rows, columns) = Screen::size();
    let style = Style { width: Some(columns), ..Style::of_standard_output() };
    let title = format!("{}: {}", printable(options.dir.to_bytes()), table::summary(entries));
    let mut lines = vec![cut(&title, columns), String::new()];
    let heads = lines.len() + 1;
    lines.append(&mut table::lines(entries, now, style));
    let room = rows.saturating_sub(1);
    if lines.len() > room {
        let shown = room.saturating_sub(1);
        let hidden = entries.get(shown.saturating_sub(heads)..).unwrap_or_default();
        lines.truncate(shown);
        lines.push(cut(&format!("... and {}", table::more(hidden)), columns));
    }
    let mut text = String::from(if from_scratch { "\x1b[2J\x1b[H" } else { "\x1b[H" });
    lines.iter().for_each(|line| text.extend([line, "\x1b[K\n"]));
    text.push_str("\x1b[J");
    text.into_bytes()
}
