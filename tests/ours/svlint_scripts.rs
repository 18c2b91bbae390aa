//! `svlint` on single scripts: what it finds in each, and in those that look alike and are sound.
//!
//! Not tested here: trees, modes, log directories (`svlint.rs`); who the flags belong to in detail, which is pure
//! (`crates/svlint/src`).

use std::fs;
use std::os::unix::fs::symlink;

use daemontools_tests::{End, Programs, Tree, exits, left_out, needs_root};

use crate::svlint::{found, sound, svlint};

/// The codes found in the script of the service, which has a logger.
fn codes(script: &[u8]) -> String {
    let tree = sound();
    tree.put_exec("t/sv/run", script);
    let found = found(&tree, "t/sv").into_iter();
    found.map(|found| found.strip_suffix(" t/sv/run").expect("about run").to_owned()).collect::<Vec<_>>().join(" ")
}

/// The same for the lines after `#!/bin/sh`.
fn lines(lines: &str) -> String {
    codes(format!("#!/bin/sh\n{lines}\n").as_bytes())
}

#[test]
fn carriage_returns_matter_outside_quotes() {
    for sound in [
        "exec tail -B'220 x\r\n' 2>&1",
        "exec tail \"x\r\ny\" 2>&1",
        "# a comment\r\nexec tail 2>&1",
        "cat <<END\nx\r\nEND\nexec tail 2>&1",
    ] {
        assert_eq!(lines(sound), "", "{sound:?}");
    }
    assert_eq!(lines("exec ./memcached -d -B'220 x\r\n' 2>&1"), "SL007", "what comes with it is read");
    for bad in [
        "exec tail 2>&1\r",
        "x=1\r\nexec tail 2>&1",
        "if true\r\nthen\r\nexec tail 2>&1\r\nfi\r",
        "cat <<E\nx\nE\r\nexec tail 2>&1",
    ] {
        assert_eq!(lines(bad), "SL004", "{bad:?}");
    }
    assert_eq!(codes(b"#!/bin/sh\r\nexec tail 2>&1\n"), "SL004");
    assert_eq!(codes(b"#!/bin/sh -e\r\nexec tail 2>&1\r\n"), "SL004");
    assert_eq!(codes(b"#!/bin/cat\nx\r\n"), "", "what other interpreters do with it is theirs");
}

#[test]
fn characters_that_look_like_others() {
    for bad in [
        "exec tail\u{a0}-f 2>&1",
        "exec\u{a0}tail 2>&1",
        "exec tail \u{2013}f 2>&1",
        "exec tail \u{201c}x\u{201d} 2>&1",
        "exec tail -f\u{3000}x 2>&1",
    ] {
        assert_eq!(lines(bad), "SL021", "{bad:?}");
    }
    for sound in [
        "exec tail '\u{a0}' 2>&1",
        "# \u{a0}\nexec tail 2>&1",
        "echo \u{201e}x\u{201c}\nexec tail 2>&1",
        "exec tail \u{e4} 2>&1",
    ] {
        assert_eq!(lines(sound), "", "{sound:?}");
    }
}

#[test]
fn the_first_line_is_read_as_the_kernel_reads_it() {
    let first = |line: &str| codes(format!("{line}\nexec tail 2>&1\n").as_bytes());
    for sound in
        ["#!/bin/sh", "#! /bin/sh", "#!/bin/sh \t", "#!/bin/sh -e", "#!/usr/bin/env sh", "#!/usr/bin/env -S sh -e"]
    {
        assert_eq!(first(sound), "", "{sound:?}");
    }
    for bad in [
        "#!/bin/sh\u{a0}",
        "#!/bin/sh\u{c}",
        "#!/bin/sh\u{b}-e",
        "#!",
        "#!/bin/sh -e -u",
        "#!/usr/bin/env no-such-shell",
        "#!/usr/bin/env sh -e",
        "#!/usr/bin/env sh\u{a0}",
        "#!/etc",
    ] {
        assert_eq!(first(bad), "SL005", "{bad:?}");
    }
    assert_eq!(first("\u{feff}#!/bin/sh"), "SL003");
}

