//! How a process is stopped: `stop`, `stop-signal`, `stop-timeout`.

use super::*;

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
