//! The program around the parts: finds the logs, shows their lines, and follows them.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_program::stdio::write_all;
use daemontools_sys::fd::STDOUT;
use nix::errno::Errno;

use crate::directory::snapshot;
use crate::ears::Ears;
use crate::form::Form;
use crate::locate::log_directory;
use crate::merge::Merge;
use crate::options::Options;
use crate::progress::Progress;
use crate::sought::Sought;
use crate::source::{Manner, Source};
use crate::succession::Succession;

/// How much is gathered before it is written.
const FULL: usize = 64 * 1024;
/// How many lines are looked at between two looks at the clock.
const ROUND: u32 = 10_000;
/// Shows what is wanted.
pub fn show(program: &'static Program, options: Options) -> Outcome {
    let watch = options.follow.then(Ears::new).transpose()?;
    let mut logs = Merge::new(sources(program, &options, watch.as_ref())?);
    let sought = &options.sought;
    if let Some(lines) = options.lines {
        go_back(&mut logs.sources, lines, sought);
    }
    let mut screen = Screen {
        form: Form::new(options.style),
        several: logs.sources.len() > 1,
        output: Vec::with_capacity(2 * FULL),
        progress: Progress::new(|| logs.sources.iter().map(Source::left).sum()),
    };
    screen.pass(&mut logs, sought, options.lines)?;
    screen.flush()?;
    if let Some(watch) = watch {
        follow(&mut logs, &mut screen, sought, &watch)?;
    }
    screen.progress.clear();
    Ok(if logs.sources.iter().any(|source| source.trouble) { Exit::TROUBLE } else { Exit::OK })
}

/// Leaves of each log what the last lines can be in.
fn go_back(sources: &mut [Source], lines: usize, sought: &Sought) {
    let mut progress = Progress::new(|| sources.iter().map(Source::left).sum());
    let mut before = 0;
    for source in sources {
        source.keep_last(lines, sought, &mut |read| progress.tick(before + read));
        before += std::mem::take(&mut source.read);
    }
    progress.clear();
}

/// The logs that were asked for, with their files as they are now.
fn sources(program: &'static Program, options: &Options, watch: Option<&Ears>) -> Result<Vec<Source>, Failure> {
    let several = options.dirs.len() > 1;
    let manner = Manner { program, range: options.range, growing: options.follow, keyed: several || options.follow };
    let mut sources = Vec::new();
    for given in &options.dirs {
        let dir = log_directory(Path::new(given))?;
        let path = dir.as_os_str().as_bytes();
        // First the ears, then the eyes: nothing comes between.
        if let Some(watch) = watch {
            watch.attend(&dir)?;
        }
        let files = snapshot(&dir).unable([b"read ", path])?;
        let mut source = Source::new(name(given), dir, manner);
        source.take(files);
        sources.push(source);
    }
    Ok(sources)
}

/// What a log is called: as it was given, less a slash at the end.
fn name(given: &OsStr) -> Vec<u8> {
    let bytes = given.as_bytes();
    bytes.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(bytes).to_vec()
}

/// Shows lines as they come, until nobody reads them any more.
fn follow(logs: &mut Merge, screen: &mut Screen, sought: &Sought, watch: &Ears) -> Result<(), Failure> {
    let mut successions: Vec<Succession> = logs.sources.iter().map(|_| Succession::default()).collect();
    screen.progress = Progress::new(|| 0);
    loop {
        // What was heard is forgotten before anything is looked at.
        watch.clear();
        // A directory of that name may be another one now.
        logs.sources.iter().try_for_each(|source| watch.attend(&source.dir))?;
        loop {
            screen.pass(logs, sought, None)?;
            let turned = logs.sources.iter_mut().zip(&mut successions).map(|(source, next)| next.turn(source));
            // Each of them, not the first only.
            if turned.filter(|turned| *turned).count() == 0 {
                break;
            }
        }
        screen.flush()?;
        if !watch.wait()? {
            return Ok(());
        }
    }
}

/// Where lines are shown.
struct Screen {
    form: Form,
    several: bool,
    output: Vec<u8>,
    progress: Progress,
}

impl Screen {
    /// Shows all lines that are there, or the last ones of them.
    fn pass(&mut self, logs: &mut Merge, sought: &Sought, last: Option<usize>) -> Result<(), Failure> {
        let mut ring = VecDeque::new();
        let mut round = 0;
        while let Some(source) = logs.advance() {
            let line = source.line();
            if sought.is_in(line) {
                match last {
                    Some(0) => {}
                    Some(lines) => {
                        let mut shown =
                            if ring.len() < lines { Vec::new() } else { ring.pop_front().unwrap_or_default() };
                        shown.clear();
                        self.form.put(&source.name, self.several, line, &mut shown);
                        ring.push_back(shown);
                    }
                    None => self.form.put(&source.name, self.several, line, &mut self.output),
                }
                if self.output.len() >= FULL {
                    self.flush()?;
                }
            }
            round += 1;
            if round == ROUND {
                round = 0;
                self.progress.tick(logs.sources.iter().map(|source| source.read).sum());
            }
        }
        for shown in ring {
            self.output.extend_from_slice(&shown);
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        self.progress.clear();
        let written = write_all(STDOUT, &self.output);
        self.output.clear();
        written.map_err(|errno| match errno {
            // Whoever read this has seen enough.
            Errno::EPIPE => Failure::silent(Exit::TROUBLE),
            errno => Failure::because([b"unable to write output"], errno),
        })
    }
}
