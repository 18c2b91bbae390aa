//! The checks of a run script: what is to be said of its commands. Pure.

use crate::code::Code;
use crate::daemons::{Background, background};
use crate::ending::Ending;
use crate::launch::{Launch, launch};
use crate::script::{Command, Script};

/// A finding about a line of a script: the code, the line, what is wrong, what to do.
pub type Advice = (Code, usize, String, String);

/// Commands of the shell itself, and others after which a script may well end.
const HARMLESS: &[&str] = &[
    ".",
    ":",
    "[",
    "[[",
    "alias",
    "break",
    "cat",
    "cd",
    "chgrp",
    "chmod",
    "chown",
    "command",
    "continue",
    "cp",
    "date",
    "declare",
    "echo",
    "eval",
    "exit",
    "export",
    "false",
    "getopts",
    "hash",
    "install",
    "ip",
    "iptables",
    "kill",
    "killall",
    "let",
    "ln",
    "local",
    "logger",
    "mkdir",
    "mkfifo",
    "modprobe",
    "mount",
    "mountpoint",
    "mv",
    "pause",
    "pkill",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "read",
    "readonly",
    "return",
    "rm",
    "rmdir",
    "s6-svc",
    "set",
    "shift",
    "shopt",
    "sleep",
    "source",
    "sv",
    "svc",
    "svstat",
    "svwait",
    "sync",
    "sysctl",
    "test",
    "touch",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "umask",
    "umount",
    "unalias",
    "unset",
    "wait",
];
/// Programs that say on standard output what goes to the log.
const SPEAKERS: [&str; 3] = ["qmail-start", "rc", "svscan"];
/// Programs that write a log, and belong into a logger's script.
const LOGGERS: [&str; 10] =
    ["cronolog", "logger", "multilog", "rotatelogs", "s6-log", "svlogd", "tai64n", "tee", "tinylog", "vlogger"];

/// What is known besides the script.
#[derive(Clone, Copy, Debug, Default)]
pub struct Context {
    /// Whether the service has a logger, which should get its errors.
    pub has_logger: bool,
    /// Whether errors may be redirected by what was not read, or are by what was.
    pub errors_led: bool,
}

/// Whether a script may end with this command.
pub fn is_harmless(program: &str) -> bool {
    HARMLESS.contains(&program)
}

/// What is to be said of a script that ends so.
pub fn advice(script: &Script, ending: &Ending, context: Context) -> Vec<Advice> {
    let mut advice = Vec::new();
    let (command, program) = (&ending.command, ending.launch.program.as_str());
    if command.background {
        advice.push((
            Code::DaemonizeFlag,
            command.line,
            format!("{program} goes into the background by &, and its script ends"),
            format!("write exec {program} ..., without the &"),
        ));
    } else {
        advice.extend(under_shell(script, ending));
    }
    advice.extend(goes_away(command.line, &ending.launch));
    for command in script.commands.iter().filter(|other| other.line != command.line) {
        // What the script only calls on its way may do as it likes.
        let stays = launch(&command.words).filter(|launched| launched.exec);
        advice.extend(stays.and_then(|launched| goes_away(command.line, &launched)));
    }
    let redirected = context.errors_led || ending.redirects_errors || ending.launch.redirects_errors;
    let led = redirected || script.commands.iter().any(redirects_all_errors);
    // In a pipeline, the logger gets what the pipeline's end says; that finding comes first.
    let silent = SPEAKERS.contains(&program) || is_harmless(program) || ending.launch.unread || command.piped;
    if context.has_logger && !silent && !led {
        advice.push((
            Code::ErrorsNotLogged,
            command.line,
            "the service has a logger, which does not get what goes to standard error".into(),
            "add 2>&1 at the end of this line, or a line exec 2>&1 before it".into(),
        ));
    }
    advice
}

