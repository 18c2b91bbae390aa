//! How `packaging/build` has the programs linked, asked with a cargo that only writes down what it is told.
//!
//! Not tested: what comes of it; `container.rs` runs static programs.

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree};

/// What cargo is told about each build: its flags for rustc, then its arguments.
fn builds(linking: Option<&str>) -> Vec<String> {
    let tree = Tree::of(Programs::ours()).script("cargo", "echo \"[$RUSTFLAGS] $*\" >>\"$TOLD\"");
    let build = tree.invocation(workspace().join("packaging/build")).arg(tree.path("built"));
    let build = build.current_dir(workspace()).env("CARGO", tree.path("cargo")).env("TOLD", tree.path("told"));
    let build = build.env("CARGO_TARGET_DIR", tree.path("target")).env("RUSTFLAGS", "");
    // Where rustc is, and what it needs to know.
    let inherited = ["PATH", "HOME", "RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN"];
    let inherited = inherited.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let build = inherited.fold(build, |build, (name, value)| build.env(name, value));
    let done = linking.into_iter().fold(build, |build, linking| build.env("LINKING", linking)).run();
    assert_eq!(done.end, End::Code(0), "{done:?}");
    String::from_utf8(tree.read("told")).expect("text").lines().map(|line| format!("{line} ")).collect()
}

/// The builds of a program by name, or of all but those that are excluded.
fn of<'a>(builds: &'a [String], program: &str) -> Vec<&'a String> {
    let named = |line: &&String| line.contains(&format!("--package {program} "));
    let all = |line: &&String| line.contains("--workspace") && !line.contains(&format!("--exclude {program} "));
    builds.iter().filter(|line| named(line) || all(line)).collect()
}

#[test]
fn each_program_is_built_once_and_as_its_job_asks_for() {
    let usual = builds(None);
    for (program, is_static) in [("svok", true), ("multilog", true), ("setuidgid", false), ("envuidgid", false)] {
        let [build] = of(&usual, program)[..] else { panic!("{program}: {usual:?}") };
        assert_eq!(build.contains("--target "), is_static, "{build}");
    }
    let everywhere = builds(Some("static"));
    for program in ["svok", "multilog", "setuidgid", "envuidgid"] {
        let [build] = of(&everywhere, program)[..] else { panic!("{program}: {everywhere:?}") };
        assert!(build.contains("-musl") || build.contains("+crt-static"), "{build}");
    }
    let nowhere = builds(Some("dynamic"));
    assert!(nowhere.len() == 1 && !nowhere[0].contains("--target"), "{nowhere:?}");
}
