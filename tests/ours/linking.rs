//! How the programs are linked: what `packaging/build` tells cargo and rustup, asked with ones that only write it down; and
//! what came of it in the programs that the suite runs.
//!
//! Not tested: speed and memory (`make bench`).

use std::time::Duration;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Output, Programs, Tree};

use crate::manuals::programs;

/// Programs that look accounts up.
const ACCOUNTS: [&str; 3] = ["setuidgid", "envuidgid", "svlint"];

/// Answers for x86-64; of the libraries for other targets those are there that have a directory.
const RUSTC: &str = r#"case $* in
-vV) echo "host: x86_64-unknown-linux-gnu" ;;
"--print target-libdir --target "*) echo "$TMPDIR/lib/$4" ;;
*) exit 1 ;;
esac"#;
const CARGO: &str = r#"echo "[$RUSTFLAGS] $* " >>"$TMPDIR/told""#;
/// Brings what it is asked for.
const RUSTUP: &str = r#"echo "$*" >>"$TMPDIR/asked"; mkdir -p "$TMPDIR/lib/$4""#;
/// Cannot.
const RUSTUP_OFFLINE: &str = r#"echo "$*" >>"$TMPDIR/asked"; echo "error: no network" >&2; exit 1"#;

/// A tree with these tools in `bin` and nothing else of that kind; whether there is a library for musl.
fn tools(rustup: Option<&str>, musl: bool) -> Tree {
    let tree = Tree::of(Programs::ours()).script("bin/cargo", CARGO).script("bin/rustc", RUSTC);
    let tree = tree.dir("lib/x86_64-unknown-linux-gnu");
    let tree = if musl { tree.dir("lib/x86_64-unknown-linux-musl") } else { tree };
    for tool in ["sh", "sed", "ls", "mkdir", "rm", "ln", "cp", "timeout"] {
        let found = ["/usr/bin", "/bin"].map(|dir| format!("{dir}/{tool}"));
        let found = found.iter().find(|file| std::path::Path::new(file).exists()).expect("a tool of the system");
        std::os::unix::fs::symlink(found, tree.path("bin").join(tool)).expect("make a link");
    }
    rustup.into_iter().fold(tree, |tree, rustup| tree.script("bin/rustup", rustup))
}

fn build(tree: &Tree, linking: &str) -> Output {
    let build = tree.invocation(workspace().join("packaging/build")).arg(tree.path("built"));
    let build = build.current_dir(workspace()).env("PATH", tree.path("bin")).env("LINKING", linking);
    build.env("CARGO_TARGET_DIR", tree.path("target")).run()
}

/// What cargo is told about each build: its flags for rustc, then its arguments.
fn builds(tree: &Tree, linking: &str) -> Vec<String> {
    let done = build(tree, linking);
    assert_eq!(done.end, End::Code(0), "{done:?}");
    tree.lines("told")
}

/// The one build of a program, by name or with all but those that are excluded.
#[track_caller]
fn of<'a>(builds: &'a [String], program: &str) -> &'a str {
    let named = |line: &&String| line.contains(&format!("--package {program} "));
    let all = |line: &&String| line.contains("--workspace") && !line.contains(&format!("--exclude {program} "));
    let [build] = builds.iter().filter(|line| named(line) || all(line)).collect::<Vec<_>>()[..] else {
        panic!("{program} is built once: {builds:?}")
    };
    build
}

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Linked {
    Musl,
    StaticGlibc,
    Dynamic,
}

fn linked(build: &str) -> Linked {
    let found = [
        (Linked::Musl, build.contains("--target x86_64-unknown-linux-musl ") && !build.contains("crt-static")),
        (Linked::StaticGlibc, build.contains("--target x86_64-unknown-linux-gnu ") && build.contains("+crt-static")),
        (Linked::Dynamic, !build.contains("--target ") && !build.contains("crt-static")),
    ];
    let [(linked, _)] = found.iter().filter(|(_, is)| *is).collect::<Vec<_>>()[..] else {
        panic!("linked in some way: {build}")
    };
    *linked
}

