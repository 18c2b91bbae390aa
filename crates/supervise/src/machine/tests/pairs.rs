//! Every pair of a state and an event: what comes of it, as a table, and what must hold for each. Events that cannot come in
//! a state are `--` in it: they change nothing.

use super::*;
use daemontools_core::control::LETTERS;

/// The process of the service, and a program of its settings.
const SERVICE: Pid = Pid::from_raw(7);
const HOOK: Pid = Pid::from_raw(70);

/// Each state that the machine can be in, by how it gets there.
fn states() -> Vec<(&'static str, Clocked)> {
    let check = Config { check: Some(Place::Service), ..Config::DEFAULT };
    let finish = Config { finish: Some(Place::Service), ..Config::DEFAULT };
    let timed = with(|settings| {
        settings.stop_timeout = Some(SECOND);
        settings.finish_timeout = Some(SECOND);
    });
    let stop = Config { stop: Some(Place::Service), ..timed };
    let group = with(|settings| settings.group = Some(Group::All));
    let told = [Told(Command::Down)];
    let ended = Event::Exited(Exited { end: End::Code(7), core: false, oom: false, cpu: None, peak_kb: None });
    let late = 100_000;
    let slow = with(|settings| {
        settings.notification_fd = Some(3);
        settings.ready_timeout = Some(SECOND);
    });
    let watched = with(|settings| {
        settings.notify_socket = true;
        settings.watchdog = Some(SECOND);
    });
    let states = [
        ("down", Want::Down, Config::DEFAULT, vec![]),
        ("given up", Want::Up, with(|settings| settings.restart_limit = Some((0, SECOND))), vec![(0, ended)]),
        ("done", Want::Up, with(|settings| settings.no_restart = FinalEnds::parse(b"any").ok()), vec![(0, ended)]),
        ("waiting after an end", Want::Up, Config::DEFAULT, vec![(0, ended)]),
        ("waiting as asked", Want::Down, Config::DEFAULT, vec![(0, Told(Command::Up))]),
        ("up", Want::Up, Config::DEFAULT, vec![]),
        ("up, told to exit", Want::Up, Config::DEFAULT, vec![(0, Told(Command::Exit))]),
        ("up once", Want::Up, Config::DEFAULT, vec![(0, Told(Command::Once))]),
        ("paused", Want::Up, Config::DEFAULT, vec![(0, Told(Command::Pause))]),
        ("not ready", Want::Up, slow, vec![]),
        ("ready and watched", Want::Up, watched, vec![(0, Event::Ready)]),
        ("leaving", Want::Up, watched, vec![(0, Event::Leaving)]),
        ("check due", Want::Up, check, vec![]),
        ("check to begin", Want::Up, check, vec![(0, Tick)]),
        ("check runs", Want::Up, check, vec![(0, Tick), (0, Event::HookStarted(HOOK))]),
        ("stop to begin", Want::Up, stop, vec![(0, told[0])]),
        ("stop runs", Want::Up, stop, vec![(0, told[0]), (0, Event::HookStarted(HOOK))]),
        (
            "stop has succeeded",
            Want::Up,
            stop,
            vec![(0, told[0]), (0, Event::HookStarted(HOOK)), (0, Event::HookEnded(HOOK, End::Code(0)))],
        ),
        ("TERM sent, no time", Want::Up, Config::DEFAULT, vec![(0, told[0])]),
        ("TERM sent, timed", Want::Up, timed, vec![(0, told[0])]),
        ("KILL sent", Want::Up, timed, vec![(0, told[0]), (late, Tick)]),
        ("stopped as not ready", Want::Up, slow, vec![(late, Tick)]),
        ("group left", Want::Up, group, vec![(0, ended), (0, Event::Rest(true))]),
        ("group killed", Want::Up, group, vec![(0, ended), (late, Tick), (late, Event::Rest(true))]),
        ("stop outlives", Want::Up, stop, vec![(0, told[0]), (0, Event::HookStarted(HOOK)), (0, ended)]),
        ("finish to begin", Want::Up, finish, vec![(0, ended)]),
        ("finish runs", Want::Up, finish, vec![(0, ended), (0, Event::HookStarted(HOOK))]),
        (
            "finish killed",
            Want::Up,
            Config { values: timed.values, ..finish },
            vec![(0, ended), (0, Event::HookStarted(HOOK)), (late, Tick)],
        ),
        (
            "finish, told to exit",
            Want::Up,
            finish,
            vec![(0, ended), (0, Event::HookStarted(HOOK)), (0, Told(Command::Exit))],
        ),
    ];
    let reach = |want, config, events: Vec<(u64, Event)>| {
        let mut life = Clocked::with(want, config);
        for (clock, event) in events {
            life.at(clock).step(event);
        }
        life
    };
    states.into_iter().map(|(name, want, config, events)| (name, reach(want, config, events))).collect()
}

/// Each event, by what the clock goes on before it, and how the table calls it.
fn events() -> Vec<(u64, Event, String)> {
    let exited = |end| Event::Exited(Exited { end, core: false, oom: false, cpu: None, peak_kb: None });
    let letter = |letter: &u8| {
        let command = Command::from_byte(*letter).expect("a command");
        (0, Told(command), char::from(*letter).to_string())
    };
    let others = [
        (0, Tick, "ti"),
        (1_000_000, Tick, "TI"),
        (0, Started(SERVICE, None), "S+"),
        (0, StartFailed, "S-"),
        (0, exited(End::Code(0)), "e0"),
        (0, exited(End::Signal(Signal::KILL)), "eK"),
        (0, Event::Ready, "re"),
        (0, Event::Alive, "al"),
        (0, Event::Leaving, "le"),
        (0, Event::HookStarted(HOOK), "H+"),
        (0, Event::HookFailed, "H-"),
        (0, Event::HookEnded(HOOK, End::Code(0)), "h0"),
        (0, Event::HookEnded(HOOK, End::Code(125)), "h1"),
        (0, Event::HookEnded(Pid::from_raw(99), End::Code(0)), "h?"),
        (0, Event::Rest(true), "G+"),
        (0, Event::Rest(false), "G-"),
    ];
    let named = others.into_iter().map(|(later, event, name)| (later, event, name.to_owned()));
    LETTERS.iter().map(letter).chain(named).collect()
}

