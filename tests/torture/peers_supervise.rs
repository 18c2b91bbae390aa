//! supervise, runsv and s6-supervise under the same faults: whether each still keeps its service and obeys.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use daemontools_tests::fault::{Call, calls, can_trace};
use daemontools_tests::proc::alive;
use daemontools_tests::wait::value_after;
use daemontools_tests::{Process, Programs, Tree, left_out, until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::peers::{Contender, Table, Whose, contenders, end_within};

/// After how long a command that went unheard is given again.
const AGAIN: Duration = Duration::from_secs(4);

/// What happens to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Kill,
    Error(&'static str),
}

impl Event {
    const ALL: [Event; 5] =
        [Event::Kill, Event::Error("EINTR"), Event::Error("EAGAIN"), Event::Error("ENOMEM"), Event::Error("EIO")];

    fn at(self, call: &Call) -> String {
        match self {
            Event::Kill => call.killed(),
            Event::Error(errno) => call.failed(errno),
        }
    }
}

/// How a life went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// To its end, as it should.
    Whole,
    /// It ended by itself before it had started the service.
    Refused,
    /// It ended by itself, and the service has nobody.
    Deserted,
    /// It runs, and does not do what it should after this command.
    Deaf(&'static str),
}

/// A service, and how long it may take until a command has its effect.
struct Trial {
    tree: Tree,
    patience: Duration,
}

impl Trial {
    fn of(contender: &Contender) -> Trial {
        let tree = Tree::of(Programs::ours()).script("sv/run", "echo $$ >>starts; exec sleep 1000");
        Trial { tree, patience: contender.patience() }
    }

    fn starts(&self) -> Vec<i32> {
        self.tree.lines("sv/starts").iter().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Waits for an effect, giving the command again and again.
    fn command_until(
        &self,
        process: &mut Process,
        command: &'static str,
        effect: impl Fn(&mut Process) -> bool,
    ) -> Result<(), Life> {
        let begin = Instant::now();
        let mut given: Option<Instant> = None;
        value_after(self.patience, "an effect, or the end of patience", || {
            if effect(process) {
                return Some(Ok(()));
            }
            if process.ended().is_some() {
                return Some(Err(Life::Deserted));
            }
            if given.is_none_or(|at| at.elapsed() > AGAIN) {
                let control = self.tree.path("sv/supervise/control");
                let control = OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(control);
                // Nobody may read it yet.
                let _ = control.and_then(|mut control| control.write_all(command.as_bytes()));
                given = Some(Instant::now());
            }
            (begin.elapsed() > self.patience).then_some(Err(Life::Deaf(command)))
        })
    }

    /// Up, down, up again, dead and restarted, gone. The service had been started so often `before`.
    fn live(&self, process: &mut Process, before: usize) -> Life {
        let started = |count: usize| move |_: &mut Process| self.starts().len() >= before + count;
        let last = || self.starts().last().copied().unwrap_or_default();
        if let Err(life) = self.command_until(process, "u", started(1)) {
            return if life == Life::Deserted { Life::Refused } else { life };
        }
        let mut rest = || {
            let first = last();
            self.command_until(process, "d", |_| !alive(first))?;
            self.command_until(process, "u", started(2))?;
            let _ = kill(Pid::from_raw(last()), Signal::SIGKILL);
            self.command_until(process, "u", started(3))?;
            self.command_until(process, "dx", |process| process.ended().is_some())
        };
        rest().err().unwrap_or(Life::Whole)
    }

    /// Ends whatever the first one has left running.
    fn clear(&self) {
        until("nothing is left of the first one", || {
            let left = self.tree.processes();
            for &pid in &left {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            }
            left.is_empty()
        });
    }
}

fn clean_run(contender: &Contender) -> Option<Vec<Call>> {
    let trial = Trial::of(contender);
    let mut process = trial.tree.traced_file("clean", &[], &contender.file).arg("sv").spawn();
    let life = trial.live(&mut process, 0);
    if life != Life::Whole {
        assert!(contender.whose != Whose::Ours, "{life:?}");
        left_out(&format!("{:?} side by side", contender.whose), "it does not even run without a fault");
        return None;
    }
    let spared = ["execve", "exit_group", "brk", "rt_sigreturn"];
    let first = match contender.whose {
        Whose::Ours => "rt_sigprocmask",
        Whose::Original | Whose::Runit | Whose::S6 => "munmap",
    };
    let calls = calls(&trial.tree.read("clean"), first).into_iter();
    Some(calls.filter(|call| !spared.contains(&call.name.as_str())).collect())
}

fn attempt(contender: &Contender, event: Event, call: &Call, table: &Table) {
    let whose = contender.whose;
    let trial = Trial::of(contender);
    let mut process = trial.tree.traced_file("trace", &[event.at(call)], &contender.file).arg("sv").spawn();
    let mut life = trial.live(&mut process, 0);
    let row = Event::ALL.iter().position(|&other| other == event).unwrap_or_default() * 10;
    let tell = |place: usize, what: &str, is_so: bool| {
        let name = if let Event::Error(errno) = event { format!("one {errno}") } else { "SIGKILL".into() };
        table.add(row + place, &format!("{name} at each call: {what}"), whose, u64::from(is_so));
    };
    tell(0, "faults tried", true);
    if event == Event::Kill {
        // What a killed one leaves behind goes, and the next one begins.
        let _ = end_within(&mut process, contender.patience());
        trial.clear();
        let before = trial.starts().len();
        let mut next = trial.tree.invocation(&contender.file).arg("sv").spawn();
        life = trial.live(&mut next, before);
        tell(1, "the next one does not take over", life != Life::Whole);
    } else {
        tell(1, "it does not begin", life == Life::Refused);
        tell(2, "it ends, and the service has nobody", life == Life::Deserted);
        tell(3, "it runs and is deaf for 20 seconds or for good", matches!(life, Life::Deaf(_)));
    }
    let sound = life == Life::Whole || (life == Life::Refused && event != Event::Kill);
    assert!(whose != Whose::Ours || sound, "{event:?} {call:?}: {life:?}");
}

#[test]
fn the_same_faults_in_each_supervisor() {
    if !can_trace("supervisors side by side") {
        return;
    }
    let table = Table::default();
    for contender in contenders("supervise", "runsv", "s6-supervise") {
        let Some(calls) = clean_run(&contender) else { continue };
        let faults: Vec<(Event, &Call)> =
            Event::ALL.iter().flat_map(|&event| calls.iter().map(move |call| (event, call))).collect();
        contender.try_some("the supervisor", faults, 16, |(event, call)| {
            attempt(&contender, *event, call, &table);
        });
    }
    table.print();
}
