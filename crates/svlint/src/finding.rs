//! Something that was found, as a line or a JSON object.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use daemontools_core::label::Label;
use daemontools_lines::local_time_cache::LocalTimeFormatter;
use daemontools_program::printable::{printable, printable_line, put_json};
use daemontools_sys::local_time::LocalTime;
use serde::Serialize;

use crate::code::Code;

/// A fault that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// The file or directory.
    pub path: PathBuf,
    /// The line of the file, from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
    /// The last lines of the service's log, where they may tell why.
    pub log: Vec<Vec<u8>>,
}

/// A finding as an object. The names are interface (svlint(8)).
#[derive(Debug, Serialize)]
struct Object<'a> {
    code: String,
    severity: &'static str,
    path: String,
    line: Option<usize>,
    what: &'a str,
    fix: &'a str,
    log: Vec<std::borrow::Cow<'a, str>>,
}

impl Finding {
    /// A finding about a file as a whole.
    pub fn new(code: Code, path: impl AsRef<Path>, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        let path = path.as_ref().to_path_buf();
        Finding { code, path, line: None, what: what.into(), fix: fix.into(), log: Vec::new() }
    }

    /// The same about a line of it.
    pub fn at(self, line: usize) -> Finding {
        Finding { line: Some(line), ..self }
    }

    /// The key to sort by: findings of a service in the order of its files, causes before what comes of them.
    pub fn order(&self) -> (PathBuf, bool, Option<usize>, Code) {
        let effect = self.code == Code::Restarting;
        let path = if effect { self.path.join("run") } else { self.path.clone() };
        (path, effect, self.line, self.code)
    }

    /// The lines for people: what is wrong; indented, what to do, and lines of the log.
    pub fn text(&self) -> Vec<u8> {
        let line = self.line.map(|line| format!(":{line}")).unwrap_or_default();
        let (severity, code) = (self.code.severity().word(), self.code.name());
        // Words of a script may be in these.
        let (what, fix) = (printable_line(self.what.as_bytes()), printable_line(self.fix.as_bytes()));
        let words = format!("{line}: {severity} {code}: {what}\n    {fix}\n");
        let mut text = printable(self.path.as_os_str().as_bytes());
        text.push_str(&words);
        for line in &self.log {
            text.push_str(&format!("    | {}\n", printable_line(&with_time(line))));
        }
        text.into_bytes()
    }

    /// The object, on a line.
    pub fn json(&self) -> serde_json::Result<Vec<u8>> {
        let object = serde_json::to_vec(&Object {
            code: self.code.name(),
            severity: self.code.severity().word(),
            path: printable(self.path.as_os_str().as_bytes()),
            line: self.line,
            what: &self.what,
            fix: &self.fix,
            log: self.log.iter().map(|line| String::from_utf8_lossy(line)).collect(),
        })?;
        let mut text = Vec::new();
        put_json(&object, &mut text);
        text.push(b'\n');
        Ok(text)
    }
}

/// A line of a log, its stamp as local time.
fn with_time(line: &[u8]) -> Vec<u8> {
    let shown = || {
        let (label, rest) = Label::from_text(line)?;
        let time = LocalTimeFormatter::new(LocalTime::of).text(label.to_unix())?.to_vec();
        Some([&time, format!("{:09}", label.nanoseconds()).as_bytes(), rest].concat())
    };
    shown().unwrap_or_else(|| line.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_and_an_object() {
        let mut finding = Finding::new(Code::NoExec, "x\n/run", "this is so", "do that").at(3);
        finding.log = vec![b"bad\xff".to_vec()];
        assert_eq!(finding.text(), b"x\\n/run:3: warning SL006: this is so\n    do that\n    | bad\\xff\n");
        let object = "{\"code\":\"SL006\",\"severity\":\"warning\",\"path\":\"x\\\\n/run\",\"line\":3,\"what\":\"this is so\",\
                      \"fix\":\"do that\",\"log\":[\"bad\u{fffd}\"]}\n";
        assert_eq!(String::from_utf8(finding.json().unwrap()).unwrap(), object);
    }
}
