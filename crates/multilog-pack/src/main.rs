//! Packs standard input to standard output, at low priority. multilog runs it on each file that is finished, and
//! believes its exit code: 0 means that all of it is packed, was read again, and is on the disk.
#![no_main]
#![forbid(unsafe_code)]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::FileExt;

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_sys::args::Args;
use daemontools_sys::fd::{STDIN, STDOUT, duplicate_private};
use daemontools_sys::priority::lower_priority;
use multilog_pack::Method;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

const PROGRAM: Program = Program {
    name: "multilog-pack",
    usage: "multilog-pack: usage: multilog-pack method [ level ]",
    about: "Packs standard input to standard output: gzip at a level from 1 to 9, or zstd. multilog runs it for :compress.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let method = args.next().and_then(|name| Method::named(name.to_bytes(), args.next().map(CStr::to_bytes)));
    let Some(method) = method.filter(|_| args.is_empty()) else { return Err(Failure::usage()) };
    lower_priority();
    let (input, output) = (file(STDIN).unable([b"read input"])?, file(STDOUT).unable([b"write output"])?);
    pack(method, &input, &output)?;
    if is_file(&output) {
        if is_file(&input) && can_be_read(&output) {
            check(method, &input, &output)?;
        }
        output.sync_all().map_err(|error| because(b"unable to write output to disk", &error))?;
    }
    Ok(Exit::OK)
}

fn is_file(file: &File) -> bool {
    file.metadata().is_ok_and(|about| about.is_file())
}

fn can_be_read(file: &File) -> bool {
    let mode = fcntl(file, FcntlArg::F_GETFL).map(|flags| OFlag::from_bits_truncate(flags) & OFlag::O_ACCMODE);
    mode == Ok(OFlag::O_RDWR)
}

/// A descriptor of our own for this file.
fn file(fd: BorrowedFd<'_>) -> nix::Result<File> {
    duplicate_private(fd).map(File::from)
}

fn pack(method: Method, input: &File, output: &File) -> Result<(), Failure> {
    method.pack(input, output).map_err(|error| because(b"unable to pack", &error))
}

/// Reads what was written and compares it with the input. If it differs, the input is stored as it is.
fn check(method: Method, input: &File, output: &File) -> Result<(), Failure> {
    let is_packed = method
        .is_packed(io::BufReader::new(FromStart { file: output, at: 0 }), FromStart { file: input, at: 0 })
        .map_err(|error| because(b"unable to read input again", &error))?;
    if is_packed {
        return Ok(());
    }
    let rewind = |mut file: &File| io::Seek::rewind(&mut file);
    rewind(input)
        .and_then(|()| output.set_len(0))
        .and_then(|()| rewind(output))
        .map_err(|error| because(b"unable to pack again", &error))?;
    pack(Method::ZstdStored, input, output)
}

/// A file, read from its start.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl io::Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

fn because(what: &[u8], error: &io::Error) -> Failure {
    Failure::because([what], error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))
}
