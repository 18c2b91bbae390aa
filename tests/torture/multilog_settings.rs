//! multilog with settings that decide what becomes of lines, `:line-max`, `:rotate`, `:when-full` and `:tell-waits`: killed
//! at each system call, and with an error in each. No line is lost, save those that are counted as dropped.
//!
//! Not tested: how many lines a multilog had dropped that is killed before it could tell.

use daemontools_tests::fault::{Call, all_of_them, calls, can_trace, errors, selection, try_each};
use daemontools_tests::{End, Tree};

use crate::multilog::{Feed, SCENES, Scene, TAI64N, tells_of_another_reader};

/// A log that cuts lines, each into up to four.
const CUT: Scene = Scene {
    name: "cut lines",
    script: &["t", ":line-max=300", "s16384", "n99", "./d"],
    head: TAI64N,
    lengths: (200, 1100),
    lines: 80,
    ..SCENES[0]
};

/// A log whose current file is old enough to be finished at once.
const OLD: Scene = Scene {
    name: ":rotate",
    script: &["t", ":rotate=1d", "s8192", "n99", "./d"],
    head: TAI64N,
    lines: 250,
    ..SCENES[0]
};

/// A log that drops lines.
const DROP: Scene = Scene { name: ":when-full=drop", script: &[":when-full=drop", "s8192", "n99", "./d"], ..SCENES[0] };

/// A log that tells how long it has waited.
const TELL: Scene = Scene { name: ":tell-waits", script: &[":tell-waits=on", "s8192", "n99", "./d"], ..SCENES[0] };

const ALL: [&Scene; 4] = [&CUT, &OLD, &DROP, &TELL];

/// What was last written into the old file.
const OLD_LINE: &str = "@400000003b9aca0a00000000 an old line\n";

const NO_ROOM: &str = "multilog: warning: no room in ./d, dropping lines: out of disk space\n";

/// The directory in which a scene begins.
fn tree(scene: &Scene) -> Tree {
    let tree = Tree::new();
    if scene.name == OLD.name {
        tree.put_file("d/current", OLD_LINE);
        assert_eq!(tree.shell("chmod 744 d/current").end, End::Code(0));
    }
    tree
}

/// The trace of a run that is not disturbed, or only by these faults.
fn trace(scene: &Scene, faults: &[String]) -> Vec<u8> {
    let (tree, feed) = (tree(scene), Feed::new(scene));
    let out = feed.to(tree.traced("trace", faults, "multilog"), scene).run();
    assert_eq!(out.end, End::Code(0), "{}: {out:?}", scene.name);
    judge(&tree, scene, "no kill", Missing::of(&out.stderr), 0);
    tree.read("trace")
}

/// The making of the file after the second rotation.
fn making_of_a_file(trace: &[u8]) -> Call {
    let text = String::from_utf8_lossy(trace);
    let opens = text.lines().filter(|line| line.starts_with("openat(")).enumerate();
    let makes = opens.filter(|(_, line)| line.contains("\"current\", ") && line.contains("O_CREAT"));
    let nth = makes.map(|(number, _)| number + 1).nth(2).expect("it rotates twice");
    Call { name: "openat".to_owned(), nth }
}

/// Which lines the log need not have, although it does not count them.
#[derive(Clone, Copy, Debug)]
enum Missing {
    /// As many as standard error tells.
    Told(usize),
    /// Those that were dropped when it was killed.
    Untold,
}

impl Missing {
    /// After a run that was not killed.
    fn of(stderr: &[u8]) -> Missing {
        let told = String::from_utf8_lossy(stderr);
        Missing::Told(
            told.lines().filter(|line| line.starts_with("multilog: warning: ./d: ")).filter_map(dropped).sum(),
        )
    }
}

/// How many lines were dropped, in a line that tells it.
fn dropped(line: &str) -> Option<usize> {
    line.split_once("multilog: ")?.1.split_once("dropped ")?.1.split_once(" line")?.0.parse().ok()
}

/// What has been found in a log so far.
struct Found {
    /// The number of the line that is due.
    next: usize,
    /// How many lines came again at the start of a file.
    repeats: usize,
    /// How many lines tell of a wait.
    waits: usize,
    missing: Missing,
    /// The pieces of a line that goes on.
    begun: String,
    /// Whether the first of them was the first line of a file.
    begun_first: bool,
    /// A line that is not whole. One that tells of dropped lines has to follow.
    torn: Option<String>,
}

