//! What each verb does.

use std::ffi::CString;

use daemontools_core::control::Command;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::printable::printable;
use daemontools_program::stdio::print;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::args::Args;

use crate::names::{Named, all, resolve};
use crate::options::{Act, Options, Verb};
use crate::{PROGRAM, act, cat, disable, edit, enable, json, our_programs, reload, status};

/// Does what the arguments say.
pub fn run(args: Args) -> Outcome {
    let options = Options::parse(args)?;
    match options.verb {
        Verb::Status if options.names.is_empty() => Err(our_programs::become_program(c"svps", &table(options))),
        Verb::Status => status::status(&resolve(&options.dir, &options.names)?, options.json),
        Verb::Act(Act::Reload) => reload::reload(&resolve(&options.dir, &options.names)?, &options),
        Verb::Act(act) => act::act(act, &resolve(&options.dir, &options.names)?, &options),
        Verb::Kill(command) => kill(command, &resolve(&options.dir, &options.names)?),
        Verb::Enable => enable::enable(&options),
        Verb::Disable => disable::disable(&options),
        Verb::Why => status::why(&named_or_all(&options)?, options.json),
        Verb::Log => Err(log(&options)?),
        Verb::History => status::history(&resolve(&options.dir, &options.names)?, options.json),
        Verb::List => list(&options),
        Verb::Edit => edit::edit(&resolve(&options.dir, &options.names)?, &options),
        Verb::Cat => cat::cat(&resolve(&options.dir, &options.names)?),
    }
}

/// The services that were named, or all of the tree.
fn named_or_all(options: &Options) -> Result<Vec<Named>, Failure> {
    if options.names.is_empty() {
        return Ok(all(&options.dir)?.iter().map(|name| Named::new(&options.dir, name)).collect());
    }
    resolve(&options.dir, &options.names)
}

/// Sends a signal to each service.
fn kill(command: Command, services: &[Named]) -> Outcome {
    our_programs::ignore_sigpipe()?;
    let mut exit = Exit::OK;
    for named in services {
        let dir = ServiceDir::open(&named.path).unable([b"chdir to ", &named.name])?;
        if let Err(error) = dir.send(&[command.to_byte()]) {
            error.in_dir(&named.name).warn(&PROGRAM);
            exit = Exit(1);
        }
    }
    Ok(exit)
}

/// Becomes svlog with its options as they were typed and the services as paths.
fn log(options: &Options) -> Result<Failure, Failure> {
    let mut arguments = Vec::new();
    for word in &options.names {
        let named = resolve(&options.dir, std::slice::from_ref(word));
        match named {
            Ok(services) => arguments.extend(services.into_iter().map(|named| named.path)),
            // An option of svlog, or its value: svlog knows.
            Err(failure) if looks_like_a_name(word) && arguments.is_empty() && options.names.len() == 1 => {
                return Err(failure);
            }
            Err(_) => arguments.push(word.clone()),
        }
    }
    Ok(our_programs::become_program(c"svlog", &arguments))
}

fn looks_like_a_name(word: &CString) -> bool {
    !word.to_bytes().starts_with(b"-")
}

/// The arguments of svps for the whole tree.
fn table(options: Options) -> Vec<CString> {
    let json = options.json.then(|| CString::from(c"--json"));
    // A name that begins with a hyphen is no option.
    json.into_iter().chain([c"--".into(), options.dir]).collect()
}

fn list(options: &Options) -> Outcome {
    if options.json {
        return json::list(&named_or_all(options)?);
    }
    let mut text = String::new();
    for named in named_or_all(options)? {
        text += &printable(&named.name);
        text.push('\n');
    }
    print(text.as_bytes()).map(|()| Exit::OK)
}
