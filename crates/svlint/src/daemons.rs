//! Daemons that go into the background: which are told so by a flag, and which do so unless they are told not to.
//!
//! The second table has only programs that no file of theirs can tell otherwise; else we would be wrong now and then.

use crate::launch::{Launch, Word};

/// Programs and the flags by which they are told to go into the background.
const TOLD: [(&str, &[&str]); 28] = [
    ("autossh", &["-f"]),
    ("avahi-daemon", &["-D", "--daemonize"]),
    ("beanstalkd", &["-d"]),
    ("caddy", &["start"]),
    ("celery", &["--detach"]),
    ("dbus-daemon", &["--fork"]),
    ("gunicorn", &["-D", "--daemon"]),
    ("haproxy", &["-D"]),
    ("keydb-server", &["--daemonize yes"]),
    ("memcached", &["-d", "--daemon"]),
    ("mongod", &["--fork"]),
    ("mongos", &["--fork"]),
    ("mysqld", &["--daemonize", "-D"]),
    ("openvpn", &["--daemon"]),
    ("php-fpm", &["-D", "--daemonize"]),
    ("pg_ctl", &["start"]),
    ("postfix", &["start"]),
    ("pppd", &["updetach"]),
    ("puma", &["-d", "--daemon"]),
    ("pure-ftpd", &["-B", "--daemonize"]),
    ("redis-server", &["--daemonize yes"]),
    ("ssh", &["-f"]),
    ("start-stop-daemon", &["-b", "--background"]),
    ("systemd-udevd", &["-d", "--daemon"]),
    ("thin", &["-d", "--daemonize"]),
    ("udevd", &["-d", "--daemon"]),
    ("unicorn", &["-D", "--daemonize"]),
    ("uwsgi", &["-d", "--daemonize", "--daemonize2"]),
];

/// Programs that go into the background, and the flags that keep them; the first is what to write.
const UNLESS: [(&str, &[&str]); 26] = [
    ("apache2", &["-DFOREGROUND", "-DNO_DETACH", "-D NO_DETACH", "-F", "-D FOREGROUND", "-X", "-t", "-v"]),
    ("apache2ctl", &["-DFOREGROUND", "-D FOREGROUND", "-X", "-t", "-v"]),
    ("apachectl", &["-DFOREGROUND", "-D FOREGROUND", "-X", "-t", "-v"]),
    ("atd", &["-f", "-d"]),
    ("cron", &["-f", "-n"]),
    ("chronyd", &["-d", "-n", "-q", "-Q"]),
    ("crond", &["-f", "-n", "-d"]),
    ("dovecot", &["-F"]),
    ("dropbear", &["-F", "-i"]),
    ("httpd", &["-DFOREGROUND", "-DNO_DETACH", "-D NO_DETACH", "-F", "-D FOREGROUND", "-X", "-f", "-t", "-v"]),
    ("in.tftpd", &["-L", "--foreground"]),
    ("klogd", &["-n"]),
    ("lighttpd", &["-D", "-t", "-i"]),
    ("named", &["-f", "-g"]),
    ("nmbd", &["-F", "--foreground", "-i", "--interactive"]),
    ("ntpd", &["-n", "-d", "-q", "--nofork"]),
    ("proftpd", &["-n", "--nodaemon"]),
    ("rsyslogd", &["-n"]),
    ("slapd", &["-d"]),
    ("smbd", &["-F", "--foreground", "-i", "--interactive"]),
    ("snmpd", &["-f"]),
    ("squid", &["-N", "--foreground"]),
    ("sshd", &["-D", "-i", "-d", "-t", "-T"]),
    ("syslogd", &["-n", "-d"]),
    ("syslog-ng", &["-F", "--foreground"]),
    ("xinetd", &["-dontfork", "-d"]),
];

