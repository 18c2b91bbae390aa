//! A tree as administrators built them: three services in the manner of a mail server of 2002, made outside the scan
//! directory and linked into it, with `tcpserver`, `setuidgid` and `multilog`, watched and changed by `svstat` and `svc`.
//!
//! Not tested: a real mail server; ports below 1024.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;

use daemontools_tests::scrub::scrub;
use daemontools_tests::status::{until_down, until_old, until_up};
use daemontools_tests::{Process, Tree, exits, left_out, needs_root, proc, until, value};

const NAMES: [&str; 3] = ["smtpd", "pop3d", "qmtpd"];

/// The account of the loggers, and the ids of the servers.
const ACCOUNT: &str = "nobody";
const UID: u32 = 65534;
const GID: u32 = 65534;

/// The tree, with everything in its place but nothing linked into the scan directory.
fn build() -> Tree {
    let tree = Tree::new().dir("service");
    // The loggers' account has to reach the programs.
    let programs = tree.programs().copy_to(&tree.path("command"));
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.dir().display());
    for name in NAMES {
        let program = format!("sh -c 'echo \"220 {name} $TCPREMOTEIP\"; id -u; id -g'");
        tree.put_script(
            format!("var/{name}/run"),
            &format!(
                "PATH={path}\nexport PATH\n\
                 exec tcpserver -1 -v -u {UID} -g {GID} -H -R -l localhost 127.0.0.1 0 \\\n  {program} 2>&1"
            ),
        );
        tree.put_script(
            format!("var/{name}/log/run"),
            &format!("PATH={path}\nexport PATH\nexec setuidgid {ACCOUNT} multilog t ./main"),
        );
        let main = tree.path(format!("var/{name}/log/main"));
        fs::create_dir(&main).expect("make a log directory");
        chown(&main, Some(UID), Some(GID)).expect("give it to the account");
        fs::set_permissions(&main, fs::Permissions::from_mode(0o700)).expect("chmod");
        fs::set_permissions(tree.path(format!("var/{name}")), fs::Permissions::from_mode(0o1755)).expect("chmod +t");
    }
    tree
}

fn log(name: &str) -> String {
    format!("service/{name}/log/main/current")
}

/// The lines of the log, their stamps shortened.
fn logged(tree: &Tree, name: &str) -> Vec<String> {
    tree.lines(log(name)).iter().map(|line| String::from_utf8(scrub(line.as_bytes())).expect("ASCII")).collect()
}

fn svstat(tree: &Tree, services: &[&str]) -> String {
    let out = tree.run("svstat", services);
    assert_eq!(out.stderr, b"");
    String::from_utf8(scrub(&out.stdout)).expect("ASCII")
}

/// The port that the server has last written into its log.
fn port(tree: &Tree, name: &str) -> u16 {
    value("a port in the log", || {
        let lines = logged(tree, name);
        let words = lines.iter().filter_map(|line| line.strip_prefix("@LABEL ")).rev();
        words.filter_map(|word| word.parse().ok()).next()
    })
}

/// What the server on this port says.
fn answer(port: u16) -> String {
    let mut stream = value("a connection", || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_read_timeout(Some(daemontools_tests::wait::time_limit())).expect("set a timeout");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("read the answer");
    said
}

fn linked() -> Option<(Tree, Process)> {
    if !needs_root("the article's tree") {
        return None;
    }
    if !Path::new("/usr/bin/tcpserver").exists() {
        left_out("the article's tree", "tcpserver is not installed (package ucspi-tcp)");
        return None;
    }
    if TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| TcpStream::connect(listener.local_addr()?)).is_err() {
        left_out("the article's tree", "there is no loopback");
        return None;
    }
    let tree = build();
    let svscan = tree.spawn("svscan", ["service"]);
    for name in NAMES {
        symlink(format!("../var/{name}"), tree.path("service").join(name)).expect("link the service");
    }
    for name in NAMES {
        until_up(&tree, &format!("service/{name}"));
        until_up(&tree, &format!("service/{name}/log"));
    }
    Some((tree, svscan))
}

