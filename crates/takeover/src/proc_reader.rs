//! Reads what /proc says of a process. Nothing is changed by it, and the process does not notice.

use std::ffi::CString;
use std::num::NonZeroU32;

use daemontools_core::proc_stat::ProcStat;
use daemontools_program::directory;
use daemontools_program::procfs;
use daemontools_program::stdio::read;
use daemontools_sys::fd::open_private;
use nix::errno::Errno;
use nix::fcntl::{OFlag, readlink};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, lstat, stat};
use nix::sys::uio::pread;
use nix::unistd::Pid;
use std::os::unix::ffi::OsStrExt;

use crate::process::{Access, Call, Child, Descriptor, FileId, Kind, Machine, Process, Supervisor};
use crate::recognise::ServiceFiles;
use crate::refusal::Refusal;

/// The most that is read of a list of words: more than execve lets a process be started with by default.
const MOST_WORDS: usize = 8 << 20;
/// The most that is read of other files in /proc.
const MOST: usize = 1 << 20;
/// The name of the files in memory that a takeover makes.
pub(crate) const STATE_NAME: &str = "svupgrade";

/// Reads all that is known of a process.
pub fn read_process(pid: Pid) -> Result<Process, Refusal> {
    let file = |name: &str, most| contents(&format!("/proc/{pid}/{name}"), most);
    let stat_line = file("stat", MOST).map_err(|errno| denied("read its state", errno))?;
    let status = file("status", MOST).map_err(|errno| denied("read its state", errno))?;
    let field = |name: &str| status_field(&status, name);
    let hexadecimal = |name: &str| field(name).and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or(0);
    let number = |name: &str| field(name).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    let call = file("syscall", MOST).map_err(|errno| denied("see which call it is in", errno))?;
    let call = parse_call(&call);
    let descriptors = descriptors(pid).map_err(|errno| denied("see its descriptors", errno))?;
    let cwd = stat(format!("/proc/{pid}/cwd").as_str()).map_err(|errno| denied("see its directory", errno))?;
    Ok(Process {
        pid,
        parent: Pid::from_raw(i32::try_from(number("PPid")).unwrap_or(0)),
        user: field_of(&status, "Uid", 1).and_then(|user| user.parse().ok()).unwrap_or(u32::MAX),
        started: ProcStat::parse(&stat_line).ok_or(Refusal::Gone)?.started,
        arguments: words(&file("cmdline", MOST_WORDS).unwrap_or_default()),
        environment: file("environ", MOST_WORDS).map_err(|errno| denied("read its environment", errno))?,
        machine: machine(pid),
        state: field("State").and_then(|text| text.bytes().next()).unwrap_or(b'?'),
        tracer: NonZeroU32::new(number("TracerPid")).and_then(|pid| Some(Pid::from_raw(pid.get().try_into().ok()?))),
        threads: number("Threads"),
        caught: hexadecimal("SigCgt"),
        blocked: hexadecimal("SigBlk"),
        polled: call.and_then(|call| polled(pid, &call)),
        call,
        children: children(pid),
        descriptors,
        directory: id(&cwd),
    })
}

/// Reads what tells for which service a supervise is.
pub fn read_supervisor(pid: Pid) -> Result<Supervisor, Refusal> {
    let find = |name: &str| stat(format!("/proc/{pid}/{name}").as_str());
    let arguments = contents(&format!("/proc/{pid}/cmdline"), MOST_WORDS);
    Ok(Supervisor {
        pid,
        arguments: words(&arguments.map_err(|errno| denied("read its arguments", errno))?),
        directory: id(&find("cwd").map_err(|errno| denied("see its directory", errno))?),
        streams: ["fd/0", "fd/1"].map(|name| find(name).ok().map(|found| id(&found))),
    })
}

/// Reads what is in `supervise/` of the directory that a process works in.
pub fn read_service_files(pid: Pid) -> ServiceFiles {
    let path = |name: &str| format!("/proc/{pid}/cwd/supervise/{name}");
    let find = |name: &str| stat(path(name).as_str()).ok().map(|found| id(&found));
    ServiceFiles {
        lock: find("lock"),
        control: find("control"),
        ok: find("ok"),
        status: read_status(pid, &path("status")),
        status_is_late: lstat(path("status.new").as_str()).is_ok(),
    }
}

