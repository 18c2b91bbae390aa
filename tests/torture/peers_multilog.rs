//! multilog, svlogd and s6-log under the same faults: what of a stream is lost, what comes twice, what is torn.
//!
//! Not tested: what the others do to disks; none of them promises an fsync before a rename.

use daemontools_tests::fault::{Call, calls, can_trace};
use daemontools_tests::{End, Invocation, Programs, Tree, left_out};

use crate::multilog::{Feed, Scene};
use crate::peers::{Contender, Table, Whose, contenders, end_within};

/// The same stream for all, with about ten rotations.
fn scene(whose: Whose) -> Scene {
    let script: &[&str] = if whose == Whose::Runit { &["./d"] } else { &["n999", "s4096", "./d"] };
    Scene { name: "peers", script, logs: &["d"], head: "", keep: 999, lengths: (80, 80), lines: 500 }
}

fn tree(whose: Whose) -> Tree {
    let tree = Tree::of(Programs::ours());
    if whose == Whose::Runit { tree.file("d/config", "s4096\nn999\n") } else { tree }
}

/// What happens to the logger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Kill,
    Term,
    Error(&'static str),
}

impl Event {
    const ALL: [Event; 6] = [
        Event::Kill,
        Event::Term,
        Event::Error("EINTR"),
        Event::Error("ENOSPC"),
        Event::Error("ENOMEM"),
        Event::Error("EIO"),
    ];

    fn at(self, call: &Call) -> String {
        match self {
            Event::Kill => call.killed(),
            Event::Term => call.signalled("TERM"),
            Event::Error(errno) => call.failed(errno),
        }
    }

    fn name(self) -> String {
        match self {
            Event::Kill => "SIGKILL".into(),
            Event::Term => "SIGTERM".into(),
            Event::Error(errno) => format!("one {errno}"),
        }
    }

    /// The others have no fault at their beginning counted against them; with these calls nobody can do anything.
    fn concerns(self, call: &Call) -> bool {
        let spared = ["execve", "exit_group", "brk", "umask", "rt_sigreturn"];
        !spared.contains(&call.name.as_str()) || self == Event::Kill
    }
}

/// What became of a stream.
#[derive(Debug, Default, PartialEq, Eq)]
struct Damage {
    /// Bytes that are in no file.
    lost: usize,
    /// Bytes that are there once too often.
    repeated: usize,
    /// Pieces that are no whole line.
    torn: usize,
}

/// Looks for each line. A line of which one part ends a file and the other begins the next is whole.
fn damage(logged: &[u8], scene: &Scene) -> Damage {
    let length = scene.line(0).len();
    let (mut seen, mut pieces) = (vec![0_usize; scene.lines], 0);
    let mut damage = Damage::default();
    for piece in logged.split_inclusive(|&byte| byte == b'\n') {
        // A line cut short, and the same again after it.
        let (before, line) = piece.split_at(piece.len().saturating_sub(length));
        let number = std::str::from_utf8(line).ok().and_then(|line| line.get(..7)?.parse().ok());
        let number = number.filter(|&number: &usize| number < scene.lines && line == scene.line(number));
        match number {
            Some(number) => seen[number] += 1,
            None => pieces += piece.len(),
        }
        damage.torn += usize::from(number.is_none() || !before.is_empty());
    }
    damage.lost = (seen.iter().filter(|&&times| times == 0).count() * length).saturating_sub(pieces);
    damage.repeated = seen.iter().map(|times| times.saturating_sub(1)).sum::<usize>() * length;
    damage
}

/// The calls of a run that is not disturbed.
fn clean_run(contender: &Contender) -> Option<Vec<Call>> {
    let (tree, scene) = (tree(contender.whose), scene(contender.whose));
    let feed = Feed::new(&scene);
    let output = feed.to(tree.traced_file("clean", &[], &contender.file), &scene).run();
    if damage(&tree.logged("d"), &scene) != Damage::default() {
        assert!(contender.whose != Whose::Ours, "{output:?}");
        left_out(&format!("{:?} side by side", contender.whose), "it does not even log without a fault");
        return None;
    }
    let first = if matches!(contender.whose, Whose::Ours | Whose::Original) { "umask" } else { "fcntl" };
    Some(calls(&tree.read("clean"), first))
}

/// The event at this call; then, if the logger has ended, another one on the same pipe.
fn attempt(contender: &Contender, event: Event, call: &Call, table: &Table) {
    let whose = contender.whose;
    let (tree, scene) = (tree(whose), scene(whose));
    let feed = Feed::new(&scene);
    let begin = |invocation: Invocation| end_within(&mut feed.to(invocation, &scene).spawn(), contender.patience());
    let first = begin(tree.traced_file("trace", &[event.at(call)], &contender.file));
    // After a failure as well: what is left in the pipe is for the next one. Nothing is left to do after a clean end.
    let next = begin(tree.invocation(&contender.file));
    let stuck = first.is_none() || next.is_none();
    let damage = damage(&tree.logged("d"), &scene);
    let row = Event::ALL.iter().position(|&other| other == event).unwrap_or_default() * 10;
    let name = event.name();
    let tell = |place: usize, what: &str, count: usize| {
        table.add(row + place, &format!("{name} at each call: {what}"), whose, count as u64);
    };
    tell(0, "faults tried", 1);
    tell(1, "faults that lost something", usize::from(damage.lost > 0));
    table.worst(row + 2, &format!("{name}: bytes lost at worst"), whose, damage.lost as u64);
    table.worst(row + 3, &format!("{name}: bytes repeated at worst"), whose, damage.repeated as u64);
    tell(4, "lines torn", damage.torn);
    tell(5, "faults after which it stood still", usize::from(stuck));
    if whose == Whose::Ours {
        let killed = event == Event::Kill;
        let sound = damage.lost == 0 && (killed || (damage.repeated == 0 && damage.torn == 0)) && damage.torn <= 1;
        assert!(sound && !stuck && next == Some(End::Code(0)), "{event:?} {call:?}: {first:?}, {next:?}, {damage:?}");
    }
}

#[test]
fn the_same_faults_in_each_logger() {
    if !can_trace("loggers side by side") {
        return;
    }
    let table = Table::default();
    for contender in contenders("multilog", "svlogd", "s6-log") {
        let Some(calls) = clean_run(&contender) else { continue };
        let faults: Vec<(Event, &Call)> = Event::ALL
            .iter()
            .flat_map(|&event| calls.iter().filter(move |call| event.concerns(call)).map(move |call| (event, call)))
            .collect();
        contender.try_some("the logger", faults, 40, |(event, call)| {
            attempt(&contender, *event, call, &table);
        });
    }
    table.print();
}
