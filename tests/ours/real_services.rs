//! Daemons of the distribution as services that ask for something: what each of them says about itself, how it wants to be
//! stopped, and what it leaves behind.
//!
//! Left out, with a line that says so: those that are not installed. Not tested: what the daemons serve.

use std::path::Path;

use daemontools_tests::status::{until_status, until_up};
use daemontools_tests::{End, Programs, Tree, exits, left_out, proc, until};

use crate::own_root::{in_own_root, own_root};
use crate::supervise_details::{history, until_detail};
use crate::supervise_settings::{svc, until_first_end};

/// Whether a program is installed; if not, says that `what` is left out.
fn installed(what: &str, program: &str) -> bool {
    let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].iter().any(|at| Path::new(at).join(program).exists());
    if !found {
        left_out(what, &format!("{program} is not installed"));
    }
    found
}

/// A service in `sv` whose PATH has the daemons in it.
fn tree(run: &str) -> Tree {
    Tree::of(Programs::ours()).script("sv/run", &format!("PATH=$PATH:/usr/sbin:/sbin\nexec 2>&1\n{run}"))
}

#[test]
fn redis_says_that_it_is_ready_and_what_it_does() {
    if !installed("redis with notify-socket", "redis-server") {
        return;
    }
    let run = "exec redis-server --supervised systemd --port 0 --unixsocket ./socket --save '' --appendonly no";
    let tree = tree(run).file("sv/supervise.d/notify-socket", "").file("sv/supervise.d/no-restart", "0\n");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "ready");
    until_detail(&tree, "status-text", "Ready to accept connections");
    assert!(tree.path("sv/socket").exists(), "it was ready before it could be reached");
    // It exits with 0 where it is asked to end, which is no end of its own accord.
    svc(&tree, "-t");
    until_first_end(&tree, "code 0");
    until_detail(&tree, "state", "ready");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait().end, End::Code(0));
}

#[test]
fn haproxy_says_that_it_is_ready_and_takes_its_workers_along() {
    if !installed("haproxy with notify-socket", "haproxy") {
        return;
    }
    let config = "global\n\tlog stderr local0\ndefaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 5s
\ttimeout server 5s\nfrontend web\n\tbind unix@front.socket\n\thttp-request return status 200\n";
    let tree = tree("exec haproxy -Ws -f haproxy.cfg").file("sv/haproxy.cfg", config);
    let tree = tree.file("sv/supervise.d/notify-socket", "").file("sv/supervise.d/group", "main\n");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "ready");
    let pid = until_up(&tree, "sv");
    let workers = || proc::all().into_iter().filter(|&child| proc::parent(child) == Some(pid)).collect::<Vec<i32>>();
    until("a worker", || !workers().is_empty());
    let left = workers();
    // A reload executes the same process anew, which says that it is ready again.
    svc(&tree, "-2");
    until("other workers", || workers().iter().any(|worker| !left.contains(worker)));
    let left = [left, workers()].concat();
    // One that is killed gives its workers no time.
    svc(&tree, "-k");
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    assert!(left.iter().all(|&worker| !proc::alive(worker)));
    until_detail(&tree, "state", "ready");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait().end, End::Code(0));
}

#[test]
fn s6_log_is_ready_when_it_has_opened_its_directory() {
    if !installed("s6-log with notification-fd", "s6-log") {
        return;
    }
    let tree = Tree::of(Programs::ours()).script("scan/sv/run", "echo one line; exec sleep 987");
    let tree = tree
        .script("scan/sv/log/run", "exec s6-log -d 3 t ./main")
        .file("scan/sv/log/supervise.d/notification-fd", "3");
    let _svscan = tree.spawn("svscan", ["scan"]);
    let log = ["-r", "-t", "240000", "scan/sv/log"];
    until("supervised", || tree.run("svok", ["scan/sv/log"]) == exits(0, "", ""));
    assert_eq!(tree.run("svwait", log), exits(0, "", ""));
    until("the line", || String::from_utf8_lossy(&tree.read("scan/sv/log/main/current")).ends_with(" one line\n"));
}

#[test]
fn nginx_is_ready_when_its_check_reaches_it_and_stops_by_quit() {
    if !installed("nginx with check", "nginx") || !installed("nginx with check", "python3") {
        return;
    }
    let config = "daemon off;\nerror_log stderr;\npid nginx.pid;\nevents {}\nhttp {\n access_log off;
 client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
 server { listen unix:web.socket; location / { return 204; } }\n}\n";
    let check = r#"exec python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.connect("web.socket")
s.sendall(b"GET / HTTP/1.0\r\n\r\n")
assert s.recv(100).startswith(b"HTTP/1.1 204")' 2>/dev/null"#;
    // A socket that an nginx left behind that was killed would be in the way of the next.
    let tree = tree("rm -f web.socket; exec nginx -p . -c ./nginx.conf").file("sv/nginx.conf", config);
    let tree = tree.script("sv/supervise.d/check", check).file("sv/supervise.d/check-always", "");
    let tree = tree.file("sv/supervise.d/check-interval", "200ms").file("sv/supervise.d/stop-signal", "QUIT\n");
    let tree = tree.file("sv/supervise.d/check-timeout", "60s").file("sv/supervise.d/check-restart", "");
    let supervise = tree.spawn("supervise", ["sv"]);
    until_detail(&tree, "state", "ready");
    // It is there, and serves no more: the checks restart it.
    let pid = until_up(&tree, "sv");
    std::fs::remove_file(tree.path("sv/web.socket")).expect("remove the socket");
    until_status(&tree, "sv", "another process", |status| status.up() && status.pid != pid);
    until_first_end(&tree, "code 0");
    until_detail(&tree, "state", "ready");
    svc(&tree, "-dx");
    assert_eq!(supervise.wait().end, End::Code(0));
}

