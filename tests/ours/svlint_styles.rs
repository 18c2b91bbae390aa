//! `svlint` finds nothing in sound trees, in the styles in which people write them.
//!
//! Accounts are those that any system has, in place of those that each package makes; programs need not be there, and
//! that they are not (SL022) is passed over.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;

use daemontools_tests::{Programs, Tree, exits};

use crate::svlint::{found, svlint};

fn tree() -> Tree {
    Tree::of(Programs::ours())
}

/// A directory that the account of a logger may write, whoever runs this test.
fn open(tree: Tree, path: &str) -> Tree {
    let tree = tree.dir(path);
    set_permissions(tree.path(path), Permissions::from_mode(0o777)).expect("change a mode");
    tree
}

#[track_caller]
fn is_sound(tree: &Tree) {
    let found: Vec<String> = found(tree, "service").into_iter().filter(|found| !found.starts_with("SL022 ")).collect();
    assert_eq!(found, [""; 0]);
}

/// A mail server of 2002: made outside, linked into the scan directory, logs under /var/log.
#[test]
fn a_mail_server_of_2002() {
    let tree = open(open(tree(), "var/log/send"), "var/log/smtpd");
    let log = |name: &str| {
        format!(
            "exec /usr/local/bin/setuidgid nobody /usr/local/bin/multilog t {}",
            tree.path(format!("var/log/{name}")).display()
        )
    };
    tree.put_script("supervise/send/run", "exec /var/qmail/rc");
    tree.put_script("supervise/send/log/run", &log("send"));
    tree.put_script(
        "supervise/smtpd/run",
        r#"UID_OF=`id -u nobody`
GID_OF=`id -g nobody`
MAX=`cat /var/qmail/control/concurrencyincoming`
LOCAL=`head -1 /var/qmail/control/me`
if [ -z "$UID_OF" -o -z "$GID_OF" -o -z "$MAX" -o -z "$LOCAL" ]; then
    echo something is not set in
    echo /var/qmail/supervise/smtpd/run
    exit 1
fi
if [ ! -f /var/qmail/control/rcpthosts ]; then
    echo "No /var/qmail/control/rcpthosts!"
    exit 1
fi
exec /usr/local/bin/softlimit -m 2000000 \
    /usr/local/bin/tcpserver -v -R -l "$LOCAL" -x /etc/tcp.smtp.cdb -c "$MAX" \
        -u "$UID_OF" -g "$GID_OF" 0 smtp /var/qmail/bin/qmail-smtpd 2>&1"#,
    );
    tree.put_script("supervise/smtpd/log/run", &log("smtpd"));
    let tree = tree.link("service/send", "../supervise/send").link("service/smtpd", "../supervise/smtpd");
    is_sound(&tree);
}

/// Name servers, with an envdir, a seed, and a shell in the middle.
#[test]
fn name_servers_with_an_envdir() {
    let tree = tree()
        .script(
            "service/cache/run",
            "exec 2>&1\nexec <seed\nexec envdir ./env sh -c '\n  exec envuidgid nobody softlimit -o250 -d \"$DATALIMIT\" /usr/local/bin/dnscache\n'",
        )
        .script("service/tiny/run", "exec 2>&1\nexec envuidgid nobody envdir ./env softlimit -d300000 /usr/local/bin/tinydns")
        .file("service/cache/env/DATALIMIT", "3000000\n")
        .file("service/tiny/env/IP", "127.0.0.1\n");
    let mut tree = tree;
    for name in ["cache", "tiny"] {
        tree = open(tree, &format!("service/{name}/log/main"))
            .script(format!("service/{name}/log/run"), "exec setuidgid nobody multilog t ./main");
    }
    is_sound(&tree);
}

/// As Debian's daemontools-run has it: links in /etc/service to directories elsewhere.
#[test]
fn debian_s_daemontools_run() {
    let tree = open(tree(), "sv/clock/log/main")
        .exec("sv/clock/run", "#!/bin/sh -e\nexec 2>&1\nif [ -r /etc/default/clock ]; then\n  . /etc/default/clock\nfi\nexec setuidgid nobody clockd -f $OPTIONS\n")
        .script("sv/clock/log/run", "exec 2>&1\nexec setuidgid nobody \\\n  multilog t s999999 n20 ./main")
        .script("sv/getty/run", "exec /sbin/getty 38400 tty5")
        .file("sv/getty/down", "")
        .link("service/clock", "../sv/clock")
        .link("service/getty", "../sv/getty");
    is_sound(&tree);
}

