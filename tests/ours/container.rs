//! svscan as process 1 under a container runtime (runc, crun): a root made of our static programs and a static shell,
//! as `docs/containers.md` builds it for `FROM scratch`.
//!
//! Not tested: docker and podman themselves; a container without root's rights outside.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use daemontools_tests::programs::workspace;
use daemontools_tests::run::answer;
use daemontools_tests::{End, Output, Process, Programs, Tree, left_out, needs_root, proc, until, value};
use serde_json::json;

const RUNTIMES: [&str; 2] = ["runc", "crun"];
/// The static shell of the distribution (Debian: busybox-static).
const BUSYBOX: &str = "/bin/busybox";
const PROGRAMS: [&str; 9] = ["multilog", "setuidgid", "supervise", "svc", "svok", "svscan", "svstat", "svup", "svwait"];

/// Our programs without any shared library, built as `docs/containers.md` says; none, and it says so, where they cannot be.
fn static_programs() -> Option<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        if std::env::var_os("DAEMONTOOLS_OURS").is_none() {
            return Err("static programs are built for make test".to_owned());
        }
        let built = workspace().join("target/static");
        let mut build = Command::new(workspace().join("packaging/build"));
        build.arg(&built).current_dir(workspace()).env("LINKING", "static");
        match answer(&mut build) {
            Ok(done) if done.status.success() => Ok(built),
            Ok(done) => Err(String::from_utf8_lossy(&done.stderr).trim_end().to_owned()),
            Err(e) => Err(e.to_string()),
        }
    });
    built.as_deref().map_err(|why| left_out("containers", why)).ok()
}

/// What a container's root is like.
#[derive(Clone, Copy, Debug)]
enum Root {
    /// It may be written, by root.
    Writable,
    ReadOnly,
    /// The services and the logs belong to this user, who runs everything and has no capabilities.
    OwnedBy(u32),
}

/// A container of a runtime, made of a tree: its root is `root`, its logs are in `log`.
struct Container<'a> {
    tree: &'a Tree,
    runtime: &'static str,
    id: String,
}

impl<'a> Container<'a> {
    /// Puts programs into the root, and writes the bundle.
    fn new(tree: &'a Tree, runtime: &'static str, root: Root, words: &[&str]) -> Option<Container<'a>> {
        if tree.shell(&format!("command -v {runtime}")).end != End::Code(0) {
            left_out(&format!("containers of {runtime}"), "it is not installed");
            return None;
        }
        let programs = static_programs()?;
        for dir in ["root/bin", "root/proc", "root/dev", "root/run", "root/log", "log"] {
            fs::create_dir_all(tree.path(dir)).expect("make a directory");
        }
        // By processes of their own, so that no fork of another test holds a copy open for writing.
        let copy = |from: PathBuf, to: &str| {
            let done = tree.invocation("/bin/cp").arg(from).arg(tree.path("root/bin").join(to)).run();
            assert_eq!(done.end, End::Code(0), "{done:?}");
        };
        PROGRAMS.iter().for_each(|program| copy(programs.join(program), program));
        copy(PathBuf::from(BUSYBOX), "busybox");
        for word in ["sh", "sleep", "setsid", "cat", "id"] {
            symlink("busybox", tree.path("root/bin").join(word)).expect("make a link");
        }
        let (uid, capabilities) = match root {
            Root::Writable | Root::ReadOnly => (0, &CAPABILITIES[..]),
            Root::OwnedBy(uid) => (uid, &[][..]),
        };
        if uid != 0 {
            let chown = format!("chmod 755 . root && chown -R {uid}:{uid} root/sv log");
            assert_eq!(tree.shell(&chown).end, End::Code(0));
        }
        let mount = |kind: &str, to: &str, from: &Path, options: &[&str]| json!({"destination": to, "type": kind, "source": from, "options": options});
        let config = json!({
            "ociVersion": "1.0.2",
            "process": {"args": words, "cwd": "/", "user": {"uid": uid, "gid": uid}, "env": ["PATH=/bin"],
                "capabilities": {"bounding": capabilities, "effective": capabilities, "permitted": capabilities}},
            "root": {"path": "root", "readonly": matches!(root, Root::ReadOnly)},
            "mounts": [
                mount("proc", "/proc", Path::new("proc"), &[]),
                mount("tmpfs", "/dev", Path::new("tmpfs"), &["nosuid", "mode=755"]),
                mount("tmpfs", "/run", Path::new("tmpfs"), &["nosuid", "mode=755"]),
                mount("bind", "/log", &tree.path("log"), &["bind", "rw"]),
            ],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
        });
        tree.put_file("config.json", config.to_string());
        let name = tree.name().replace('.', "-");
        Some(Container { tree, runtime, id: format!("{name}-{runtime}") })
    }

    fn command(&self, words: &[&str]) -> daemontools_tests::Invocation {
        // What the runtime has to say of itself goes elsewhere: a control group that is not gone at once, say.
        let (state, log) = (self.tree.path("state"), self.tree.path("runtime.log"));
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let shell = self.tree.invocation("/bin/sh").env("PATH", path);
        let hybrid = self.runtime == "crun" && Path::new("/sys/fs/cgroup/unified").exists();
        let line = if hybrid { UNIFIED } else { "exec \"$@\"" };
        shell.args(["-c", line, "sh", self.runtime, "--log"]).arg(log).arg("--root").arg(state).args(words)
    }

    fn start(&self) -> Process {
        self.command(&["run", &self.id]).spawn()
    }

    /// Runs a program in the container.
    fn exec(&self, words: &[&str]) -> Output {
        self.command(&[&["exec", &self.id], words].concat()).run()
    }

    fn is_up(&self, service: &str) -> bool {
        let out = self.exec(&["/bin/svstat", service]);
        out.stdout.windows(4).any(|word| word == b": up")
    }

    /// svscan's number outside.
    fn pid(&self) -> i32 {
        value("the container's first process", || {
            let state: serde_json::Value =
                serde_json::from_slice(&self.command(&["state", &self.id]).run().stdout).ok()?;
            i32::try_from(state.get("pid")?.as_i64()?).ok().filter(|pid| *pid > 0)
        })
    }

    fn stop(&self, process: Process) -> Output {
        assert_eq!(self.command(&["kill", &self.id, "TERM"]).run().end, End::Code(0));
        process.wait()
    }
}