/// What sshd needs, where nothing else can be disturbed.
const SSHD: &str = r#"
export PATH=$BUILT:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "failed: $*"; ps -eo pid,ppid,args; cat /said /sv/ssh/supervise/details; exit 1; }
soon() { tries=0; until "$@"; do tries=$((tries + 1)); [ $tries -lt 1200 ] || fail "in vain: $*"; sleep 0.1; done; }
answers() { ssh-keyscan -T 100 -t ed25519 -p 2022 127.0.0.1 2>/dev/null | grep -q ssh-ed25519; }
listened() { [ "$(grep -c 'listening on 127.0.0.1' /said)" = $1 ]; }
ip link set lo up || busybox ip link set lo up
mkdir -p /run/sshd /sv/ssh/supervise.d
cd /sv
ssh-keygen -q -t ed25519 -N '' -f ssh/key || exit
printf '%s\n' 'HostKey /sv/ssh/key' 'ListenAddress 127.0.0.1' 'Port 2022' 'UsePAM no' 'PidFile none' >ssh/config
printf '#!/bin/sh\nexec 2>&1\nexec /usr/sbin/sshd -D -e -f /sv/ssh/config\n' >ssh/run
chmod +x ssh/run
touch ssh/supervise.d/notify-socket
supervise ssh >/said 2>&1 &
soon svok ssh
svwait -r -t 240s ssh || fail "it is not ready"
grep -q '^state ready' ssh/supervise/details || fail "it says nothing"
answers || fail "it was ready before it could be reached"
# A reload executes the same process anew.
process=$(sed -n 's/^pid //p' ssh/supervise/details)
svc -h ssh
soon listened 2
soon answers
grep -q "^pid $process\$" ssh/supervise/details || fail "it was started again"
svc -dx ssh
soon grep -q 'Received signal 15' /said
wait
answers && fail "it answers still"
grep -q warning /said && fail "warnings"
exit 0
"#;

/// Debian's says so by itself; so does every sshd since version 9.8.
#[test]
fn sshd_says_that_it_is_ready() {
    let what = "sshd with notify-socket";
    if !installed(what, "sshd") || !installed(what, "ssh-keyscan") {
        return;
    }
    let Some(tree) = own_root(what) else { return };
    tree.put_file("page", SSHD);
    let done = in_own_root(&tree, &format!("exec unshare --net sh '{}' 2>&1", tree.path("page").display()));
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

/// What postfix needs, where nothing else can be disturbed.
const POSTFIX: &str = r#"
export PATH=$BUILT:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "failed: $*"; ps -eo pid,ppid,sid,args; cat /said; exit 1; }
soon() { tries=0; until "$@"; do tries=$((tries + 1)); [ $tries -lt 1200 ] || fail "in vain: $*"; sleep 0.1; done; }
ip link set lo up || busybox ip link set lo up
[ -f /etc/postfix/main.cf ] || cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
[ -f /etc/postfix/master.cf ] || cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf maillog_file=/dev/stdout inet_interfaces=loopback-only inet_protocols=ipv4 myhostname=here.example.org || exit
mkdir -p /sv/mail/supervise.d
cd /sv
printf '#!/bin/sh\nexec 2>&1\nexec postfix start-fg\n' >mail/run
printf '#!/bin/sh\nexec postfix check\n' >mail/supervise.d/check
printf '#!/bin/sh\nexec postfix stop\n' >mail/supervise.d/stop
chmod +x mail/run mail/supervise.d/check mail/supervise.d/stop
echo 60s >mail/supervise.d/check-timeout
echo 120s >mail/supervise.d/stop-timeout
echo on >mail/supervise.d/group
supervise mail >/said 2>&1 &
soon svok mail
soon pgrep -x qmgr >/dev/null
service=$(pgrep -f 'postfix-script start-fg')
[ "$(ps -o sid= -p $(pgrep -x master))" != "$(ps -o sid= -p $service)" ] || fail "master has not left the session"
svc -d mail
svwait -d -t 240s mail || fail "it does not stop"
! pgrep -x master >/dev/null && ! pgrep -x qmgr >/dev/null || fail "something is left"
soon grep -q 'stopping the Postfix' /said
! grep -q KILL mail/supervise/history || fail "$(cat mail/supervise/history)"
"#;

/// Its `master` leaves the session that `group` gives it, so that it does not get the signal: `stop` reaches it.
#[test]
fn postfix_is_stopped_as_a_whole_by_its_own_command() {
    let what = "postfix with stop";
    if !installed(what, "postfix") || !installed(what, "pgrep") {
        return;
    }
    let Some(tree) = own_root(what) else { return };
    tree.put_file("page", POSTFIX);
    let done = in_own_root(&tree, &format!("exec unshare --net sh '{}' 2>&1", tree.path("page").display()));
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

/// What containers of s6-overlay have as `finish`: 256 means a signal, and the whole container ends with what it became.
#[test]
fn finish_of_s6_overlay_turns_the_end_into_a_result_and_halts() {
    let finish = r#"case $1 in
256) result=$((128 + $2)) ;;
*) result=$1 ;;
esac
echo "$result" >result
[ "$result" -eq 143 ] || svc -dx ."#;
    for (run, result) in [("exit 3", "3"), ("kill -9 $$", "137")] {
        let tree = Tree::of(Programs::ours()).script("sv/run", run).script("sv/finish", finish);
        let tree = tree.link("sv/supervise.d/finish-s6", "../finish");
        let supervise = tree.spawn("supervise", ["sv"]);
        assert_eq!(supervise.wait(), exits(0, "", ""));
        assert_eq!(tree.lines("sv/result"), [result]);
        assert_eq!(history(&tree).len(), 1);
    }
}
