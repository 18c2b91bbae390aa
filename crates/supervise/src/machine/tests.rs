//! What the machine does, event by event.

use super::*;
use daemontools_core::details::State;
use daemontools_core::settings::{FinalEnds, Group, Settings};
use daemontools_core::signal::Signal;

use crate::actions::{FinishStyle, Hook, Target};
use crate::config::Place;
use crate::record::Watch;
use Action::{Exit, PublishDetails, PublishStatus, Send, Start};
use Event::{Command as Told, StartFailed, Started, Tick};

/// An end like any other.
const EXITED: Event = Event::Exited(Exited { end: End::Code(0), core: false, oom: false, cpu: None, peak_kb: Some(7) });

/// A signal to the service's process.
fn sent(signal: Signal) -> Action {
    Send(Target::Service(Pid::from_raw(0)), signal)
}

/// A machine, its settings, and a clock in milliseconds.
struct Clocked {
    machine: Machine,
    config: Config,
    clock: u64,
}

impl Clocked {
    fn new(want: Want) -> Clocked {
        Clocked::with(want, Config::DEFAULT)
    }

    /// With settings; the service runs as process 7 if it is wanted up.
    fn with(want: Want, config: Config) -> Clocked {
        let mut life = Clocked { machine: Machine::new(want, at(0), &config), config, clock: 0 };
        if want == Want::Up {
            life.starts(7);
        }
        life
    }

    fn at(&mut self, clock: u64) -> &mut Clocked {
        self.clock = clock;
        self
    }

    /// When details and history are written is a test of its own; a signal to the service is one to process 0.
    fn step(&mut self, event: Event) -> Vec<Action> {
        let actions = self.machine.step(at(self.clock), &self.config, event).into_iter();
        let actions = actions.filter(|one| !matches!(one, PublishDetails | Action::RecordEnd | Action::Release));
        actions.map(|one| if let Send(Target::Service(_), signal) = one { sent(signal) } else { one }).collect()
    }

    fn starts(&mut self, pid: i32) {
        assert_eq!(self.step(Tick), [Start]);
        assert_eq!(self.step(Started(Pid::from_raw(pid), None)), [PublishStatus]);
    }

    fn exits(&mut self, end: End) -> Vec<Action> {
        self.step(Event::Exited(Exited { end, core: false, oom: false, cpu: None, peak_kb: None }))
    }

    fn due(&self) -> Option<u64> {
        self.machine.deadline().map(|due| u64::try_from(due.0.as_millis()).unwrap())
    }

    fn state(&self) -> State {
        self.machine.details().state
    }
}

fn at(clock: u64) -> Now {
    Now {
        label: Label::from_unix(1_000_000, 0) + Duration::from_millis(clock),
        clock: Instant(Duration::from_millis(clock)),
    }
}

#[test]
fn a_service_that_ran_for_a_second_is_started_again_at_once() {
    let mut life = Clocked::new(Want::Up);
    assert_eq!(life.at(1000).step(EXITED), [PublishStatus]);
    assert_eq!(life.due(), Some(1000));
    life.starts(8);
}

#[test]
fn a_service_that_ends_at_once_is_started_when_a_second_has_passed() {
    let mut life = Clocked::new(Want::Up);
    assert_eq!(life.at(10).step(EXITED), [PublishStatus]);
    assert_eq!(life.due(), Some(1000));
    assert_eq!(life.at(999).step(Tick), []);
    life.at(1000).starts(8);
}

#[test]
fn a_service_run_once_is_not_restarted() {
    let mut life = Clocked::new(Want::Down);
    assert_eq!(life.step(Told(Command::Once)), [PublishStatus]);
    life.starts(7);
    assert_eq!(life.at(5000).step(EXITED), [PublishStatus]);
    assert_eq!((life.due(), life.machine.status().want), (None, Want::Once));
}

#[test]
fn down_within_the_first_second_acts_at_once() {
    let mut life = Clocked::new(Want::Up);
    let told = life.at(5).step(Told(Command::Down));
    assert_eq!(told, [sent(Signal::TERM), sent(Signal::CONT), PublishStatus]);
    life.at(6).step(EXITED);
    assert_eq!(life.due(), None);
}

