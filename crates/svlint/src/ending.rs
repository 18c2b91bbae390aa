//! Which command a script comes to in the end: the one that supervise sees as the service.

use crate::launch::{Launch, launch_at};
use crate::script::{Command, Compound, Script};

/// The last command that starts a program.
#[derive(Clone, Debug)]
pub struct Ending {
    /// The command. What is around the function that it is in counts as being around it.
    pub command: Command,
    /// What it starts.
    pub launch: Launch,
    /// Whether its errors are redirected, or those of a function that it is called in.
    pub redirects_errors: bool,
}

/// How many functions may call one another.
const CALLS: usize = 8;

/// The last command of a script that starts a program: past assignments and redirections, and into the functions of the
/// script. `None` if there is none. `depth` is how many more scripts may be inside this one.
pub fn ending(script: &Script, depth: u32) -> Option<Ending> {
    let mut commands: Vec<Command> = script.commands.clone();
    let mut called: Option<Command> = None;
    let mut redirects_errors = false;
    for _ in 0..CALLS {
        let (command, launch) = last(commands.iter().filter(|command| !command.in_function()), depth)?;
        let command = match &called {
            Some(call) => inside(call, command),
            None => command.clone(),
        };
        redirects_errors |= command.redirects_errors();
        let calls = launch.through.is_empty() && script.functions().any(|name| name == launch.program);
        if !calls {
            return Some(Ending { command, launch, redirects_errors });
        }
        commands = body(script, &launch.program);
        called = Some(command);
    }
    None
}

/// The last of these commands that starts a program. What comes after one that the shell becomes for certain does not
/// count.
fn last<'a>(commands: impl Iterator<Item = &'a Command>, depth: u32) -> Option<(&'a Command, Launch)> {
    let mut last = None;
    for command in commands {
        let Some(launch) = launch_at(&command.words, depth) else { continue };
        let certain = !command.is_conditional() && !command.background && !command.piped && !command.in_subshell();
        let ends = launch.exec && certain;
        last = Some((command, launch));
        if ends {
            break;
        }
    }
    last
}

/// The commands of a function, without what is around them outside it.
fn body(script: &Script, name: &str) -> Vec<Command> {
    let own = |command: &Command| {
        let is_it = |compound: &Compound| matches!(compound, Compound::Function(found) if found == name);
        let at = command.within.iter().position(is_it)?;
        Some(Command { within: command.within.iter().skip(at + 1).cloned().collect(), ..command.clone() })
    };
    script.commands.iter().filter_map(own).collect()
}

/// A command of a function, with what is around the call.
fn inside(call: &Command, command: &Command) -> Command {
    Command {
        within: [call.within.clone(), command.within.clone()].concat(),
        background: call.background || command.background,
        piped: call.piped || command.piped,
        conditional: call.conditional || command.conditional,
        ..command.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        let ending = ending(&Script::new(text).unwrap(), 1)?;
        Some(format!("{}: {}", ending.command.line, ending.launch.program))
    }

    #[test]
    fn the_last_command_that_starts_a_program() {
        for (script, expected) in [
            ("a\nb\nX=1\n2>&1\n", "2: b"),
            ("exec a\nb\n", "1: a"),
            ("x || exec a\nb\n", "2: b"),
            ("if x; then exec a; fi\nb\n", "2: b"),
            ("(exec a)\nb\n", "2: b"),
            ("x | exec a\n", "1: a"),
            ("f() {\n g\n}\ng() {\n exec a \"$@\"\n}\nf 1\n", "5: a"),
        ] {
            assert_eq!(of(script).as_deref(), Some(expected), "{script}");
        }
        for script in ["", "X=1\n", "f() { f; }\nf\n", "f() { X=1; }\nf\n"] {
            assert_eq!(of(script), None, "{script}");
        }
    }

    #[test]
    fn what_is_around_a_call_is_around_what_is_called() {
        let ending = ending(&Script::new("f() { a; }\nwhile :; do f 2>&1; done\n").unwrap(), 1).unwrap();
        assert_eq!(ending.command.within, [Compound::Loop, Compound::Group]);
        assert!(ending.redirects_errors);
    }
}
