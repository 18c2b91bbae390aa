//! `edit`: the `run` script of a service in an editor. What is edited is a draft in a private directory; it takes the place
//! of the script by a rename, once svlint has found no error in it.

use std::ffi::CString;
use std::io::IsTerminal;

use daemontools_program::clock::time_of_day;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::printable::printable;
use daemontools_program::stdio::{print, read};
use daemontools_service::report::ServiceReport;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::fd::STDIN;
use daemontools_sys::process::Ending;

use crate::draft::Draft;
use crate::edited_file::{EditedFile, Replaced};
use crate::event_loop::{FAILED, say};
use crate::names::Named;
use crate::options::{Act, Options};
use crate::{act, our_programs};

/// svlint's exit codes for what is no error.
const NO_ERROR: [u8; 2] = [0, 1];

/// Edits the script of the one service that is named.
pub fn edit(services: &[Named], options: &Options) -> Outcome {
    let [named] = services else { return Err(Failure::misused([b"edit takes one service"])) };
    let file = EditedFile::open(named)?;
    if let Some(path) = file.link_target() {
        say(named, &format!("run is a link; what is edited is {}", printable(path)))?;
    }
    let draft = Draft::new(&file)?;
    loop {
        let ending = our_programs::run_editor(draft.path())?;
        let Some(contents) = draft.contents()? else {
            return kept(named, &draft, "the draft is no regular file any more");
        };
        if contents == file.contents() {
            draft.remove();
            let words =
                if ending == Ending::Code(0) { "run is as it was" } else { "run is as it was; the editor failed" };
            say(named, words)?;
            return Ok(if ending == Ending::Code(0) { Exit::OK } else { FAILED });
        }
        if ending != Ending::Code(0) {
            return kept(named, &draft, "the editor failed");
        }
        if is_sound(named, &file, &draft)? {
            break;
        }
        if !(STDIN.is_terminal() && ask("edit it again?")?) {
            return kept(named, &draft, "svlint finds errors");
        }
    }
    match file.replace(&draft.contents()?.unwrap_or_default()) {
        Ok(Replaced::Yes) => {}
        Ok(Replaced::ChangedMeanwhile) => return kept(named, &draft, "it was changed meanwhile"),
        Err(failure) => return kept(named, &draft, &printable(failure.text())),
    }
    draft.remove();
    say(named, &format!("{} is replaced", printable(file.path())))?;
    let dir = ServiceDir::open(&named.path).ok();
    let runs = dir.is_some_and(|dir| {
        ServiceReport::look(&dir, time_of_day()).status().is_some_and(|status| status.pid.is_some())
    });
    if runs && ask(&format!("restart {}?", printable(&named.name)))? {
        return act::act(Act::Restart, services, options);
    }
    Ok(Exit::OK)
}

/// Says why the script is as it was, and where the draft is.
fn kept(named: &Named, draft: &Draft, why: &str) -> Outcome {
    say(named, &format!("run is as it was: {why}; the draft is {}", printable(draft.path().to_bytes())))?;
    Ok(FAILED)
}

/// Shows what svlint says of the service with the draft as its script; whether there is no error.
fn is_sound(named: &Named, file: &EditedFile, draft: &Draft) -> Result<bool, Failure> {
    let service = draft.service_with_it(file, named)?;
    let (said, ending) = our_programs::output_of(c"svlint", std::slice::from_ref(&service))?;
    // What it says is about the service, wherever the draft is.
    print(&replaced(&said, service.to_bytes(), named.path.to_bytes()))?;
    Ok(matches!(ending, Ending::Code(code) if NO_ERROR.contains(&code)))
}

/// A text with each `from` as the printable form of `to`.
fn replaced(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut rest, mut result) = (text, Vec::new());
    let to = printable(to);
    while let Some(&byte) = rest.first() {
        match rest.strip_prefix(from) {
            Some(after) if !from.is_empty() => {
                result.extend_from_slice(to.as_bytes());
                rest = after;
            }
            _ => {
                result.push(byte);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    result
}

/// Asks a question; the end of the input means no.
fn ask(question: &str) -> Result<bool, Failure> {
    print(format!("{question} [y/N] ").as_bytes())?;
    let (mut line, mut byte) = (Vec::new(), [0]);
    while matches!(read(STDIN, &mut byte), Ok(1)) && byte != *b"\n" {
        line.extend(byte);
    }
    // The answer at a terminal ends the line; of another input nothing is seen.
    if !STDIN.is_terminal() {
        print(b"\n")?;
    }
    Ok(matches!(line.trim_ascii(), b"y" | b"Y" | b"yes"))
}

/// The path of a file as a C string; none of ours has a NUL.
pub fn c_path(path: &[u8]) -> CString {
    CString::new(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_draft_becomes_that_of_the_service() {
        assert_eq!(
            replaced(b"/t/x/web/run:2: a\n/t/x/web: b", b"/t/x/web", b"scan/w\neb"),
            b"scan/w\\neb/run:2: a\nscan/w\\neb: b"
        );
        assert_eq!(replaced(b"abc", b"", b"x"), b"abc");
    }
}
