//! What `svctl` shows: `status`, `why`, `history` and `list`, for people and as JSON; and its exit codes.
//!
//! Not tested: the table of `status` without a name, which is that of `svps`.

use daemontools_tests::status::until_up;
use daemontools_tests::{End, Output, Programs, Tree, exits, until};

use crate::svctl::{svctl, text, until_supervised};

/// A service that stays with a child, one that is given up, one that is down, one of which nothing can be known, and one
/// that no supervise has seen.
fn services(programs: &'static Programs) -> Tree {
    let tree = Tree::of(programs)
        .script("scan/web/run", "sleep 986 & exec sleep 987")
        .script("scan/bad/run", "exit 3")
        .script("scan/off/run", "exec sleep 987")
        .file("scan/off/down", "")
        .script("scan/odd/run", "exec sleep 987")
        .file("scan/odd/supervise/ok", "")
        .dir("scan/new");
    tree.put_file("scan/web/supervise.d/stop-timeout", "10s\n");
    tree.put_file("scan/bad/supervise.d/restart-limit", "1/60s\n");
    tree
}

/// The services of `services` that can be supervised. An original supervise does not give a service up.
fn supervised(tree: &Tree) -> [daemontools_tests::Process; 3] {
    let services = ["scan/web", "scan/bad", "scan/off"];
    let supervises = services.map(|dir| tree.spawn("supervise", [dir]));
    services.iter().for_each(|dir| until_supervised(tree, dir));
    until_up(tree, "scan/web");
    until_executed(tree);
    supervises
}

/// Waits until the processes of `web` are those that its script becomes.
fn until_executed(tree: &Tree) {
    until("web's processes are two of sleep", || {
        let shown = text(&svctl(tree, &["status", "web"]).stdout);
        ["  sleep 986\n", "  sleep 987\n"].iter().all(|command| shown.contains(command))
    });
}

fn until_given_up(tree: &Tree) {
    until("bad is given up", || text(&svctl(tree, &["status", "bad"]).stdout).starts_with("bad: failed"));
}

fn hold_codes(programs: &'static Programs) {
    let tree = services(programs);
    let _supervises = supervised(&tree);
    let code = |arguments: &[&str]| svctl(&tree, arguments).end;
    assert_eq!(code(&["status", "web"]), End::Code(0));
    assert_eq!(code(&["status", "off"]), End::Code(3), "down");
    assert_eq!(code(&["status", "new"]), End::Code(3), "nothing runs");
    assert_eq!(code(&["status", "odd"]), End::Code(4), "unknown");
    assert_eq!(code(&["status", "web", "odd", "off"]), End::Code(4), "the highest of all");
    assert_eq!(code(&["status"]), End::Code(1), "not all are as wanted");
    assert_eq!(code(&["why"]), End::Code(1));
    assert_eq!(code(&["why", "web", "off"]), End::Code(0));
    assert_eq!(code(&["start", "new"]), End::Code(1));
    assert_eq!(code(&["pause", "web"]), End::Code(0));
    assert_eq!(code(&["status", "web"]), End::Code(1), "up, and not as wanted");
    assert_eq!(code(&["resume", "web"]), End::Code(0));
    tree.put_script("scan/web/run", "trap '' TERM; : >deaf; while :; do sleep 0.1; done");
    assert_eq!(code(&["restart", "web"]), End::Code(0));
    until("it ignores TERM", || tree.path("scan/web/deaf").exists());
    std::fs::remove_file(tree.path("scan/web/supervise.d/stop-timeout")).expect("remove");
    assert_eq!(code(&["stop", "-t", "500ms", "web"]), End::Code(99));
    assert_eq!(
        code(&["stop", "-t", "500ms", "web", "new"]),
        End::Code(1),
        "a failure is more than a time that is over"
    );
    assert_eq!(code(&["fly", "web"]), End::Code(100));
    assert_eq!(code(&["start"]), End::Code(100));
    assert_eq!(code(&["start", "-t", "10", "web"]), End::Code(100), "a time has a unit");
    assert_eq!(code(&["start", "nowhere"]), End::Code(111));
}

