//! Programs that run another program in their place (setuidgid, env, softlimit …), and how each takes its arguments.

use crate::account::Syntax;

/// Where such a program is given an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// Nowhere.
    Nowhere,
    /// In the first word.
    FirstWord(Syntax),
    /// In the first word; the program that follows gets its ids in the environment, and keeps its own account.
    Environment(Syntax),
    /// In the value of this option.
    Option(char, Syntax),
    /// In a way that is not read.
    Somehow,
}

/// What such a program changes besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing that matters here.
    Nothing,
    /// Variables, from a directory: `PATH` may be among them.
    Variables,
    /// The directory or the root: names of files mean something else after it.
    Place,
}

/// A program that becomes another one.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    /// Its name.
    pub name: &'static str,
    /// Its option letters that have a value.
    pub valued: &'static str,
    /// Its long options that have a value, which may be the next word.
    pub long_valued: &'static [&'static str],
    /// How many words come before the next program.
    pub words: usize,
    /// Where the account is named.
    pub named: Named,
    /// What else it changes.
    pub changes: Changes,
}

const fn plain(name: &'static str, valued: &'static str, words: usize) -> Passing {
    Passing { name, valued, long_valued: &[], words, named: Named::Nowhere, changes: Changes::Nothing }
}

const fn named(name: &'static str, valued: &'static str, words: usize, named: Named) -> Passing {
    Passing { name, valued, long_valued: &[], words, named, changes: Changes::Nothing }
}

const fn changing(name: &'static str, valued: &'static str, words: usize, changes: Changes) -> Passing {
    Passing { name, valued, long_valued: &[], words, named: Named::Nowhere, changes }
}

/// The long options of setpriv that have a value.
const SETPRIV: &[&str] = &[
    "--ambient-caps",
    "--apparmor-profile",
    "--bounding-set",
    "--egid",
    "--euid",
    "--groups",
    "--inh-caps",
    "--pdeathsig",
    "--regid",
    "--reuid",
    "--rgid",
    "--ruid",
    "--securebits",
    "--selinux-label",
];

/// The programs that become another one.
const PASSING: &[Passing] = &[
    plain("exec", "a", 0),
    plain("command", "", 0),
    plain("builtin", "", 0),
    plain("argv0", "", 1),
    plain("catatonit", "", 0),
    plain("chrt", "TPD", 1),
    plain("choom", "n", 0),
    plain("dbus-run-session", "", 0),
    plain("dumb-init", "r", 0),
    plain("eatmydata", "", 0),
    plain("fghack", "", 0),
    Passing { long_valued: &["--class", "--classdata"], ..plain("ionice", "cn", 0) },
    plain("linux32", "", 0),
    plain("linux64", "", 0),
    Passing { long_valued: &["--adjustment"], ..plain("nice", "n", 0) },
    plain("nohup", "", 0),
    plain("numactl", "ipmNCl", 0),
    plain("pgrphack", "", 0),
    plain("prlimit", "", 0),
    plain("s6-fghack", "", 0),
    plain("s6-notifyoncheck", "3snTtwc", 0),
    plain("s6-setsid", "", 0),
    plain("s6-softlimit", "acdflmoprst", 0),
    plain("setlock", "", 1),
    plain("s6-setlock", "t", 1),
    plain("setsid", "", 0),
    plain("softlimit", "acdflmoprst", 0),
    plain("stdbuf", "ieo", 0),
    plain("taskset", "", 1),
    plain("tini", "peg", 0),
    plain("fdmove", "", 2),
    plain("s6-fdmove", "", 2),
    Passing { long_valued: &["--chdir", "--unset"], ..changing("env", "uCS", 0, Changes::Variables) },
    changing("envdir", "", 1, Changes::Variables),
    changing("s6-envdir", "L", 1, Changes::Variables),
    changing("chroot", "", 1, Changes::Place),
    changing("ip", "", 0, Changes::Place),
    changing("unshare", "", 0, Changes::Place),
    named("envuidgid", "", 1, Named::Environment(Syntax::NameAndGroups)),
    named("s6-envuidgid", "D", 1, Named::Environment(Syntax::NameOrIds)),
    named("gosu", "", 1, Named::FirstWord(Syntax::Either)),
    named("s6-applyuidgid", "ugGU", 0, Named::Somehow),
    named("s6-setuidgid", "", 1, Named::FirstWord(Syntax::NameOrIds)),
    named("setuidgid", "", 1, Named::FirstWord(Syntax::NameAndGroups)),
    named("setuser", "", 1, Named::FirstWord(Syntax::Name)),
    Passing { long_valued: SETPRIV, ..named("setpriv", "", 0, Named::Somehow) },
    named("su-exec", "", 1, Named::FirstWord(Syntax::Either)),
    Passing { long_valued: &["--chdir", "--group", "--user"], ..named("sudo", "CDgHhpRrtTUu", 0, Named::Somehow) },
    named("chpst", "uUbe/CnlLmdopfctrs", 0, Named::Option('u', Syntax::Chpst)),
];

/// The entry of this program, if it becomes another one.
pub fn passing(name: &str) -> Option<&'static Passing> {
    PASSING.iter().find(|passing| passing.name == name)
}
