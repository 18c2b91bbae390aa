//! Commands of other supervisors in a run script, and what does the same here: pure, from the script's commands.

use std::collections::BTreeSet;

use crate::launch::launch;
use crate::passing::passing;
use crate::script::Script;
use crate::word::Word;

/// What is to be said: the line, what is wrong, what to do.
pub type Remark = (usize, String, String);

/// What is to be said of a script. `sv_works` tells of the name of a service whether runit's sv understands its supervise.
pub fn foreign_commands(script: &Script, sv_works: impl Fn(&str) -> bool) -> Vec<Remark> {
    let mut seen = BTreeSet::new();
    let mut remarks = Vec::new();
    for command in &script.commands {
        let Some(launched) = launch(&command.words) else { continue };
        let remark = if launched.program == "sv" {
            sv(&launched.arguments).filter(|(service, ..)| !sv_works(service)).map(|(_, what, fix)| (what, fix))
        } else if launched.through.iter().any(|name| name == "s6-notifyoncheck") {
            Some(notifyoncheck(&options("s6-notifyoncheck", &command.words)))
        } else {
            None
        };
        // Once for each way to mend it.
        let new = remark.filter(|(_, fix)| seen.insert(fix.clone()));
        remarks.extend(new.map(|(what, fix)| (command.line, what, fix)));
    }
    remarks
}

/// The service that a command of sv is about, what is wrong with it, and what to write instead.
fn sv(arguments: &[Word]) -> Option<(String, String, String)> {
    let mut words = arguments.iter().map(Word::text);
    let mut word = words.next()?;
    while word.starts_with('-') {
        // -w SECONDS; -v has no value.
        if word == "-w" {
            words.next()?;
        }
        word = words.next()?;
    }
    let (action, service) = (word, words.next()?);
    // sv finds a name in the scan directory, and so does svwait; svc and svstat take paths.
    let path = if service.contains(['/', '.', '$']) { service.to_owned() } else { format!("/service/{service}") };
    let here = match action {
        "check" => format!("svwait -t 7s {service} || exit 1"),
        "start" => format!("svc -u {path}; svwait -t 7s {service}"),
        "u" | "up" => format!("svc -u {path}"),
        "d" | "down" | "stop" | "force-stop" => format!("svc -d {path}"),
        "o" | "once" => format!("svc -o {path}"),
        "t" | "term" | "restart" | "force-restart" => format!("svc -t {path}"),
        "h" | "hup" | "reload" => format!("svc -h {path}"),
        "k" | "kill" => format!("svc -k {path}"),
        "x" | "e" | "exit" | "shutdown" => format!("svc -dx {path}"),
        "s" | "status" => format!("svstat {path}"),
        _ => format!("svc {path} with the letter for {action}"),
    };
    let what = format!("sv {action} does not understand the status of {service} as supervise writes it");
    let fix = format!("write {here}, or put the line runit into supervise.d/status of {service}");
    Some((service.to_owned(), what, fix))
}

fn notifyoncheck(options: &[(char, String)]) -> (String, String) {
    let what = "s6-notifyoncheck refuses to run under another supervisor than its own";
    let check = options.iter().find(|(letter, _)| *letter == 'c').map(|(_, command)| command.trim_matches(['\'', '"']));
    let fix = match check {
        Some(command) => format!("leave it out, and let supervise.d/check be a script with: exec {command}"),
        None => "leave it out, and link its script: ln -s ../data/check supervise.d/check".to_owned(),
    };
    (what.to_owned(), fix)
}

/// What to write instead of chpst with the options that a command gives it, without the program that follows.
pub fn instead_of_chpst(words: &[String]) -> String {
    let (mut before, mut limits, mut after) = (Vec::new(), Vec::new(), Vec::new());
    for (letter, value) in options("chpst", words) {
        match letter {
            'P' => before.push("pgrphack".to_owned()),
            'n' => before.push(format!("nice -n {value}")),
            'l' => before.push(format!("setlock {value}")),
            'L' => before.push(format!("setlock -n {value}")),
            'e' => before.push(format!("envdir {value}")),
            'U' => before.push(format!("envuidgid {value}")),
            'm' | 'd' | 'o' | 'p' | 'f' | 'c' | 'r' | 't' | 's' => limits.push(format!("-{letter} {value}")),
            // The account comes last: what is before it may need root.
            'u' => after.push(format!("setuidgid {value}")),
            '/' => after.insert(0, format!("chroot {value}")),
            _ => {}
        }
    }
    if !limits.is_empty() {
        before.push(format!("softlimit {}", limits.join(" ")));
    }
    before.extend(after);
    if before.is_empty() { "exec alone".into() } else { before.join(" ") }
}

/// The options that a program which becomes another one is given in a command.
fn options(program: &str, words: &[String]) -> Vec<(char, String)> {
    let valued = passing(program).map_or("", |passing| passing.valued);
    let mut words = words.iter().skip_while(|word| word.rsplit('/').next() != Some(program)).skip(1);
    let mut options = Vec::new();
    while let Some(letters) = words.next().and_then(|word| word.strip_prefix('-')).filter(|letters| *letters != "-") {
        for (at, letter) in letters.char_indices() {
            if !valued.contains(letter) {
                options.push((letter, String::new()));
                continue;
            }
            let rest = letters.get(at + letter.len_utf8()..).unwrap_or_default();
            let value = if rest.is_empty() { words.next().map_or("", String::as_str) } else { rest };
            options.push((letter, value.to_owned()));
            break;
        }
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixes(text: &str) -> Vec<(usize, String)> {
        let remarks = foreign_commands(&Script::new(text).unwrap(), |service| service == "fine");
        remarks.into_iter().map(|(line, _, fix)| (line, fix)).collect()
    }

    #[test]
    fn sv_is_replaced_by_what_does_the_same() {
        let text =
            "#!/bin/sh\nsv check db || exit 1\n/usr/bin/sv -w 9 start db\nsv status fine\nsv check db\nexec web\n";
        let fixes = fixes(text);
        let other = "or put the line runit into supervise.d/status of db";
        assert_eq!(
            fixes,
            [
                (2, format!("write svwait -t 7s db || exit 1, {other}")),
                (3, format!("write svc -u /service/db; svwait -t 7s db, {other}"))
            ]
        );
    }

    #[test]
    fn s6_notifyoncheck_is_replaced_by_check() {
        let with = fixes("#!/bin/sh\nexec s6-notifyoncheck -d -n 0 -c 'pg_isready -q' postgres\n");
        assert_eq!(with, [(2, "leave it out, and let supervise.d/check be a script with: exec pg_isready -q".into())]);
        let without = fixes("#!/bin/sh\nexec s6-notifyoncheck -d postgres\n");
        assert!(without[0].1.ends_with("ln -s ../data/check supervise.d/check"));
        assert_eq!(fixes("#!/bin/sh\nexec postgres\n"), []);
    }

    #[test]
    fn chpst_becomes_small_programs() {
        let instead = |line: &str| {
            let script = Script::new(&format!("#!/bin/sh\n{line}\n")).unwrap();
            instead_of_chpst(&script.commands[0].words)
        };
        assert_eq!(instead("exec chpst -u www:web -e ./env -o 1000 -m9 httpd -x"), {
            "envdir ./env softlimit -o 1000 -m 9 setuidgid www:web"
        });
        assert_eq!(instead("exec chpst -Pu www/ httpd"), "pgrphack setuidgid www/");
        assert_eq!(instead("exec /usr/bin/chpst -L lock -- httpd"), "setlock -n lock");
        assert_eq!(instead("exec chpst -v httpd"), "exec alone");
    }
}