#[test]
fn each_exit_code_has_its_meaning() {
    hold_codes(Programs::ours());
}

#[test]
fn each_exit_code_has_its_meaning_on_the_original() {
    if let Some(original) = Programs::original("svctl's exit codes on the original's supervise") {
        hold_codes(original);
    }
}

/// What a terminal of this width shows; `None` where there is no script(1).
fn on_terminal(tree: &Tree, columns: u32, before: &str, arguments: &str) -> Option<String> {
    if tree.shell("command -v script").end != End::Code(0) {
        daemontools_tests::left_out("svctl at a terminal", "script(1) is not installed");
        return None;
    }
    let svctl = Programs::ours().path("svctl").display().to_string();
    let command = format!("stty rows 24 cols {columns} </dev/tty; TERM=xterm {before} {svctl} --dir scan {arguments}");
    let shown = tree.invocation("/usr/bin/script").env("PATH", Programs::ours().search_path());
    let shown: Output = shown.args(["-qec", &command, "/dev/null"]).run();
    Some(text(&shown.stdout).replace('\r', ""))
}

/// A line without colours.
fn plain(line: &str) -> String {
    let mut parts = line.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    first + &parts.map(|part| part.split_once('m').map_or(part, |(_, rest)| rest)).collect::<String>()
}

#[test]
fn a_terminal_has_colours_and_no_line_is_wider() {
    let long = "n".repeat(200);
    let tree = services(Programs::ours()).script(format!("scan/{long}/run"), "exec sleep 987");
    let _supervises = supervised(&tree);
    until_given_up(&tree);
    let _other = tree.spawn("supervise", [format!("scan/{long}")]);
    until_up(&tree, &format!("scan/{long}"));
    for columns in [60, 80] {
        let Some(shown) = on_terminal(&tree, columns, "", &format!("status web bad {long}")) else { return };
        assert!(shown.contains("web: \x1b[32mup\x1b[0m (pid "), "{shown}");
        assert!(shown.contains("bad: \x1b[1;31mfailed (2 ends in 60 s"), "{shown}");
        let widths: Vec<usize> = shown.lines().map(|line| plain(line).chars().count()).collect();
        assert!(widths.iter().all(|&width| width <= columns as usize), "{columns}: {shown}");
        let state = shown.lines().find(|line| line.starts_with("nnn")).map(plain);
        assert!(state.is_some_and(|state| state.contains("+: up (pid ")), "{shown}");
    }
    let shown = on_terminal(&tree, 80, "NO_COLOR=1", "status web").expect("script(1)");
    assert!(shown.starts_with("web: up (pid ") && !shown.contains('\x1b'), "{shown}");
    // A pipe has neither.
    let piped = text(&svctl(&tree, &["status", &long]).stdout);
    assert!(piped.starts_with(&format!("{long}: up (pid ")), "{piped}");
}

/// What is known of a service of these programs is on the screen; `counted` is the line that only ours make known.
fn hold_screen(programs: &'static Programs, counted: &str) {
    let tree = services(programs).script("scan/web/log/run", "exec multilog t s10000 n5 ./main");
    tree.put_script(
        "scan/web/run",
        "exec 2>&1; echo a; printf 'b\\033[2J\\n'; echo -n 'c'; sleep 986 & exec sleep 987",
    );
    let _svscan = tree.spawn("svscan", ["scan"]);
    let pid = until_up(&tree, "scan/web");
    let logger = until_up(&tree, "scan/web/log");
    until("two lines are logged", || tree.lines("scan/web/log/main/current").len() == 2);
    until_executed(&tree);
    let status = svctl(&tree, &["status", "web"]);
    let shown = text(&status.stdout);
    assert_eq!(status.end, End::Code(0), "{status:?}");
    for expected in [
        format!("web: up (pid {pid}) for "),
        counted.into(),
        "\n  directory  scan/web\n".into(),
        format!("\n  logger     up (pid {logger}) for "),
        format!("\n  log in     {}: 1 file, ", tree.path("scan/web/log/main").display()),
        " of 50 kB; file system ".into(),
        " % full, ".into(),
        "\n  setting    stop-timeout 10s\n".into(),
        format!("\n  processes  {pid}  "),
        " kB  sleep 987\n               ".into(),
        " kB  sleep 986\n".into(),
        "\n  svlint     ".into(),
        " a\n".into(),
        " b\\x1b[2J\n".into(),
    ] {
        assert!(shown.contains(&expected), "{expected:?} is not in {shown}");
    }
}

