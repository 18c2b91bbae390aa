//! The runit service directories of the distribution, their scripts untouched, under our svscan with `status runit`: the
//! real `sv` starts, checks and stops them, also from within `run` and `finish`.
//!
//! Not tested: the daemons. Stand-ins take their places, but for sshd, and say which way `run` went.

use daemontools_tests::{End, left_out};

use crate::own_root::{in_own_root, own_root};

/// How each directory ends up once `sv up` was sent.
const STAYS: &str = "acpi-fakekey anacron apache2 atd chrony cron cups dbus dhclient elogind exim4 gdomap haveged mariadb \
    openntpd postfix preload proftpd rsyslog wicd ssh acpid axfrdns dnscache dnsmasq irqbalance mini-httpd \
    opendnssec-enforcer opendnssec-signer rbldns socklog-inet socklog-unix tinydns walldns";
/// Those that send themselves `sv d`, and the exit code for which `finish` does.
const GIVES_UP: &str = "lightdm:161 mdadm:161 sddm:161 slim:161 xdm:161 isc-dhcp-server:162 lircd:162";

/// Directories, accounts and stand-ins, as the packages would make them.
const SYSTEM: &str = r#"
export SVDIR=/service PATH=$BUILT:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fail() { echo "failed: $*"; tail -n 40 /svscan.log; exit 1; }
soon() { tries=0; until "$@" >/tried 2>&1; do tries=$((tries + 1)); [ $tries -lt 1200 ] || fail "in vain: $* ($(cat /tried))"; sleep 0.1; done; }
stand_in() { for program; do rm -f "$program"; mkdir -p "${program%/*}"; printf '#!/bin/sh\n%s\n' "$body" >"$program"; chmod 755 "$program"; done; }
mv /etc/sv /packaged
rm -rf /usr/sbin/policy-rc.d /etc/rc2.d /etc/init.d /etc/default /service /var/log/runit
mkdir -p /etc/sv /etc/rc2.d /etc/init.d /etc/default /etc/X11 /etc/apache2 /etc/postfix /etc/mysql /etc/runit
mkdir -p /usr/share/dnsmasq /service/.supervise.d/log /var/log/runit/ssh
cp -R /packaged/svlogd /etc/sv/
touch /etc/runit/verbose /etc/runit/debug /etc/apache2/envvars /etc/postfix/main.cf /etc/mysql/my.cnf
touch /usr/share/dnsmasq/installed-marker
echo nothing >/etc/X11/default-display-manager
echo START_DAEMON=false >/etc/default/mdadm
for name in tinydns dnscache axfrdns; do printf 'DATALIMIT=100000000\nIP=127.0.0.1\n' >/etc/default/$name; done
number=7800
for account in _runit-log mysql messagebus sddm dnsmasq dnscache tinydns rbldns walldns axfrdns opendnssec _socklog-inet _socklog-unix; do
	number=$((number + 1))
	grep -q "^$account:" /etc/group || echo "$account:x:$number:" >>/etc/group
	grep -q "^$account:" /etc/passwd || echo "$account:x:$number:$number::/nonexistent:/bin/false" >>/etc/passwd