#[test]
fn functions_are_not_programs() {
    for sound in [
        "main() { exec tail; }; main \"$@\" 2>&1",
        "main() {\n exec tail 2>&1\n}\nmain",
        "function main { exec tail 2>&1; }\nmain",
        "go() { exec \"$@\" 2>&1; }\nmain() { go tail; }\nmain",
        ". ./functions\nexec 2>&1\nstart tail",
        ". ./functions\nboth tail",
        ". \"$HOME/functions\"\nstart tail",
    ] {
        let tree = sound_with(sound).file("t/sv/functions", "start() { exec \"$@\"; }\nboth() { exec \"$@\" 2>&1; }\n");
        assert_eq!(found(&tree, "t/sv"), [""; 0], "{sound}");
    }
    let tree = sound_with("exec 2>&1\nmain() {\n tail x\n}\nmain");
    let out = svlint(&tree, &["t/sv"]);
    assert!(out.stdout.starts_with(b"t/sv/run:4: warning SL006: tail is "), "{out:?}");
    let tree = sound_with("exec 2>&1\n. ./no-such-file\ntail x");
    assert_eq!(found(&tree, "t/sv"), ["SL006 t/sv/run"]);
}

fn sound_with(script: &str) -> Tree {
    sound().script("t/sv/run", script)
}

#[test]
fn flags_are_those_of_the_program() {
    for program in ["ssh", "start-stop-daemon", "mysqld", "mcelog", "php-fpm8.2"] {
        let judge = |arguments: &str| {
            let tree =
                sound_with(&format!("exec 2>&1\nexec ./{program} {arguments}")).exec(format!("t/sv/{program}"), "");
            found(&tree, "t/sv").join(" ")
        };
        let (sound, bad): (&[&str], &[&str]) = match program {
            "ssh" => (&["-N h tail -f x", "-o f h"], &["-fN h", "-Nf h", "-p 22 -f h", "h -f x"]),
            "start-stop-daemon" => (&["-S -x f -- -b 1"], &["-S -b -x f", "-Sbx f", "--background -x f"]),
            "mysqld" => {
                (&["--daemonize=OFF", "--daemonize=0", "--skip-daemonize"], &["--daemonize", "--daemonize=ON", "-D"])
            }
            "mcelog" => (&["--daemon --foreground"], &["--daemon"]),
            _ => (&["-F", "-D -F"], &["-D", "--daemonize"]),
        };
        sound.iter().for_each(|arguments| assert_eq!(judge(arguments), "", "{program} {arguments}"));
        bad.iter().for_each(|arguments| assert_eq!(judge(arguments), "SL007 t/sv/run", "{program} {arguments}"));
    }
    assert_eq!(lines("exec ./memcached -dp 11211 2>&1"), "SL007");
    assert_eq!(lines("exec ./memcached -p 11211 -u d 2>&1"), "");
}

#[test]
fn accounts_in_the_syntax_of_each_program() {
    let judge = |words: &str| {
        let program = words.split(' ').next().expect("a word").trim_start_matches("./");
        let tree = sound_with(&format!("exec {words} tail 2>&1")).exec(format!("t/sv/{program}"), "");
        found(&tree, "t/sv").join(" ")
    };
    for sound in [
        "setuidgid nobody",
        "setuidgid root:root:1000",
        "setuidgid -s nobody",
        "envuidgid nobody",
        "./s6-setuidgid nobody",
        "./s6-setuidgid 1000:1000",
        "./s6-setuidgid 1000",
        "./chpst -u :1000:1000",
        "./chpst -u nobody:root:root",
        "./su-exec 1000:1000",
        "./su-exec nobody:root",
        "./setpriv --reuid=1000",
    ] {
        assert_eq!(judge(sound), "", "{sound}");
    }
    for bad in [
        "setuidgid 1000",
        "setuidgid root:no-such",
        "envuidgid no-such",
        "./s6-setuidgid no-such:1000",
        "./chpst -u nobody:no-such",
        "./chpst -u no-such",
        "./su-exec no-such:root",
    ] {
        assert_eq!(judge(bad), "SL012 t/sv/run", "{bad}");
    }
}