/// As runit's packages have it: chpst, svlogd, a finish script, `supervise` led elsewhere. With links to what supervise
/// would not use by itself, there is nothing to say.
#[test]
fn runit_run() {
    let tree = open(open(tree(), "service/web/log/main"), "service/syslog/log/main");
    let tree = open(open(tree, "service/syslog/log/main/all"), "service/syslog/log/main/auth")
        .exec("service/web/run", "#!/bin/sh\nset -e\nexec 2>&1\n[ ! -r ./conf ] || . ./conf\nexec chpst -e ./env -u nobody:nogroup -m 100000000 ./server ${OPTS:---quiet}\n")
        .script("service/web/finish", "echo \"ended with $1\"")
        .script("service/web/check", "exec wget -q -O /dev/null http://127.0.0.1/")
        .link("service/web/supervise.d/finish", "../finish")
        .link("service/web/supervise.d/check", "../check")
        .script("service/web/log/run", "exec chpst -unobody svlogd -tt ./main")
        .link("service/web/supervise", "/run/sv/web.supervise")
        .script("service/syslog/run", "exec 2>&1\nexec chpst -Unobody socklog unix /dev/log")
        .script("service/syslog/log/run", "exec chpst -u nobody svlogd \\\n  -t main/all main/auth")
        .script("service/sshd/run", "exec 2>&1\nmkdir -p /run/sshd\nexec /usr/sbin/sshd -De");
    is_sound(&tree);
}

/// What today's configuration managers and container builders write.
#[test]
fn of_these_days() {
    let tree = tree()
        .exec("service/app/run", "#!/usr/bin/env bash\nset -euo pipefail\nexec 2>&1\ncd /srv/app\nexport RAILS_ENV=production\nexec s6-setuidgid nobody bundle exec puma -C config/puma.rb\n")
        .script("service/app/log/run", "mkdir -p /var/log/app\nchown nobody /var/log/app\nexec setuidgid nobody multilog t /var/log/app")
        .exec("service/script/run", "#!/usr/bin/env python3\nimport time\nwhile True: time.sleep(60)\n")
        .exec("service/nightly/run", "#!/bin/sh\nwhile :; do\n  sleep 86400\n  /usr/local/bin/nightly || echo failed\ndone\n")
        .exec("service/either/run", "#!/bin/dash\nif test -x /opt/new; then\n\texec /opt/new --foreground\nelse\n\texec /opt/old -f\nfi\n")
        .exec("service/wrapped/run", "#!/bin/sh\nmain() {\n  trap 'kill $child' TERM\n  /opt/forker &\n  child=$!\n  wait $child\n}\nmain\nwait\n");
    is_sound(&tree);
}

/// The commands that it gives for files of other supervisors, which leave nothing to be said of them.
#[test]
fn what_other_supervisors_left_is_put_to_use_by_its_commands() {
    let mut tree = tree();
    for name in ["of-runit", "of-s6", "of-nitro", "once"] {
        tree = tree.script(format!("service/{name}/run"), "exec sleep 987");
    }
    for script in ["of-runit/finish", "of-runit/check", "of-runit/control/t", "of-nitro/finish"] {
        tree = tree.script(format!("service/{script}"), "exit 0");
    }
    let tree = tree
        .script("service/of-s6/finish", "test $1 = 256 || exit 0")
        .file("service/of-s6/notification-fd", "3\n")
        .file("service/of-s6/timeout-kill", "7000\n")
        .file("service/of-s6/timeout-finish", "0\n")
        .file("service/of-s6/down-signal", "SIGINT\n")
        .file("service/of-s6/flag-timeout-killpg", "")
        .file("service/of-nitro/down-signal", "q\n")
        .file("service/once/type", "oneshot\n");
    let out = svlint(&tree, &["--json", "service"]);
    let findings = String::from_utf8(out.stdout).expect("JSON is UTF-8");
    let mut commands = 0;
    for finding in findings.lines() {
        let finding: serde_json::Value = serde_json::from_str(finding).expect("an object a line");
        assert_eq!(finding["code"], "SL025", "{finding}");
        let (path, fix) = (finding["path"].as_str().expect("a path"), finding["fix"].as_str().expect("words"));
        let command = fix.split(": ").find(|part| part.starts_with("mkdir")).expect("a command");
        let service = path.split('/').take(2).collect::<Vec<_>>().join("/");
        let made = tree.shell(&format!("cd {service} && {command}"));
        assert_eq!(made, exits(0, "", ""), "{command}");
        commands += 1;
    }
    assert_eq!(commands, 12);
    is_sound(&tree);
    let setting = |path: &str| String::from_utf8(tree.read(format!("service/{path}"))).expect("text");
    assert_eq!(setting("of-nitro/supervise.d/stop-signal"), "QUIT\n");
    assert_eq!(setting("of-s6/supervise.d/stop-timeout"), "7000ms\n");
    assert!(tree.path("service/of-s6/supervise.d/finish-s6").exists());
}