impl Found {
    /// The next line of the log, without its stamp.
    fn add(&mut self, scene: &Scene, body: &str, is_first: bool) -> Result<(), String> {
        if body.starts_with("multilog: ") {
            return self.add_own(body);
        }
        if let Some(torn) = self.torn.take() {
            return Err(format!("no whole line: {torn}"));
        }
        // What was begun before a kill begins again. A line begins with a number.
        if is_first && body.starts_with(|letter: char| letter.is_ascii_digit()) {
            self.begun.clear();
        }
        self.begun_first = if self.begun.is_empty() { is_first } else { self.begun_first };
        match body.strip_suffix("\\\n") {
            Some(piece) => self.begun.push_str(piece),
            None => {
                let whole = std::mem::take(&mut self.begun) + body;
                return self.add_whole(scene, whole);
            }
        }
        Ok(())
    }

    /// A line of multilog's own.
    fn add_own(&mut self, body: &str) -> Result<(), String> {
        self.torn = None;
        match dropped(body) {
            Some(count) => self.next += count,
            None if body.starts_with("multilog: waited ") => self.waits += 1,
            None => return Err(format!("a line of its own: {body}")),
        }
        Ok(())
    }

    /// A line whose last piece has come.
    fn add_whole(&mut self, scene: &Scene, whole: String) -> Result<(), String> {
        let number = whole.get(..7).and_then(|digits| digits.parse().ok());
        let Some(number) = number.filter(|&number| scene.line(number) == whole.as_bytes()) else {
            self.torn = Some(whole);
            return Ok(());
        };
        let due = self.next;
        self.next = number + 1;
        if number < due && self.begun_first {
            self.repeats += 1;
        } else if number != due {
            match self.missing {
                Missing::Told(count) if number == due + count => {}
                Missing::Untold if number > due => {}
                _ => return Err(format!("line {number} instead of {due}")),
            }
            self.missing = Missing::Told(0);
        }
        Ok(())
    }
}

/// Looks at all lines of the log in their order, after this fault, and returns how many of them tell of a wait.
fn judge(tree: &Tree, scene: &Scene, fault: &str, missing: Missing, kills: usize) -> usize {
    let wrong =
        |what: String| -> ! { panic!("{}: {fault}: {missing:?}: {what}; {:?}", scene.name, tree.log_shape("d")) };
    let (begun, torn) = (String::new(), None);
    let mut found = Found { next: 0, repeats: 0, waits: 0, missing, begun, begun_first: false, torn };
    for file in tree.log_files("d").into_iter().filter(|file| file.is_old() || file.name == "current") {
        let content = String::from_utf8(file.content.clone()).expect("text");
        if scene.name == OLD.name && found.next == 0 && content == OLD_LINE {
            continue;
        }
        for (place, line) in content.split_inclusive('\n').enumerate() {
            // The end of a file that was being written at a kill.
            if file.kind() == "@.u" && !line.ends_with('\n') {
                continue;
            }
            let body = line.get(scene.head.len()..).unwrap_or_default();
            found.add(scene, body, place == 0).unwrap_or_else(|what| wrong(format!("{}: {what}", file.name)));
        }
    }
    let is_all = match found.missing {
        Missing::Told(count) => found.next + count == scene.lines,
        Missing::Untold => found.next <= scene.lines,
    };
    if !is_all || found.torn.is_some() || !found.begun.is_empty() || found.repeats > kills {
        let Found { next, repeats, torn, begun, .. } = found;
        wrong(format!("the next line would be {next}, {repeats} repetitions, {torn:?}, {begun:?}"));
    }
    found.waits
}

