//! `cgroup/`: services in control groups of their own, in a hierarchy of a private cgroup namespace.
//!
//! Left out, with a line that says so: what needs cgroup v2 to be writable, and controllers that it does not have here. Not
//! tested here: how groups are found and named, which is pure (`crates/supervise/src/hierarchy.rs`).

use std::path::Path;

use daemontools_tests::{End, Output, Programs, Tree, exits, left_out};

use crate::own_root::{in_own_root, own_root};
use crate::supervise_details::{detail, until_detail};
use crate::supervise_readiness::python;
use crate::supervise_settings::svc;

/// Makes a group, which has the controllers that the whole machine's groups have, becomes the script in it, and removes the group with all in it. The
/// script works in an empty directory, finds the hierarchy in `$groups`, and has words for a test at hand.
const WITH_GROUP: &str = r#"
export PATH=$BUILT:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
groups=/sys/fs/cgroup
mkdir -p $groups && mount -t cgroup2 none $groups || exit 77
group=$groups/daemontools-test-$NUMBER
mkdir $group || exit 77
mkdir /scan
cat >/words <<'END'
groups=/sys/fs/cgroup
umount $groups && mount -t cgroup2 none $groups && cd /scan || exit 77
fail() { echo "failed: $*"; ps -eo pid,ppid,sid,args; cat /said; exit 1; }
soon() { tries=0; until "$@"; do tries=$((tries + 1)); [ $tries -lt 1200 ] || fail "in vain: $*"; sleep 0.1; done; }
group_of() { sed -n 's/^0:://p' /proc/$1/cgroup; }
pid_of() { svstat $1 | sed -n 's/.* up (pid \([0-9]*\)).*/\1/p'; }
runs() { [ "$(pid_of $1)" ]; }
runs_anew() { new=$(pid_of $1); [ "$new" ] && [ "$new" != $2 ]; }
has_no_group() { [ -z "$(ls $groups | grep "^$1[.]")" ]; }
is_gone() { ! kill -0 $1 2>/dev/null; }
has_controller() { grep -qw $1 $groups/cgroup.controllers; }
# A service that leaves a process in a session of its own.
service() {
	mkdir -p /new/$1/supervise.d/cgroup
	printf '#!/bin/sh\nsetsid sleep 987 & echo $! >child.new\nmv child.new child\nexec sleep 1000\n' >/new/$1/run
	chmod +x /new/$1/run
}
begin() { mv /new/$1 .; soon svok $1; soon [ -s $1/child ]; soon runs $1; }
svscan . >/said 2>&1 &
scan=$!
# svscan alone stays in the group that it was started in.
mkdir $groups/others && echo $$ >$groups/others/cgroup.procs || exit 77
END
cat /words /page >/script
sh -c "echo \$\$ >$group/cgroup.procs && exec unshare --cgroup --mount sh /script"
code=$?
tries=0
until echo 1 >$group/cgroup.kill && find $group -depth -type d -exec rmdir {} \; 2>/dev/null && [ ! -e $group ]; do
	tries=$((tries + 1))
	[ $tries -lt 600 ] || exit 78
	sleep 0.1
done
exit $code
"#;

/// Runs a script in a group of its own; `None`: that is not to be had here.
fn in_own_group(what: &str, script: &str) -> Option<Output> {
    let tree = own_root(what)?;
    let number = format!("{}-{}", std::process::id(), tree.name());
    tree.put_file("words", format!("NUMBER={number}\n{WITH_GROUP}"));
    tree.put_file("page", script);
    let at = tree.path("");
    let done = in_own_root(&tree, &format!("cp {0}/page /page && exec sh {0}/words 2>&1", at.display()));
    if done.end == End::Code(77) {
        left_out(what, &format!("cgroup v2 cannot be written: {}", String::from_utf8_lossy(&done.stdout).trim()));
        return None;
    }
    Some(done)
}