/// Whether a command redirects the errors of what comes after it (`exec 2>&1`), or of a group.
pub fn redirects_all_errors(command: &Command) -> bool {
    command.words.first().is_none_or(|word| word == "exec") && command.redirects_errors()
}

/// A last command that is a child of the shell.
fn under_shell(script: &Script, ending: &Ending) -> Option<Advice> {
    let (command, exec) = (&ending.command, ending.launch.exec);
    let program = ending.launch.program.as_str();
    let finding = |what: String, fix: String| Some((Code::NoExec, command.line, what, fix));
    // A loop is a service of its own.
    if command.in_loop() || is_parameter(program) {
        return None;
    }
    if command.piped && !pipes_harmless(script, command) {
        let fix = match LOGGERS.contains(&program) {
            true => format!("let {program} be the service's logger, in log/run, and the program before it the service"),
            false => "let the service be one program, started with exec".into(),
        };
        return finding(
            format!("{program} ends a pipeline, which the shell waits for: signals reach the shell only"),
            fix,
        );
    }
    if is_harmless(program) || (exec && !command.in_subshell()) {
        return None;
    }
    if exec {
        let what = format!("in parentheses, exec replaces a subshell: signals reach the shell and not {program}");
        return finding(what, "remove the parentheses".into());
    }
    // A branch or a group that has an exec was thought about.
    let around = || {
        let block = script.commands.iter().rev().take_while(|command| !command.within.is_empty());
        block.filter_map(|command| launch(&command.words)).any(|launched| launched.exec)
    };
    if !command.within.is_empty() && around() {
        return None;
    }
    finding(
        format!("{program} is started without exec, so signals reach the shell and not {program}"),
        format!("write exec {program} ..."),
    )
}

/// Whether the pipeline that ends with this command, or the last one where it is in a function, has only harmless ones.
fn pipes_harmless(script: &Script, last: &Command) -> bool {
    let upwards = script.commands.iter().rev().skip_while(|command| command.line > last.line);
    let pipeline = upwards.take_while(|command| command.piped).filter_map(|command| launch(&command.words));
    pipeline.into_iter().all(|launch| is_harmless(&launch.program))
}