impl Drop for Container<'_> {
    fn drop(&mut self) {
        // Where a test failed, the container is still there.
        self.command(&["delete", "--force", &self.id]).run();
    }
}

/// crun refuses a system that has both versions of cgroups: it is shown the second one only.
const UNIFIED: &str = "exec unshare -m sh -c '
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || exit
runtime=$1; shift; exec \"$runtime\" --cgroup-manager=disabled \"$@\"' sh \"$@\"";

/// What docker gives, as far as services need it.
const CAPABILITIES: [&str; 6] = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"];

fn can_contain() -> bool {
    let shell = Path::new(BUSYBOX).exists();
    if !shell {
        left_out("containers", "there is no static shell: busybox-static");
    }
    shell && needs_root("containers")
}

/// Runs a test on a fresh copy of a tree under each runtime.
fn under_each_runtime(tree: fn() -> Tree, root: Root, words: &[&str], test: fn(&Container)) {
    if !can_contain() {
        return;
    }
    for runtime in RUNTIMES {
        let tree = tree();
        if let Some(container) = Container::new(&tree, runtime, root, words) {
            test(&container);
        }
    }
}

#[test]
fn term_stops_the_tree_and_the_log_is_complete() {
    let tree = || {
        let body =
            "n=0\ntrap 'stop=1' TERM\n: >/log/begun\nwhile [ -z \"$stop\" ]; do n=$((n+1)); echo \"line $n\"; done
for more in 1 2 3; do n=$((n+1)); echo \"line $n\"; done\necho $n >/log/count";
        let logger = "sleep 1\nexec setuidgid log multilog s16777215 n99 /log/main";
        let tree = Tree::of(Programs::ours()).script("root/sv/a/run", body).script("root/sv/a/log/run", logger);
        let tree = tree.file("root/etc/passwd", "log:x:99:99::/:/bin/false\n").dir("log/main");
        std::os::unix::fs::chown(tree.path("log/main"), Some(99), Some(99)).expect("chown");
        tree
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "/sv"], |container| {
        let process = container.start();
        until("a heeds TERM", || container.tree.path("log/begun").exists());
        assert_eq!(container.exec(&["/bin/svok", "/sv/a"]).end, End::Code(0));
        assert_eq!(container.exec(&["/bin/svok", "/sv"]).end, End::Code(100));
        let output = container.stop(process);
        assert_eq!(output.end, End::Code(0), "{output:?}");
        let count: usize = container.tree.lines("log/count")[0].parse().expect("a number");
        let log = String::from_utf8(container.tree.logged("log/main")).expect("ASCII");
        assert_eq!(log.lines().count(), count);
        assert!(log.lines().enumerate().all(|(at, line)| *line == format!("line {}", at + 1)));
    });
}

#[test]
fn orphans_are_reaped() {
    let tree = || {
        let body =
            "n=0\nwhile [ $n -lt 100 ]; do n=$((n+1)); (setsid sh -c 'exit' & ); done\n: >/log/done\nexec sleep 1000";
        Tree::of(Programs::ours()).script("root/sv/a/run", body)
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "/sv"], |container| {
        let process = container.start();
        until("the orphans", || container.tree.path("log/done").exists());
        let pid = container.pid();
        let children = || proc::all().into_iter().filter(|&child| proc::parent(child) == Some(pid)).count();
        until("supervise alone is left", || children() == 1);
        assert_eq!(container.stop(process).end, End::Code(0));
    });
}

