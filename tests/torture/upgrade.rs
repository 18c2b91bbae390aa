//! A tree of ours that is brought to other programs by svupgrade, with a fault at one system call: svupgrade killed, or a
//! svscan, a supervise or a multilog killed or refused a call between the request and the new program.
//!
//! Not tested: an error in a call of the new program, which ends it as it ends any start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::{AtomicUsize, Ordering};

use daemontools_tests::fault::{Call, calls, can_trace, selection, try_each};
use daemontools_tests::status::until_up;
use daemontools_tests::{End, Output, Process, Programs, Tree, exits, needs_root, proc, until};
use nix::sys::signal::Signal;

/// Fifty lines before the upgrade and fifty after it. A second start would begin again.
const RUN: &str = "echo $$ >>starts
write() { while [ $i -lt $1 ]; do i=$((i + 1)); echo $i; done; }
i=0; write 50; until test -e go; do sleep 0.05; done; write 100; exec sleep 1000";

/// Errors that the kernel gives where it lacks something, and an interruption.
const ERRORS: [&str; 4] = ["EINTR", "EIO", "ENOMEM", "EMFILE"];

/// The programs that replace themselves.
const PROGRAMS: [&str; 3] = ["svscan", "supervise", "multilog"];

/// The other programs: the same ones as other files, for all trees.
fn new_programs() -> (Tree, Programs) {
    let place = Tree::of(Programs::ours());
    let programs = place.programs().copy_to(&place.path("new"));
    (place, programs)
}

/// A tree at work.
struct Work {
    tree: Tree,
    svscan: Process,
    /// The service and its logger.
    services: [i32; 2],
}

impl Work {
    fn new() -> Work {
        let tree = Tree::of(Programs::ours())
            .script("service/sv/run", RUN)
            .script("service/sv/log/run", "exec multilog s16777215 ./main");
        let svscan = tree.spawn("svscan", ["service"]);
        let services = ["service/sv", "service/sv/log"].map(|service| until_up(&tree, service));
        let work = Work { tree, svscan, services };
        until("the first lines are in the log", || work.lines().len() == 50);
        work
    }

    /// What is in the log.
    fn lines(&self) -> Vec<u32> {
        let text = String::from_utf8(self.tree.logged("service/sv/log/main")).expect("digits");
        let number = |line: &str| line.trim_end_matches('\n').parse().expect("a number");
        text.split_inclusive('\n').filter(|line| line.ends_with('\n')).map(number).collect()
    }

    /// The process of a program: svscan, the service's supervise, the multilog.
    fn process(&self, program: &str) -> i32 {
        match program {
            "svscan" => self.svscan.pid(),
            "supervise" => proc::parent(self.services[0]).expect("its supervise"),
            _ => self.services[1],
        }
    }

    /// svupgrade with these faults.
    fn upgrade(&self, new: &Programs, faults: &[String]) -> Output {
        let svupgrade = self.tree.programs().path("svupgrade");
        let command = match faults {
            [] => self.tree.command("svupgrade"),
            _ => self.tree.traced_file("trace", faults, &svupgrade),
        };
        command.arg("--bin").arg(new.dir()).arg("service").run()
    }

    /// What holds after any fault: nothing was started twice, another run completes, and the service's lines are all there.
    fn goes_on(mut self, new: &Programs, may_repeat: bool) {
        let svscan_is_another = self.svscan.ended().is_some();
        if svscan_is_another {
            self.svscan = self.tree.spawn("svscan", ["service"]);
        }
        for service in ["service/sv", "service/sv/log"] {
            until_up(&self.tree, service);
            until("it is supervised", || self.tree.run("svok", [service]) == exits(0, "", ""));
        }
        let named = |pid: &i32| proc::field(*pid, "Name").is_some_and(|name| PROGRAMS.contains(&name.as_str()));
        for pid in self.tree.processes().into_iter().filter(named) {
            until("nothing more reaches what it starts", || {
                proc::inherited(pid).iter().all(|&number| number <= 2) || !proc::alive(pid)
            });
        }
        let out = self.upgrade(new, &[]);
        assert_eq!(out.end, End::Code(0), "{out:?}");
        let tree = &self.tree;
        let processes = ["service/sv", "service/sv/log"].map(|service| until_up(tree, service));
        assert_eq!(processes[0], self.services[0], "the service is the same process");
        assert!(may_repeat || processes[1] == self.services[1], "the logger is the same process");
        assert!(runs(self.svscan.pid(), new, "svscan"));
        // Supervises of an svscan that was killed belong to no tree, until one ends and the next svscan starts another.
        assert!(svscan_is_another || runs(processes[1], new, "multilog"));
        tree.put_file("service/sv/go", "");
        until("the last lines are in the log", || self.lines().last() == Some(&100));
        let mut lines = self.lines();
        if may_repeat {
            lines.sort_unstable();
            lines.dedup();
        }
        assert!(lines.iter().copied().eq(1..=100), "{lines:?}");
        // The service obeys, and what is started next has no descriptor too many.
        proc::until_descriptors(processes[0], &[0, 1, 2]);
        assert_eq!(tree.run("svc", ["-t", "service/sv"]), exits(0, "", ""));
        until("it is started again", || until_up(tree, "service/sv") != processes[0]);
        let second = until_up(tree, "service/sv");
        proc::until_descriptors(second, &[0, 1, 2]);
        until("two starts in all", || tree.lines("service/sv/starts").len() == 2);
        // svscan starts a supervise, and that one a service.
        tree.put_script("service/other/run", "exec sleep 1000");
        let other = until_up(tree, "service/other");
        proc::until_descriptors(other, &[0, 1, 2]);
    }
}