/// How a program gets into the background.
#[derive(Debug, PartialEq, Eq)]
pub enum Background {
    /// It is told so, by this flag.
    Told(String),
    /// It is not told otherwise, by this flag.
    Untold(&'static str),
}

/// Whether what is started goes into the background.
pub fn background(launch: &Launch) -> Option<Background> {
    if launch.through.iter().any(|name| name == "fghack") {
        return None;
    }
    let program = launch.program.as_str();
    let name = |listed: &str| program == listed || versioned(program, listed);
    if program == "nginx" && has(launch, "daemon on") {
        return Some(Background::Told("daemon on;".into()));
    }
    // rsync is a daemon that stays only if it is told so, besides being told to be one.
    if program == "rsync" && has(launch, "--daemon") && !has(launch, "--no-detach") {
        return Some(Background::Untold("--no-detach"));
    }
    let told = TOLD.iter().find(|(listed, _)| name(listed));
    if let Some(flag) = told.and_then(|(_, flags)| flags.iter().find(|flag| has(launch, flag))) {
        return Some(Background::Told((*flag).into()));
    }
    let (_, flags) = UNLESS.iter().find(|(listed, _)| name(listed))?;
    // What the shell puts there may be the flag.
    let open = launch.arguments.iter().any(|word| word.literal().is_none());
    let kept = flags.iter().any(|flag| has(launch, flag) || clustered(launch, flag));
    if open || kept { None } else { flags.first().map(|flag| Background::Untold(flag)) }
}

/// `php-fpm8.2` is a php-fpm.
fn versioned(program: &str, listed: &str) -> bool {
    let rest = program.strip_prefix(listed).map(|rest| rest.trim_start_matches('-'));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// Whether the words of `flag` stand among the arguments, next to each other, or after `=`.
fn has(launch: &Launch, flag: &str) -> bool {
    let arguments: Vec<&str> = launch.arguments.iter().map(|word| word.literal().unwrap_or("$")).collect();
    let parts: Vec<&str> = flag.split(' ').collect();
    arguments.windows(parts.len()).any(|window| window == parts)
        || arguments.iter().any(|argument| *argument == parts.join("=") || argument.trim_end_matches(';') == flag)
        || (parts.len() == 1 && arguments.iter().any(|argument| is_long_with_value(argument, flag)))
}

fn is_long_with_value(argument: &str, flag: &str) -> bool {
    flag.starts_with("--") && argument.split_once('=').is_some_and(|(name, value)| name == flag && value != "no")
}

/// Whether a letter stands among others: `-De`. Good enough to keep silent, not to speak.
fn clustered(launch: &Launch, flag: &str) -> bool {
    let letter = flag.strip_prefix('-').filter(|letter| letter.len() == 1);
    letter.is_some_and(|letter| {
        let cluster = |text: &str| text.starts_with('-') && !text.starts_with("--") && text.contains(letter);
        launch.arguments.iter().filter_map(Word::literal).any(cluster)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::launch::launch;

    fn of(line: &str) -> Option<Background> {
        background(&launch(&line.split(' ').map(String::from).collect::<Vec<_>>()).unwrap())
    }

    #[test]
    fn who_is_told_to_go() {
        for line in [
            "exec memcached -d -u www",
            "exec setuidgid www /usr/bin/gunicorn --daemon x",
            "exec redis-server --daemonize yes",
            "exec php-fpm8.2 -D",
            "exec mongod --fork",
            "exec uwsgi --daemonize=/var/log/x",
            "exec start-stop-daemon --start --background --exec x",
        ] {
            assert!(matches!(of(line), Some(Background::Told(_))), "{line}");
        }
        for line in
            ["exec memcached -u www", "exec fghack memcached -d", "exec redis-server --daemonize no", "exec foo -d"]
        {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn who_goes_unless_told_to_stay() {
        for (line, flag) in [
            ("exec /usr/sbin/sshd", "-D"),
            ("exec cron", "-f"),
            ("exec apache2 -k start", "-DFOREGROUND"),
            ("exec rsync --daemon", "--no-detach"),
        ] {
            assert_eq!(of(line), Some(Background::Untold(flag)), "{line}");
        }
        for line in [
            "exec sshd -De",
            "exec sshd $OPTIONS",
            "exec apache2 -D FOREGROUND",
            "exec rsync --daemon --no-detach",
            "exec rsync -a x y",
            "exec tcpserver 0 22 sshd -i",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }
}