#[test]
fn a_service_has_a_group_which_ends_with_it_where_it_asks_for_that() {
    let script = r#"
service keeps
service whole
service plain
rm -r /new/plain/supervise.d
echo on >/new/whole/supervise.d/group
echo 1 >/new/keeps/supervise.d/cgroup/cgroup.procs
echo 1 >/new/keeps/supervise.d/cgroup/nonsense.max
for name in keeps whole plain; do begin $name; done
kept=$(cat keeps/child) main=$(pid_of keeps)
[ "$(group_of $kept)" = "$(group_of $main)" ] || fail "the child is elsewhere"
case $(group_of $main) in /keeps.*) ;; *) fail "$(group_of $main)" ;; esac
[ "$(group_of $(pid_of plain))" = "$(group_of $scan)" ] || fail "a service that does not ask has a group"
# All of it ends with the service, or what is in other sessions stays.
child=$(cat whole/child) main=$(pid_of whole)
svc -d whole keeps
svwait -d -t 100s whole keeps || fail svwait
soon is_gone $child
is_gone $kept && fail "a process was ended that was to stay"
# With a group, nobody stays, though TERM is ignored.
printf '#!/bin/sh\nsetsid sh -c "trap : TERM; echo \$\$ >child; while :; do sleep 1; done" &\nexec sleep 1000\n' >whole/run
echo 1s >whole/supervise.d/stop-timeout
rm whole/child
svc -u whole
soon [ -s whole/child ]
soon runs whole
child=$(cat whole/child)
svc -d whole
svwait -d -t 100s whole || fail svwait
soon is_gone $child
# One warning for each, however many starts.
svc -u keeps
for n in 1 2 3; do soon runs keeps; before=$(pid_of keeps); svc -k keeps; soon runs_anew keeps $before; done
[ $(grep -c keeps/supervise.d/cgroup /said) = 2 ] || fail "not two warnings"
grep -q 'unable to use keeps/supervise.d/cgroup/cgroup.procs: the files cgroup' /said || fail "cgroup.procs"
grep -q 'unable to use keeps/supervise.d/cgroup/nonsense.max: there is no such controller' /said || fail "nonsense"
# A group that is empty goes with its supervise.
mv whole /whole
svc -dx /whole
soon has_no_group whole
"#;
    let Some(done) = in_own_group("services in control groups", script) else { return };
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn a_controller_is_enabled_and_svscan_makes_room_for_that() {
    let what = "the controllers of a control group";
    let script = r#"
for controller in pids memory hugetlb none; do has_controller $controller && break; done
[ $controller != none ] || exit 79
case $controller in pids) file=pids.max value=77 ;; memory) file=memory.high value=104857600 ;; *) file=hugetlb.2MB.max value=0 ;; esac
service first
begin first
[ "$(group_of $scan)" = / ] || fail "svscan has moved without need"
service limited
echo $value >/new/limited/supervise.d/cgroup/$file
begin limited
[ "$(cat $groups/limited.*/$file)" = $value ] || fail "the value was not written"
[ "$(group_of $scan)" = /supervise ] || fail "svscan is in $(group_of $scan)"
[ "$(group_of $(pid_of first))" != /supervise ] || fail "a service was moved out of its group"
[ "$(cat $groups/cgroup.subtree_control)" = $controller ] || fail "other controllers are enabled"
service next
echo $value >/new/next/supervise.d/cgroup/$file
begin next
[ "$(cat $groups/next.*/$file)" = $value ] || fail "the next one's value was not written"
# A change holds from the next start on, and what is taken away is as it was.
rm limited/supervise.d/cgroup/$file
before=$(pid_of limited)
kill $(cat limited/child)
svc -t limited
soon runs_anew limited $before
[ "$(cat $groups/limited.*/$file)" != $value ] || fail "the value is still there"
[ ! -s /said ] || fail "warnings"
"#;
    let Some(done) = in_own_group(what, script) else { return };
    if done.end == End::Code(79) {
        return left_out(what, "it has none");
    }
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

/// A process of the control group may speak, also one in another session; no other process may.
#[test]
fn a_member_of_the_group_speaks_for_the_service_and_no_other() {
    let what = "a member of a control group that speaks sd_notify";
    if !python(what) {
        return;
    }
    let script = r#"
cat >/say <<'END'
import os, socket, sys, time
address = open('/scan/speaks/address').read().strip().replace('@', '\0', 1)
# Once a file is there, the text; the process stays, so that it can be looked at.
for file, text in zip(sys.argv[1::2], sys.argv[2::2]):
    while not os.path.exists(file): time.sleep(0.02)
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), address)
    open(file + '.said', 'w')
