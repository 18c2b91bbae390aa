//! What commands do, and what comes of starts and ends without settings.

use super::*;

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
fn signals_go_to_a_process_only() {
    let mut life = Clocked::new(Want::Down);
    assert_eq!(life.step(Told(Command::Kill)), []);
    assert_eq!(life.step(Told(Command::Pause)), [PublishStatus]);
    assert!(!life.machine.status().paused);
}

#[test]
fn terminate_is_always_term() {
    let mut life = Clocked::with(Want::Up, with(|settings| settings.stop_signal = Some(Signal::QUIT)));
    assert_eq!(life.step(Told(Command::Terminate)), [sent(Signal::TERM)]);
}
