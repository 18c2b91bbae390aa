//! What others see: status, details, a service that is taken over.

use super::*;

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

/// A service of process 7, in which a supervise left it that was killed.
fn left(want: Want, ready: bool) -> LeftBehind {
    LeftBehind {
        pid: Pid::from_raw(7),
        role: Role::Service,
        identity: IDENTITY,
        since: at(1000).label,
        ready_since: ready.then(|| at(2000).label),
        want,
        paused: false,
        restarts: RestartLog::none(),
        last_end: None,
        delay: None,
        counted_ends: vec![],
        watch: Watch::Looks,
    }
}

const IDENTITY: Identity = Identity { started: 1, boot: [b'b'; 36], namespace: 2 };

/// `finish` is recorded before it may run, and a supervise that finds it running waits for its end.
#[test]
fn a_finish_that_is_taken_over_runs_once_and_before_the_next_start() {
    let config = Config { finish: Some(Place::Service), ..Config::DEFAULT };
    let hook = Pid::from_raw(70);
    let mut life = Clocked::with(Want::Up, config);
    life.step(EXITED);
    assert_eq!((life.machine.details().finish, life.machine.details().identity), (None, None));
    life.machine.identify_finish(Some(IDENTITY));
    let actions = life.machine.step(at(life.clock), &config, Event::HookStarted(hook));
    assert!(actions.into_iter().eq([PublishDetails, Action::Release]));
    let details = life.machine.details();
    assert_eq!((details.state, details.pid, details.finish), (State::Finishing, None, Some(70)));
    assert_eq!(details.identity, Some(IDENTITY));

    for (want, end, state) in [
        (Want::Up, End::Unknown, State::Waiting),
        (Want::Up, End::Code(125), State::Failed),
        (Want::Down, End::Unknown, State::Down),
    ] {
        let left = LeftBehind { pid: hook, role: Role::Hook, ..left(want, false) };
        let mut config = config;
        config.values.finish_timeout = Some(2 * SECOND);
        let mut life = Clocked { machine: Machine::adopt(at(9000), &config, &left), config, clock: 9000 };
        assert_eq!(
            (life.state(), life.due(), life.machine.role_of(hook)),
            (State::Finishing, Some(11_000), Some(Role::Hook))
        );
        assert_eq!((life.machine.details().finish, life.machine.status().since), (Some(70), at(1000).label));
        assert_eq!(life.step(Tick), [], "no second one, and no start");
        life.step(Event::HookEnded(hook, end));
        assert_eq!((life.state(), life.machine.details().finish), (state, None));
    }
}

#[test]
fn a_service_that_is_taken_over_goes_on_as_it_was() {
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
    // A program `stop` may be at work; the signal follows it.
    let config = Config { stop: Some(Place::Service), ..config };
    let mut life =
        Clocked { machine: Machine::adopt(at(9000), &config, &left(Want::Down, true)), config, clock: 11_000 };
    assert_eq!((life.step(Tick), life.due()), (vec![sent(Signal::TERM), sent(Signal::CONT)], Some(13_000)));
}

#[test]
fn delay_and_counted_ends_are_kept_when_a_service_is_taken_over() {
    let config = with(|settings| {
        settings.restart_delay = Some((SECOND, 60 * SECOND));
        settings.restart_limit = Some((2, 100 * SECOND));
    });
    let before = Clocked { machine: Machine::adopt(at(9000), &config, &left(Want::Up, true)), config, clock: 9000 };
    let kept =
        |left: LeftBehind| LeftBehind { delay: Some(4 * SECOND), counted_ends: vec![3 * SECOND, 5 * SECOND], ..left };
    assert_eq!((before.machine.details().delay, before.machine.details().counted_ends), (None, &[][..]));
    let adopted = Machine::adopt(at(9000), &config, &kept(left(Want::Up, true)));
    assert_eq!(adopted.details().counted_ends, [3 * SECOND, 5 * SECOND]);
    // The third end within the time.
    let mut life = Clocked { machine: adopted, config, clock: 9000 };
    life.exits(End::Unknown);
    assert_eq!(life.state(), State::Failed);
    let config = with(|settings| settings.restart_delay = Some((SECOND, 60 * SECOND)));
    let mut life =
        Clocked { machine: Machine::adopt(at(9000), &config, &kept(left(Want::Up, true))), config, clock: 9000 };
    life.exits(End::Unknown);
    // Started at 1 s, and 8 s is what comes after 4 s.
    assert_eq!(
        (life.state(), life.due(), life.machine.details().delay),
        (State::Waiting, Some(9000), Some(8 * SECOND))
    );
    // `finish`: the end has been judged, the delay counts from the start of the run.
    let run = RunRecord { ran: 2 * SECOND, ..RunRecord::new(at(8500).label, End::Code(1)) };
    let left = LeftBehind { role: Role::Hook, last_end: Some(run), ..kept(left(Want::Up, true)) };
    let mut life = Clocked { machine: Machine::adopt(at(9000), &config, &left), config, clock: 9000 };
    life.step(Event::HookEnded(Pid::from_raw(7), End::Code(0)));
    assert_eq!((life.state(), life.due()), (State::Waiting, Some(6500 + 4000)));
}