#[test]
fn each_program_is_built_once_and_as_its_job_asks_for() {
    use Linked::{Dynamic, Musl, StaticGlibc};
    // Whether there is musl, LINKING; how a usual program, one that reads whole logs and one of accounts is linked.
    for (musl, linking, expected) in [
        (true, "", [Musl, StaticGlibc, Dynamic]),
        (false, "", [StaticGlibc, StaticGlibc, Dynamic]),
        (true, "glibc", [StaticGlibc, StaticGlibc, Dynamic]),
        (true, "static", [Musl, StaticGlibc, Musl]),
        (true, "dynamic", [Dynamic, Dynamic, Dynamic]),
        (false, "dynamic", [Dynamic, Dynamic, Dynamic]),
    ] {
        let builds = builds(&tools(None, musl), linking);
        let kinds: [&[&str]; 3] = [&["svok", "supervise", "multilog", "tai64n"], &["svlog", "tai64nlocal"], &ACCOUNTS];
        for (programs, expected) in kinds.into_iter().zip(expected) {
            for program in programs {
                assert_eq!(linked(of(&builds, program)), expected, "{program}, musl {musl}, LINKING={linking}");
            }
        }
    }
}

#[test]
fn the_linker_is_told_an_order_where_it_takes_one() {
    let takes_it = RUSTC.replace("*) exit 1", "*--symbol-ordering-file*) ;;\n*) exit 1");
    for (rustc, expected) in [(takes_it.as_str(), true), (RUSTC, false)] {
        let builds = builds(&tools(None, true).script("bin/rustc", rustc), "");
        for (program, can) in [("svlog", true), ("supervise", false), ("setuidgid", false)] {
            let told = of(&builds, program).contains("--symbol-ordering-file=packaging/written-at-start");
            assert_eq!(told, expected && can, "{program}");
        }
    }
    assert!(workspace().join("packaging/written-at-start").exists());
}

#[test]
fn linking_that_cannot_be_is_refused() {
    let tree = tools(None, false);
    let refused = build(&tree, "static");
    let said = "build: LINKING=static needs Rust's library for x86_64-unknown-linux-musl: \
                rustup target add x86_64-unknown-linux-musl\n";
    assert_eq!((refused.end, String::from_utf8_lossy(&refused.stderr).as_ref()), (End::Code(1), said));
    assert_eq!(build(&tree, "musl").end, End::Code(2));
    assert_eq!(tree.lines("told"), [""; 0], "nothing was built");
}

#[test]
fn musl_is_brought_where_rustup_can() {
    let ask = "--quiet target add x86_64-unknown-linux-musl";
    let announced = "build: rustup target add x86_64-unknown-linux-musl, \
                     for programs that start faster and take less memory\n";
    let tree = tools(Some(RUSTUP), false);
    for asked in [announced, ""] {
        let done = build(&tree, "");
        assert_eq!((done.end, String::from_utf8_lossy(&done.stderr).as_ref()), (End::Code(0), asked));
        assert_eq!(linked(of(&tree.lines("told")[..3], "svok")), Linked::Musl);
        assert_eq!(tree.lines("asked"), [ask], "once");
    }
    // Without a network, and without rustup, there is a way too.
    let without = "build: there is no musl (x86_64-unknown-linux-musl): \
                   static programs take the C library of the system\n";
    for (rustup, said) in
        [(Some(RUSTUP_OFFLINE), format!("{announced}error: no network\n{without}")), (None, without.into())]
    {
        let tree = tools(rustup, false);
        let done = build(&tree, "");
        assert_eq!((done.end, String::from_utf8_lossy(&done.stderr).into_owned()), (End::Code(0), said));
        assert_eq!(linked(of(&tree.lines("told"), "svok")), Linked::StaticGlibc);
    }
    // Nobody is asked for what is not needed.
    for (musl, linking) in [(true, ""), (false, "glibc"), (false, "dynamic")] {
        let tree = tools(Some(RUSTUP), musl);
        builds(&tree, linking);
        assert_eq!(tree.lines("asked"), [""; 0], "{linking}");
    }
}

