//! The number of a group that a setting names. It is looked up before a log is opened.
//!
//! multilog is static where its memory counts, and such a program cannot ask the name services of the system: it would crash
//! where these load a module. So `/etc/group` is read, and where the name is not there, `getent group NAME` is run, a program
//! of the C library that asks all services.

use std::ffi::{CStr, CString};
use std::os::fd::AsFd;

use daemontools_program::exec::{Environment, Prepared};
use daemontools_program::failure::{Failure, Unable};
use daemontools_program::stdio::{read, uninterrupted};
use daemontools_sys::fd::{open_private, pipe_private, place_inherited};
use daemontools_sys::process::{Ending, fork, leave, wait_for};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

/// How much of a line counts: name, password and number, and then members of whom there may be many.
const LINE: usize = 1024;

/// How a child ends that cannot run getent; getent itself has smaller numbers.
const NOT_RUN: u8 = 127;

/// The number of the group of this name.
pub fn by_name(name: &[u8]) -> Result<u32, Failure> {
    let found = match listed(name)? {
        Some(number) => Some(number),
        None => told_by_getent(name)?,
    };
    found.ok_or_else(|| Failure::fatal([b"unknown group ", name]))
}

/// As `/etc/group` says, if there is one.
fn listed(name: &[u8]) -> Result<Option<u32>, Failure> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK;
    let Ok(file) = open_private(c"/etc/group", flags, Mode::empty()) else { return Ok(None) };
    find(|buffer| read(file.as_fd(), buffer), |line| number_in(line, Some(name))).unable([b"read /etc/group"])
}

/// As getent says.
fn told_by_getent(name: &[u8]) -> Result<Option<u32>, Failure> {
    let words: [&[u8]; 2] = [b"look up group ", name];
    let Ok(word) = CString::new(name) else { return Ok(None) };
    let (reader, writer) = uninterrupted(pipe_private).unable(words)?;
    let Some(child) = uninterrupted(fork).unable(words)? else {
        // Its standard output; then it becomes getent.
        if place_inherited(writer.as_fd(), 1).is_ok() {
            become_getent(&word);
        }
        leave(NOT_RUN);
    };
    drop(writer);
    let found = find(|buffer| read(reader.as_fd(), buffer), |line| number_in(line, None));
    drop(reader);
    // Where ended children vanish by themselves, its word is enough.
    if wait_for(child) == Ok(Ending::Code(NOT_RUN)) {
        return Err(Failure::fatal([
            b"unable to look up group ",
            name,
            b": getent does not run, and /etc/group has none",
        ]));
    }
    found.unable(words)
}

fn become_getent(name: &CStr) {
    let environment = Environment::inherited();
    let _ = Prepared::new([c"getent", c"group", name], &environment).attempt();
}

/// What is found in the first line that has it.
fn find(
    mut read: impl FnMut(&mut [u8]) -> nix::Result<usize>,
    in_line: impl Fn(&[u8]) -> Option<u32>,
) -> nix::Result<Option<u32>> {
    let (mut buffer, mut line) = ([0; 4096], Vec::with_capacity(LINE));
    loop {
        let count = read(&mut buffer)?;
        for &byte in buffer.get(..count).unwrap_or_default() {
            match byte {
                b'\n' => match in_line(&line) {
                    None => line.clear(),
                    found => return Ok(found),
                },
                _ if line.len() < LINE => line.push(byte),
                _ => {}
            }
        }
        if count == 0 {
            return Ok(in_line(&line));
        }
    }
}

/// The number in `NAME:PASSWORD:NUMBER:MEMBERS`, if that is the name. (getent may know a group by several names.)
fn number_in(line: &[u8], name: Option<&[u8]>) -> Option<u32> {
    let mut fields = line.split(|&byte| byte == b':');
    let first = fields.next()?;
    name.is_none_or(|name| name == first).then_some(())?;
    number(fields.nth(1)?)
}

/// The number of a group in decimal digits. (The largest one means "no change" to the kernel.)
pub fn number(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok().filter(|&number| number != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in a text that comes in pieces of `size` bytes.
    fn found(text: &str, size: usize, name: Option<&[u8]>) -> Option<u32> {
        let mut pieces = text.as_bytes().chunks(size);
        let read = |buffer: &mut [u8]| {
            let piece = pieces.next().unwrap_or_default();
            buffer[..piece.len()].copy_from_slice(piece);
            Ok(piece.len())
        };
        find(read, |line| number_in(line, name)).expect("nothing fails")
    }

    #[test]
    fn a_name_is_a_whole_first_field() {
        let many = format!("crowd:x:7:{}\n", "member,".repeat(5000));
        let text = format!("root:x:0:\n\n#comment\nadmin:x:3:\nadm:x:4:root,syslog\n{many}broken:x:\nlast:!:12:");
        for size in [1, 7, 4096] {
            let number = |name: &str| found(&text, size, Some(name.as_bytes()));
            assert_eq!(["root", "adm", "crowd", "last"].map(number), [Some(0), Some(4), Some(7), Some(12)], "{size}");
            for name in ["ad", "x", "member", "broken", "", "adm:x", "adm:x:4"] {
                assert_eq!(number(name), None, "{name}");
            }
            assert_eq!(found("adm@corp:*:70000:\n", size, None), Some(70_000));
        }
    }

    #[test]
    fn a_number_is_decimal_and_no_more() {
        assert_eq!((number(b"0"), number(b"4294967294")), (Some(0), Some(4_294_967_294)));
        for text in [&b""[..], b"-1", b"+1", b"4294967295", b"4294967296", b"0x4", b" 4", b"\xff"] {
            assert_eq!(number(text), None);
        }
    }
}