/// `"$@"` and `$1`: what the caller gave.
fn is_parameter(program: &str) -> bool {
    let inner = program.trim_matches('"').trim_start_matches(['$', '{']).trim_end_matches('}');
    program.contains('$') && (matches!(inner, "@" | "*") || inner.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A daemon that leaves.
fn goes_away(line: usize, launch: &Launch) -> Option<Advice> {
    let program = launch.program.as_str();
    let lost = "supervise would start it again and again";
    Some(match background(launch)? {
        Background::Flag(flag) => (
            Code::DaemonizeFlag,
            line,
            format!("{program} is told to go into the background by {flag}: {lost}"),
            format!("leave {flag} out, and keep {program} in the foreground"),
        ),
        Background::Missing(flag) => (
            Code::ForegroundFlagMissing,
            line,
            format!("{program} goes into the background unless it is told not to: {lost}"),
            format!("add {flag}"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ending::ending;

    fn codes(script: &str, has_logger: bool) -> Vec<(Code, usize)> {
        let script = Script::new(script).unwrap();
        let context = Context { has_logger, ..Context::default() };
        let advice = |ending: Ending| advice(&script, &ending, context);
        let found = ending(&script, 1).map(advice).unwrap_or_default();
        found.into_iter().map(|(code, line, _, _)| (code, line)).collect()
    }

    #[test]
    fn sound_scripts_are_left_alone() {
        for script in [
            "#!/bin/sh\nexec 2>&1\nexec setuidgid www httpd -f conf\n",
            "#!/bin/sh\nPATH=/bin; export PATH\nexec tcpserver -v 0 25 smtpd 2>&1\n",
            "#!/bin/sh\nexec /var/qmail/rc\n",
            "#!/bin/sh\nif [ -x a ]; then\n exec a 2>&1\nelse\n exec b 2>&1\nfi\n",
            "#!/bin/sh\nexec 2>&1\nwhile :; do work; sleep 60; done\n",
            "#!/bin/sh\nexec 2>&1\nfoo &\nwait\n",
            "#!/bin/sh\nrun() {\n exec \"$@\" 2>&1\n}\nrun foo 2>&1\nexit 1\n",
            "#!/bin/sh\nmain() {\n exec foo\n}\nmain \"$@\" 2>&1\n",
            "#!/bin/sh\nmain() { exec foo 2>&1; }; main \"$@\"\n",
            "#!/bin/sh\nwork() { foo; sleep 5; }\nexec 2>&1\nwhile :; do work; done\n",
            "#!/bin/sh\nexec chpst -u www fdmove -c 2 1 foo\n",
            "#!/bin/sh\nexec envdir ./env sh -c 'exec foo 2>&1'\n",
            "#!/bin/sh\nexec 2>&1\nexec $PROGRAM\n",
            "#!/bin/sh\nexec 2>&1\ncommand -v sshd || exit 1\nsshd -t\napachectl configtest\nexec sshd -D\n",
            "#!/bin/sh -e\nexec 2>&1\nexec env -i PATH=/bin A=b setlock -n ./lock foo\n",
            "#!/bin/sh\nexec foo 2>&1\necho not reached\n",
            "#!/bin/sh\nexec 2>&1\nfoo\necho ended | logger\n",
            "",
        ] {
            assert_eq!(codes(script, true), [], "{script}");
        }
    }

    #[test]
    fn what_bites_is_said_with_its_line() {
        for (script, logger, expected) in [
            ("#!/bin/sh\n\nfoo -x\n", false, vec![(Code::NoExec, 3)]),
            ("#!/bin/sh\nfoo | bar\n", false, vec![(Code::NoExec, 2)]),
            ("#!/bin/sh\nfoo 2>&1 | exec multilog t ./log\n", true, vec![(Code::NoExec, 2)]),
            ("#!/bin/sh\n(exec foo)\n", false, vec![(Code::NoExec, 2)]),
            ("#!/bin/sh\nfoo\nX=1\n", false, vec![(Code::NoExec, 2)]),
            ("#!/bin/sh\nfoo\n2>&1\n", false, vec![(Code::NoExec, 2)]),
            ("#!/bin/sh\nif a; then\n foo\nfi\n", false, vec![(Code::NoExec, 3)]),
            ("#!/bin/sh\nmain() {\n foo\n}\nmain\n", false, vec![(Code::NoExec, 3)]),
            ("#!/bin/sh\nexec foo\n", true, vec![(Code::ErrorsNotLogged, 2)]),
            ("#!/bin/sh\nexec foo\nX=1\n", true, vec![(Code::ErrorsNotLogged, 2)]),
            ("#!/bin/sh\nexec envdir e sh -c 'exec foo'\n", true, vec![(Code::ErrorsNotLogged, 2)]),
            ("#!/bin/sh\nmkdir x 2>/dev/null\nexec foo\n", true, vec![(Code::ErrorsNotLogged, 3)]),
            ("#!/bin/sh\nfoo 2>&1 &\n", true, vec![(Code::DaemonizeFlag, 2)]),
            ("#!/bin/sh\n(foo 2>&1) &\n", true, vec![(Code::DaemonizeFlag, 2)]),
            ("#!/bin/sh\nexec memcached -d 2>&1\n", true, vec![(Code::DaemonizeFlag, 2)]),
            ("#!/bin/sh\nexec sh -c 'exec memcached -d'\n", false, vec![(Code::DaemonizeFlag, 2)]),
            ("#!/bin/sh\nexec sshd\n", false, vec![(Code::ForegroundFlagMissing, 2)]),
        ] {
            assert_eq!(codes(script, logger), expected, "{script}");
        }
    }
}
