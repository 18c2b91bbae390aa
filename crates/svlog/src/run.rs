//! The program around the parts: finds the logs, decides whether control characters are escaped (a terminal, `--raw`,
//! `--escape`), shows the lines, and follows them.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::printable::printable;
use daemontools_sys::fd::STDOUT;
use nix::unistd::isatty;

use crate::directory::snapshot;
use crate::filter::Filter;
use crate::format::{Bytes, Format, Line};
use crate::locate::find;
use crate::merge::Merge;
use crate::options::Options;
use crate::output::{self, FULL};
use crate::progress::Progress;
use crate::rotation_follower::RotationFollower;
use crate::signals::Signals;
use crate::source::{ReadOptions, Source};
use crate::watch::{Watch, Woken};

/// How many lines are looked at between two looks at the clock and at signals.
const LINES_PER_TICK: u32 = 10_000;
/// How many bytes the lines may have that are kept because they may be the last ones.
const KEPT: usize = 256 << 20;

/// Shows what is asked for.
pub fn show(program: &'static Program, options: Options) -> Outcome {
    let signals = options.follow.then(Signals::catch).transpose()?;
    let mut watch = Watch::new(options.follow);
    let (sources, mut trouble) = sources(program, &options, &mut watch)?;
    let mut logs = Merge::new(sources);
    if let Some(lines) = options.lines {
        go_back(&mut logs.sources, lines, &options.filter);
    }
    let escapes = || if isatty(STDOUT).unwrap_or(false) { Bytes::Escaped } else { Bytes::Raw };
    let bytes = options.bytes.unwrap_or_else(escapes);
    let mut screen = Screen {
        program,
        format: Format::new(options.style, bytes, options.dirs.len() > 1),
        filter: options.filter,
        output: Vec::with_capacity(FULL),
        progress: Progress::new(|| logs.sources.iter().map(Source::left).sum()),
        signals,
    };
    screen.pass(&mut logs, options.lines)?;
    screen.flush()?;
    if options.follow {
        follow(&mut logs, &mut screen, &mut watch)?;
    }
    screen.progress.clear();
    if let Some((signals, signal)) = screen.signals.as_ref().and_then(|signals| Some((signals, signals.caught()?))) {
        return Ok(signals.end(signal));
    }
    trouble |= logs.sources.iter().any(|source| source.trouble);
    Ok(if trouble { Exit::TROUBLE } else { Exit::OK })
}

/// Leaves of each log what the last lines can be in.
fn go_back(sources: &mut [Source], lines: usize, filter: &Filter) {
    let mut progress = Progress::new(|| sources.iter().map(Source::left).sum());
    let mut before = 0;
    for source in sources {
        source.keep_last(lines, filter, &mut |read| progress.tick(before + read));
        before += std::mem::take(&mut source.read);
    }
    progress.clear();
}

/// The logs that were asked for, with their files as they are now; and whether one could not be found. If none can, that
/// is the end.
fn sources(program: &'static Program, options: &Options, watch: &mut Watch) -> Result<(Vec<Source>, bool), Failure> {
    let keyed = options.dirs.len() > 1 || options.follow;
    let read = ReadOptions { program, range: options.range, growing: options.follow, keyed, quiet: false };
    let (mut sources, mut failures) = (Vec::new(), Vec::new());
    for given in &options.dirs {
        match source(given, read, watch) {
            Ok(source) => sources.push(source),
            Err(failure) => failures.push(failure),
        }
    }
    let trouble = !failures.is_empty();
    if sources.is_empty() {
        if let Some(last) = failures.pop() {
            failures.iter().for_each(|failure| failure.warn(program));
            return Err(last);
        }
    }
    failures.iter().for_each(|failure| failure.warn(program));
    Ok((sources, trouble))
}

fn source(given: &OsStr, options: ReadOptions, watch: &mut Watch) -> Result<Source, Failure> {
    let log = find(Path::new(given))?;
    // Watched before it is read: nothing is missed in between.
    watch.add(log.path.clone());
    let failed = |error: daemontools_untrusted::Error| {
        Failure::fatal([b"unable to read ", log.path.as_os_str().as_bytes(), b": ", error.reason().as_bytes()])
    };
    let files = log.open().and_then(|dir| Ok((snapshot(&dir)?, dir)));
    let (files, dir) = files.map_err(failed)?;
    let empty = log.open().map_err(failed)?;
    let mut source = Source::new(name(given), log, empty, options);
    source.take(dir, files);
    Ok(source)
}