#[test]
fn the_last_wish_counts_whichever_way_they_follow() {
    let mut life = Clocked::new(Want::Up);
    life.at(1).step(Told(Command::Down));
    life.at(2).step(Told(Command::Up));
    life.at(3).step(EXITED);
    assert_eq!(life.due(), Some(1000));
    life.at(4).step(Told(Command::Down));
    assert_eq!(life.due(), None);
    life.at(5).step(Told(Command::Up));
    assert_eq!(life.due(), Some(1000));
}

#[test]
fn exit_waits_for_the_end_and_keeps_the_wish() {
    let mut life = Clocked::new(Want::Up);
    assert_eq!(life.at(2000).step(Told(Command::Exit)), [PublishStatus]);
    assert_eq!(life.at(3000).step(EXITED), [PublishStatus, PublishStatus, Exit]);
    assert_eq!(life.machine.status().want, Want::Up);
}

#[test]
fn exit_while_down_or_waiting_for_the_next_start_is_at_once() {
    assert_eq!(Clocked::new(Want::Down).step(Told(Command::Exit)), [PublishStatus, Exit]);
    let mut life = Clocked::new(Want::Up);
    life.at(1).step(EXITED);
    assert_eq!(life.at(2).step(Told(Command::Exit)), [PublishStatus, Exit]);
}

#[test]
fn a_failed_fork_is_retried_in_a_minute_or_when_somebody_asks() {
    let mut life =
        Clocked { machine: Machine::new(Want::Up, at(0), &Config::DEFAULT), config: Config::DEFAULT, clock: 0 };
    assert_eq!(life.step(Tick), [Start]);
    assert_eq!(life.step(StartFailed), []);
    assert_eq!(life.due(), Some(60_000));
    assert_eq!(life.at(10).step(Told(Command::Up)), [PublishStatus]);
    assert_eq!(life.due(), Some(1000));
}

#[test]
fn a_pause_is_shown_until_it_ends_or_the_process_does() {
    let mut life = Clocked::new(Want::Up);
    assert_eq!(life.step(Told(Command::Pause)), [PublishStatus, sent(Signal::STOP)]);
    assert!(life.machine.status().paused);
    assert_eq!(life.step(Told(Command::Continue)), [PublishStatus, sent(Signal::CONT)]);
    assert!(!life.machine.status().paused);
    life.step(Told(Command::Pause));
    life.step(Told(Command::Down));
    assert!(!life.machine.status().paused);
    life.step(Told(Command::Pause));
    life.step(EXITED);
    assert!(!life.machine.status().paused);
}

#[test]
fn only_a_start_after_an_end_counts_as_one_again() {
    let mut life = Clocked::new(Want::Up);
    let again = |life: &Clocked| life.machine.details().restarts.again(at(life.clock).label).total;
    assert_eq!(again(&life), 0);
    life.at(2000).step(EXITED);
    life.starts(8);
    assert_eq!(again(&life), 1);
    life.at(4000).step(EXITED);
    assert_eq!(life.step(Tick), [Start]);
    life.step(StartFailed);
    life.at(70_000).starts(9);
    assert_eq!(again(&life), 2, "a failed fork changes nothing about the cause");
    life.at(80_000).step(Told(Command::Down));
    life.step(EXITED);
    life.step(Told(Command::Up));
    life.starts(10);
    assert_eq!(again(&life), 2, "somebody asked");
}

#[test]
fn signals_go_to_a_process_only() {
    let mut life = Clocked::new(Want::Down);
    assert_eq!(life.step(Told(Command::Kill)), []);
    assert_eq!(life.step(Told(Command::Pause)), [PublishStatus]);
    assert!(!life.machine.status().paused);
}

