//! Which programs are run: ours, or those of the directory `DAEMONTOOLS_UNDER_TEST`; and where the original is.
//!
//! Ours are those of `DAEMONTOOLS_OURS`: `make test` names what `make` has built, so that the suite tests what users run.
//! Without it they are built with cargo, which is quicker.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use crate::run::outcome;

/// The seventeen names.
pub const NAMES: [&str; 17] = [
    "envdir",
    "envuidgid",
    "fghack",
    "multilog",
    "pgrphack",
    "readproctitle",
    "setlock",
    "setuidgid",
    "softlimit",
    "supervise",
    "svc",
    "svok",
    "svscan",
    "svscanboot",
    "svstat",
    "tai64n",
    "tai64nlocal",
];

/// A directory of programs.
#[derive(Debug)]
pub struct Programs {
    dir: PathBuf,
    ours: bool,
}

impl Programs {
    /// The programs that the suite is to test: `DAEMONTOOLS_UNDER_TEST`, else ours.
    #[must_use]
    pub fn under_test() -> &'static Programs {
        static CHOSEN: OnceLock<Option<Programs>> = OnceLock::new();
        let chosen = CHOSEN.get_or_init(|| {
            let dir = PathBuf::from(env::var_os("DAEMONTOOLS_UNDER_TEST")?);
            Some(Programs { dir: fs::canonicalize(&dir).expect("DAEMONTOOLS_UNDER_TEST is a directory"), ours: false })
        });
        chosen.as_ref().unwrap_or_else(|| Programs::ours())
    }

    /// Ours: those of `DAEMONTOOLS_OURS`, else built once a test process, so that no test meets a stale program.
    #[must_use]
    pub fn ours() -> &'static Programs {
        static FOUND: OnceLock<Programs> = OnceLock::new();
        FOUND.get_or_init(|| {
            let named = env::var_os("DAEMONTOOLS_OURS");
            let dir = named.map(|dir| fs::canonicalize(dir).expect("DAEMONTOOLS_OURS is a directory"));
            Programs { dir: dir.unwrap_or_else(build), ours: true }
        })
    }

    /// The C original, where it is installed; else says that `what` is left out.
    ///
    /// It is looked for in `DAEMONTOOLS_ORIGINAL`, then in `/usr/bin`.
    #[must_use]
    pub fn original(what: &str) -> Option<&'static Programs> {
        static FOUND: OnceLock<Option<Programs>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            let named = env::var_os("DAEMONTOOLS_ORIGINAL").map(PathBuf::from);
            let dir = named.unwrap_or_else(|| PathBuf::from("/usr/bin"));
            is_original(&dir).then_some(Programs { dir, ours: false })
        });
        if found.is_none() {
            crate::left_out(what, "the original daemontools are not installed (DAEMONTOOLS_ORIGINAL=DIR)");
        }
        found.as_ref()
    }

    /// Other programs, of this directory, for as long as the tests run.
    #[must_use]
    pub fn other(dir: PathBuf) -> &'static Programs {
        Box::leak(Box::new(Programs { dir, ours: false }))
    }

    /// The directory they lie in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// One program's file.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        if self.ours && name == "svscanboot" {
            return workspace().join("crates/svscanboot/svscanboot");
        }
        self.dir.join(name)
    }

    /// The `PATH` of a tree that these programs run: their directory, then the one the suite has, but for places that this
    /// user may not enter: a search would end with what he is told there.
    #[must_use]
    pub fn search_path(&self) -> OsString {
        let own = env::var_os("PATH").unwrap_or_else(|| OsString::from("/usr/local/bin:/usr/bin:/bin"));
        let open =
            |dir: &PathBuf| dir.is_absolute() && nix::unistd::access(dir, nix::unistd::AccessFlags::X_OK).is_ok();
        let dirs = std::iter::once(self.dir.clone()).chain(env::split_paths(&own).filter(open));
        env::join_paths(dirs).expect("no colon in the programs' directory")
    }

    /// Copies them into a directory, for a user who may not look into ours.
    pub fn copy_to(&self, dir: &Path) -> Programs {
        fs::create_dir_all(dir).expect("make a directory for programs");
        for name in NAMES {
            let from = self.path(name);
            if from.exists() {
                // As a process of its own, so that no fork of another test holds the copy open for writing.
                let done = outcome(Command::new("cp").arg("-p").arg(&from).arg(dir.join(name)));
                assert!(done.success(), "copy {}", from.display());
            }
        }
        Programs { dir: dir.to_path_buf(), ours: false }
    }
}

/// `svscan`, `supervise` and `multilog` are there, and `svok` knows no `--version`.
fn is_original(dir: &Path) -> bool {
    ["svscan", "supervise", "multilog"].iter().all(|name| dir.join(name).is_file())
        && outcome(Command::new(dir.join("svok")).arg("--version").stderr(Stdio::null())).code() == Some(111)
}

/// The directory of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

/// Builds our programs into the target directory that this test came from, with its profile.
fn build() -> PathBuf {
    // …/target[/TRIPLE]/PROFILE/deps/TEST
    let test = env::current_exe().expect("know the test's own file");
    let profile = test.ancestors().nth(2).expect("the test lies in PROFILE/deps");
    let above = profile.parent().expect("PROFILE lies in a target directory");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo.current_dir(workspace()).args(["build", "--quiet", "--workspace", "--bins"]);
    if above.join(".rustc_info.json").exists() {
        cargo.arg("--target-dir").arg(above);
    } else {
        cargo.arg("--target").arg(above.file_name().expect("a target's name"));
        cargo.arg("--target-dir").arg(above.parent().expect("a target directory"));
    }
    match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => {}
        Some(name) => drop(cargo.args(["--profile", name])),
        None => panic!("a profile without a name: {}", profile.display()),
    }
    let done = outcome(&mut cargo);
    assert!(done.success(), "the programs do not build");
    profile.to_path_buf()
}

#[cfg(test)]
impl Programs {
    /// No programs at all, for the harness's own tests.
    pub(crate) fn nowhere() -> Programs {
        Programs { dir: PathBuf::from("/nonexistent"), ours: false }
    }
}
