//! Loggers that cannot write, or do not read, as svps and svlint see them from outside: ours, the original's, svlogd, s6-log.
//!
//! Not tested: blocks that a file system keeps for root, which are decided by figures (`crates/observe/src/logger.rs`); a
//! file system that became read-only under an open log.

use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{End, Output, Process, Programs, Tree, left_out, needs_root, until, value};
use serde_json::Value;

use crate::svlint::svlint;
use crate::svps;

/// What a service says, as fast as it can be read.
const SERVICE: &str = "exec yes 'a line of a service that says very much'";
/// The same, with an end: s6-log reads on, however much it has not written.
const FEW_LINES: &str = "yes 'a line of a service that says very much' | head -c 300000\nexec sleep 987";

/// A kind of logger: how it is called with a size for its files, and with a processor that fails.
struct Logger {
    plain: &'static str,
    small: &'static str,
    failing: &'static str,
    /// What stands in its log directory for that, if it reads its settings there.
    config: Option<&'static str>,
    /// What its services do.
    service: &'static str,
    /// The services, in the order of their names; what is wrong with each; its state and that of its logger.
    services: &'static [(&'static str, &'static str, &'static str)],
}

/// A logger that writes before it reads on.
const WAITS: [(&str, &str, &str); 4] = [
    ("full", "no space", "blocked/blocked"),
    ("inodes", "no inodes", "blocked/blocked"),
    ("processor", "processor", "blocked/blocked"),
    ("stopped", "stopped", "blocked/blocked"),
];
/// One that reads on. (That its processor fails shows after a minute.)
const READS_ON: [(&str, &str, &str); 3] = [
    ("full", "no space", "up/blocked"),
    ("inodes", "no inodes", "up/blocked"),
    ("stopped", "stopped", "blocked/blocked"),
];

const MULTILOG: Logger = Logger {
    plain: "exec multilog t s16777215 n5 ./main",
    small: "exec multilog s4096 n1000 ./main",
    failing: "exec multilog s4096 n1000 !false ./main",
    config: None,
    service: SERVICE,
    services: &WAITS,
};
const S6_LOG: Logger = Logger {
    plain: "exec s6-log t s16777215 n5 ./main",
    small: "exec s6-log s4096 n1000 ./main",
    failing: "exec s6-log s4096 n1000 !false ./main",
    config: None,
    service: FEW_LINES,
    services: &READS_ON,
};
const SVLOGD: Logger = Logger {
    plain: "exec svlogd -t ./main",
    small: "exec svlogd ./main",
    failing: "exec svlogd ./main",
    config: Some("s4096\nn1000\n"),
    service: SERVICE,
    // It goes on with the next file when a processor fails.
    services: &[WAITS[0], WAITS[1], WAITS[3]],
};

/// A tree with a service for each kind of trouble, and the svscan that keeps it.
fn troubled(programs: &'static Programs, logger: &Logger) -> Option<(Tree, Process)> {
    let mut tree = Tree::of(programs);
    for (service, ..) in logger.services {
        let line = match *service {
            "inodes" => logger.small,
            "processor" => logger.failing,
            _ => logger.plain,
        };
        // Not before its logger may have been stopped.
        let body = format!("while [ ! -e ../../go ]; do sleep 0.1; done\n{}", logger.service);
        tree = tree.script(format!("t/{service}/run"), &body);
        tree = tree.script(format!("t/{service}/log/run"), line).dir(format!("t/{service}/log/main"));
    }
    if !tree.tmpfs("t/full/log/main", "size=100k,mode=755") {
        return None;
    }
    assert!(tree.tmpfs("t/inodes/log/main", "size=1m,nr_inodes=12,mode=755"), "a second tmpfs");
    if let Some(config) = logger.config {
        tree.put_file("t/inodes/log/main/config", config);
    }
    let svscan = tree.spawn("svscan", ["t"]);
    let stopped = until_up(&tree, "t/stopped/log");
    let stop = format!("kill -STOP {stopped}");
    assert_eq!(tree.shell(&stop).end, End::Code(0));
    tree.put_file("go", "");
    Some((tree, svscan))
}

/// The objects of svps, in the order of the names, once all loggers are in trouble.
fn all_blocked(tree: &Tree, logger: &Logger) -> Vec<Value> {
    let expected: Vec<String> =
        logger.services.iter().map(|(service, _, states)| format!("{service} {states}")).collect();
    value("all loggers are in trouble", || {
        let (objects, end) = svps::objects(&svps::run(tree, &["--json", "t"]));
        (svps::states(&objects) == expected && end == End::Code(1)).then_some(objects)
    })
}

fn text(out: &Output) -> String {
    String::from_utf8(out.stdout.clone()).expect("UTF-8")
}

