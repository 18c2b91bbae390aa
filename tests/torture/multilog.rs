//! What the torture of multilog has in common: a stream of lines that tell where they belong, a pipe that outlives who
//! reads it, and the judgement of what is in the logs afterwards.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use daemontools_tests::cyclog::LogFile;
use daemontools_tests::fault::Call;
use daemontools_tests::{Invocation, Tree};

/// Whether this line is what multilog says after this error: a call that reads finds no bytes where some were seen, as if
/// another process had taken them.
pub fn tells_of_another_reader(call: &Call, errno: &str, line: &str) -> bool {
    let reads = errno == "EAGAIN" && ["tee", "splice", "read"].contains(&call.name.as_str());
    reads && line == "multilog: warning: another process reads this input, and takes lines from it"
}

/// A way to run multilog.
pub struct Scene {
    /// What it is called in messages.
    pub name: &'static str,
    /// The script.
    pub script: &'static [&'static str],
    /// The logs it names.
    pub logs: &'static [&'static str],
    /// What comes before each line, with a 0 for each digit of a stamp.
    pub head: &'static str,
    /// How many files a log may have.
    pub keep: usize,
    /// How long lines are: from, to.
    pub lengths: (usize, usize),
    /// How many lines there are.
    pub lines: usize,
}

/// The scene from which the others differ.
const PLAIN: Scene = Scene {
    name: "plain",
    script: &["s8192", "n99", "./d"],
    logs: &["d"],
    head: "",
    keep: 99,
    lengths: (80, 80),
    lines: 500,
};

/// The stamp that `t` makes.
pub const TAI64N: &str = "@000000000000000000000000 ";

/// Each of them rotates several times.
pub const SCENES: [Scene; 8] = [
    PLAIN,
    Scene { name: "t", script: &["t", "s8192", "n99", "./d"], head: TAI64N, lengths: (30, 120), lines: 400, ..PLAIN },
    Scene { name: "n3", script: &["s8192", "n3", "./d"], keep: 3, ..PLAIN },
    Scene {
        name: "processor and state",
        script: &["s8192", "n99", "!read n <&4; echo $((n + 1)) >&5; exec cat", "./d"],
        ..PLAIN
    },
    Scene {
        name: "lines of 300 to 1500 bytes",
        script: &["t", "s16384", "n99", "./d"],
        head: TAI64N,
        lengths: (300, 1500),
        lines: 90,
        ..PLAIN
    },
    Scene {
        name: "two directories",
        script: &["s8192", "n99", "./d", "s12288", "n4", "./e"],
        logs: &["d", "e"],
        lines: 400,
        ..PLAIN
    },
    Scene {
        name: OTHER_HEADS,
        script: &["t", ":stamp=utc", ":prefix=web: ", ":line-max=1k", "s8192", "n99", "./d"],
        head: "0000-00-00T00:00:00.000000000Z web: ",
        lengths: (30, 120),
        lines: 300,
        ..PLAIN
    },
    Scene {
        name: FLOOD,
        script: &["t", "s300000", "n99", "./d"],
        head: TAI64N,
        lengths: (30, 120),
        lines: 20_000,
        ..PLAIN
    },
];

/// Lines that are not written as they are looked at.
pub const OTHER_HEADS: &str = "other stamps and a prefix";

/// So much that the pipe is made larger.
pub const FLOOD: &str = "a flood";

impl Scene {
    /// Line number `number`, with its newline.
    pub fn line(&self, number: usize) -> Vec<u8> {
        let (from, to) = self.lengths;
        let length = from + number * 7919 % (to - from + 1);
        let mut line = format!("{number:07} ").into_bytes();
        line.extend((0..).map(|i| b'a' + ((number + i) % 26) as u8).take(length - line.len() - 1));
        line.push(b'\n');
        line
    }

    /// The whole stream.
    pub fn stream(&self) -> Vec<u8> {
        (0..self.lines).flat_map(|number| self.line(number)).collect()
    }
}

/// The stream on its way through a pipe.
pub struct Feed {
    /// Given up before the feeder is waited for, who then gets a broken pipe if nobody reads any more.
    reader: Option<OwnedFd>,
    feeder: Option<JoinHandle<usize>>,
    stop: Arc<AtomicBool>,
}

impl Feed {
    /// Begins to write the stream.
    pub fn new(scene: &Scene) -> Feed {
        let (lines, stream) = (scene.lines, scene.stream());
        Feed::begin(move |mut pipe, _| {
            // A test that fails may leave something unread.
            let _ = pipe.write_all(&stream);
            lines
        })
    }

    /// Begins to write a stream that goes on until `stop`.
    pub fn endless(scene: &'static Scene) -> Feed {
        Feed::begin(|mut pipe, stop| {
            let mut lines = 0;
            while !stop.load(Ordering::Relaxed) && pipe.write_all(&scene.line(lines)).is_ok() {
                lines += 1;
            }
            lines
        })
    }

    fn begin(feed: impl FnOnce(BufWriter<File>, &AtomicBool) -> usize + Send + 'static) -> Feed {
        let (reader, writer) = daemontools_tests::pipe();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let feeder = std::thread::spawn(move || feed(BufWriter::with_capacity(16_000, File::from(writer)), &told));
        Feed { reader: Some(reader), feeder: Some(feeder), stop }
    }