#[test]
fn the_last_command_that_starts_something_is_judged() {
    for (script, expected) in [
        ("exec 2>&1\ntail x\nX=1", "SL006"),
        ("tail x\n2>&1", "SL006"),
        ("exec tail x\nX=1", "SL009"),
        ("exec 2>&1\ntail x | exec multilog t ./log", "SL006"),
        ("exec 2>&1\ntail x | cat", "SL006"),
        ("exec 2>&1\n(exec tail x)", "SL006"),
        ("exec 2>&1\n(tail x) &", "SL007"),
        ("exec tail x 2>&1\necho not reached", ""),
        ("exec envdir ./env sh -c 'exec tail 2>&1'", ""),
        ("exec envdir ./env sh -c 'exec tail'", "SL009"),
        ("exec sh -c 'exec 2>&1; exec ./memcached -d'", "SL007"),
        ("command exec tail x 2>&1", ""),
        ("FOO=x exec tail x 2>&1", ""),
        ("{ exec tail x; } 2>&1", ""),
        ("exec tail x > >(cat) 2>&1", ""),
        ("exec sh <<E\nexec tail 2>&1\nE", ""),
        ("[ -e x ] || { echo no; exit 1; }\nexec tail x 2>&1", ""),
        ("tail x & child=$!\ntrap 'kill $child' TERM\nwait $child", ""),
        ("exec 2>&1\ntail x || exit 1", ""),
        ("exec 2>&1\nwhile :; do tail x; done", ""),
    ] {
        assert_eq!(lines(script), expected, "{script}");
    }
    let tree = sound_with("exec 2>&1\ntail x | exec multilog t ./log");
    let text = String::from_utf8(svlint(&tree, &["t/sv"]).stdout).expect("UTF-8");
    assert!(text.contains("log/run") && !text.contains("write exec"), "{text}");
}

#[test]
fn programs_that_are_not_there() {
    for bad in [
        "exec multiog t ./main 2>&1",
        "exec /opt/no-such/app 2>&1",
        "exec ./no-such 2>&1",
        "exec nice no-such 2>&1",
        "exec sh -c 'exec no-such 2>&1'",
        "exec app 2>&1",
    ] {
        assert_eq!(lines(bad), "SL022", "{bad}");
    }
    let text = String::from_utf8(svlint(&sound_with("exec app 2>&1"), &["t/sv"]).stdout).expect("UTF-8");
    assert!(text.contains("write ./app"), "{text}");
    assert_eq!(codes(b"#!/bin/bash -l\nuse it\nexec no-such 2>&1\n"), "", "a login shell sets PATH");
    for sound in
        ["exec ./app 2>&1", "exec $APP 2>&1", "PATH=$HOME/bin:$PATH\nexec no-such 2>&1", "cd / && exec ./no-such 2>&1"]
    {
        assert_eq!(lines(sound), "", "{sound}");
    }
    let tree = sound_with("exec envdir ./env no-such 2>&1").file("t/sv/env/PATH", "/somewhere\n");
    assert_eq!(found(&tree, "t/sv"), [""; 0], "PATH is in the directory");
    let tree = sound_with("PATH=../bin\nexec tool 2>&1").exec("t/bin/tool", "");
    assert_eq!(found(&tree, "t/sv"), [""; 0], "PATH is in the script");
}

#[test]
fn what_multilog_ignores() {
    for (words, expected) in [
        ("t ./main", ""),
        ("t s16777215 n20 '!cat' ./main '=./status' e", ""),
        ("t d ./main", "SL023"),
        ("t main", "SL023"),
        ("t ./main s5000", "SL023"),
        ("t s10M ./main", "SL023"),
        ("n5 t ./main", "SL023"),
        ("t ./main n5 '!cat' -x", "SL023 SL023 SL023"),
        ("t", "SL023"),
        ("t $DIR s5000", ""),
    ] {
        let tree = sound();
        tree.put_script("t/sv/log/run", &format!("exec multilog {words}"));
        let found: Vec<String> =
            found(&tree, "t/sv").into_iter().map(|found| found.replace(" t/sv/log/run", "")).collect();
        assert_eq!(found.join(" "), expected, "{words}");
    }
}

