//! `cat`: the scripts of a service and its logger, and their settings, for a terminal: what it would obey is escaped.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use daemontools_core::settings::{DIRECTORY, Kind, Setting, value};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Unable};
use daemontools_program::printable::{printable, put_line};
use daemontools_program::stdio::print;
use daemontools_service::part::Part;
use daemontools_untrusted::{Directory, Error};
use nix::errno::Errno;

use crate::PROGRAM;
use crate::names::Named;

/// How much of a file is shown, in bytes.
const MOST: usize = 64 * 1024;

/// What is to be printed, and whether all of it could be read.
struct Shown {
    text: Vec<u8>,
    exit: Exit,
}

/// Prints the scripts of each service, each below a heading, and its settings.
pub fn cat(services: &[Named]) -> Outcome {
    let here = Directory::current().unable([b"open the current directory"])?;
    let mut shown = Shown { text: Vec::new(), exit: Exit::OK };
    for named in services {
        let path = named.path.to_bytes();
        let dir = here.directory(Path::new(OsStr::from_bytes(path)));
        let dir = dir.map_err(|error| unable(b"open", path, &error))?;
        for part in Part::BOTH {
            shown.put_part(&dir, path, part.path_suffix().trim_start_matches('/'));
        }
    }
    // A blank line between two files, as head(1) has it.
    print(shown.text.strip_prefix(b"\n").unwrap_or(&shown.text))?;
    Ok(shown.exit)
}

impl Shown {
    /// Appends `run` and the settings of a service or its logger, as far as they exist.
    fn put_part(&mut self, service: &Directory, path: &[u8], below: &str) {
        let at = |rest: &str| if below.is_empty() { rest.into() } else { format!("{below}/{rest}") };
        self.put_file(service, path, &at("run"), false);
        let directory = at(&String::from_utf8_lossy(DIRECTORY));
        for setting in Setting::all().filter(|setting| setting.kind() != Kind::Directory) {
            let file = format!("{directory}/{}", setting.name());
            self.put_file(service, path, &file, setting.kind() == Kind::Value);
        }
    }

    /// Appends a file below a heading; of a value the first line.
    fn put_file(&mut self, service: &Directory, path: &[u8], file: &str, is_value: bool) {
        let whole = [path, b"/", file.as_bytes()].concat();
        let read = |file: daemontools_untrusted::RegularFile| file.read_up_to(MOST).map_err(Error::System);
        let (contents, has_more) = match service.file(Path::new(file)).and_then(read) {
            Ok(found) => found,
            Err(Error::System(Errno::ENOENT | Errno::ENOTDIR)) => return,
            Err(error) => {
                unable(b"read", &whole, &error).warn(&PROGRAM);
                self.exit = Exit::TROUBLE;
                return;
            }
        };
        self.text.extend_from_slice(format!("\n==> {} <==\n", printable(&whole)).as_bytes());
        if is_value {
            let line = value::line(&contents).unwrap_or(b"off");
            put_line(if line.is_empty() { b"on" } else { line }, &mut self.text);
            return self.text.push(b'\n');
        }
        for line in contents.split_inclusive(|&byte| byte == b'\n') {
            put_line(line.strip_suffix(b"\n").unwrap_or(line), &mut self.text);
            self.text.push(b'\n');
        }
        if has_more {
            self.text.extend_from_slice(format!("... more than {MOST} bytes\n").as_bytes());
        }
    }
}

fn unable(what: &[u8], path: &[u8], error: &Error) -> Failure {
    Failure::fatal([b"unable to ", what, b" ", path, b": ", error.reason().as_bytes()])
}
