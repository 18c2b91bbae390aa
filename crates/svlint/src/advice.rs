//! What a run script is told: pure, from its commands.

use crate::daemons::{Background, background};
use crate::finding::Code;
use crate::launch::{Launch, launch};
use crate::script::{After, Command};

/// A finding about a line of a script: the code, the line, what is wrong, what to do.
pub type Advice = (Code, usize, String, String);

/// Commands of the shell itself, and others after which a script may well end.
const HARMLESS: [&str; 35] = [
    ".", ":", "[", "break", "cd", "continue", "echo", "eval", "exit", "export", "false", "kill", "printf", "read",
    "readonly", "return", "set", "shift", "sleep", "source", "sv", "svc", "svstat", "test", "touch", "command", "trap",
    "true", "ulimit", "umask", "unset", "wait", "rm", "svwait", "mkdir",
];
/// Programs that say on standard output what goes to the log.
const SPEAKERS: [&str; 3] = ["qmail-start", "rc", "svscan"];

/// What the script starts at its end, if that can be told.
pub fn last_launch(commands: &[Command]) -> Option<(&Command, Launch)> {
    let last = commands.iter().rfind(|command| !command.within.contains(&"function"))?;
    Some((last, launch(&last.words)?))
}

/// What is to be said of the script of a service, or of a logger, which has no logger of its own.
pub fn advice(commands: &[Command], has_logger: bool) -> Vec<Advice> {
    let mut advice = Vec::new();
    let Some((last, launched)) = last_launch(commands) else { return advice };
    let program = launched.program.as_str();
    if last.after == After::Background {
        advice.push((
            Code::ToldToBackground,
            last.line,
            format!("{program} goes into the background by &, and its script ends"),
            format!("write exec {program} ..., without the &"),
        ));
    } else {
        advice.extend(runs_under_shell(commands, last, &launched));
    }
    for command in commands {
        // What the script only calls on its way may do as it likes.
        let stays = |launched: &Launch| launched.exec || command == last;
        let launched = launch(&command.words).filter(stays);
        advice.extend(launched.and_then(|launched| goes_away(command, &launched)));
    }
    let leads = |command: &Command| command.leads_errors() && (command == last || is_redirection_of_all(command));
    let speaks = SPEAKERS.contains(&program) || HARMLESS.contains(&program);
    if has_logger && !speaks && !fdmove(&launched) && !commands.iter().any(leads) {
        advice.push((
            Code::ErrorsNotLogged,
            last.line,
            "the service has a logger, which does not get what goes to standard error".into(),
            "add 2>&1 at the end of this line, or a line exec 2>&1 before it".into(),
        ));
    }
    advice
}

/// `exec 2>&1`: from here on, for all that follows.
fn is_redirection_of_all(command: &Command) -> bool {
    command.words.is_empty() || command.words == ["exec"] || command.words.first().is_some_and(|word| word == "exec")
}

/// `fdmove -c 2 1` does what `2>&1` does.
fn fdmove(launched: &Launch) -> bool {
    ["fdmove", "s6-fdmove", "multilog"].contains(&launched.program.as_str())
}

/// A last command that is a child of the shell.
fn runs_under_shell(commands: &[Command], last: &Command, launched: &Launch) -> Option<Advice> {
    let program = launched.program.as_str();
    let loops = |command: &Command| command.within.contains(&"while");
    // A loop is a service of its own. A branch or a group that ends in one exec was thought about.
    let thought_about = || {
        let block = commands.iter().rev().take_while(|command| !command.within.is_empty());
        block.filter_map(|command| launch(&command.words)).any(|launched| launched.exec)
    };
    if launched.exec || HARMLESS.contains(&program) || loops(last) {
        return None;
    }
    if !last.within.is_empty() && thought_about() {
        return None;
    }
    // What was started in the background before is waited for by nobody; that is another matter.
    Some((
        Code::NoExec,
        last.line,
        format!("{program} is started without exec, so signals reach the shell and not {program}"),
        format!("write exec {program} ..."),
    ))
}

/// A daemon that leaves.
fn goes_away(command: &Command, launched: &Launch) -> Option<Advice> {
    let program = launched.program.as_str();
    let lost = "supervise would start it again and again";
    Some(match background(launched)? {
        Background::Told(flag) => (
            Code::ToldToBackground,
            command.line,
            format!("{program} is told to go into the background by {flag}: {lost}"),
            format!("leave {flag} out, and keep {program} in the foreground"),
        ),
        Background::Untold(flag) => (
            Code::NotToldToForeground,
            command.line,
            format!("{program} goes into the background unless it is told not to: {lost}"),
            format!("add {flag}"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::commands;

    fn codes(script: &str, has_logger: bool) -> Vec<(Code, usize)> {
        let commands = commands(script).unwrap();
        advice(&commands, has_logger).into_iter().map(|(code, line, _, _)| (code, line)).collect()
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
            "#!/bin/sh\nexec chpst -u www fdmove -c 2 1 foo\n",
            "#!/bin/sh\nexec 2>&1\nexec $PROGRAM\n",
            "#!/bin/sh\nexec 2>&1\ncommand -v sshd || exit 1\nsshd -t\napachectl configtest\nexec sshd -D\n",
            "#!/bin/sh -e\nexec 2>&1\nexec env -i PATH=/bin A=b setlock -n ./lock foo\n",
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
            ("#!/bin/sh\nif a; then\n foo\nfi\n", false, vec![(Code::NoExec, 3)]),
            ("#!/bin/sh\nexec foo\n", true, vec![(Code::ErrorsNotLogged, 2)]),
            ("#!/bin/sh\nmkdir x 2>/dev/null\nexec foo\n", true, vec![(Code::ErrorsNotLogged, 3)]),
            ("#!/bin/sh\nfoo 2>&1 &\n", true, vec![(Code::ToldToBackground, 2)]),
            ("#!/bin/sh\nexec memcached -d 2>&1\n", true, vec![(Code::ToldToBackground, 2)]),
            ("#!/bin/sh\nexec sshd\n", false, vec![(Code::NotToldToForeground, 2)]),
        ] {
            assert_eq!(codes(script, logger), expected, "{script}");
        }
    }
}
