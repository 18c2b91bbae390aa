//! What 0.76 crashes on: labels that are no time. And what it forgets: a label at the very end.

use daemontools_tests::{Programs, Tree, exits};

/// docs/differences.md, tai64nlocal: a label that is no time stays as it is.
#[test]
fn a_label_that_is_no_time_stays_as_it_is() {
    let tree = Tree::of(Programs::ours());
    let long = "@".to_owned() + &"4".repeat(200_000);
    let lines = [
        "@",
        "@ ",
        "@4",
        "@x",
        "@@4000000037c219bf2ef02e94",
        "@4000000037c219bf2ef02e9",
        "@4000000037c219bf2ef02e9 x",
        "@4000000037c219bf2ef02e940",
        "@4000000037C219BF2EF02E94",
        "@4000000037c219bF2ef02e94 x",
        "@\u{e9}",
        "@ffffffffffffffffffffffff",
        "@000000000000000000000000",
        "@800000000000000000000000",
        "@7fffffffffffffff00000000",
        "@0123456789abcdef0123456789abcdef0123456789abcdef",
        &long,
    ];
    for line in lines {
        for end in ["", "\n", " text\n"] {
            let text = format!("before\n{line}{end}");
            let out = tree.command("tai64nlocal").env("TZ", "UTC0").stdin(&text).run();
            assert!(out == exits(0, &text, ""), "{line:.100}: {out:.300?}");
        }
    }
}

/// docs/differences.md, tai64nlocal: a label that the input ends with is not lost.
#[test]
fn a_label_at_the_very_end_is_not_lost() {
    let tree = Tree::of(Programs::ours());
    let out = tree.command("tai64nlocal").env("TZ", "UTC0").stdin("@4000000037c219bf2ef02e94").run();
    assert_eq!(out, exits(0, "1999-08-24 04:04:05.787492500", ""));
}
