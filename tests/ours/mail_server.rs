//! `docs/mail-server.md` and `examples/mail`, typed on a system whose mail programs are small stand-ins: they stay, greet,
//! obey their signals and say under which account they run. tcpserver, tcprules and tcpclient are the real ones.
//!
//! Not tested: mail.

use std::fs;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree, left_out};

use crate::documented::fenced;
use crate::own_root::{bare_system, in_own_root, own_root};

/// A system with qmail's accounts and stand-ins for its programs, svscan on `/service`, and a network of its own.
const SYSTEM: &str = r#"
make -s install
printf '%s\n' 'qmaild:x:7791:2108::/var/qmail:/bin/false' 'qmaill:x:7792:2108::/var/qmail:/bin/false' >>/etc/passwd
mkdir -p /var/qmail/bin /service
rm -rf /etc/sv /var/log/qmail
stand_in() { { echo '#!/bin/sh'; cat; } >"$1"; chmod 755 "$1"; }
stand_in /var/qmail/bin/qmail-start <<'END'
trap 'echo "runs the queue"' ALRM
trap 'echo "finishes its deliveries"; kill $!; exit' TERM
echo "status: local 0/10 remote 0/20, mailbox $1, account $(id -u)"
while :; do sleep 1000 & wait $!; kill $!; done
END
stand_in /var/qmail/bin/qmail-smtpd <<'END'
echo "220 account $(id -u)${RELAYCLIENT+, relays}"
read -r line && echo "221 $line"
END
stand_in /var/qmail/bin/qmail-popup <<'END'
echo "+OK $1"
shift
exec "$@"
END
stand_in /usr/local/bin/checkpassword <<'END'
exec setuidgid qmaild "$@"
END
stand_in /var/qmail/bin/qmail-pop3d <<'END'
echo "+OK $1 of $(id -u)"
END
ip link set lo up || busybox ip link set lo up
svscan /service 2>/svscan.errors &
"#;

/// What holds once the services are up.
const AT_WORK: &str = r#"
fail() { echo "$*"; tail /svscan.errors /var/log/qmail/*/current; exit 1; }
soon() { tries=0; until "$@"; do tries=$((tries + 1)); [ $tries -lt 600 ] || fail "in vain: $*"; sleep 0.1; done; }
said() { [ "$1" = "$2" ] || fail "said: $1, expected: $2"; }
talk() { tcpclient -RHl0 127.0.0.1 "$1" sh -c 'echo quit >&7; cat <&6'; }
logged() { grep -q "$2" /var/log/qmail/$1/current; }
said "$(talk 25)" "220 account 7791, relays
221 quit"
said "$(talk 110)" "+OK mail.example.org
+OK Maildir of 7791"
soon logged smtpd 'tcpserver: status: 0/20'
soon logged pop3d 'tcpserver: status: 0/40'
soon logged send 'mailbox ./Mailbox, account 0'
svc -a /service/send
soon logged send 'runs the queue'
for log in send smtpd pop3d; do
	said "$(stat -c '%U %a' /var/log/qmail/$log)" "qmaill 700"
	said "$(stat -c '%U' /var/log/qmail/$log/current)" qmaill
done
"#;

/// What holds after the last command of the page.
const AT_THE_END: &str = r#"
! svok /etc/sv/mail/pop3d && ! svok /etc/sv/mail/pop3d/log || fail "pop3d is not removed"
svwait -u -t 60000 send send/log smtpd smtpd/log
[ -s /var/log/qmail/pop3d/current ] || fail "the removed service's log has gone"
svc -d send
svwait -d -t 60000 send
soon logged send 'finishes its deliveries'
"#;

#[test]
fn the_page_makes_a_mail_server_of_the_example_and_takes_it_down() {
    let what = "a mail server";
    let Some(tree) = own_root(what) else { return };
    for needed in ["tcpserver", "tcprules", "tcpclient"] {
        if tree.shell(&format!("command -v {needed}")).end != End::Code(0) {
            return left_out(what, &format!("{needed} is not installed"));
        }
    }
    let page = fs::read_to_string(workspace().join("docs/mail-server.md")).expect("the page");
    let mut script = format!("{}{SYSTEM}", bare_system());
    let mut at_work = 0;
    for block in fenced(&page, "sh") {
        script.push_str(&format!("{block}\n"));
        if block.contains("svwait -u --for 2") {
            script.push_str(AT_WORK);
            at_work += 1;
        }
    }
    assert_eq!(at_work, 1);
    script.push_str(AT_THE_END);
    tree.put_file("page", script);
    let script = format!("exec unshare --net sh '{}'", tree.path("page").display());
    let done = in_own_root(&tree, &script);
    assert_eq!(done.end, End::Code(0), "{done:?}");
}

/// What the page shows of the tree is there.
#[test]
fn the_page_shows_the_tree_as_it_is() {
    let page = fs::read_to_string(workspace().join("docs/mail-server.md")).expect("the page");
    let shown = page.lines().filter_map(|line| line.strip_prefix("    /etc/sv/mail/"));
    let mut count = 0;
    for line in shown {
        let (file, rest) = line.split_once(' ').unwrap_or((line, ""));
        let script = fs::read_to_string(workspace().join("examples/mail").join(file)).expect("a file of the example");
        assert!(!rest.trim().starts_with("exec ") || script.contains(rest.trim()), "{file}: {rest}");
        count += 1;
    }
    assert_eq!(count, 6);
    let tree = Tree::of(Programs::ours());
    let checked =
        tree.invocation("/bin/sh").args(["-c", "for run in mail/*/run mail/*/log/run; do sh -n $run || exit; done"]);
    assert_eq!(checked.current_dir(workspace().join("examples")).run().end, End::Code(0));
}