/// Whether an executable file asks for a dynamic linker: has a program header of type 3, for 64 or 32 bits.
pub fn is_dynamic(file: &[u8]) -> bool {
    let number = |at: usize, length: usize| -> usize {
        file[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    assert_eq!(&file[..4], b"\x7fELF");
    let (table, size, count) = if file[4] == 2 {
        (number(32, 8), number(54, 2), number(56, 2))
    } else {
        (number(28, 4), number(42, 2), number(44, 2))
    };
    (0..count).any(|entry| number(table + entry * size, 4) == 3)
}

pub fn contains(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|part| part == text.as_bytes())
}

/// A program that is static with glibc and asks the name service crashes as soon as that loads a module, and one that is
/// static with musl knows accounts of `/etc/passwd` only. glibc finds the functions of a module by their names, and musl
/// has the name of the file: both are in a program that is stripped, too.
#[test]
fn what_looks_accounts_up_is_no_static_program() {
    let programs = programs();
    assert!(ACCOUNTS.iter().all(|name| programs.iter().any(|program| program == name)));
    let read = |name: &str| std::fs::read(Programs::ours().path(name)).expect("read a program");
    // With LINKING=static these take musl, and /etc/passwd.
    let all_static = !is_dynamic(&read("setuidgid"));
    for name in programs.iter().filter(|name| *name != "svscanboot") {
        let file = read(name);
        let looks_up = ACCOUNTS.contains(&name.as_str());
        if is_dynamic(&file) {
            assert_eq!(contains(&file, "getpwnam_r"), looks_up, "{name} imports it");
            continue;
        }
        assert!(all_static || !looks_up, "{name} is static");
        for function in ["getpwnam", "getpwuid", "getgrnam", "getgrgid", "getgrouplist", "nss_"] {
            assert!(!contains(&file, function), "{name} is static, with glibc, and has {function}");
        }
        assert_eq!(contains(&file, "/etc/passwd"), looks_up, "{name} is static, and reads /etc/passwd");
    }
}

/// cargo adds up the configurations of a directory and of those above it.
#[test]
fn a_checkout_inside_another_one_is_built() {
    let tree = Tree::of(Programs::ours());
    let manifest = "[package]\nname = \"tiny\"\nedition = \"2021\"\n[workspace]\n[profile.release]\nlto = \"fat\"\n";
    for dir in ["", "inner"] {
        let tree = tree.path(dir);
        std::fs::create_dir_all(tree.join("src")).expect("make a directory");
        std::fs::write(tree.join("Cargo.toml"), manifest).expect("write a manifest");
        std::fs::write(tree.join("src/main.rs"), "fn main() {}").expect("write a program");
        let configuration = workspace().join(".cargo");
        if configuration.exists() {
            let copied = Tree::of(Programs::ours()).invocation("/bin/cp").arg("-r").arg(configuration).arg(tree).run();
            assert_eq!(copied.end, End::Code(0), "{copied:?}");
        }
    }
    let build = tree.invocation(workspace().join("packaging/build")).arg("built").current_dir("inner");
    let inherited = ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"];
    let inherited = inherited.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let done = inherited.fold(build, |build, (name, value)| build.env(name, value)).env("LINKING", "dynamic");
    // A compiler is at work, for a second or two where nothing else is.
    let done = done.spawn().wait_after(Duration::from_secs(60));
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stderr));
    let tiny = std::fs::read(tree.path("inner/built/tiny")).expect("what was built");
    assert!(is_dynamic(&tiny) && contains(&tiny, "libc.so"), "it is dynamic");
}