/// Whether a process runs the program of this name of these programs.
fn runs(pid: i32, programs: &Programs, name: &str) -> bool {
    let id = |found: fs::Metadata| (found.dev(), found.ino());
    let wanted = fs::metadata(programs.path(name)).map(id).expect("a program");
    fs::metadata(format!("/proc/{pid}/exe")).map(id).ok() == Some(wanted)
}

/// strace on a process that runs already.
fn attach(work: &Work, pid: i32, faults: &[String]) -> Process {
    let mut strace = work.tree.invocation("/usr/bin/strace").arg0("strace").args(["-qq", "-o", "trace"]);
    for fault in faults {
        strace = strace.args(["-e", fault]);
    }
    let strace = strace.arg("-p").arg(pid.to_string()).spawn();
    let tracer = Some(strace.pid().to_string());
    until("it is traced", || proc::field(pid, "TracerPid") == tracer);
    strace
}

/// Takes strace away.
fn detach(mut strace: Process) {
    if strace.ended().is_none() {
        strace.signal(Signal::SIGTERM);
        strace.wait();
    }
}

/// Tries every `step`th of the faults that `faults` finds, and says how many came: the calls of one run are not quite those
/// of the next. `attempt` tries one on a tree at work; it tells whether the fault came, and whether lines may be in the log
/// twice.
fn try_all<T: Sync>(
    what: &str,
    step: usize,
    faults: impl FnOnce(&Programs) -> Vec<T>,
    attempt: impl Fn(&Work, &Programs, &T) -> (bool, bool) + Sync,
) {
    if !needs_root(what) || !can_trace(what) {
        return;
    }
    let (_place, new) = new_programs();
    let came = AtomicUsize::new(0);
    try_each(what, &selection(faults(&new), step), 4, |fault| {
        let work = Work::new();
        let (has_come, may_repeat) = attempt(&work, &new, fault);
        came.fetch_add(usize::from(has_come), Ordering::Relaxed);
        work.goes_on(&new, may_repeat);
    });
    let came = came.into_inner();
    println!("{what}: {came} of them came");
    assert!(came > 0);
}

/// svupgrade on a tree of which one process is traced, with these faults.
fn upgrade_with(work: &Work, new: &Programs, program: &str, faults: &[String]) -> Output {
    let strace = attach(work, work.process(program), faults);
    let out = work.upgrade(new, &[]);
    detach(strace);
    out
}

/// The calls of svupgrade. Before its socket it only looks at the processes of the machine.
fn calls_of_svupgrade(new: &Programs) -> Vec<Call> {
    let work = Work::new();
    let nothing = "trace=all".to_owned();
    assert_eq!(work.upgrade(new, &[nothing]).end, End::Code(0));
    calls(&work.tree.read("trace"), "socket")
}

/// The calls of a program from the request to the moment in which the new program goes on.
fn calls_of(program: &str, new: &Programs) -> Vec<Call> {
    let work = Work::new();
    assert_eq!(upgrade_with(&work, new, program, &[]).end, End::Code(0));
    calls(&work.tree.read("trace"), "socket")
}

#[test]
fn svupgrade_killed_at_each_call() {
    try_all("svupgrade killed at each of its calls, on a tree of ours", 70, calls_of_svupgrade, |work, new, call| {
        (work.upgrade(new, &[call.killed()]).end == End::Signal(9), false)
    });
}

#[test]
fn a_program_killed_while_it_replaces_itself() {
    let faults = |new: &Programs| {
        let of = |name| calls_of(name, new).into_iter().map(move |call| (name, call));
        PROGRAMS.into_iter().flat_map(of).collect()
    };
    try_all("a program killed at each call while it replaces itself", 90, faults, |work, new, (program, call)| {
        let process = work.process(program);
        upgrade_with(work, new, program, &[call.killed()]);
        (!proc::alive(process), *program == "multilog")
    });
}

#[test]
fn a_program_that_is_refused_a_call_while_it_replaces_itself() {
    let faults = |new: &Programs| {
        let mut faults = Vec::new();
        for program in PROGRAMS {
            let calls = calls_of(program, new);
            let execve = calls.iter().position(|call| call.name == "execve").expect("execve");
            // The kernel's brk never fails with an errno, and the C library knows that.
            for call in calls.iter().take(execve + 1).filter(|call| call.name != "brk") {
                faults.extend(ERRORS.map(|errno| (program, call.clone(), errno)));
            }
        }
        faults
    };
    let what = "an error in each call of a program that replaces itself";
    try_all(what, 151, faults, |work, new, (program, call, errno)| {
        upgrade_with(work, new, program, &[call.failed(errno)]);
        (String::from_utf8_lossy(&work.tree.read("trace")).contains("(INJECTED)"), false)
    });
}
