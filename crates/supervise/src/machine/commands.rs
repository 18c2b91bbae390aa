//! What a command changes, and what it does.

use daemontools_core::control::Command;
use daemontools_core::restarts::StartReason;
use daemontools_core::signal::Signal;
use daemontools_core::status::Want;

use super::{Life, Machine, Now, Rest};
use crate::actions::{Action, Actions};
use crate::config::Config;
use crate::reason::Reason;

impl Machine {
    pub(super) fn obey(&mut self, now: Now, config: &Config, command: Command) -> Actions {
        match command {
            Command::Up => self.want_up(now, Want::Up),
            Command::Once => self.want_up(now, Want::Once),
            Command::Down => self.want_down(now, config),
            Command::Exit => {
                self.leaving = true;
                match self.life {
                    Life::Down(_) | Life::Waiting(..) => Actions::of([Action::PublishStatus, Action::Exit]),
                    Life::Running(_) | Life::Clearing(_) | Life::Finishing(_) => Actions::of([Action::PublishStatus]),
                }
            }
            Command::Pause => self.pause(true, Signal::STOP),
            Command::Continue => self.pause(false, Signal::CONT),
            Command::Hangup => self.send(Signal::HUP),
            Command::Alarm => self.send_as_request(Signal::ALRM),
            Command::Interrupt => self.send_as_request(Signal::INT),
            Command::Terminate => self.send_as_request(Signal::TERM),
            Command::Kill => self.kill(now),
            Command::Quit => self.send_as_request(Signal::QUIT),
            Command::User1 => self.send(Signal::USR1),
            Command::User2 => self.send(Signal::USR2),
            Command::Window => self.send(Signal::WINCH),
        }
    }

    /// Notes that the service is wanted; it starts as soon as a second has passed since its last start. That overrides
    /// a longer wait, and that the service was given up.
    fn want_up(&mut self, now: Now, want: Want) -> Actions {
        self.want = want;
        match &mut self.life {
            Life::Down(rest) => {
                if *rest != Rest::AsTold {
                    self.policy.forget();
                }
                self.reason = Reason::None;
                self.life = Life::Waiting(self.policy.requested(now.clock), StartReason::Requested);
            }
            Life::Waiting(due, reason) => {
                (*due, *reason) = (self.policy.requested(now.clock), StartReason::Requested);
                self.reason = Reason::None;
            }
            Life::Running(running) => running.is_wanted_again(),
            Life::Clearing(clearing) => clearing.ended.is_wanted_again(),
            Life::Finishing(finishing) => finishing.ended.is_wanted_again(),
        }
        Actions::of([Action::PublishStatus])
    }

    fn want_down(&mut self, now: Now, config: &Config) -> Actions {
        self.want = Want::Down;
        match &mut self.life {
            Life::Down(_) | Life::Waiting(..) => {
                self.life = Life::Down(Rest::AsTold);
                self.reason = Reason::None;
                Actions::of([Action::PublishStatus])
            }
            Life::Running(running) => running.stop_as_asked(now, config, &self.config),
            Life::Clearing(clearing) => {
                clearing.ended.verdict = Rest::AsTold;
                Actions::of([Action::PublishStatus])
            }
            Life::Finishing(finishing) => {
                finishing.ended.verdict = Rest::AsTold;
                Actions::of([Action::PublishStatus])
            }
        }
    }

    fn pause(&mut self, paused: bool, signal: Signal) -> Actions {
        let Life::Running(running) = &mut self.life else { return Actions::of([Action::PublishStatus]) };
        running.paused = paused;
        Actions::of([Action::PublishStatus, Action::Send(running.target(&self.config), signal)])
    }

    /// A signal goes to a process, if there is one.
    fn send(&self, signal: Signal) -> Actions {
        match &self.life {
            Life::Running(running) => Actions::of([Action::Send(running.target(&self.config), signal)]),
            Life::Down(_) | Life::Waiting(..) | Life::Clearing(_) | Life::Finishing(_) => Actions::NONE,
        }
    }

    /// A signal that mostly ends the service: an end that follows was asked for.
    fn send_as_request(&mut self, signal: Signal) -> Actions {
        if let Life::Running(running) = &mut self.life {
            running.is_asked_to_end(signal);
        }
        self.send(signal)
    }

    /// KILL also reaches what is left when the service has ended, and `finish`.
    fn kill(&mut self, now: Now) -> Actions {
        match &mut self.life {
            Life::Running(_) => self.send_as_request(Signal::KILL),
            Life::Clearing(clearing) => clearing.kill(now),
            Life::Finishing(finishing) => finishing.kill(),
            Life::Down(_) | Life::Waiting(..) => Actions::NONE,
        }
    }
}
