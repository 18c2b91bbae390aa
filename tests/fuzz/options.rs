//! Options, in the traditional way: which words are options, which are values, and where the arguments begin.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use daemontools_tests::Random;
use daemontools_tests::fuzz::fuzz;

use crate::Both;

/// A word that may or may not be an option.
fn word(random: &mut Random, letters: &[u8]) -> Vec<u8> {
    let mut word = if random.once_in(4) { Vec::new() } else { vec![b'-'] };
    word.extend(random.bytes(4, letters));
    word
}

fn same(program: &str, letters: &'static [u8], last: &'static [&'static str]) {
    let Some(both) = Both::new(&format!("{program} on random options")) else { return };
    let both = Both { tree: both.tree.dir("nowhere"), ..both };
    fuzz(&format!("options of {program}"), 80, |random| {
        let words: Vec<Vec<u8>> = (0..random.below(5)).map(|_| word(random, letters)).collect();
        let [theirs, ours] = both.run(program, |start| {
            start.args(words.iter().map(|word| OsStr::from_bytes(word))).args(last).current_dir("nowhere")
        });
        let shown: Vec<String> = words.iter().map(|word| word.escape_ascii().to_string()).collect();
        assert!(theirs == ours, "{program} {shown:?}\n{theirs:?}\n{ours:?}");
    });
}

#[test]
fn setlock_reads_its_options_as_ever() {
    same("setlock", b"nNxX-z?:=", &["f", "/bin/echo", "ran"]);
}

#[test]
fn softlimit_reads_its_options_as_ever() {
    same("softlimit", b"crlp01=-z:", &["/bin/echo", "ran"]);
}

/// `-q`, `-1`, `-2` and `-w` are ours alone and not among the letters.
#[test]
fn svc_reads_its_options_as_ever() {
    same("svc", b"udopchaitkx-zX:", &["missing", "-d"]);
}