#[test]
fn the_details_follow_each_change() {
    let mut machine = Machine::new(Want::Up, at(0), &Config::DEFAULT);
    let state = |machine: &Machine| (machine.details().state, machine.details().since, machine.details().until);
    assert_eq!(state(&machine), (State::Waiting, at(0).label, None));
    machine.step(at(0), &Config::DEFAULT, Tick);
    let started: Vec<Action> =
        machine.step(at(5), &Config::DEFAULT, Started(Pid::from_raw(7), None)).into_iter().collect();
    assert_eq!(started, [PublishDetails, Action::Release, PublishStatus], "the details first");
    assert_eq!(state(&machine), (State::Up, at(5).label, None));
    let run =
        RunRecord { ran: Duration::from_millis(20), peak_kb: Some(7), ..RunRecord::new(at(25).label, End::Code(0)) };
    let ended: Vec<Action> = machine.step(at(25), &Config::DEFAULT, EXITED).into_iter().collect();
    assert_eq!(ended, [PublishDetails, Action::RecordEnd, PublishStatus]);
    assert_eq!(state(&machine), (State::Waiting, at(25).label, Some(at(1005).label)));
    assert_eq!((machine.details().last_end, machine.details().pid), (Some(run), None));
    machine.step(at(1005), &Config::DEFAULT, Tick);
    machine.step(at(1005), &Config::DEFAULT, Started(Pid::from_raw(8), None));
    machine.step(at(1500), &Config::DEFAULT, Told(Command::Down));
    assert_eq!(state(&machine), (State::Stopping, at(1500).label, None));
    assert_eq!(machine.details().pid, Some(8));
    machine.step(at(1600), &Config::DEFAULT, EXITED);
    assert_eq!(state(&machine), (State::Down, at(1600).label, None));
}

