//! A service's life as an administrator drives it, under a supervise that may die at any moment; and what must hold
//! whatever happens: whole status records, one copy of the service at a time, no stray files.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daemontools_tests::fault::{Call, calls, can_trace, errors, try_each};
use daemontools_tests::proc::{alive, parent};
use daemontools_tests::status::{Status, now};
use daemontools_tests::{End, Output, Process, Tree, exits, until, value};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// The service: says who started it, and complains if that supervise has another copy running.
const RUN: &str = r#"touch starts
# Orphans of several supervises have the same parent, too.
supervised() { read -r name 2>/dev/null </proc/$PPID/comm && [ "$name" = supervise ]; }
while read -r parent pid; do
	[ "$parent" = "$PPID" ] && supervised && kill -0 "$pid" 2>/dev/null && echo "$parent $pid $$" >>doubles
done <starts
echo "$PPID $$" >>starts
exec sleep 1000"#;

/// What may lie in `supervise/`, whenever supervise died.
const FILES: [&str; 7] = ["lock", "control", "ok", "status", "status.new", "details", "history"];

/// How long an effect may take before the command is given again.
const PATIENCE: Duration = Duration::from_secs(3);

/// A tree with the service `sv`.
pub fn tree() -> Tree {
    Tree::new().script("sv/run", RUN)
}

/// supervise has ended.
pub struct Ended;

/// Gives a command again and again until its effect is there, or supervise has ended.
fn command_until(
    tree: &Tree,
    supervise: &mut Process,
    option: &str,
    effect: impl Fn(Status) -> bool,
) -> Result<Status, Ended> {
    let mut given: Option<Instant> = None;
    value(&format!("svc {option} takes effect"), || {
        if let Some(status) = Status::of(tree, "sv").filter(|status| given.is_some() && effect(*status)) {
            return Some(Ok(status));
        }
        if supervise.ended().is_some() {
            return Some(Err(Ended));
        }
        if given.is_none_or(|at| at.elapsed() > PATIENCE) {
            tree.run("svc", [option, "sv"]);
            given = Some(Instant::now());
        }
        None
    })
}

/// The whole life: up, paused, continued, down, up, dead and restarted, down and gone.
pub fn live(tree: &Tree, supervise: &mut Process) -> Result<(), Ended> {
    let status = command_until(tree, supervise, "-u", |status| status.up())?;
    command_until(tree, supervise, "-p", |status| status.paused == 1)?;
    command_until(tree, supervise, "-c", |status| status.paused == 0)?;
    command_until(tree, supervise, "-d", |status| !status.up() && status.want == 'd')?;
    let again = command_until(tree, supervise, "-u", |status| status.up() && status.want == 'u')?;
    assert_ne!(status.pid, again.pid);
    let _ = kill(Pid::from_raw(again.pid), Signal::SIGKILL);
    command_until(tree, supervise, "-u", |status| status.up() && status.pid != again.pid)?;
    let _ = command_until(tree, supervise, "-dx", |_| false);
    Err(Ended)
}

/// The system calls of a whole life without a fault.
pub fn calls_of_a_life(tree: &Tree) -> Vec<Call> {
    let mut supervise = tree.traced("clean", &[], "supervise").arg("sv").spawn();
    let _ = live(tree, &mut supervise);
    calls(&tree.read("clean"), "rt_sigprocmask")
}

/// The life under a supervise with a fault in a system call, and how that one ends.
pub fn live_with_fault(tree: &Tree, fault: String) -> Output {
    let mut supervise = tree.traced("trace", &[fault], "supervise").arg("sv").spawn();
    while_read(tree, || {
        let _ = live(tree, &mut supervise);
    });
    supervise.wait()
}

/// The life under a supervise that is killed at a system call.
pub fn live_until_killed(tree: &Tree, call: &Call) {
    let end = live_with_fault(tree, call.killed()).end;
    // A life is not the same twice: the last calls of the clean run may not come.
    assert!(end == End::Signal(9) || end == End::Code(0), "{call:?}: {end:?}");
}

