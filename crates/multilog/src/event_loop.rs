//! The loop: look at what is there, write it, wait. It alone waits; the input and the logs say for what, and until when.

use daemontools_core::resume::MultilogState;
use daemontools_program::clock::Instant;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Outcome, Unable};
use daemontools_program::stdio::uninterrupted;
use daemontools_program::wait::{readable, wait};
use daemontools_sys::heap::wait_when_exhausted;
use daemontools_sys::process::reap;
use daemontools_sys::signal::{Signals, block};
use daemontools_sys::title::CommandLine;
use daemontools_upgrade::Caller;
use nix::poll::PollFd;
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};

use crate::PROGRAM;
use crate::dispatch::Dispatcher;
use crate::input::{Input, Look, unreadable};
use crate::line::{LineState, Lines};
use crate::rotation::PAUSE;
use crate::script::Script;
use crate::upgrade::{self, Next};

/// Runs a script on standard input, and goes on with what an earlier file of this program has left.
pub fn run(script: Script, title: Option<CommandLine>, state: &MultilogState, caller: Option<Caller>) -> Outcome {
    umask(Mode::from_bits_truncate(0o022));
    let watched = [Signal::SIGTERM, Signal::SIGALRM, Signal::SIGCHLD];
    let signals = uninterrupted(|| Signals::watch_again(&watched, state.child_mask)).unable([b"watch signals"])?;
    // A closed standard error must not kill multilog. Blocked, not ignored: a processor inherits the original disposition.
    uninterrupted(|| block(&[Signal::SIGPIPE])).unable([b"block signals"])?;
    let room = Input::room()?;
    let dispatcher = Dispatcher::open(script, &signals)?;
    let mut output = Output { dispatcher, signals: &signals, title, lines: Lines::All, reap_at: None, request: None };
    let mut input = Input::stdin(room)?;
    input.take_over(&state.unfinished, state.pipe_size);
    if let Some(begun) = state.begun {
        output.dispatcher.begin_at(begun);
    }
    wait_when_exhausted();
    drop(caller);
    let next = copy(&mut input, &mut output);
    output.close();
    match next {
        None => Ok(Exit::OK),
        Some(next) => Err(next.go_on(output.lines)),
    }
}

/// Writes lines until the input ends, until SIGTERM has come and a line is complete, or until another file of this program is
/// to go on.
fn copy(input: &mut Input, output: &mut Output<'_>) -> Option<Next> {
    let mut line = LineState::new(output.dispatcher.stamp_length());
    loop {
        output.take_signals();
        output.dispatcher.advance(Instant::now());
        if let Some(number) = output.request.take() {
            if let Some(next) = upgrade::prepare(number, input, &line, output) {
                return Some(next);
            }
        }
        match turn(input, &mut line, output) {
            Ok(Turn::Next) => {}
            Ok(Turn::Terminated) => return None,
            Ok(Turn::End) => {
                if !line.between_lines() {
                    output.write(input.bytes());
                    output.write(b"\n");
                }
                return None;
            }
            Err(errno) => {
                unreadable(errno).warn(&PROGRAM);
                output.pause();
            }
        }
    }
}

/// How a turn of the loop ended.
enum Turn {
    /// With something written, or after a wait.
    Next,
    /// At the end of the input.
    End,
    /// Between two lines, after SIGTERM.
    Terminated,
}

/// One turn of the loop: writes what is there, or waits for more.
fn turn(input: &mut Input, line: &mut LineState, output: &mut Output<'_>) -> nix::Result<Turn> {
    input.release()?;
    if output.lines == Lines::One && line.between_lines() && !input.holds_unconsumed() {
        return Ok(Turn::Terminated);
    }
    let look = input.look()?;
    let bytes = input.bytes();
    if let Some(ready) = bytes.get(..line.ready(bytes, output.lines)).filter(|ready| !ready.is_empty()) {
        output.write(ready);
        line.pass(ready);
        let count = ready.len();
        input.consume(count, line.between_lines());
        return Ok(Turn::Next);
    }
    line.wait(bytes);
    if !bytes.is_empty() {
        output.dispatcher.begin();
    }
    if look == Look::End {
        return Ok(Turn::End);
    }
    if let Some(interest) = input.interest(Instant::now())? {
        let deadline = interest.deadline.into_iter().chain(output.deadline()).min();
        let signals = output.signals;
        output.wait(&mut [readable(&interest.fd), readable(&signals)], deadline);
        if input.waited(Instant::now()) {
            output.dispatcher.give_back();
        }
    }
    Ok(Turn::Next)
}