/// What a log is called: as it was given, less a slash at the end, escaped.
fn name(given: &OsStr) -> String {
    let bytes = given.as_bytes();
    printable(bytes.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(bytes))
}

/// Shows lines as they come, until nobody reads them any more or a signal comes.
fn follow(logs: &mut Merge, screen: &mut Screen, watch: &mut Watch) -> Result<(), Failure> {
    let mut followers: Vec<RotationFollower> = logs.sources.iter().map(|_| RotationFollower::default()).collect();
    screen.progress = Progress::new(|| 0);
    loop {
        // What was reported is forgotten before anything is looked at.
        watch.clear();
        loop {
            screen.pass(logs, None)?;
            let more = logs.sources.iter_mut().zip(&mut followers).map(|(source, next)| next.find_more(source));
            // Each of them, not the first only.
            if more.filter(|more| *more).count() == 0 || screen.is_over() {
                break;
            }
        }
        screen.flush()?;
        let retry_at = logs.sources.iter().filter_map(|source| source.retry_at).min();
        let Some(signals) = &screen.signals else { return Ok(()) };
        if screen.is_over() || watch.wait(signals, retry_at) == Woken::Ends {
            return Ok(());
        }
    }
}

/// Where lines are shown.
struct Screen {
    program: &'static Program,
    format: Format,
    filter: Filter,
    output: Vec<u8>,
    progress: Progress,
    /// Caught by a follower only.
    signals: Option<Signals>,
}

impl Screen {
    /// Shows all lines that are there, or the last ones of them.
    fn pass(&mut self, logs: &mut Merge, last: Option<usize>) -> Result<(), Failure> {
        let mut kept = last.map(Kept::new);
        let mut round = 0;
        while let Some(source) = logs.advance() {
            let text = source.line();
            if self.filter.accepts(text) {
                let line = Line { name: &source.name, text, cut: source.is_cut() };
                match &mut kept {
                    Some(kept) => kept.put(|room| self.format.put(line, room)),
                    None => self.format.put(line, &mut self.output),
                }
                if self.output.len() >= FULL {
                    self.flush()?;
                }
            }
            round += 1;
            if round == LINES_PER_TICK {
                round = 0;
                self.progress.tick(logs.sources.iter().map(|source| source.read).sum());
                if self.is_over() {
                    return Ok(());
                }
            }
        }
        let Some(kept) = kept else { return Ok(()) };
        if kept.dropped {
            let size = (KEPT >> 20).to_string();
            self.program.warn([b"the last lines are more than ", size.as_bytes(), b" MiB: only these are shown"]);
        }
        for line in kept.lines {
            self.output.extend_from_slice(&line);
            if self.output.len() >= FULL {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Whether a signal is to end the program.
    fn is_over(&self) -> bool {
        self.signals.as_ref().is_some_and(|signals| signals.caught().is_some())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.progress.clear();
        let written = output::write(&self.output, self.signals.as_ref());
        self.output.clear();
        written
    }
}

/// The last lines, as they are shown.
struct Kept {
    count: usize,
    lines: VecDeque<Vec<u8>>,
    size: usize,
    /// Whether there were too many bytes to keep all of them.
    dropped: bool,
}

impl Kept {
    /// As many lines as `count`, unless they are too large.
    fn new(count: usize) -> Kept {
        Kept { count, lines: VecDeque::new(), size: 0, dropped: false }
    }

    /// Keeps one more line, which `put` appends.
    fn put(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        if self.count == 0 {
            return;
        }
        let mut line = Vec::new();
        while self.lines.len() >= self.count || (self.size > KEPT && !self.lines.is_empty()) {
            self.dropped |= self.lines.len() < self.count;
            line = self.lines.pop_front().unwrap_or_default();
            self.size -= line.len();
        }
        line.clear();
        put(&mut line);
        line.shrink_to(2 * line.len());
        self.size += line.len();
        self.lines.push_back(line);
    }
}