/// An error in one system call after another. One before the service was first started may end supervise: 111 and a
/// sentence. After that nothing ends it.
pub fn live_with_each_error(what: &str, at_once: usize, tree: fn() -> Tree) {
    if !can_trace(what) {
        return;
    }
    let faults = errors(calls_of_a_life(&tree()));
    try_each(what, &faults, at_once, |(call, errno)| {
        let tree = tree();
        let output = live_with_fault(&tree, call.failed(errno));
        let began = !tree.lines("sv/starts").is_empty();
        let refused = output.end == End::Code(111) && output.stderr.starts_with(b"supervise: fatal: unable to ");
        assert!(output.end == End::Code(0) || (refused && !began), "{call:?} {errno}: {output:?}");
        next_takes_over(&tree);
    });
}

/// While `what` runs, reads the status as fast as it goes: each record is whole and makes sense.
pub fn while_read(tree: &Tree, what: impl FnOnce()) {
    let done = AtomicBool::new(false);
    let end = EndOnDrop(&done);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            loop {
                // Before the look, so that there is one at least, however short it all is.
                let last = done.load(Ordering::Relaxed);
                let bytes = tree.read("sv/supervise/status");
                assert!(bytes.is_empty() || makes_sense(&bytes), "a status of {}", bytes.escape_ascii());
                if last {
                    break;
                }
                // Two cores, and others want one.
                thread::yield_now();
            }
        });
        what();
        drop(end);
        reader.join().expect("every status makes sense");
    });
}

/// Says that it is done, also when a test fails: a wait for it must not go on for ever.
pub struct EndOnDrop<'a>(pub &'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn makes_sense(bytes: &[u8]) -> bool {
    let Some(status) = Status::read(bytes) else { return false };
    let now = now().as_nanos() as i128;
    let recent = (now - status.since).abs() < 1_000_000_000 * 3600;
    recent && status.pid >= 0 && status.paused <= 1 && matches!(status.want, 'u' | 'd' | '\0')
}

/// After a supervise died or misbehaved: the next one takes over, runs one copy of the service, and goes when told to. It may
/// take over a copy that runs already.
pub fn next_takes_over(tree: &Tree) {
    let before = tree.lines("sv/starts").len();
    let mut next = tree.spawn("supervise", ["sv"]);
    until("the next supervise has started the service, or taken it over", || {
        let details = String::from_utf8_lossy(&tree.read("sv/supervise/details")).into_owned();
        let adopted = details.lines().any(|line| line.starts_with("adopted "));
        // It took over a service that was being stopped, or the finish after that: down, as was told.
        if details.starts_with("state down\n") && tree.run("svok", ["sv"]) == exits(0, "", "") {
            tree.run("svc", ["-u", "sv"]);
        }
        let started = |pid| tree.lines("sv/starts").len() > before && parent(pid) == Some(next.pid());
        Status::of(tree, "sv")
            .is_some_and(|status| status.up() && (started(status.pid) || (adopted && alive(status.pid))))
    });
    // A supervise that takes a service over says so before others can see that it runs.
    until("svok", || tree.run("svok", ["sv"]) == exits(0, "", ""));
    let pid = Status::of(tree, "sv").expect("a status").pid;
    assert!(command_until(tree, &mut next, "-dx", |_| false).is_err());
    assert_eq!(next.wait(), exits(0, "", ""));
    assert!(!alive(pid), "the service has gone with its supervise");
    // A check that was killed at the end may have descriptors of supervise for a moment.
    until("nobody has its files open", || tree.run("svstat", ["sv"]) == exits(0, "sv: supervise not running\n", ""));
    nothing_doubled_nothing_strayed(tree);
}

/// No supervise ever had two copies, and `supervise/` holds nothing that nobody knows.
pub fn nothing_doubled_nothing_strayed(tree: &Tree) {
    assert_eq!(tree.lines("sv/doubles"), [""; 0], "second copies: supervise, first, second");
    let entries = std::fs::read_dir(tree.path("sv/supervise")).expect("read supervise/");
    for entry in entries.flatten() {
        let name = entry.file_name();
        assert!(FILES.iter().any(|known| *known == name), "a stray file: {name:?}");
    }
}