time.sleep(1000)
END
mkdir -p /new/speaks/supervise.d/cgroup
touch /new/speaks/supervise.d/notify-socket
cat >/new/speaks/run <<'END'
#!/bin/sh
echo "$NOTIFY_SOCKET" >address.new
mv address.new address
setsid python3 /say /member STATUS=member /ready READY=1 &
echo $! >child
exec sleep 1000
END
chmod +x /new/speaks/run
begin speaks
[ "$(group_of $(cat speaks/child))" = "$(group_of $(pid_of speaks))" ] || fail "the member is elsewhere"
python3 /say /stranger 'READY=1
STATUS=stranger' &
stranger=$!
touch /stranger
soon [ -e /stranger.said ]
[ "$(group_of $stranger)" != "$(group_of $(pid_of speaks))" ] || fail "the stranger is a member"
# Messages are read in order.
touch /member
soon grep -q '^status-text member' speaks/supervise/details
grep -q '^state starting' speaks/supervise/details || fail "$(cat speaks/supervise/details)"
touch /ready
soon grep -q '^state ready' speaks/supervise/details
[ ! -s /said ] || fail "warnings"
"#;
    let Some(done) = in_own_group(what, script) else { return };
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn memory_that_runs_out_is_told() {
    let what = "a service that the kernel ends because memory runs out";
    let script = r#"
has_controller memory || exit 79
mkdir -p /new/eats/supervise.d/cgroup
printf '#!/bin/sh\necho x >child\n[ -e go ] || exec sleep 1000\nrm go\nexec tail -c 500m /dev/zero\n' >/new/eats/run
chmod +x /new/eats/run
echo 20M >/new/eats/supervise.d/cgroup/memory.max
echo 0 >/new/eats/supervise.d/cgroup/memory.swap.max
begin eats
touch eats/go
svc -k eats
soon grep -q ' signal KILL oom ' eats/supervise/history
[ $(grep -c oom eats/supervise/history) = 1 ] || fail "$(cat eats/supervise/history)"
"#;
    let Some(done) = in_own_group(what, script) else { return };
    if done.end == End::Code(79) {
        return left_out(what, "cgroup v2 has no memory controller here");
    }
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

#[test]
fn postfix_is_ended_with_its_group_whatever_session_its_master_made() {
    let what = "postfix with group and cgroup/";
    if !Path::new("/usr/sbin/postfix").exists() {
        return left_out(what, "postfix is not installed");
    }
    let script = r#"
[ -f /etc/postfix/main.cf ] || cp /usr/share/postfix/main.cf.debian /etc/postfix/main.cf
[ -f /etc/postfix/master.cf ] || cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf
postconf maillog_file=/dev/stdout inet_interfaces=loopback-only inet_protocols=ipv4 myhostname=here.example.org || exit
sed -i 's/^smtp  *inet/#&/' /etc/postfix/master.cf
mkdir -p /new/mail/supervise.d/cgroup
printf '#!/bin/sh\nexec 2>&1\necho x >child\nexec postfix start-fg\n' >/new/mail/run
chmod +x /new/mail/run
echo on >/new/mail/supervise.d/group
echo 60s >/new/mail/supervise.d/stop-timeout
begin mail
soon pgrep -x qmgr >/dev/null
master=$(pgrep -x master) main=$(pid_of mail)
[ "$(ps -o sid= -p $master)" != "$(ps -o sid= -p $main)" ] || fail "master has not left the session"
[ "$(group_of $master)" = "$(group_of $main)" ] || fail "master has left the group"
svc -d mail
svwait -d -t 240s mail || fail "it does not stop"
! pgrep -x master >/dev/null && ! pgrep -x qmgr >/dev/null || fail "something is left"
"#;
    let Some(done) = in_own_group(what, script) else { return };
    assert_eq!(done.end, End::Code(0), "{}", String::from_utf8_lossy(&done.stdout));
}

/// Where there is no hierarchy, the service runs without, and that is said once.
#[test]
fn without_a_hierarchy_there_is_one_warning() {
    let tree = Tree::of(Programs::ours()).script("sv/run", "exec sleep 987").dir("sv/supervise.d/cgroup");
    let tree = tree.file("sv/supervise.d/group", "");
    let Some(unshared) = own_root("a service without a hierarchy of control groups") else { return };
    drop(unshared);
    let script = "umount -a -t cgroup2; umount -R /sys/fs/cgroup 2>/dev/null; exec supervise sv";
    let unshare = tree.invocation("/usr/bin/unshare").args(["--mount", "/bin/sh", "-c", script]);
    let supervise = unshare.spawn();
    until_detail(&tree, "state", "up");
    let pid = detail(&tree, "pid");
    svc(&tree, "-k");
    daemontools_tests::until("another process", || detail(&tree, "pid").is_some_and(|new| Some(new) != pid));
    svc(&tree, "-dx");
    let why = "supervise: warning: unable to use sv/supervise.d/cgroup: no cgroup v2 is mounted here\n";
    assert_eq!(supervise.wait(), exits(0, "", why));
}
