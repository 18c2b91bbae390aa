//! Commands for `supervise`: random bytes into `control`, one after another.
//!
//! Each byte has done all that it does before the next one comes: what several at once do is a matter of time (see
//! `ours/supervise.rs`), and 0.76 takes its time.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;

use daemontools_tests::fuzz::fuzz;
use daemontools_tests::status::{Status, until_up};
use daemontools_tests::{Process, Programs, Random, Tree, exits, until};

use crate::Both;

/// A supervise and its service.
struct Side {
    service: &'static str,
    supervise: Process,
    control: File,
}

/// What can be seen of a service: whether it is up and paused, what is wanted, and how often it was started.
type View = (bool, bool, char, usize);

impl Side {
    fn begin(tree: &Tree, programs: &Programs, service: &'static str) -> Side {
        tree.put_script(format!("{service}/run"), "echo start >>starts; exec sleep 1000");
        let supervise = tree.command_of(programs, "supervise").arg(service).spawn();
        // The service writes down that it started, maybe before supervise has published it; or the other way round.
        until_up(tree, service);
        until("the first start", || tree.lines(format!("{service}/starts")).len() == 1);
        let control = File::options().write(true).open(tree.path(service).join("supervise/control"));
        Side { service, supervise, control: control.expect("open control") }
    }

    fn status(&self, tree: &Tree) -> Status {
        Status::of(tree, self.service).expect("a status")
    }

    fn view(&self, tree: &Tree) -> View {
        let status = self.status(tree);
        (status.up(), status.paused == 1, status.want, tree.lines(format!("{}/starts", self.service)).len())
    }

    /// What changes whenever the status is written, whatever it says.
    fn written(&self, tree: &Tree) -> (u64, i64, i64) {
        let found = fs::metadata(tree.path(self.service).join("supervise/status")).expect("stat");
        (found.ino(), found.mtime(), found.mtime_nsec())
    }

    fn tell(&mut self, byte: u8) {
        self.control.write_all(&[byte]).expect("write a command");
    }
}

/// What is to be expected.
#[derive(Clone, Copy, Debug)]
struct Expected {
    up: bool,
    paused: bool,
    /// A signal waits for the end of the pause.
    doomed: bool,
    want: char,
    starts: usize,
}

/// What tells that a byte has done what it does.
enum Sign {
    /// The process has ended.
    End,
    /// The status was written.
    Status,
    /// There is none.
    None,
}

impl Expected {
    fn after(&mut self, byte: u8) -> Sign {
        let ends = match byte {
            b'd' | b'k' => self.up,
            b'c' => self.up && self.doomed,
            b't' | b'h' | b'a' | b'i' => {
                self.doomed |= self.up;
                self.up && !self.paused
            }
            _ => false,
        };
        let was_up = self.up && !ends;
        match byte {
            b'u' => self.want = 'u',
            b'o' => self.want = '\0',
            b'd' => self.want = 'd',
            b'p' => self.paused = self.up,
            b'c' => self.paused = false,
            _ => {}
        }
        if ends {
            (self.paused, self.doomed) = (false, false);
        }
        self.up = was_up || b"uo".contains(&byte) || (ends && self.want == 'u');
        self.starts += usize::from(self.up && !was_up);
        if ends {
            return Sign::End;
        }
        if b"uodpc".contains(&byte) { Sign::Status } else { Sign::None }
    }
}

/// Tells both the same, byte by byte.
fn commands(original: &'static Programs, random: &mut Random) {
    let tree = Tree::of(Programs::ours());
    let mut sides = [(original, "theirs"), (Programs::ours(), "ours")].map(|(p, name)| Side::begin(&tree, p, name));
    let mut expected = Expected { up: true, paused: false, doomed: false, want: 'u', starts: 1 };
    // Not q, 1, 2 and w, which 0.76 ignores.
    let bytes = random.bytes(8, b"uuddoopppccctkhaiz\n\0\xff");
    let shown = bytes.escape_ascii().to_string();
    for byte in bytes {
        let pids = sides.each_ref().map(|side| side.status(&tree).pid);
        let written = sides.each_ref().map(|side| side.written(&tree));
        let sign = expected.after(byte);
        sides.iter_mut().for_each(|side| side.tell(byte));
        if let Sign::None = sign {
            // Something that changes nothing, but has the status written.
            sides.iter_mut().for_each(|side| side.tell(if expected.paused { b'p' } else { b'c' }));
        }
        let what = format!("the effect of {} of {shown}", byte.escape_ascii());
        until(&what, || match sign {
            Sign::End => sides.iter().zip(pids).all(|(side, pid)| side.status(&tree).pid != pid),
            Sign::Status | Sign::None => sides.iter().zip(written).all(|(side, before)| side.written(&tree) != before),
        });
        let view: View = (expected.up, expected.paused, expected.want, expected.starts);
        until(&format!("{view:?} after {what}"), || sides.iter().all(|side| side.view(&tree) == view));
    }
    for side in &mut sides {
        side.tell(b'd');
        side.tell(b'x');
    }
    for side in sides {
        assert_eq!(side.supervise.wait(), exits(0, "", ""), "{shown}");
    }
}

#[test]
fn the_same_commands_lead_to_the_same_state() {
    let Some(Both { original, .. }) = Both::new("supervise on random commands") else { return };
    fuzz("control", 4, |random| commands(original, random));
}
