//! Who is measured: ours, the original, the peers, and the yardstick `cat`; and where their programs are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use daemontools_tests::Programs;

/// Somebody who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// These daemontools.
    Ours,
    /// daemontools 0.76, in C.
    Original,
    /// runit.
    Runit,
    /// s6.
    S6,
    /// Plain copying, which no line program can beat by much.
    Cat,
}

impl Who {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Who::Ours => "ours",
            Who::Original => "C",
            Who::Runit => "runit",
            Who::S6 => "s6",
            Who::Cat => "cat",
        }
    }
}

/// Those that are installed here.
pub struct Contenders {
    installed: Vec<(Who, PathBuf)>,
}

impl Contenders {
    /// Looks for them. Ours are those of `DAEMONTOOLS_UNDER_TEST`, else what cargo builds.
    pub fn installed() -> Contenders {
        let mut installed = vec![(Who::Ours, Programs::under_test().dir().to_path_buf())];
        if let Some(original) = Programs::original("the original's side of the benchmark") {
            installed.push((Who::Original, original.dir().to_path_buf()));
        }
        for (who, program) in [(Who::Runit, "runsv"), (Who::S6, "s6-supervise"), (Who::Cat, "cat")] {
            let dirs = ["/usr/bin", "/bin", "/usr/local/bin"].map(Path::new);
            match dirs.iter().find(|dir| dir.join(program).is_file()) {
                Some(dir) => installed.push((who, dir.to_path_buf())),
                None => eprintln!("{} is not installed and left out", who.name()),
            }
        }
        Contenders { installed }
    }

    /// Those of `wanted` that are installed, in this order.
    pub fn of(&self, wanted: &[Who]) -> Vec<Who> {
        wanted.iter().copied().filter(|&who| self.dir(who).is_some()).collect()
    }

    /// Those of them that have their program.
    pub fn with(&self, programs: &[(Who, &str)]) -> Vec<Who> {
        let there = |(who, program): &&(Who, &str)| self.dir(*who).is_some_and(|dir| dir.join(program).is_file());
        programs.iter().filter(there).map(|&(who, _)| who).collect()
    }

    /// Where the programs of one are.
    pub fn dir(&self, who: Who) -> Option<&Path> {
        self.installed.iter().find(|(other, _)| *other == who).map(|(_, dir)| dir.as_path())
    }

    /// One program's file.
    pub fn path(&self, who: Who, program: &str) -> PathBuf {
        self.dir(who).expect("only those that are installed are measured").join(program)
    }

    /// The `PATH` in which its programs come first.
    pub fn search_path(&self, who: Who) -> OsString {
        let mut path = self.dir(who).unwrap_or(Path::new("/usr/bin")).as_os_str().to_owned();
        path.push(":/usr/bin:/bin");
        path
    }
}