#[test]
fn all_that_is_known_is_on_the_screen() {
    hold_screen(Programs::ours(), "\n  restarts   0 in a minute, 0 in an hour, 0 in all\n");
}

#[test]
fn all_that_is_known_is_on_the_screen_of_the_original() {
    if let Some(original) = Programs::original("svctl status on the original's supervise") {
        hold_screen(original, "");
    }
}

#[test]
fn json_tells_the_same_to_machines() {
    let tree = services(Programs::ours());
    let _supervises = supervised(&tree);
    until_given_up(&tree);
    let object = |arguments: &[&str]| {
        let output = svctl(&tree, arguments);
        let line = text(&output.stdout);
        assert_eq!(line.lines().count(), 1, "{output:?}");
        (output.end, line)
    };
    let has = |line: &str, parts: &[&str]| {
        for part in parts {
            assert!(line.contains(part), "{part} is not in {line}");
        }
    };
    let (end, line) = object(&["--json", "status", "web"]);
    assert_eq!(end, End::Code(0));
    has(&line, &[r#"{"name":"web","dir":"scan/web","link":null,"service":{"state":"up","as_wanted":true,"pid":"#]);
    has(
        &line,
        &[r#""logger":null,"settings":{"stop-timeout":"10s"},"processes":[{"pid":"#, r#""command":"sleep 987"}"#],
    );
    let (end, line) = object(&["why", "--json", "web", "bad"]);
    assert_eq!(end, End::Code(1));
    has(&line, &[r#"{"name":"bad","#, r#""last_end":{"code":3,"signal":null,"#, r#""state":"failed","#]);
    let (end, line) = object(&["restart", "-j", "web"]);
    assert_eq!(end, End::Code(0));
    has(&line, &[r#"{"name":"web","done":true,"timed_out":false,"words":"up (pid "#, r#""seconds":"#]);
    let (end, line) = object(&["start", "-j", "new"]);
    assert_eq!(end, End::Code(1));
    has(&line, &[r#"{"name":"new","done":false,"timed_out":false,"words":"unable to control new: "#]);
    let ends = svctl(&tree, &["history", "--json", "bad"]);
    has(&text(&ends.stdout), &[r#"{"name":"bad","code":3,"signal":null,"core":false,"#]);
    let listed = svctl(&tree, &["list", "--json", "web", "off"]);
    let expected = "{\"name\":\"web\",\"dir\":\"scan/web\"}\n{\"name\":\"off\",\"dir\":\"scan/off\"}\n";
    assert_eq!(listed, exits(0, expected, ""));
    let table = text(&svctl(&tree, &["status", "--json"]).stdout);
    assert_eq!(table.lines().count(), 5, "an object a service: {table}");
    assert_eq!(svctl(&tree, &["cat", "--json", "web"]).end, End::Code(100));
}

#[test]
fn a_service_that_ends_at_once_is_soon_given_up() {
    let tree = Tree::of(Programs::ours()).script("scan/bad/run", "exit 3").file("scan/bad/down", "");
    tree.put_script("scan/bad/log/run", "exec multilog t ./main");
    let _svscan = tree.spawn("svscan", ["scan"]);
    until_supervised(&tree, "scan/bad");
    until_up(&tree, "scan/bad/log");
    let started = svctl(&tree, &["start", "bad"]);
    assert_eq!(started.end, End::Code(1), "{started:?}");
    assert!(text(&started.stdout).starts_with("bad: ends again and again (exit 3)\n"), "{started:?}");
    // Its supervise counts also those ends that came between two looks.
    until("three ends are known", || text(&svctl(&tree, &["history", "bad"]).stdout).lines().count() >= 3);
}