/// At most 64 bytes of a regular file that belongs to the user of the process.
fn read_status(pid: Pid, path: &str) -> Option<Vec<u8>> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let file = open_private(path, flags, Mode::empty()).ok()?;
    let found = fstat(&file).ok()?;
    let owner = stat(format!("/proc/{pid}").as_str()).ok()?.st_uid;
    if SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG || found.st_uid != owner {
        return None;
    }
    let mut bytes = vec![0; 64];
    let length = read(&file, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

/// The contents of a file, up to `most` bytes: more is an error.
fn contents(path: &str, most: usize) -> nix::Result<Vec<u8>> {
    let found = procfs::contents(path, most + 1)?;
    if found.len() > most { Err(Errno::E2BIG) } else { Ok(found) }
}

fn denied(what: &'static str, errno: Errno) -> Refusal {
    match errno {
        Errno::ENOENT | Errno::ESRCH => Refusal::Gone,
        errno => Refusal::Denied(what, errno),
    }
}

pub(crate) fn id(found: &FileStat) -> FileId {
    FileId { device: found.st_dev, number: found.st_ino }
}

/// The first word of a line of /proc/PID/status.
fn status_field<'a>(status: &'a [u8], name: &str) -> Option<&'a str> {
    field_of(status, name, 0)
}

/// A word of a line of /proc/PID/status.
fn field_of<'a>(status: &'a [u8], name: &str, word: usize) -> Option<&'a str> {
    let text = std::str::from_utf8(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(":\t")?.split_ascii_whitespace().nth(word))
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let text = text.strip_suffix(b"\0").unwrap_or(text);
    text.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect()
}

/// What /proc/PID/syscall says: a number, six arguments, the stack and the next address; `running` or `-1` for no call.
fn parse_call(text: &[u8]) -> Option<Call> {
    let text = std::str::from_utf8(text).ok()?;
    let mut fields = text.split_ascii_whitespace();
    let number = fields.next()?.parse().ok()?;
    let mut rest = fields.map(|field| u64::from_str_radix(field.strip_prefix("0x")?, 16).ok());
    let mut next = || rest.next().flatten();
    let arguments = [next()?, next()?, next()?, next()?, next()?, next()?];
    Some(Call { number, arguments, stack: next()?, next: next()? })
}

/// The two descriptors in the array that the call's first argument leads to, if its second one is 2.
fn polled(pid: Pid, call: &Call) -> Option<[i32; 2]> {
    let [address, 2, ..] = call.arguments else { return None };
    let memory = open_private(format!("/proc/{pid}/mem").as_str(), OFlag::O_RDONLY, Mode::empty()).ok()?;
    let mut bytes = [0; 16];
    if pread(&memory, &mut bytes, i64::try_from(address).ok()?) != Ok(bytes.len()) {
        return None;
    }
    let [a, b, c, d, _, _, _, _, e, f, g, h, ..] = bytes;
    Some([i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes([e, f, g, h])])
}

fn machine(pid: Pid) -> Option<Machine> {
    let file = open_private(format!("/proc/{pid}/exe").as_str(), OFlag::O_RDONLY, Mode::empty()).ok()?;
    let mut header = [0; 20];
    (read(&file, &mut header) == Ok(header.len())).then(|| parse_machine(&header)).flatten()
}

/// The class and the machine of a program file's first bytes; all machines that Linux takes over are little-endian here.
fn parse_machine(header: &[u8]) -> Option<Machine> {
    let [0x7f, b'E', b'L', b'F', class, 1, ..] = *header else { return None };
    let kind = u16::from_le_bytes([*header.get(18)?, *header.get(19)?]);
    Some(Machine { class, kind })
}

fn children(pid: Pid) -> Vec<Child> {
    let text = contents(&format!("/proc/{pid}/task/{pid}/children"), MOST).unwrap_or_default();
    let numbers = std::str::from_utf8(&text).unwrap_or_default().split_ascii_whitespace();
    let numbers = numbers.filter_map(|number| number.parse().ok());
    let ended = |pid: i32| {
        let status = contents(&format!("/proc/{pid}/status"), MOST).unwrap_or_default();
        status_field(&status, "State").is_none_or(|state| matches!(state, "Z" | "X"))
    };
    numbers.map(|number| Child { pid: Pid::from_raw(number), ended: ended(number) }).collect()
}

fn descriptors(pid: Pid) -> nix::Result<Vec<Descriptor>> {
    let mut found = Vec::new();
    for entry in directory::open(format!("/proc/{pid}/fd").as_str())?.iter() {
        if let Some(number) = entry?.file_name().to_str().ok().and_then(|name| name.parse().ok()) {
            found.extend(descriptor(pid, number)?);
        }
    }
    found.sort_unstable_by_key(|descriptor: &Descriptor| descriptor.number);
    Ok(found)
}