done
body='exec sleep 1000'
stand_in $(for file in /usr/share/runit/sv/*/.meta/bin; do cat $file; echo; done) /usr/sbin/atd /usr/sbin/ntpd
stand_in /usr/sbin/mysqld /usr/sbin/acpid /usr/sbin/dnscache /usr/sbin/dnsmasq /usr/sbin/irqbalance /usr/sbin/mini_httpd
stand_in /usr/sbin/ods-enforcerd /usr/sbin/ods-signerd /usr/sbin/rbldns /usr/bin/socklog /usr/sbin/tinydns
stand_in /usr/sbin/walldns /usr/bin/tcpserver
body='[ "$1" != start-fg ] || exec sleep 1000'
stand_in /usr/sbin/postfix /usr/sbin/postconf
body='exit 1'
stand_in /usr/sbin/dhcpd
body='exit 0'
stand_in /usr/sbin/apachectl /usr/bin/loginctl /usr/bin/socklog-check
body='echo inet 127.0.0.1'
stand_in /sbin/ifconfig
# Up at once, and of use only later: what `check` is for.
body='sleep 1; python3 -c "import socket; socket.socket(socket.AF_UNIX).bind(\"/var/run/dbus/system_bus_socket\")" && exec sleep 1000'
stand_in /usr/bin/dbus-daemon
ip link set lo up || busybox ip link set lo up

# As Debian's packages make them: supervise/ is a link into /run, and svlogd is the logger of those that bring none.
take() {
	name=${1##*/}
	cp -R "$1" /etc/sv/
	rm -f /etc/sv/$name/supervise /etc/sv/$name/log/supervise
	ln -s /run/runit/supervise/$name /etc/sv/$name/supervise
	if [ -d /etc/sv/$name/log ]; then
		ln -s /run/runit/supervise/$name.log /etc/sv/$name/log/supervise
		[ -e /etc/sv/$name/log/run ] || ln -s ../../svlogd/run /etc/sv/$name/log/run
	fi
	if [ -e /etc/sv/$name/.meta/installed ]; then
		mkdir -p /usr/share/runit/meta/$name
		touch /usr/share/runit/meta/$name/installed
	fi
	# Our settings, and no start before it is asked for.
	mkdir /etc/sv/$name/supervise.d
	[ ! -e /etc/sv/$name/finish ] || ln -s ../finish /etc/sv/$name/supervise.d/finish
	touch /etc/sv/$name/down
	ln -s /etc/sv/$name /service/$name
}
echo runit >/service/.supervise.d/status
echo runit >/service/.supervise.d/log/status
stays= gives_up=
for name in $STAYS; do
	for directory in /usr/share/runit/sv/$name /packaged/$name; do
		[ ! -x $directory/run ] || { take $directory; stays="$stays $name"; break; }
	done
done
for word in $GIVES_UP; do
	directory=/usr/share/runit/sv/${word%:*}
	[ ! -x $directory/run ] || { take $directory; gives_up="$gives_up $word"; }
done
svscan /service >/svscan.log 2>&1 &
for name in $stays; do soon svok /service/$name; done
for word in $gives_up; do soon svok /service/${word%:*}; done
"#;

/// What is done with them.
const LIVES: &str = r#"
sv -w 200 start dbus >/answer 2>&1 || fail "start dbus: $(cat /answer)"
test -S /var/run/dbus/system_bus_socket || fail "sv start does not wait for check"
sv -w 200 start $stays >/answer 2>&1 || fail "start: $(cat /answer)"
sv -w 200 check $stays >/answer 2>&1 || fail "check: $(cat /answer)"
for name in $stays; do
	status=$(sv status $name)
	case $status in
	*warning* | *fail*) fail "$status" ;;
	"run: $name: (pid "*) echo "$name runs" ;;
	*) fail "$status" ;;
	esac
done
for word in $gives_up; do sv up ${word%:*} || fail up; done
is_down() { sv status $1 | grep -Eq "^down: $1: [0-9]+s(; |\$)"; }
for word in $gives_up; do
	name=${word%:*} code=${word#*:}
	soon grep -qs "$name : run exit code is $code" /var/log/runit/$name/current /svscan.log
	soon is_down $name
	echo "$name gives up"
done
sv -w 200 down $stays >/answer 2>&1 || fail "down: $(cat /answer)"
for name in $stays; do
	is_down $name || fail "$(sv status $name)"
	soon test -s /etc/sv/$name/supervise/history
	grep -q finish-exec /etc/sv/$name/finish 2>/dev/null || continue
	soon grep -qs "$name : run exit code is -1" /var/log/runit/$name/current /svscan.log
done
"#;

#[test]
fn service_directories_of_runit_live_here_with_their_own_tools() {
    let what = "the distribution's service directories for runit";
    let there = |path: &str| std::path::Path::new(path).exists();
    for (needed, package) in [("/usr/bin/sv", "runit"), ("/usr/share/runit/sv/cron/run", "runit-services")] {
        if !there(needed) {
            return left_out(what, &format!("{package} is not installed"));
        }
    }
    let Some(tree) = own_root(what) else { return };
    tree.put_file("page", format!("STAYS='{STAYS}'\nGIVES_UP='{GIVES_UP}'\n{SYSTEM}{LIVES}"));
    let script = format!("exec unshare --net sh '{}' 2>&1", tree.path("page").display());
    let done = in_own_root(&tree, &script);
    let said = String::from_utf8_lossy(&done.stdout);
    assert_eq!(done.end, End::Code(0), "{said}");
    let lived = said.lines().filter(|line| line.ends_with(" runs") || line.ends_with(" gives up")).count();
    assert!(lived >= 20, "{said}");
}