#[test]
fn a_root_may_be_read_only() {
    let tree = || {
        Tree::of(Programs::ours())
            .script("root/sv/a/run", "exec sleep 1000")
            .link("root/sv/a/supervise", "/run/a")
            .script("root/sv/a/log/run", "exec cat >/log/a")
            .link("root/sv/a/log/supervise", "/run/a.log")
    };
    under_each_runtime(tree, Root::ReadOnly, &["svscan", "/sv"], |container| {
        let process = container.start();
        until("a", || container.is_up("/sv/a") && container.is_up("/sv/a/log"));
        let output = container.stop(process);
        assert_eq!((output.end, output.stderr.as_slice()), (End::Code(0), &b""[..]));
    });
}

/// Issue: "`svscan --init --exit-with NAME`", tried under runc and crun.
#[test]
fn the_container_exits_with_a_service() {
    let tree = || {
        let body = "while [ ! -e /log/b ]; do sleep 1; done\nexit 7";
        let tree = Tree::of(Programs::ours()).script("root/sv/a/run", body);
        tree.script("root/sv/b/run", "echo up >/log/b\nexec sleep 1000")
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "--init", "--exit-with", "a", "/sv"], |container| {
        let output = container.start().wait();
        assert_eq!(output.end, End::Code(7), "{output:?}");
    });
}

/// `USER` of an image: everything runs as another user than root, without a capability.
#[test]
fn another_user_than_root_may_run_it() {
    let tree = || {
        let body = "id -u\nexec sleep 1000";
        Tree::of(Programs::ours()).script("root/sv/a/run", body).script("root/sv/a/log/run", "exec multilog /log/a")
    };
    under_each_runtime(tree, Root::OwnedBy(1000), &["svscan", "/sv"], |container| {
        let process = container.start();
        until("the log", || String::from_utf8_lossy(&container.tree.logged("log/a")).ends_with("1000\n"));
        let output = container.stop(process);
        assert_eq!((output.end, output.stderr.as_slice()), (End::Code(0), &b""[..]));
    });
}

/// `HEALTHCHECK` of an image: `svup` exits 0 while the service is up, and not otherwise.
#[test]
fn svup_is_a_health_check() {
    let tree = || {
        let tree = Tree::of(Programs::ours()).script("root/sv/a/run", "exec sleep 1000");
        tree.script("root/sv/b/run", "exec sleep 1000").file("root/sv/b/down", "")
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "/sv"], |container| {
        let process = container.start();
        until("a", || container.exec(&["svup", "/sv/a"]).end == End::Code(0));
        until("b is supervised", || container.exec(&["svok", "/sv/b"]).end == End::Code(0));
        assert_eq!(container.exec(&["svup", "/sv/a", "/sv/b"]).end, End::Code(100));
        assert_eq!(container.exec(&["svup", "/sv/no-such"]).end, End::Code(111));
        let lasts = ["svwait", "-r", "--for", "1s", "-t", "60s", "/sv/a"];
        assert_eq!(container.exec(&lasts).end, End::Code(0));
        assert_eq!(container.stop(process).end, End::Code(0));
    });
}

/// A job that has to succeed before a service begins: `no-restart` in its settings, `svwait --done` in the other's `run`.
#[test]
fn a_job_comes_before_a_service() {
    let tree = || {
        // It succeeds with the second try.
        let job = "echo try >>/log/order\n[ -e /log/tried ] || { : >/log/tried; exit 1; }\necho done >>/log/order";
        let service = "svwait --done /sv/migrate || exit\necho web >>/log/order\nexec sleep 1000";
        let tree = Tree::of(Programs::ours()).script("root/sv/migrate/run", job).script("root/sv/web/run", service);
        tree.file("root/sv/migrate/supervise.d/no-restart", "0\n")
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "/sv"], |container| {
        let process = container.start();
        until("web", || container.tree.lines("log/order").last().is_some_and(|line| line == "web"));
        assert_eq!(container.tree.lines("log/order"), ["try", "try", "done", "web"]);
        assert_eq!(container.stop(process).end, End::Code(0));
    });
}

/// Lines go to a file and, by multilog's action `e`, to the container's output; the order of the stop loses none.
#[test]
fn a_log_goes_to_a_file_and_to_the_output() {
    let tree = || {
        let body = "trap 'echo bye; exit' TERM\necho hello\nwhile :; do sleep 1; done";
        let tree = Tree::of(Programs::ours()).script("root/sv/a/run", body);
        tree.script("root/sv/a/log/run", "exec multilog e /log/a")
    };
    under_each_runtime(tree, Root::Writable, &["svscan", "/sv"], |container| {
        let process = container.start();
        let has_begun = |output: &[u8]| output.windows(6).any(|word| word == b"hello\n");
        until("the output", || has_begun(&process.stderr()) && has_begun(&container.tree.logged("log/a")));
        let output = container.stop(process);
        assert_eq!((output.end, output.stderr.as_slice()), (End::Code(0), &b"hello\nbye\n"[..]));
        assert_eq!(container.tree.logged("log/a"), b"hello\nbye\n");
    });
}