/// Killed at this call, with this fault before, and gone on.
fn killed(scene: &Scene, before: Option<&Call>, call: &Call) {
    let (tree, feed) = (tree(scene), Feed::new(scene));
    let faults: Vec<String> = before.map(|fault| fault.failed("ENOSPC")).into_iter().chain([call.killed()]).collect();
    let out = feed.to(tree.traced("trace", &faults, "multilog"), scene).run();
    let missing = match out.end {
        End::Signal(9) if out.stderr.starts_with(NO_ROOM.as_bytes()) => Missing::Untold,
        // A run is not the same twice: the last calls may not come.
        End::Signal(9) | End::Code(0) => Missing::of(&out.stderr),
        _ => panic!("{}: {call:?}: {out:?}", scene.name),
    };
    let next = feed.to(tree.command("multilog"), scene).run();
    assert_eq!((next.end, next.stderr.as_slice()), (End::Code(0), &b""[..]), "{}: {call:?}", scene.name);
    judge(&tree, scene, &format!("{before:?}, killed at {call:?}"), missing, 1);
}

#[test]
fn killed_at_each_call() {
    if !can_trace("multilog with settings killed at each system call") {
        return;
    }
    let mut faults = Vec::new();
    for scene in ALL {
        let clean = trace(scene, &[]);
        faults.extend(selection(calls(&clean, "umask"), 61).into_iter().map(|call| (scene, None, call)));
        if scene.name == DROP.name || scene.name == TELL.name && all_of_them() {
            // And from where a file cannot be made on. (With `:tell-waits` it then waits 5 seconds.)
            let full = making_of_a_file(&clean);
            let with_wait = calls(&trace(scene, &[full.failed("ENOSPC")]), "umask");
            let after = with_wait.into_iter().skip_while(|call| *call != full).skip(1);
            let after = after.filter(|call| call.name != full.name).collect();
            faults.extend(selection(after, 43).into_iter().map(|call| (scene, Some(full.clone()), call)));
        }
    }
    try_each("multilog with settings killed", &faults, 16, |(scene, before, call)| {
        killed(scene, before.as_ref(), call)
    });
}

/// Goes on after this error; a wait for the current file is told.
fn gone_on_after(scene: &Scene, call: &Call, errno: &str) {
    let (tree, feed) = (tree(scene), Feed::new(scene));
    let out = feed.to(tree.traced("trace", &[call.failed(errno)], "multilog"), scene).run();
    let told = String::from_utf8_lossy(&out.stderr).into_owned();
    let is_expected =
        |line: &str| line.contains(", pausing") || line.contains("dropp") || tells_of_another_reader(call, errno, line);
    match out.end {
        End::Code(111) if told.starts_with("multilog: fatal: ") && told.lines().count() == 1 => {}
        End::Code(0) if told.lines().all(|line| line.starts_with("multilog: warning: ") && is_expected(line)) => {}
        _ => panic!("{}: {call:?} {errno}: {out:?}", scene.name),
    }
    assert_eq!(feed.to(tree.command("multilog"), scene).run().end, End::Code(0));
    // How old a file is tells its first line, or when it was made if that cannot be read.
    let old = tree.log_files("d").into_iter().find(|file| file.content.starts_with(OLD_LINE.as_bytes()));
    if let Some(old) =
        old.filter(|old| ["openat", "pread64"].contains(&&*call.name) && old.content.len() > OLD_LINE.len())
    {
        tree.put_file(format!("d/{}", old.name), &old.content[OLD_LINE.len()..]);
    }
    let waits = judge(&tree, scene, &format!("{call:?} {errno}"), Missing::of(&out.stderr), 0);
    let pauses = if scene.name == TELL.name { told.matches(", pausing").count() } else { 0 };
    let at_least = pauses.min(told.matches("unable to write to ./d/current").count());
    assert!((at_least..=pauses).contains(&waits), "{}: {call:?} {errno}: {waits} are told: {told}", scene.name);
}

#[test]
fn an_error_in_each_call() {
    if !can_trace("an error in each system call of multilog with settings") {
        return;
    }
    let mut faults = Vec::new();
    for scene in ALL {
        let calls = calls(&trace(scene, &[]), "umask");
        let writes = calls.iter().filter(|call| call.name == "write").cloned();
        let step = if all_of_them() { 1 } else { 3 };
        faults.extend(writes.step_by(step).map(|call| (scene, call, "ENOSPC")));
        faults.extend(selection(errors(calls), 13).into_iter().map(|(call, errno)| (scene, call, errno)));
    }
    try_each("an error in multilog with settings", &faults, 32, |(scene, call, errno)| {
        gone_on_after(scene, call, errno);
    });
}