    /// A multilog that reads it.
    pub fn to(&self, multilog: Invocation, scene: &Scene) -> Invocation {
        let reader = self.reader.as_ref().expect("it is given up only in the end");
        multilog.args(scene.script).descriptor(0, reader.try_clone().expect("copy a descriptor"))
    }

    /// Ends an endless stream soon: what was written by then is all.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// How many lines were written in all, when the last of them is.
    pub fn lines(&mut self) -> usize {
        self.feeder.take().expect("asked once").join().expect("the feeder")
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop();
        drop(self.reader.take());
        drop(self.feeder.take().map(JoinHandle::join));
    }
}

/// The finished files of a log.
pub fn finished(tree: &Tree, log: &str) -> HashMap<String, LogFile> {
    let files = tree.log_files(log).into_iter().filter(|file| file.kind() == "@.s");
    files.map(|file| (file.name.clone(), file)).collect()
}

/// What must be so at any time, whatever happened.
pub fn judge_between(tree: &Tree, scene: &Scene) {
    for log in scene.logs {
        let keep = if *log == "e" { 4 } else { scene.keep };
        let files = tree.log_files(log);
        let of_the_log = |file: &&LogFile| file.is_old() || file.name == "current" || file.name == "previous";
        let count = files.iter().filter(of_the_log).count();
        assert!(count <= keep, "{}: {count} files in {log}: {:?}", scene.name, tree.log_shape(log));
        for file in files.iter().filter(|file| file.kind() == "@.s") {
            assert!(file.mode == 0o744, "{}: {} has mode {:o}", scene.name, file.name, file.mode);
            assert!(file.content.ends_with(b"\n"), "{}: {} ends within a line", scene.name, file.name);
        }
    }
}

/// What must be so when all of the stream has come through and multilog has ended: the lines in their order, each
/// whole, none missing. After a kill as many as were read at a time may come again.
pub fn judge(tree: &Tree, scene: &Scene, kills: usize) {
    judge_between(tree, scene);
    for log in scene.logs {
        let files = tree.log_files(log);
        let wrong = |what: &str| -> ! {
            panic!("{}: {log}: {what}; {:?}", scene.name, tree.log_shape(log));
        };
        let (mut next, mut repeats) = (None, 0);
        for file in &files {
            match file.kind().as_str() {
                "@.s" | "@.u" => {}
                "current" if file.mode == 0o744 => {}
                "lock" | "state" => continue,
                name => wrong(&format!("there is a {name}, mode {:o}", file.mode)),
            }
            for (place, line) in file.content.split_inclusive(|&byte| byte == b'\n').enumerate() {
                let Some(number) = number(line, scene) else {
                    // The last line of an unclean file may be cut. All others are whole.
                    let cut = file.kind() == "@.u" && !line.ends_with(b"\n");
                    if !cut {
                        wrong(&format!("no whole line in {}: {}", file.name, line.escape_ascii()));
                    }
                    continue;
                };
                let due = *next.get_or_insert(if old_ones_went(scene, log) { number } else { 0 });
                if number < due && place == 0 {
                    repeats += 1;
                } else if number != due {
                    wrong(&format!("line {number} instead of {due} in {}", file.name));
                }
                next = Some(number + 1);
            }
        }
        if next != Some(scene.lines) {
            wrong(&format!("the next line would be {next:?}, of {}", scene.lines));
        }
        if repeats > kills {
            wrong(&format!("{repeats} repetitions after {kills} kills"));
        }
    }
}

/// The same where lines are longer than what a file may go on for, so that files may end within them: all files together.
pub fn judge_joined(tree: &Tree, scene: &Scene) {
    for log in scene.logs {
        let logged = tree.logged(log);
        let mut lines = logged.split_inclusive(|&byte| byte == b'\n');
        let wrong = lines.by_ref().enumerate().find(|(due, line)| number(line, scene) != Some(*due));
        let wrong = wrong
            .map(|(due, line)| format!("instead of line {due}: {}", line.get(..60).unwrap_or(line).escape_ascii()));
        assert_eq!(wrong, None, "{}: {log}; {:?}", scene.name, tree.log_shape(log));
        let count = logged.iter().filter(|&&byte| byte == b'\n').count();
        assert_eq!(count, scene.lines, "{}: lines in {log}", scene.name);
    }
}

/// Whether the beginning of the stream may be gone.
fn old_ones_went(scene: &Scene, log: &str) -> bool {
    log == "e" || scene.keep < 10
}

/// Which line this is, if it is a whole one.
fn number(line: &[u8], scene: &Scene) -> Option<usize> {
    let (head, line) = line.split_at_checked(scene.head.len())?;
    let fits = |(&byte, of): (&u8, u8)| byte == of || of == b'0' && byte.is_ascii_hexdigit();
    head.iter().zip(scene.head.bytes()).all(fits).then_some(())?;
    let number = std::str::from_utf8(line.get(..7)?).ok()?.parse().ok()?;
    (line == scene.line(number)).then_some(number)
}
