//! Daemons that leave for the background: those that do so when a flag says so, and those that do unless one says not to.
//!
//! The second table has only programs for which no configuration file can say it, so that silence is never wrong.

use crate::flags::{Syntax, flags};
use crate::launch::Launch;
use crate::word::Word;

/// A program that a flag sends into the background.
struct Daemonizes {
    name: &'static str,
    syntax: Syntax,
    /// The flags that tell it to.
    flags: &'static [&'static str],
    /// The flags that keep it in the foreground nevertheless.
    kept_by: &'static [&'static str],
}

const fn daemonizes(name: &'static str, valued: &'static str, flags: &'static [&'static str]) -> Daemonizes {
    Daemonizes { name, syntax: Syntax { valued, ..Syntax::USUAL }, flags, kept_by: &[] }
}

const fn words(name: &'static str, valued: &'static str, flags: &'static [&'static str]) -> Daemonizes {
    Daemonizes { name, syntax: Syntax { valued, ..Syntax::WORDS }, flags, kept_by: &[] }
}

/// A value in the next word: `--daemonize yes`.
const fn long(name: &'static str) -> Daemonizes {
    let syntax = Syntax { long_valued: &["--daemonize"], ..Syntax::USUAL };
    Daemonizes { name, syntax, flags: &["--daemonize"], kept_by: &[] }
}

/// Options end at the second other word: the host, and then the command.
const SSH: Syntax = Syntax { valued: "BbcDEeFIiJLlmOopQRSWw", operands: 2, ..Syntax::USUAL };

const DAEMONIZE_FLAGS: &[Daemonizes] = &[
    Daemonizes {
        name: "autossh",
        syntax: Syntax { valued: "BbcDEeFIiJLlmMOopQRSWw", ..SSH },
        flags: &["-f"],
        kept_by: &[],
    },
    daemonizes("avahi-daemon", "f", &["-D", "--daemonize"]),
    daemonizes("beanstalkd", "bflpuzs", &["-d"]),
    words("caddy", "", &["start"]),
    daemonizes("celery", "", &["--detach"]),
    Daemonizes { kept_by: &["--nofork"], ..daemonizes("dbus-daemon", "", &["--fork"]) },
    Daemonizes { kept_by: &["-d"], ..words("exim", "", &["-bd"]) },
    Daemonizes { kept_by: &["-d"], ..words("exim4", "", &["-bd"]) },
    Daemonizes { kept_by: &["-f"], ..daemonizes("fail2ban-server", "cspl", &["-b"]) },
    daemonizes("gunicorn", "bcegkmnptuw", &["-D", "--daemon"]),
    Daemonizes { kept_by: &["-db"], ..words("haproxy", "fnNpLCxSm", &["-D"]) },
    daemonizes("hostapd", "efgGPTvi", &["-B"]),
    daemonizes("i2pd", "", &["--daemon"]),
    long("keydb-server"),
    Daemonizes { kept_by: &["--foreground"], ..daemonizes("mcelog", "", &["--daemon"]) },
    daemonizes("memcached", "aApsUmclutDnfRCbBIoPe", &["-d", "--daemon"]),
    daemonizes("mongod", "f", &["--fork"]),
    daemonizes("mongos", "f", &["--fork"]),
    Daemonizes {
        kept_by: &["--no-daemonize", "--skip-daemonize", "--disable-daemonize"],
        ..daemonizes("mysqld", "bChLPrtuWO", &["--daemonize", "-D"])
    },
    words("openvpn", "", &["--daemon"]),
    Daemonizes { kept_by: &["-F", "--nodaemonize"], ..daemonizes("php-fpm", "cdgpyz", &["-D", "--daemonize"]) },
    daemonizes("pg_ctl", "DlmoptPUNSce", &["start", "restart"]),
    daemonizes("postfix", "c", &["start"]),
    words("pppd", "", &["updetach"]),
    daemonizes("puma", "bCeIpPrRStw", &["-d", "--daemon"]),
    daemonizes("pure-ftpd", "cCfFgIjJkLmnOpPqQrStTuUvVy", &["-B", "--daemonize"]),
    long("redis-server"),
    Daemonizes { name: "ssh", syntax: SSH, flags: &["-f"], kept_by: &[] },
    daemonizes("start-stop-daemon", "acdgIknNOpPrRsuxZ", &["-b", "--background"]),
    daemonizes("systemd-udevd", "cetN", &["-d", "--daemon"]),
    daemonizes("thin", "aACPRSTbcelmoprtu", &["-d", "--daemonize"]),
    daemonizes("udevd", "cetN", &["-d", "--daemon"]),
    daemonizes("ulogd", "cpu", &["-d", "--daemon"]),
    daemonizes("unicorn", "cElpoIresP", &["-D", "--daemonize"]),
    words("uwsgi", "", &["-d", "--daemonize", "--daemonize2"]),
    long("valkey-server"),
    Daemonizes { kept_by: &["-n", "--nodaemon"], ..daemonizes("vnstatd", "", &["-d", "--daemon"]) },
    daemonizes("wpa_supplicant", "bcCDefgGioOpPIm", &["-B"]),
];

