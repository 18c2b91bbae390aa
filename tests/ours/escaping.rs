//! Names in messages: programs that 0.76 does not have escape them, the others print them as 0.76 does.

use daemontools_tests::{Programs, Tree, exits};

#[test]
fn a_name_cannot_forge_a_line_of_a_message() {
    let tree = Tree::of(Programs::ours());
    let name = "x\nsvlog: all is well\x1b[2J\\";
    let told = |program: &str| tree.command_of(Programs::ours(), program).arg(name).run();
    let escaped = "x\\nsvlog: all is well\\x1b[2J\\\\";
    assert_eq!(
        told("svlog"),
        exits(111, "", format!("svlog: fatal: unable to look at {escaped}: file does not exist\n"))
    );
    let out = told("svlint");
    assert!(String::from_utf8_lossy(&out.stderr).contains(escaped), "{out:?}");
    // As 0.76 does.
    assert_eq!(
        told("svok").stderr,
        format!("svok: fatal: unable to chdir to {name}: file does not exist\n").as_bytes()
    );
}
