//! `unsafe` in the programs: where docs/architecture.md says that it is, as often as it says, and nowhere else.
//!
//! Not tested: that the arguments are right. Each stands beside its code, which clippy asks for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use daemontools_tests::programs::workspace;

/// What opens a place that the compiler does not check.
const OPENINGS: [&str; 5] = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "unsafe("];

/// How often each file below a directory has `unsafe`, by its name seen from the sources of `sys`.
fn count(directory: &Path, counts: &mut BTreeMap<String, usize>) {
    for entry in fs::read_dir(directory).expect("read sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            count(&path, counts);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path).expect("read a source");
            let here = OPENINGS.iter().map(|opening| text.matches(opening).count()).sum::<usize>();
            let sys = workspace().join("crates/sys/src");
            let name = path.strip_prefix(sys).unwrap_or(&path).display().to_string();
            if here > 0 {
                counts.insert(name, here);
            }
        }
    }
}

#[test]
fn each_place_is_listed() {
    let mut counts = BTreeMap::new();
    count(&workspace().join("crates"), &mut counts);
    let text = fs::read_to_string(workspace().join("docs/architecture.md")).expect("read the document");
    let (_, table) = text.split_once("### Where `unsafe` is").expect("its section");
    let rows =
        table.lines().skip_while(|line| !line.starts_with("|---")).skip(1).take_while(|line| line.starts_with('|'));
    let listed = rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap_or_default().trim_matches('`').to_owned();
        (name, cells.next().and_then(|count| count.parse().ok()).expect("a count"))
    });
    assert_eq!(listed.collect::<BTreeMap<String, usize>>(), counts, "docs/architecture.md, what the sources have");
}