/// A program that goes into the background.
struct Leaves {
    name: &'static str,
    /// The flags that keep it.
    flags: &'static [&'static str],
    /// Which of them to write; where several programs have this name, all of them.
    write: &'static str,
    /// Where it is not empty: it goes only with one of these.
    only_with: &'static [&'static str],
}

/// A program whose first flag is the one to write.
const fn leaves(name: &'static str, flags: &'static [&'static str]) -> Leaves {
    let write = match flags {
        [first, ..] => first,
        [] => "",
    };
    Leaves { name, flags, write, only_with: &[] }
}

const APACHE: &[&str] = &["-DFOREGROUND", "-DNO_DETACH", "-D NO_DETACH", "-F", "-D FOREGROUND", "-X", "-t", "-v", "-f"];

const FOREGROUND_FLAGS: &[Leaves] = &[
    leaves("acpid", &["-f", "--foreground", "-d", "--debug"]),
    leaves("apache2", APACHE),
    leaves("apache2ctl", APACHE),
    leaves("apachectl", APACHE),
    leaves("atd", &["-f", "-d"]),
    leaves("collectd", &["-f", "-t", "-T", "-h"]),
    leaves("connmand", &["-n", "--nodaemon", "-v", "--version"]),
    leaves("cron", &["-f", "-n"]),
    leaves("chronyd", &["-d", "-n", "-q", "-Q"]),
    Leaves { write: "-f, or -n where it is cronie", ..leaves("crond", &["-f", "-n", "-d", "-x"]) },
    leaves("cupsd", &["-f", "-F", "-l", "-t"]),
    leaves("dhcpd", &["-f", "-d", "-t", "-T"]),
    leaves("dovecot", &["-F", "-a", "-n"]),
    leaves("dropbear", &["-F", "-i"]),
    Leaves {
        write: "-DFOREGROUND, or -f where it is busybox's",
        ..leaves(
            "httpd",
            &["-DFOREGROUND", "-DNO_DETACH", "-D NO_DETACH", "-F", "-D FOREGROUND", "-X", "-f", "-d", "-t", "-v"],
        )
    },
    Leaves { only_with: &["-l", "--listen"], ..leaves("in.tftpd", &["-L", "--foreground"]) },
    leaves("klogd", &["-n"]),
    leaves("lighttpd", &["-D", "-t", "-i", "-1", "-v", "-V"]),
    leaves("mpd", &["--no-daemon", "--stdout", "--systemd", "--kill"]),
    leaves("named", &["-f", "-g"]),
    leaves("nmbd", &["-F", "--foreground", "-i", "--interactive"]),
    Leaves { write: "-n, or -d where it is OpenNTPD", ..leaves("ntpd", &["-n", "-d", "-q", "--nofork"]) },
    leaves("privoxy", &["--no-daemon"]),
    leaves("proftpd", &["-n", "--nodaemon", "-t"]),
    leaves("rpcbind", &["-f", "-d"]),
    Leaves { only_with: &["--daemon"], ..leaves("rsync", &["--no-detach"]) },
    leaves("rsyslogd", &["-n", "-N"]),
    leaves("slapd", &["-d"]),
    leaves("smartd", &["-n", "--no-fork", "-d", "--debug", "-q", "--quit"]),
    leaves("smbd", &["-F", "--foreground", "-i", "--interactive"]),
    leaves("snmpd", &["-f"]),
    leaves("snmptrapd", &["-f"]),
    leaves("squid", &["-N", "--foreground", "-z", "-k"]),
    leaves("sshd", &["-D", "-i", "-d", "-t", "-T", "-G"]),
    Leaves { write: "-n, or -F where it is sysklogd 2", ..leaves("syslogd", &["-n", "-d", "-F", "--no-detach"]) },
    leaves("syslog-ng", &["-F", "--foreground"]),
    leaves("transmission-daemon", &["-f", "--foreground"]),
    leaves("varnishd", &["-F", "-d", "-C", "-V"]),
    leaves("winbindd", &["-F", "--foreground", "-i", "--interactive"]),
    leaves("xinetd", &["-dontfork", "-d"]),
];

/// How a program gets into the background.
#[derive(Debug, PartialEq, Eq)]
pub enum Background {
    /// By this flag.
    Flag(String),
    /// Because a flag is missing: which one to write.
    Missing(&'static str),
}

/// Whether the program that is started goes into the background.
pub fn background(launch: &Launch) -> Option<Background> {
    if launch.through.iter().any(|name| name.ends_with("fghack")) {
        return None;
    }
    let program = launch.program.as_str();
    let is = |listed: &str| program == listed || versioned(program, listed);
    if program == "nginx" {
        let says = |word: &Word| word.literal().is_some_and(|text| text.contains("daemon on"));
        return launch.arguments.iter().any(says).then(|| Background::Flag("daemon on;".into()));
    }
    if let Some(program) = DAEMONIZE_FLAGS.iter().find(|program| is(program.name)) {
        let found = flags(program.syntax, &launch.arguments);
        let any = |names: &[&str]| found.iter().rev().find(|flag| names.contains(&flag.name.as_str())).cloned();
        let flag = any(program.flags).filter(|flag| !flag.is_off() && any(program.kept_by).is_none())?;
        let value = flag.value.filter(|_| program.syntax.long_valued.contains(&flag.name.as_str()));
        return Some(Background::Flag([Some(flag.name), value].into_iter().flatten().collect::<Vec<_>>().join(" ")));
    }
    // lighttpd2 is another program than lighttpd.
    let program = FOREGROUND_FLAGS.iter().find(|listed| listed.name == program)?;
    // The shell may put the flag there.
    let dynamic = launch.arguments.iter().any(|word| word.literal().is_none());
    let has = |flags: &[&str]| flags.iter().any(|flag| occurs(launch, flag));
    let goes = program.only_with.is_empty() || has(program.only_with);
    if dynamic || !goes || has(program.flags) {
        return None;
    }
    Some(Background::Missing(program.write))
}

/// `php-fpm8.2` is a php-fpm.
fn versioned(program: &str, listed: &str) -> bool {
    let rest = program.strip_prefix(listed).map(|rest| rest.trim_start_matches('-'));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Whether a flag may be among the arguments: as words next to each other, before `=`, or as a letter among others. Too
/// often rather than too seldom: it leads to silence.
fn occurs(launch: &Launch, flag: &str) -> bool {
    let arguments: Vec<&str> = launch.arguments.iter().map(Word::text).collect();
    let parts: Vec<&str> = flag.split(' ').collect();
    let letter = flag.strip_prefix('-').filter(|letter| letter.len() == 1);
    let is = |argument: &&str| {
        let cluster = argument.starts_with('-') && !argument.starts_with("--");
        argument.split('=').next() == Some(flag) || (cluster && letter.is_some_and(|letter| argument.contains(letter)))
    };
    arguments.windows(parts.len()).any(|window| window == parts) || arguments.iter().any(is)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::launch;
    use crate::script::Script;

    fn of(line: &str) -> Option<Background> {
        background(&launch(&Script::new(line).unwrap().commands[0].words).unwrap())
    }

    #[test]
    fn those_that_a_flag_sends_away() {
        for (line, flag) in [
            ("exec memcached -d -u www", "-d"),
            ("exec memcached -dp 11211", "-d"),
            ("exec memcached $OPTS -d", "-d"),
            ("exec setuidgid www /usr/bin/gunicorn --daemon x", "--daemon"),
            ("exec redis-server --daemonize yes", "--daemonize yes"),
            ("exec php-fpm8.2 -D", "-D"),
            ("exec mongod --fork", "--fork"),
            ("exec mysqld --daemonize", "--daemonize"),
            ("exec mysqld --daemonize=ON", "--daemonize"),
            ("exec uwsgi --daemonize=/var/log/x", "--daemonize"),
            ("exec start-stop-daemon --start --background --exec x", "--background"),
            ("exec start-stop-daemon -Sbx f -- -v", "-b"),
            ("exec ssh -fN h", "-f"),
            ("exec ssh h -f tail", "-f"),
            ("exec autossh -M 0 -f h", "-f"),
            ("exec haproxy -f x -D", "-D"),
            ("exec nginx -g 'daemon on;'", "daemon on;"),
        ] {
            assert_eq!(of(line), Some(Background::Flag(flag.into())), "{line}");
        }
        for line in [
            "exec memcached -u www",
            "exec memcached -u d -p 1",
            "exec memcached -ud",
            "exec fghack memcached -d",
            "exec redis-server --daemonize no",
            "exec foo -d",
            "exec ssh -N h tail -f x",
            "exec ssh -N $h -f",
            "exec ssh -o f h",
            "exec start-stop-daemon -S -x f -- -b 1",
            "exec mysqld --daemonize=OFF",
            "exec php-fpm -D -F",
            "exec haproxy -D -db",
            "exec exim4 -bd -d -q30m",
            "exec mcelog --daemon --foreground",
            "exec gunicorn -c -D",
            "exec nginx -g 'daemon off;'",
            "exec postfix start-fg",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn those_that_leave_without_a_flag() {
        for (line, flag) in [
            ("exec /usr/sbin/sshd", "-D"),
            ("exec cron", "-f"),
            ("exec apache2 -k start", "-DFOREGROUND"),
            ("exec rsync --daemon", "--no-detach"),
            ("exec in.tftpd -l /srv", "-L"),
            ("exec crond", "-f, or -n where it is cronie"),
            ("exec syslogd -s -m0", "-n, or -F where it is sysklogd 2"),
        ] {
            assert_eq!(of(line), Some(Background::Missing(flag)), "{line}");
        }
        for line in [
            "exec sshd -De",
            "exec sshd $OPTIONS",
            "exec apache2 -D FOREGROUND",
            "exec rsync --daemon --no-detach",
            "exec rsync -a x y",
            "exec tcpserver 0 22 sshd -i",
            "exec in.tftpd -s /srv",
            "exec lighttpd2 -c x",
            "exec slapd -d0",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
