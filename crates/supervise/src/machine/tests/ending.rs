//! After the end: `no-restart`, `restart-limit`, `finish`, `group`.

use super::*;

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