/// Settings that have a value.
fn with(change: impl FnOnce(&mut Settings)) -> Config {
    let mut config = Config::DEFAULT;
    change(&mut config.values);
    config
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn the_stop_signal_comes_first_and_kill_after_its_time() {
    let config = with(|settings| {
        settings.stop_signal = Some(Signal::QUIT);
        settings.stop_timeout = Some(10 * SECOND);
    });
    let mut life = Clocked::with(Want::Up, config);
    let told = life.at(5000).step(Told(Command::Down));
    assert_eq!(told, [sent(Signal::QUIT), sent(Signal::CONT), PublishStatus]);
    assert_eq!((life.due(), life.state()), (Some(15_000), State::Stopping));
    assert_eq!(life.machine.details().until, Some(at(15_000).label));
    // Once more, and up again: what is under way goes on.
    let told = life.at(6000).step(Told(Command::Down));
    assert_eq!((told[0], life.due()), (sent(Signal::QUIT), Some(15_000)));
    life.step(Told(Command::Up));
    assert_eq!((life.due(), life.state()), (Some(15_000), State::Stopping));
    assert_eq!(life.at(14_999).step(Tick), []);
    assert_eq!(life.at(15_000).step(Tick), [sent(Signal::KILL)]);
    assert_eq!(life.due(), None);
    assert_eq!(life.exits(End::Signal(Signal::KILL)), [PublishStatus]);
    assert_eq!(life.due(), Some(15_000), "wanted up");
}

#[test]
fn terminate_is_always_term() {
    let mut life = Clocked::with(Want::Up, with(|settings| settings.stop_signal = Some(Signal::QUIT)));
    assert_eq!(life.step(Told(Command::Terminate)), [sent(Signal::TERM)]);
}

#[test]
fn a_stop_setting_counts_at_the_stop_and_a_restart_setting_at_the_end() {
    let mut life = Clocked::new(Want::Up);
    life.config = with(|settings| settings.stop_signal = Some(Signal::INT));
    assert_eq!(life.step(Told(Command::Down))[0], sent(Signal::INT));
    let mut life = Clocked::new(Want::Up);
    life.config = with(|settings| settings.restart_delay = Some((9 * SECOND, 9 * SECOND)));
    life.at(10).step(EXITED);
    assert_eq!(life.due(), Some(9000));
}

#[test]
fn up_again_after_a_stop_without_a_time_is_up() {
    let mut life = Clocked::new(Want::Up);
    life.step(Told(Command::Down));
    assert_eq!(life.state(), State::Stopping);
    life.step(Told(Command::Up));
    assert_eq!(life.state(), State::Up);
    life.config = with(|settings| settings.no_restart = FinalEnds::parse(b"any").ok());
    life.at(5000).step(EXITED);
    assert_eq!(life.due(), Some(5000), "the end was asked for, so it is not final");
}

#[test]
fn the_program_stop_comes_first_then_the_signal_then_kill() {
    let config = Config { stop: Some(Place::Service), ..with(|settings| settings.stop_timeout = Some(SECOND)) };
    let hook = Pid::from_raw(70);
    let begin = || {
        let mut life = Clocked::with(Want::Up, config);
        let told = life.at(5000).step(Told(Command::Down));
        assert_eq!(told, [Action::Run(Hook::Stop(Pid::from_raw(7))), PublishStatus]);
        life.step(Event::HookStarted(hook));
        assert_eq!((life.due(), life.machine.role_of(hook)), (Some(6000), Some(Role::Hook)));
        life
    };
    // It hangs.
    let mut life = begin();
    assert_eq!(life.at(6000).step(Tick), [Action::KillHook(hook)]);
    let ended = life.at(6001).step(Event::HookEnded(hook, End::Signal(Signal::KILL)));
    assert_eq!(ended, [sent(Signal::TERM), sent(Signal::CONT)]);
    assert_eq!(life.at(7001).step(Tick), [sent(Signal::KILL)]);
    // It succeeds: the service has the rest of the time.
    let mut life = begin();
    assert_eq!(life.at(5100).step(Event::HookEnded(hook, End::Code(0))), []);
    assert_eq!(life.due(), Some(6000));
    assert_eq!(life.at(6000).step(Tick), [sent(Signal::TERM), sent(Signal::CONT)]);
    // It fails, or cannot be started: the signal at once.
    let mut life = begin();
    assert_eq!(life.step(Event::HookEnded(hook, End::Code(1))), [sent(Signal::TERM), sent(Signal::CONT)]);
    let mut life = Clocked::with(Want::Up, config);
    life.step(Told(Command::Down));
    assert_eq!(life.step(Event::HookFailed), [sent(Signal::TERM), sent(Signal::CONT)]);
    // The service ends before it does: it is waited for.
    let mut life = begin();
    assert_eq!(life.step(EXITED), [PublishStatus]);
    assert_eq!((life.due(), life.machine.pid()), (Some(6000), None));
    assert_eq!(life.at(6000).step(Tick), [Action::KillHook(hook)]);
    life.step(Event::HookEnded(hook, End::Signal(Signal::KILL)));
    assert_eq!((life.due(), life.state()), (None, State::Down));
}

#[test]
fn final_ends_are_final_unless_they_were_asked_for() {
    let config = with(|settings| settings.no_restart = FinalEnds::parse(b"0 TERM").ok());
    let mut life = Clocked::with(Want::Up, config);
    life.at(5000).exits(End::Code(1));
    assert_eq!(life.due(), Some(5000));
    life.starts(8);
    life.at(7000).exits(End::Code(0));
    assert_eq!((life.due(), life.state(), life.machine.status().want), (None, State::Done, Want::Down));
    life.step(Told(Command::Up));
    assert_eq!((life.due(), life.machine.status().want), (Some(7000), Want::Up));
    life.starts(9);
    for command in [Command::Terminate, Command::Kill, Command::Interrupt, Command::Alarm, Command::Quit] {
        life.at(life.clock + 2000).step(Told(command));
        life.exits(End::Signal(Signal::TERM));
        assert_eq!(life.state(), State::Waiting, "{command:?}");
        life.starts(10);
    }
    life.at(life.clock + 2000).step(Told(Command::Hangup));
    life.exits(End::Signal(Signal::TERM));
    assert_eq!(life.state(), State::Done, "a HUP does not ask for an end");
}

#[test]
fn too_many_ends_give_the_service_up_until_somebody_asks() {
    let config = with(|settings| settings.restart_limit = Some((2, 10 * SECOND)));
    let mut life = Clocked::with(Want::Up, config);
    for clock in [1000, 2000] {
        life.at(clock).exits(End::Code(7));
        assert_eq!(life.due(), Some(clock));
        life.starts(8);
    }
    life.at(2500).step(Told(Command::Terminate));
    life.at(3000).exits(End::Code(7));
    life.starts(9);
    life.at(4000).exits(End::Code(7));
    assert_eq!((life.due(), life.state()), (None, State::Failed));
    assert_eq!((life.machine.reason(), life.machine.status().want), (Reason::Ends(3, 10 * SECOND), Want::Down));
    life.step(Told(Command::Up));
    assert_eq!((life.due(), life.machine.reason()), (Some(4000), Reason::None));
    life.starts(10);
    life.at(5000).exits(End::Code(7));
    assert_eq!(life.state(), State::Waiting, "the ends before were forgotten");
}

fn finishing(config: Config) -> Clocked {
    let mut life = Clocked::with(Want::Up, config);
    let run = Action::Run(Hook::Finish(FinishStyle::Runit, End::Code(7), Pid::from_raw(7)));
    assert_eq!(life.at(5000).exits(End::Code(7)), [PublishStatus, PublishStatus, run]);
    life.step(Event::HookStarted(Pid::from_raw(70)));
    assert_eq!((life.state(), life.machine.status().pid), (State::Finishing, None));
    life
}

#[test]
fn finish_runs_after_each_end_and_before_the_next_start() {
    let config = Config { finish: Some(Place::Service), ..Config::DEFAULT };
    let hook = Pid::from_raw(70);
    let mut life = finishing(config);
    assert_eq!((life.due(), life.machine.role_of(hook)), (None, Some(Role::Hook)));
    for command in [Command::Terminate, Command::Hangup, Command::Pause] {
        assert!(!life.step(Told(command)).iter().any(|action| matches!(action, Send(..) | Action::KillHook(_))));
    }
    assert_eq!(life.step(Told(Command::Kill)), [Action::KillHook(hook)]);
    life.step(Event::HookEnded(hook, End::Signal(Signal::KILL)));
    life.starts(8);
    // Told to exit, supervise waits for it.
    let mut life = finishing(config);
    assert_eq!(life.step(Told(Command::Exit)), [PublishStatus]);
    assert_eq!(life.step(Event::HookEnded(hook, End::Code(0))), [PublishStatus, PublishStatus, Exit]);
    // It cannot be started.
    let mut life = Clocked::with(Want::Up, config);
    life.at(5000).exits(End::Code(7));
    life.step(Event::HookFailed);
    assert_eq!((life.due(), life.state()), (Some(5000), State::Waiting));
}

#[test]
fn finish_has_a_time_and_may_give_the_service_up() {
    let hook = Pid::from_raw(70);
    let timed = with(|settings| settings.finish_timeout = Some(2 * SECOND));
    let mut life = finishing(Config { finish: Some(Place::Service), ..timed });
    assert_eq!(life.at(7000).step(Tick), [Action::KillHook(hook)]);
    assert_eq!(life.due(), None);
    life.step(Event::HookEnded(hook, End::Code(125)));
    assert_eq!((life.state(), life.machine.reason()), (State::Failed, Reason::FinishGaveUp));
    assert_eq!(life.machine.status().want, Want::Down);
    // That of s6 has one by itself.
    let mut life = Clocked::with(Want::Up, Config { finish_s6: Some(Place::Tree), ..Config::DEFAULT });
    life.at(5000).exits(End::Code(7));
    assert_eq!(life.due(), Some(10_000));
}

#[test]
fn what_is_left_of_a_group_is_ended_before_anything_else() {
    let grouped = with(|settings| settings.group = Some(Group::All));
    let mut life = Clocked::with(Want::Up, Config { finish: Some(Place::Service), ..grouped });
    let group = Pid::from_raw(7);
    assert_eq!(life.step(Told(Command::Hangup)), [Send(Target::Group(group), Signal::HUP)]);
    let ended = life.at(5000).exits(End::Code(7));
    assert_eq!(ended, [PublishStatus, Action::SignalRest(group, Some(Signal::TERM))]);
    life.step(Event::Rest(true));
    assert_eq!(life.due(), Some(5010));
    assert_eq!(life.at(5010).step(Tick), [Action::SignalRest(group, None)]);
    life.step(Event::Rest(true));
    assert_eq!(life.due(), Some(5030));
    assert_eq!(life.at(10_000).step(Tick), [Action::SignalRest(group, Some(Signal::KILL))]);
    let finish = Hook::Finish(FinishStyle::Runit, End::Code(7), group);
    assert_eq!(life.step(Event::Rest(false)), [PublishStatus, Action::Run(finish)]);
    // A process that cannot be killed is left alone after a while.
    let mut life = Clocked::with(Want::Up, grouped);
    life.at(5000).exits(End::Code(7));
    life.step(Event::Rest(true));
    life.at(10_000).step(Tick);
    life.step(Event::Rest(true));
    life.at(15_000).step(Tick);
    assert_eq!(life.state(), State::Waiting);
    // A KILL does not wait.
    let mut life = Clocked::with(Want::Up, with(|settings| settings.group = Some(Group::Main)));
    assert_eq!(life.step(Told(Command::Hangup)), [sent(Signal::HUP)], "main: to the service alone");
    life.at(5000).exits(End::Code(7));
    life.step(Event::Rest(true));
    assert_eq!(life.step(Told(Command::Kill)), [Action::SignalRest(group, Some(Signal::KILL))]);
}

#[test]
fn a_service_is_ready_when_it_says_so_and_stopped_where_it_does_not() {
    let config = with(|settings| {
        settings.notification_fd = Some(3);
        settings.ready_timeout = Some(2 * SECOND);
    });
    let mut life = Clocked::with(Want::Up, config);
    assert_eq!((life.state(), life.due()), (State::Starting, Some(2000)));
    life.at(1500).step(Event::Ready);
    assert_eq!((life.state(), life.due()), (State::Ready, None));
    assert_eq!(life.machine.details().ready_since, Some(at(1500).label));
    let mut life = Clocked::with(Want::Up, config);
    assert_eq!(life.at(2000).step(Tick), [sent(Signal::TERM), sent(Signal::CONT)]);
    assert_eq!((life.state(), life.due()), (State::Stopping, Some(7000)));
    assert_eq!(life.machine.reason(), Reason::NotReady(2 * SECOND));
    assert_eq!(life.at(7000).step(Tick), [sent(Signal::KILL)]);
    life.config.values.no_restart = FinalEnds::parse(b"any").ok();
    life.exits(End::Signal(Signal::KILL));
    assert_eq!(life.state(), State::Waiting, "an end that supervise made is not final");
    assert_eq!(Clocked::new(Want::Up).state(), State::Up);
}

#[test]
fn a_silent_service_is_aborted() {
    let config = with(|settings| {
        settings.notify_socket = true;
        settings.watchdog = Some(2 * SECOND);
    });
    let mut life = Clocked::with(Want::Up, config);
    assert_eq!(life.due(), None, "it is watched from when it is ready");
    life.at(1000).step(Event::Ready);
    assert_eq!(life.due(), Some(3000));
    life.at(2500).step(Event::Alive);
    assert_eq!(life.due(), Some(4500));
    assert_eq!(life.at(4500).step(Tick), [sent(Signal::ABRT), sent(Signal::CONT)]);
    assert_eq!((life.due(), life.machine.reason()), (Some(9500), Reason::Silent(2 * SECOND)));
}

#[test]
fn checks_go_on_until_one_passes() {
    let config = Config { check: Some(Place::Service), ..Config::DEFAULT };
    let check = Pid::from_raw(70);
    let mut life = Clocked::with(Want::Up, config);
    for clock in [0, 1000, 7000] {
        assert_eq!(life.at(clock).step(Tick), [Action::Run(Hook::Check)]);
        life.step(Event::HookStarted(check));
        assert_eq!(life.due(), Some(clock + 5000));
        if clock == 1000 {
            assert_eq!(life.at(6000).step(Tick), [Action::KillHook(check)]);
        }
        let end = if clock == 7000 { 0 } else { 1 };
        life.step(Event::HookEnded(check, End::Code(end)));
    }
    assert_eq!((life.state(), life.due()), (State::Ready, None));
    // The service ends while one is at work.
    let mut life = Clocked::with(Want::Up, config);
    life.step(Tick);
    life.step(Event::HookStarted(check));
    assert_eq!(life.at(2000).step(EXITED), [PublishStatus, Action::KillHook(check)]);
}

#[test]
fn checks_that_never_end_take_ready_back_and_may_restart() {
    for restart in [false, true] {
        let values = with(|settings| {
            settings.check_always = true;
            settings.check_restart = restart;
            settings.check_limit = 2;
        });
        let mut life = Clocked::with(Want::Up, Config { check: Some(Place::Service), ..values });
        let check = |life: &mut Clocked, code: u8| {
            life.at(life.due().expect("a check is due")).step(Tick);
            life.step(Event::HookStarted(Pid::from_raw(70)));
            life.step(Event::HookEnded(Pid::from_raw(70), End::Code(code)))
        };
        check(&mut life, 0);
        assert_eq!(life.state(), State::Ready);
        check(&mut life, 1);
        check(&mut life, 0);
        check(&mut life, 1);
        assert_eq!(life.state(), State::Ready, "not in a row");
        let failed = check(&mut life, 1);
        assert_eq!(life.machine.reason(), Reason::CheckFailed(2));
        if restart {
            assert_eq!((failed, life.state()), (vec![sent(Signal::TERM), sent(Signal::CONT)], State::Stopping));
        } else {
            assert_eq!((failed, life.state()), (vec![], State::Starting));
            check(&mut life, 0);
            assert_eq!(life.state(), State::Ready);
        }
    }
}

#[test]
fn runits_status_has_two_bytes_more() {
    let tail = |life: &Clocked| life.machine.runit_status()[12..].to_vec();
    let mut life = Clocked::with(Want::Up, Config { finish: Some(Place::Service), ..Config::DEFAULT });
    assert_eq!(tail(&life), b"\x07\0\0\0\0u\0\x01");
    life.step(Told(Command::Terminate));
    assert_eq!(tail(&life), b"\x07\0\0\0\0u\x01\x01");
    life.step(EXITED);
    life.step(Event::HookStarted(Pid::from_raw(70)));
    assert_eq!(tail(&life), b"\x46\0\0\0\0u\0\x02");
    life.step(Told(Command::Down));
    life.step(Event::HookEnded(Pid::from_raw(70), End::Code(0)));
    assert_eq!(tail(&life), b"\0\0\0\0\0d\0\0");
}

#[test]
fn a_service_that_is_taken_over_goes_on_as_it_was() {
    let left = |want, ready: bool| LeftBehind {
        pid: Pid::from_raw(7),
        identity: Identity { started: 1, boot: [b'b'; 36], namespace: 2 },
        since: at(1000).label,
        ready_since: ready.then(|| at(2000).label),
        want,
        paused: false,
        restarts: RestartLog::none(),
        last_end: None,
        watch: Watch::Looks,
    };
    let config = with(|settings| {
        settings.notification_fd = Some(3);
        settings.notify_socket = true;
        settings.watchdog = Some(SECOND);
        settings.stop_timeout = Some(2 * SECOND);
    });
    let machine = Machine::adopt(at(9000), &config, &left(Want::Up, true));
    let details = machine.details();
    assert_eq!((details.state, details.pid, details.ready_since), (State::Ready, Some(7), Some(at(2000).label)));
    assert_eq!((details.adopted, details.lost), (Some(at(9000).label), &b"notify-socket watchdog"[..]));
    assert_eq!((machine.status().since, machine.deadline()), (at(1000).label, None));
    let machine = Machine::adopt(at(9000), &config, &left(Want::Up, false));
    assert_eq!((machine.details().state, machine.details().lost), {
        (State::Up, &b"notification-fd notify-socket watchdog"[..])
    });
    // A stop goes on, and an end leads to the next start.
    let mut life =
        Clocked { machine: Machine::adopt(at(9000), &config, &left(Want::Down, true)), config, clock: 11_000 };
    assert_eq!((life.due(), life.state()), (Some(11_000), State::Stopping));
    assert_eq!(life.step(Tick), [sent(Signal::KILL)]);
    life.step(Told(Command::Up));
    assert_eq!(life.exits(End::Unknown), [PublishStatus]);
    assert_eq!(life.machine.last_end().map(|run| run.ran), Some(10 * SECOND));
    life.starts(8);
    assert_eq!((life.machine.details().adopted, life.machine.details().lost), (None, &b""[..]));
}