/// Spec, svscan, svstat, multilog, setuidgid together: a client gets its answer, and the log tells of it.
#[test]
fn a_client_is_answered_and_logged() {
    let Some((tree, svscan)) = linked() else { return };
    for name in NAMES {
        let port = port(&tree, name);
        assert_eq!(answer(port), format!("220 {name} 127.0.0.1\n{UID}\n{GID}\n"));
        until("the end of the connection in the log", || {
            logged(&tree, name)
                .iter()
                .any(|line| line.starts_with("@LABEL tcpserver: end ") && line.ends_with(" status 0"))
        });
        let lines = logged(&tree, name);
        let at = |start: &str| lines.iter().position(|line| line.starts_with(&format!("@LABEL tcpserver: {start}")));
        let order = [at("status: 0/40"), at("status: 1/40"), at("pid "), at("ok "), at("end ")];
        assert!(order.iter().all(Option::is_some) && order.is_sorted(), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("@LABEL ")), "{lines:?}");
        let meta = fs::metadata(tree.path(log(name))).expect("stat");
        assert_eq!((meta.uid(), meta.gid(), meta.mode() & 0o7777), (UID, GID, 0o644));
        let logger = until_up(&tree, &format!("service/{name}/log"));
        assert_eq!(proc::field(logger, "Uid"), Some([UID.to_string().as_str(); 4].join("\t")));
        assert_eq!(proc::field(logger, "Groups"), Some(GID.to_string()));
        assert_eq!(proc::arguments(logger), [&b"multilog"[..], b"t", b"./main"]);
    }
    let expected = "service/smtpd: up (pid N) N seconds\nservice/smtpd/log: up (pid N) N seconds\n";
    assert_eq!(svstat(&tree, &["service/smtpd", "service/smtpd/log"]), expected);
    assert_eq!(svscan.stderr(), b"");
}

/// Spec, svc and svstat: stopped, it says so and for how long; a `down` file; started again, on the same log.
#[test]
fn stopped_and_started() {
    let Some((tree, _svscan)) = linked() else { return };
    let service = "service/pop3d";
    let first = port(&tree, "pop3d");
    let process = until_up(&tree, service);
    assert_eq!(tree.run("svc", ["-d", service]), exits(0, "", ""));
    until_down(&tree, service);
    until_old(&tree, service, 3);
    assert_eq!(svstat(&tree, &[service]), "service/pop3d: down N seconds, normally up\n");
    assert!(!proc::alive(process));
    assert!(TcpStream::connect(("127.0.0.1", first)).is_err());
    tree.put_file("service/pop3d/down", "");
    assert_eq!(svstat(&tree, &[service]), "service/pop3d: down N seconds\n");
    assert_eq!(tree.run("svc", ["-u", service]), exits(0, "", ""));
    until_up(&tree, service);
    assert_eq!(svstat(&tree, &[service]), "service/pop3d: up (pid N) N seconds, normally down\n");
    let starts = || logged(&tree, "pop3d").iter().filter(|line| line.ends_with("status: 0/40")).count();
    until("the second start in the log", || starts() == 2);
    assert_eq!(answer(port(&tree, "pop3d")), format!("220 pop3d 127.0.0.1\n{UID}\n{GID}\n"));
    assert_eq!(svstat(&tree, &["service/smtpd"]), "service/smtpd: up (pid N) N seconds\n", "the others go on");
}

/// The manual's way to remove a service: `svc -d` on both, `mv x .x`, `svc -x` on both.
#[test]
fn removed() {
    let Some((tree, _svscan)) = linked() else { return };
    let processes = [until_up(&tree, "service/qmtpd"), until_up(&tree, "service/qmtpd/log")];
    assert_eq!(tree.run("svc", ["-d", "service/qmtpd", "service/qmtpd/log"]), exits(0, "", ""));
    until_down(&tree, "service/qmtpd");
    until_down(&tree, "service/qmtpd/log");
    fs::rename(tree.path("service/qmtpd"), tree.path("service/.qmtpd")).expect("mv qmtpd .qmtpd");
    assert_eq!(tree.run("svc", ["-x", "service/.qmtpd", "service/.qmtpd/log"]), exits(0, "", ""));
    let gone = "service/.qmtpd: supervise not running\nservice/.qmtpd/log: supervise not running\n";
    until("both have ended", || svstat(&tree, &["service/.qmtpd", "service/.qmtpd/log"]) == gone);
    crate::svscan::until_next_scan(&tree, "service");
    crate::svscan::until_next_scan(&tree, "service");
    assert_eq!(svstat(&tree, &["service/.qmtpd", "service/.qmtpd/log"]), gone);
    assert!(processes.iter().all(|&process| !proc::alive(process)));
    for name in ["smtpd", "pop3d"] {
        let expected = format!("service/{name}: up (pid N) N seconds\n");
        assert_eq!(svstat(&tree, &[&format!("service/{name}")]), expected);
    }
}
