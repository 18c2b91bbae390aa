//! When files end, how many are kept, what they are called.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use daemontools_tests::Tree;

use super::{Running, line, log};

/// Spec, multilog: "`current` may grow to SIZE; a line end within the last 2000 bytes rotates early". Line by line, since
/// the original decides by what it reads at a time.
#[test]
fn a_line_end_near_the_size_ends_the_file() {
    for (lengths, sizes) in [
        (&[2095, 1, 5][..], &[2096, 5][..]),
        (&[2095, 5], &[2100, 0]),
        (&[2096, 5], &[2096, 5]),
        (&[2097, 5], &[2097, 5]),
        (&[72; 32], &[2160, 144]),
        (&[4095], &[4095, 0]),
        (&[4096], &[4096, 0]),
        (&[4097], &[4096, 1]),
        (&[10_000, 1], &[4096, 4096, 1809]),
        (&[2000, 3000, 1], &[4096, 905]),
        (&[2090, 3000, 1], &[4096, 995]),
    ] {
        let mut running = Running::new(&["s4096", "n50", "./d"]);
        for &length in lengths {
            running.give(&line(length));
        }
        assert_eq!(running.end().log_sizes("d"), sizes, "{lengths:?}");
    }
}

/// A file that is full to the last byte ends when more comes.
#[test]
fn a_line_is_cut_at_the_size() {
    let mut running = Running::new(&["s4096", "n50", "./d"]);
    running.give(&[b'x'; 4096]);
    assert_eq!(running.tree.log_sizes("d"), [4096]);
    running.give(b"y");
    assert_eq!(running.tree.log_sizes("d"), [4096, 1]);
    running.give(b"\n");
    assert_eq!(running.end().log_sizes("d"), [4096, 2]);
}

/// Spec, multilog: "maximum size of `current` for the directories after it: 4096…16777215, clamped; default 99999".
#[test]
fn sizes_are_read_as_leading_digits_and_clamped() {
    for (word, size) in [
        ("x", 99_999),
        ("s", 4096),
        ("s1", 4096),
        ("s4095", 4096),
        ("s4097", 4097),
        ("s05000x", 5000),
        ("s 5000", 4096),
        ("s+5000", 4096),
        ("s-5000", 4096),
        ("s18446744073709556616", 5000),
    ] {
        let tree = Tree::new();
        log(&tree, &[word, "n99", "./d"], &vec![b'x'; 100_100]);
        assert_eq!(tree.log_sizes("d")[0], size, "{word}");
    }
    for word in ["s16777215", "s16777216", "s18446744073709551615"] {
        let tree = Tree::new();
        log(&tree, &[word, "./d"], &vec![b'x'; 16_777_300]);
        assert_eq!(tree.log_sizes("d"), [16_777_215, 86], "{word}");
    }
}

#[test]
fn a_size_counts_for_the_directories_after_it() {
    let tree = Tree::new();
    log(&tree, &["./a", "s5000", "./b", "s6000", "./c"], &vec![b'x'; 7000]);
    assert_eq!(["a", "b", "c"].map(|log| tree.log_sizes(log)), [vec![7001], vec![5000, 2001], vec![6000, 1001]]);
}

/// Spec, multilog: "number of old files kept, at least 2, default 10", where the current one counts.
#[test]
fn numbers_are_read_as_leading_digits_and_at_least_2() {
    for (word, old) in [
        ("x", 9),
        ("n", 1),
        ("n0", 1),
        ("n1", 1),
        ("n2", 1),
        ("n3", 2),
        ("n03x", 2),
        ("n-3", 1),
        ("n4294967296", 20),
        ("n18446744073709551618", 1),
    ] {
        let tree = Tree::new();
        log(&tree, &["s4096", word, "./d"], &vec![b'x'; 4096 * 20 + 10]);
        assert_eq!(tree.log_sizes("d").len(), old + 1, "{word}");
        // The newest are left.
        assert_eq!(tree.log_files("d").iter().filter(|file| file.kind() == "@.s").count(), old, "{word}");
        assert!(tree.logged("d").ends_with(b"x\n"));
    }
}

/// Spec, multilog: "old files `@` + 24 hex + `.s`": what counts as one, and which goes.
#[test]
fn all_that_begins_like_an_old_file_is_one() {
    for (name, counts) in [
        ("@4000000000000000000000aa.s", true),
        ("@4000000000000000000000aa.u", true),
        ("@4000000000000000000000aa", true),
        ("@4000000000000000000000aa.s.gz", true),
        ("@4000000000000000000000AA.x", true),
        ("@00000000000000000000000g.s", true),
        ("@40000000.s", false),
        ("@", false),
        ("@4000000000000000000000a", false),
        ("4000000000000000000000aa.s", false),
        ("previous.s", false),
    ] {
        let tree = Tree::new().file(format!("d/{name}"), "old");
        let mut running = Running::within(tree, &["s4096", "n2", "./d"]);
        running.input.write_all(&line(3000)).expect("write");
        let tree = running.end();
        assert_eq!(tree.path("d").join(name).exists(), !counts, "{name}");
        assert_eq!(tree.log_files("d").iter().filter(|file| file.content.len() == 3000).count(), 1, "{name}");
    }
}

#[test]
fn the_oldest_go_first_whatever_their_ending() {
    for (a, b, left) in
        [("aa.s", "ab.s", "ab.s"), ("ab.s", "aa.s", "ab.s"), ("aa.u", "ab.s", "ab.s"), ("ab.u", "aa.s", "ab.u")]
    {
        let name = |end| format!("d/@4000000000000000000000{end}");
        let tree = Tree::new().file(name(a), "").file(name(b), "");
        log(&tree, &["s4096", "n3", "./d"], &line(3000));
        let old: Vec<String> =
            tree.log_files("d").into_iter().filter(|file| file.is_old()).map(|file| file.name).collect();
        assert_eq!((old.len(), old[0].as_str()), (2, &name(left)[2..]), "{a} {b}");
    }
}

/// Spec, multilog: "the stamp being the time of rotation".
#[test]
fn a_name_tells_when_the_file_was_finished() {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs();
    let before = now();
    let tree = Tree::new();
    log(&tree, &["s4096", "n50", "./d"], &[line(3000), line(3000), line(3000)].concat());
    let stamps: Vec<u64> = tree
        .log_files("d")
        .iter()
        .filter(|file| file.is_old())
        .map(|file| u64::from_str_radix(&file.name[1..17], 16).expect("a stamp") - (1 << 62) - 10)
        .collect();
    assert!(stamps.len() == 3 && stamps.is_sorted(), "{stamps:?}");
    assert!(stamps.iter().all(|stamp| (before..=now()).contains(stamp)), "{stamps:?}");
}

/// What is in the current file counts when multilog appends to it.
#[test]
fn a_log_goes_on_where_it_was() {
    let tree = Tree::new();
    for expected in [vec![1000], vec![2000], vec![3000, 0], vec![3000, 1000]] {
        log(&tree, &["s4096", "n50", "./d"], &line(1000));
        assert_eq!(tree.log_sizes("d"), expected);
    }
    // With a smaller size than before: the line goes in and fills it, or finds it full.
    let tree = Tree::new();
    log(&tree, &["./d"], &line(3000));
    log(&tree, &["s4096", "./d"], &line(10));
    assert_eq!(tree.log_sizes("d"), [3010, 0]);
    let tree = Tree::new();
    log(&tree, &["./d"], &line(5000));
    log(&tree, &["s4096", "./d"], &line(10));
    assert_eq!(tree.log_sizes("d"), [5000, 10]);
}