/// Whether an event can come: an answer comes only to what was asked for, the end of a process only of one that there is.
fn can_come(name: &str, life: &Clocked, event: Event) -> bool {
    let due = life.machine.deadline().is_some_and(|at| at <= Instant(Duration::from_millis(life.clock)));
    match event {
        Told(_) | Tick | Event::Ready | Event::Alive | Event::Leaving => true,
        Started(..) | StartFailed => {
            life.machine.pid().is_none() && due && matches!(life.machine.life, Life::Waiting(..))
        }
        Event::Exited(_) => life.machine.pid().is_some(),
        Event::HookStarted(_) | Event::HookFailed => name.ends_with("to begin"),
        Event::HookEnded(pid, _) => life.machine.role_of(pid) == Some(Role::Hook),
        Event::Rest(_) => name.starts_with("group"),
    }
}

/// A letter for what is to be seen, and what is wanted: `wu` waits for its next start. `*`: supervise ends.
fn seen(life: &Clocked, actions: &[Action]) -> String {
    let state = match life.state() {
        State::Down => 'd',
        State::Starting => 's',
        State::Up => 'u',
        State::Ready => 'r',
        State::Stopping => 'k',
        State::Finishing => 'f',
        State::Waiting => 'w',
        State::Failed => 'F',
        State::Done => 'D',
    };
    let want = match life.machine.status().want {
        Want::Up => 'u',
        Want::Down => 'd',
        Want::Once => 'o',
    };
    format!("{state}{want}{}", if actions.contains(&Exit) { "*" } else { " " })
}

#[test]
fn what_comes_of_every_event_in_every_state() {
    let mut table = format!("{:20}", "");
    events().iter().for_each(|(_, _, name)| table.push_str(&format!(" {name:2}")));
    table = table.trim_end().to_owned() + "\n";
    for (name, before) in states() {
        table.push_str(&format!("{name:20} "));
        for (later, event, _) in events() {
            let mut life = before.clone();
            life.clock += later;
            if !can_come(name, &life, event) {
                table.push_str("-- ");
                continue;
            }
            let actions = life.step(event);
            holds(name, &before, event, &life, &actions);
            table.push_str(&seen(&life, &actions));
        }
        table = table.trim_end().to_owned() + "\n";
    }
    assert!(table == include_str!("pairs.txt"), "the table is now\n{table}");
}

/// What must hold after any event.
fn holds(name: &str, before: &Clocked, event: Event, life: &Clocked, actions: &[Action]) {
    let case = format!("{name}: {event:?} leads to {actions:?}, {:?}", life.machine);
    let pid = before.machine.pid();
    let expected = match event {
        Started(pid, _) => Some(pid),
        Event::Exited(_) => None,
        Told(_) | Tick | StartFailed | Event::Ready | Event::Alive | Event::Leaving => pid,
        Event::HookStarted(_) | Event::HookFailed | Event::HookEnded(..) | Event::Rest(_) => pid,
    };
    assert_eq!(life.machine.pid(), expected, "{case}");
    for action in actions {
        match action {
            Start => assert!(matches!(life.machine.life, Life::Waiting(..)) && event == Tick, "{case}"),
            Send(..) => assert!(pid.is_some(), "{case}"),
            Action::KillHook(hook) => assert_eq!(before.machine.role_of(*hook), Some(Role::Hook), "{case}"),
            Action::SignalRest(..) => assert!(life.machine.pid().is_none(), "{case}"),
            Action::Run(Hook::Finish(..)) => assert_eq!(life.machine.pid(), None, "{case}"),
            Action::Run(_) => assert!(pid.is_some(), "{case}"),
            Exit => assert!(
                life.machine.leaving && matches!(life.machine.life, Life::Down(_)) || event == Told(Command::Exit),
                "{case}"
            ),
            PublishDetails | PublishStatus | Action::RecordEnd | Action::Release => {}
        }
    }
    let asked = actions.iter().any(|action| matches!(action, Start | Action::Run(_) | Action::SignalRest(..) | Exit));
    let hook = life.machine.role_of(HOOK).is_some();
    let woken = life.machine.pid().is_some() || life.machine.deadline().is_some() || hook || asked;
    let begins = name.ends_with("to begin");
    assert!(woken || begins || life.machine.status().want != Want::Up, "a wait that nothing ends: {case}");
}

/// An event that cannot come is no harm: the machine goes on as it was.
#[test]
fn an_event_that_cannot_come_changes_nothing_to_be_seen() {
    for (name, before) in states() {
        for (later, event, _) in events() {
            let mut life = before.clone();
            life.clock += later;
            if can_come(name, &life, event)
                || matches!(event, Started(..) | StartFailed | Event::HookStarted(_) | Event::HookFailed)
            {
                continue;
            }
            let state = life.state();
            assert_eq!((life.step(event), life.state()), (vec![], state), "{name}: {event:?}");
        }
    }
}