/// svlint and multilog agree on each setting.
#[test]
fn settings_with_which_multilog_does_not_start() {
    let values = " 0 1 4096 3k 64m 10M 30 30d daily always iso zstd on 0640 +640";
    let names = "size max-age max-total rotate stamp prefix line-max compress when-full tell-waits sync mode dir-mode group keep";
    let tree = sound();
    for name in names.split(' ') {
        // Names of groups are looked up.
        for value in values.split(' ').filter(|value| name != "group" || ["", "0", "4096"].contains(value)) {
            let word = format!(":{name}={value}");
            let starts = tree.command("multilog").args(["t", &word, "./m"]).stdin("").run().end;
            tree.put_script("t/sv/log/run", &format!("exec multilog t '{word}' ./main"));
            let found = found(&tree, "t/sv");
            let expected = if starts == End::Code(0) { vec![] } else { vec!["SL023 t/sv/log/run".to_owned()] };
            assert_eq!(found, expected, "{word}: {starts:?}");
        }
    }
}

/// A link says where it leads, whether its service is named or the tree.
#[test]
fn links_that_lead_nowhere() {
    for (path, target) in [("t/sv/run", "/no/such/run"), ("t/sv/log/run", "missing"), ("t/sv/run", "run")] {
        let tree = sound();
        fs::remove_file(tree.path(path)).expect("remove");
        symlink(target, tree.path(path)).expect("link");
        let line = format!("{path}: error SL001: this link leads nowhere: {target}: ");
        for dir in ["t", "t/sv"] {
            let out = svlint(&tree, &[dir]);
            assert!(String::from_utf8_lossy(&out.stdout).contains(&line), "{out:?}");
            assert_eq!(out.end, End::Code(2));
        }
        assert_eq!(found(&tree, "t"), [format!("SL001 {path}")]);
    }
    let tree = Tree::of(Programs::ours()).script("t/sv/run", "exec tail").link("t/sv/log", "/no/such/log");
    assert_eq!(found(&tree, "t"), ["SL017 t/sv/log"]);
}

/// The owner of `supervise/` tells which account supervise runs as, whichever account runs svlint.
#[test]
fn another_user_finds_nothing_in_a_sound_tree() {
    if !needs_root("svlint as another user") {
        return;
    }
    let tree = sound().dir("t/sv/supervise").dir("t/sv/log/supervise");
    tree.put_exec("svlint", fs::read(Programs::ours().path("svlint")).expect("read svlint"));
    let as_nobody = |tree: &Tree| tree.invocation(tree.path("svlint")).arg0("svlint").arg("t").user(65534, 65534).run();
    assert_eq!(as_nobody(&tree), exits(0, "", ""));
    fs::remove_dir(tree.path("t/sv/supervise")).expect("remove");
    fs::remove_dir(tree.path("t/sv/log/supervise")).expect("remove");
    assert_eq!(as_nobody(&tree), exits(0, "", ""), "who supervise will run as is not known");
    let tree = sound().dir("t/sv/log/supervise");
    std::os::unix::fs::chown(tree.path("t/sv/log/supervise"), Some(65534), Some(65534)).expect("chown");
    assert_eq!(found(&tree, "t"), ["SL011 t/sv/log/run"], "it runs as nobody");
}

/// What is read is bounded, and nothing is waited for.
#[test]
fn files_that_are_no_scripts() {
    let tree = sound();
    let long = format!("#!/bin/sh\n{}\ntail x\n", "#".repeat(70_000));
    tree.put_exec("t/sv/run", long);
    let message = "svlint: warning: not all is read of t/sv/run: it is longer than 65536 bytes\n";
    assert_eq!(svlint(&tree, &["t"]), exits(111, "", message));
    for (target, code) in
        [("/dev/zero", "SL001"), ("/dev/tty", "SL001"), ("/proc/kmsg", "SL003"), ("/proc/self/mem", "SL003")]
    {
        let tree = sound();
        fs::remove_file(tree.path("t/sv/log/run")).expect("remove");
        symlink(target, tree.path("t/sv/log/run")).expect("link");
        let out = svlint(&tree, &["t"]);
        if out.end == End::Code(111) || std::fs::metadata(target).is_err() {
            left_out(target, "it may not be read here");
            continue;
        }
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(text.contains(&format!(" error {code}: ")), "{target}: {text}");
    }
}
