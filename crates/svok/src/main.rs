//! Tells whether supervise runs in a service directory: exit 0 if it does, 100 if not, 111 on trouble.
#![no_main]
#![forbid(unsafe_code)]

use daemontools_program::entry;
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program, Unable};
use daemontools_service::by_path::Opener;
use daemontools_service::service_dir::ServiceDir;
use daemontools_sys::args::Args;
use nix::errno::Errno;

const PROGRAM: Program = Program {
    name: "svok",
    usage: "svok: usage: svok dir",
    about: "Tells by its exit code whether supervise runs in the service directory dir: 0 yes, 100 no, 111 trouble.",
};
entry!(PROGRAM, run);

fn run(mut args: Args) -> Outcome {
    let Some(dir) = args.next() else { return Err(Failure::usage()) };
    if let Some(supervised) = Opener::default().supervised(dir) {
        return if supervised { Ok(Exit::OK) } else { Err(Failure::silent(Exit::MISUSE)) };
    }
    let service = ServiceDir::open(dir).unable([b"chdir to ", dir.to_bytes()])?;
    match service.supervised() {
        Ok(true) => Ok(Exit::OK),
        Ok(false) => Err(Failure::silent(Exit::MISUSE)),
        Err(error) if error.errno() == Some(Errno::ENOENT) => Err(Failure::silent(Exit::MISUSE)),
        Err(error) => Err(error.in_dir(dir.to_bytes())),
    }
}
