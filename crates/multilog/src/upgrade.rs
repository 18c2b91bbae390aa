//! multilog replaces itself by another file of its name (`daemontools_upgrade`), between two lines and between two steps of
//! its logs: what that one needs is on the disk and in the pipe, but for the beginning of a line that was taken out of it.

use daemontools_core::resume::MultilogState;
use daemontools_program::failure::Failure;
use daemontools_sys::process::send;
use daemontools_upgrade::{Answer, Ready, Request};
use nix::sys::signal::Signal;
use nix::unistd::getpid;

use crate::event_loop::Output;
use crate::input::Input;
use crate::line::{LineState, Lines};

/// The file that goes on, once the logs are closed.
pub struct Next {
    request: Request,
    ready: Ready,
}

/// Does what the request of this number asks, but for the last step. `None`: this file goes on.
pub fn prepare(number: i32, input: &mut Input, line: &LineState, output: &mut Output<'_>) -> Option<Next> {
    let request = Request::receive(number)?;
    let reason: &[u8] = if output.lines == Lines::One {
        b"it is ending"
    } else if line.is_inside() {
        b"a long line is being read"
    } else if !output.dispatcher.is_quiet() {
        b"a log is being rotated"
    } else if input.release().is_err() {
        b"what is written cannot be removed from the pipe"
    } else {
        let state = MultilogState {
            child_mask: Some(output.signals.mask_for_child()),
            pipe_size: input.pipe_size(),
            unfinished: input.held().to_vec(),
            begun: output.dispatcher.begun(),
        };
        let ready = Ready::prepare(&request, output.signals, "multilog", &state.to_text())?;
        return Some(Next { request, ready });
    };
    request.answer(&Answer::Busy(reason.to_vec()));
    None
}

/// Answers a request that comes at a wrong time.
pub fn refuse(number: i32, reason: &[u8]) {
    if let Some(request) = Request::receive(number) {
        request.answer(&Answer::Busy(reason.to_vec()));
    }
}

impl Next {
    /// Becomes that file; if that fails, the one that this is. A TERM that came while the logs were closed is still to be
    /// obeyed. Comes back only with the reason why neither works: then the next multilog goes on with the pipe.
    pub fn go_on(&self, lines: Lines) -> Failure {
        if lines == Lines::One {
            // Blocked, so it waits for the next file.
            let _ = send(getpid(), Signal::SIGTERM as i32);
        }
        let errno = self.ready.become_program(&self.request, &[]);
        let _ = self.ready.become_itself(&[]);
        Failure::because([b"unable to go on as another program"], errno)
    }
}