fn check(programs: &'static Programs, logger: &Logger) {
    if !needs_root("full disks") {
        return;
    }
    let Some((tree, _svscan)) = troubled(programs, logger) else { return };
    let objects = all_blocked(&tree, logger);
    let causes: Vec<&str> = objects.iter().map(|o| o["log"]["blocked"]["cause"].as_str().unwrap_or("-")).collect();
    let expected: Vec<&str> = logger.services.iter().map(|(_, cause, _)| *cause).collect();
    assert_eq!(causes, expected, "{objects:?}");
    let dir = objects[0]["log"]["blocked"]["log_dir"].as_str().expect("a directory");
    assert!(dir.ends_with("/t/full/log/main"), "{dir}");
    let table = text(&svps::run(&tree, &["t"]));
    assert!(table.contains("blocked (no space, "), "{table}");
    let lint = text(&svlint(&tree, &["t"]));
    for (service, ..) in logger.services {
        assert!(lint.contains(&format!("t/{service}/log: error SL026: the logger ")), "{lint}");
        assert!(!lint.contains(&format!("t/{service}: ")), "one finding for one cause: {lint}");
    }
    assert!(lint.contains("; no space is left for root in ") && lint.contains("/t/full/log/main (100.0 kB)"), "{lint}");
    let metrics = text(&svps::run(&tree, &["--openmetrics", "t"]));
    let line = "daemontools_service_blocked{service=\"full\",part=\"log\"} 1\n";
    assert!(metrics.contains(line) && metrics.contains("state=\"blocked\"} 1\n"), "{metrics}");
}

#[test]
fn ours_and_why() {
    check(Programs::ours(), &MULTILOG);
}

#[test]
fn the_original_and_why() {
    if let Some(original) = Programs::original("a full disk under the original's multilog") {
        check(original, &MULTILOG);
    }
}

/// Whether a logger of others is there.
fn is_there(name: &str) -> bool {
    let found = Tree::new().shell(&format!("command -v {name}")).end == End::Code(0);
    if !found {
        left_out(&format!("a full disk under {name}"), "it is not installed");
    }
    found
}

#[test]
fn svlogd_and_why() {
    if is_there("svlogd") {
        check(Programs::ours(), &SVLOGD);
    }
}

#[test]
fn s6_log_and_why() {
    if is_there("s6-log") {
        check(Programs::ours(), &S6_LOG);
    }
}

/// A logger that keeps up, however much there is to read, is not blocked; neither is one whose line has no end yet.
#[test]
fn a_busy_logger_is_not_blocked() {
    let tree = Tree::new()
        .script("t/busy/run", SERVICE)
        .script("t/busy/log/run", "exec multilog ./main")
        .script("t/open/run", "printf 'no end yet'\nexec sleep 987")
        .script("t/open/log/run", "exec multilog ./main");
    let _svscan = tree.spawn("svscan", ["t"]);
    for service in ["t/busy", "t/busy/log", "t/open", "t/open/log"] {
        until_up(&tree, service);
    }
    until("the busy one has a log", || tree.path("t/busy/log/main/current").exists());
    let look = || svps::states(&svps::objects(&svps::run(&tree, &["--json", "t"])).0);
    // However long it takes until multilog has taken the line without an end.
    until("the line without an end is taken", || look() == ["busy up/up", "open up/up"]);
    for _ in 0..3 {
        assert_eq!(look(), ["busy up/up", "open up/up"]);
    }
}

/// What stopped goes on, and nobody is blocked any more; `--watch` shows both, though nothing in `supervise/` changes.
#[test]
fn what_goes_on_is_not_blocked_any_more() {
    let tree = Tree::new().script("t/web/run", SERVICE).script("t/web/log/run", "exec multilog ./main");
    let _svscan = tree.spawn("svscan", ["t"]);
    until_up(&tree, "t/web/log");
    let watch = svps::svps(&tree).args(["--watch", "--json", "t"]).spawn();
    let last = || String::from_utf8_lossy(&watch.stdout()).lines().last().map(str::to_owned).unwrap_or_default();
    tree.run("svc", ["-p", "t/web/log"]);
    until_status(&tree, "t/web/log", "paused", |status| status.paused == 1);
    until("svps --watch shows it", || last().contains("\"state\":\"blocked\""));
    tree.run("svc", ["-c", "t/web/log"]);
    until("svps --watch shows that it goes on", || !last().contains("\"state\":\"blocked\""));
}

/// A logger that cannot even begin, because of its disk, has that as its one finding.
#[test]
fn a_read_only_disk_is_named() {
    if !needs_root("a read-only disk") {
        return;
    }
    let tree =
        Tree::new().script("t/web/run", "exec 2>&1\nexec sleep 987").script("t/web/log/run", "exec multilog ./main");
    if !tree.tmpfs("t/web/log/main", "size=100k,mode=755") {
        return;
    }
    let main = tree.path("t/web/log/main");
    assert_eq!(tree.shell(&format!("mount -o remount,ro {}", main.display())).end, End::Code(0));
    let _svscan = tree.spawn("svscan", ["t"]);
    until("svlint tells it, and nothing else", || {
        let found = text(&svlint(&tree, &["t"]));
        let line = "t/web/log: error SL026: the logger ends and is started again: the file system of t/web/log/main is read-only\n";
        found.starts_with(line) && found.matches("SL0").count() == 1
    });
}
