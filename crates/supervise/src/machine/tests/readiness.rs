//! `notification-fd`, `notify-socket`, `watchdog`, `check`, `ready-timeout`.

use super::*;

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
