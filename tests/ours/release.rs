//! What a release is made of: the version in one place, a changelog that begins with it, manifests that say what a package
//! is.
//!
//! Not tested: `make dist` as a whole, which builds everything twice.

use std::fs;
use std::path::{Path, PathBuf};

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree};

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a directory of the workspace, and of those within it.
fn files_of(dir: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![workspace().join(dir)];
    while let Some(next) = dirs.pop() {
        for entry in fs::read_dir(next).expect("read a directory").flatten() {
            let path = entry.path();
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    found
}

/// docs/RELEASING.md: "No other file states it".
#[test]
fn cargo_toml_alone_states_the_version() {
    let version = env!("CARGO_PKG_VERSION");
    let mut files = files_of("packaging");
    files.extend(
        ["Makefile", "README.md", "docs/install.md", "crates/svscanboot/svscanboot"].map(|f| workspace().join(f)),
    );
    for file in files {
        assert!(!text(&file).contains(version), "{} states the version", file.display());
    }
    let manifests = files_of("crates").into_iter().filter(|file| file.ends_with("Cargo.toml"));
    for manifest in manifests {
        assert!(text(&manifest).contains("\nversion.workspace = true\n"), "{}", manifest.display());
    }
    let tree = Tree::of(Programs::ours());
    let printed = tree.invocation("/bin/sh").args(["-c", "exec packaging/version"]).current_dir(workspace()).run();
    assert_eq!(String::from_utf8_lossy(&printed.stdout), format!("{version}\n"));
}

#[test]
fn the_changelog_begins_with_the_version_and_says_when_it_was_released() {
    let tree = Tree::of(Programs::ours()).dir("docs");
    let version = env!("CARGO_PKG_VERSION");
    for file in ["packaging/version", "packaging/released"] {
        let file = workspace().join(file);
        tree.put_exec(format!("packaging/{}", file.file_name().expect("a name").to_string_lossy()), text(&file));
    }
    tree.put_file("Cargo.toml", text(&workspace().join("Cargo.toml")));
    let released = |changelog: &str| {
        tree.put_file("docs/CHANGELOG.md", changelog);
        tree.shell("packaging/released")
    };
    let printed = |changelog: &str| String::from_utf8(released(changelog).stdout).expect("text");
    assert_eq!(
        printed(&format!("# Changes\n\n## {version}, 2027-01-31\n- ui: x\n\n## 0.0.1, 2020-01-01\n")),
        "2027-01-31\n"
    );
    assert_eq!(printed(&format!("## {version}, unreleased\n")).len(), "2027-01-31\n".len());
    let refused = released("## 0.0.1, 2020-01-01\n");
    assert!(refused.end != End::Code(0) && !refused.stderr.is_empty(), "{refused:?}");
    // The one of this source.
    let today = released(&text(&workspace().join("docs/CHANGELOG.md")));
    assert_eq!(today.end, End::Code(0), "{today:?}");
}

#[test]
fn each_manifest_says_what_the_package_is() {
    let mut manifests: Vec<PathBuf> =
        files_of("crates").into_iter().filter(|file| file.ends_with("Cargo.toml")).collect();
    manifests.push(workspace().join("tests/Cargo.toml"));
    assert!(manifests.len() > 20);
    for manifest in manifests {
        let text = text(&manifest);
        for key in
            ["description = \"", "readme.workspace", "keywords.workspace", "categories.workspace", "license.workspace"]
        {
            assert!(text.contains(&format!("\n{key}")), "{} has no {key}", manifest.display());
        }
    }
    let root = text(&workspace().join("Cargo.toml"));
    for key in ["readme = \"README.md\"", "keywords = [\"", "categories = [\"", "license = \""] {
        assert!(root.contains(&format!("\n{key}")), "no {key}");
    }
}