/// Whether a process has a file open, as far as that can be seen.
pub(crate) fn may_have(pid: u32, file: FileId) -> bool {
    let mut descriptors = match directory::open(format!("/proc/{pid}/fd").as_str()) {
        Ok(descriptors) => descriptors,
        // It has ended.
        Err(errno) => return errno != Errno::ENOENT,
    };
    let numbers = descriptors.iter().flatten().filter(|entry| !entry.file_name().to_bytes().starts_with(b"."));
    let paths = numbers.map(|entry| [format!("/proc/{pid}/fd/").as_bytes(), entry.file_name().to_bytes()].concat());
    paths.filter_map(|path| stat(path.as_slice()).ok()).any(|found| id(&found) == file)
}

/// One descriptor; `None` if it was closed meanwhile.
fn descriptor(pid: Pid, number: i32) -> nix::Result<Option<Descriptor>> {
    let link = format!("/proc/{pid}/fd/{number}");
    let gone = |errno| if errno == Errno::ENOENT { Ok(None) } else { Err(errno) };
    let found = match stat(link.as_str()) {
        Ok(found) => found,
        Err(errno) => return gone(errno),
    };
    let target = match readlink(link.as_str()) {
        Ok(target) => target,
        Err(errno) => return gone(errno),
    };
    let info = match contents(&format!("/proc/{pid}/fdinfo/{number}"), MOST) {
        Ok(info) => info,
        Err(errno) => return gone(errno),
    };
    let flags = status_field(&info, "flags").and_then(|flags| i32::from_str_radix(flags, 8).ok()).unwrap_or(0);
    let leftover = format!("/memfd:{STATE_NAME}");
    let kind = match SFlag::from_bits_truncate(found.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFIFO => Kind::Pipe,
        SFlag::S_IFREG if target.as_bytes().starts_with(leftover.as_bytes()) => Kind::Leftover,
        SFlag::S_IFREG => Kind::File,
        _ => Kind::Other,
    };
    let access = match flags & libc::O_ACCMODE {
        libc::O_RDONLY => Access::Read,
        libc::O_WRONLY => Access::Write,
        _ => Access::Both,
    };
    Ok(Some(Descriptor {
        number,
        file: id(&found),
        kind,
        access,
        close_on_exec: flags & libc::O_CLOEXEC != 0,
        nonblocking: flags & libc::O_NONBLOCK != 0,
    }))
}

/// The entries of an environment block, each without its NUL.
pub(crate) fn entries(block: &[u8]) -> Vec<CString> {
    let block = block.strip_suffix(b"\0").unwrap_or(block);
    if block.is_empty() {
        return Vec::new();
    }
    block.split(|&byte| byte == 0).filter_map(|entry| CString::new(entry).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_and_no_call_is_none() {
        let call = parse_call(b"7 0x7ffc2a455d00 0x2 0xf4254 0x0 0x1 0x0 0x7ffc2a455c38 0x7f4af8abd230\n");
        let call = call.expect("a call");
        assert_eq!((call.number, call.arguments[1], call.stack), (7, 2, 0x7ffc2a455c38));
        assert_eq!(call.next, 0x7f4af8abd230);
        for text in [&b"running\n"[..], b"-1 0x7ffc 0x7f4a\n", b"", b"7 0x1\n"] {
            assert_eq!(parse_call(text), None);
        }
    }

    #[test]
    fn a_program_file_says_what_it_is_for() {
        let mut header = *b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0\x3e\0";
        assert_eq!(parse_machine(&header), Some(Machine { class: 2, kind: 62 }));
        header[5] = 2;
        assert_eq!(parse_machine(&header), None);
        assert_eq!(parse_machine(b"#!/bin/sh -e\n......."), None);
    }

    #[test]
    fn environments_keep_odd_entries() {
        assert!(entries(b"").is_empty());
        assert_eq!(entries(b"A=1\0\0B\0"), [c"A=1".to_owned(), c"".to_owned(), c"B".to_owned()]);
    }

    #[test]
    fn our_own_process_is_read() {
        let process = read_process(nix::unistd::getpid()).expect("our own process");
        assert!(process.descriptors.iter().any(|descriptor| descriptor.number == 2));
        assert!(process.started > 0 && process.threads > 0 && process.tracer.is_none());
        assert_eq!(
            process.machine.map(|machine| machine.class),
            Some(if cfg!(target_pointer_width = "64") { 2 } else { 1 })
        );
    }
}