/// Where the lines go, and the signals that come meanwhile.
pub struct Output<'a> {
    pub dispatcher: Dispatcher<'a>,
    pub signals: &'a Signals,
    /// Where it is shown what it waits for, if that is trouble.
    title: Option<CommandLine>,
    /// Which lines to write: a single one, once SIGTERM has come.
    pub lines: Lines,
    /// When to ask for ended children again, after that failed.
    reap_at: Option<Instant>,
    /// The request of svupgrade that came, by its number.
    request: Option<i32>,
}

impl Output<'_> {
    /// Waits. Trouble that it waits for is its title meanwhile.
    fn wait(&mut self, fds: &mut [PollFd<'_>], deadline: Option<Instant>) {
        if let Some((title, trouble)) = self.title.as_mut().zip(self.dispatcher.trouble()) {
            title.show(&[b"multilog: ", trouble.text()].concat());
        }
        wait(fds, deadline);
        if let Some(title) = &mut self.title {
            title.restore();
        }
    }

    /// Writes a batch of lines to all logs, however long it takes.
    fn write(&mut self, batch: &[u8]) {
        while !self.dispatcher.dispatch(batch, Instant::now()) {
            let signals = self.signals;
            self.wait(&mut [readable(&signals)], self.deadline());
            self.take_signals();
            self.refuse(b"lines wait for a log");
        }
    }

    /// Brings everything to disk, after rotations that are under way.
    fn close(&mut self) {
        self.dispatcher.close();
        loop {
            self.dispatcher.advance(Instant::now());
            if self.dispatcher.is_closed() {
                return;
            }
            let signals = self.signals;
            self.wait(&mut [readable(&signals)], self.deadline());
            self.take_signals();
            self.refuse(b"it is ending");
        }
    }

    /// Answers a request that comes at a wrong time.
    fn refuse(&mut self, reason: &[u8]) {
        if let Some(number) = self.request.take() {
            upgrade::refuse(number, reason);
        }
    }

    /// Waits after trouble with the input, while the logs go on.
    fn pause(&mut self) {
        let end = Instant::now() + PAUSE;
        while Instant::now() < end {
            let deadline = self.deadline().map_or(end, |deadline| deadline.min(end));
            let signals = self.signals;
            self.wait(&mut [readable(&signals)], Some(deadline));
            self.take_signals();
            self.dispatcher.advance(Instant::now());
        }
    }

    /// When there is something to do again, if nothing happens before.
    fn deadline(&self) -> Option<Instant> {
        self.dispatcher.deadline().into_iter().chain(self.reap_at).min()
    }

    /// Takes note of the children that have ended.
    fn reap(&mut self) {
        self.reap_at = None;
        loop {
            match reap() {
                Ok(Some((child, ending))) => self.dispatcher.child_ended(child, ending, Instant::now()),
                Ok(None) => return,
                Err(errno) => {
                    self.dispatcher.wait_failed(errno);
                    self.reap_at = Some(Instant::now() + PAUSE);
                    return;
                }
            }
        }
    }

    /// Does what the signals that came ask for.
    fn take_signals(&mut self) {
        if self.reap_at.is_some_and(|moment| Instant::now() >= moment) {
            self.reap();
        }
        while let Ok(Some((signal, request))) = self.signals.take_with_value() {
            match signal {
                Signal::SIGALRM => self.dispatcher.rotate(),
                Signal::SIGCHLD => {
                    self.request = request.or(self.request);
                    self.reap();
                }
                _ => self.lines = Lines::One,
            }
        }
    }
}
