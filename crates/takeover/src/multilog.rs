//! A multilog of 0.76 is told to end: it finishes its line, and its supervise starts it again, ours if that is what its run
//! script finds now. What the service writes meanwhile waits in the pipe, which svscan holds open.

use daemontools_program::file_kind::Kind;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::stat;
use nix::unistd::Pid;

use crate::proc_reader::{id, read_process, read_service_files};
use crate::process::{FileId, Process};
use crate::recognise;
use crate::refusal::Refusal;

/// A multilog of 0.76 that was looked at.
#[derive(Clone, Debug)]
pub struct Multilog(Process);

impl Multilog {
    /// Looks at a process, which does not notice.
    pub fn look(pid: Pid) -> Result<Multilog, Refusal> {
        let process = read_process(pid)?;
        let supervise = read_process(process.parent)?;
        recognise::multilog(&process, &supervise, &read_service_files(supervise.pid))?;
        Ok(Multilog(process))
    }

    /// The program file that its run script executes when it is started again, as far as the process shows that, if this is
    /// the one that runs already: then nothing is gained by ending it.
    pub fn finds_itself(&self) -> Option<Vec<u8>> {
        let runs = stat(format!("/proc/{}/exe", self.0.pid).as_str()).ok()?;
        let (found, file) = candidates(self.0.arguments.first()?, &self.0.environment)
            .find_map(|path| Some((executable(&self.0, &path)?, path)))?;
        (found == id(&runs)).then_some(file)
    }

    /// Tells it to end.
    pub fn end(&self) -> Result<(), Refusal> {
        let now = Multilog::look(self.0.pid)?;
        if now.0.started != self.0.started {
            return Err(Refusal::Gone);
        }
        match kill(now.0.pid, Signal::SIGTERM) {
            Ok(()) => Ok(()),
            Err(Errno::ESRCH) => Err(Refusal::Gone),
            Err(errno) => Err(Refusal::Denied("signal it", errno)),
        }
    }
}

/// The paths at which the program was looked for, by its name and the PATH that it was started with.
fn candidates<'a>(name: &'a [u8], environment: &'a [u8]) -> impl Iterator<Item = Vec<u8>> + 'a {
    let path = environment.split(|&byte| byte == 0).find_map(|entry| entry.strip_prefix(b"PATH="));
    let is_path = name.contains(&b'/');
    let search = path.filter(|_| !is_path).into_iter().flat_map(|path| path.split(|&byte| byte == b':'));
    let below = search.map(move |dir| if dir.is_empty() { name.to_vec() } else { [dir, b"/", name].concat() });
    is_path.then(|| name.to_vec()).into_iter().chain(below)
}

/// The file at a path that the process could execute, as it sees it.
fn executable(process: &Process, path: &[u8]) -> Option<FileId> {
    let from = if path.starts_with(b"/") { "root" } else { "cwd/" };
    let found = stat([format!("/proc/{}/{from}", process.pid).as_bytes(), path].concat().as_slice()).ok()?;
    (Kind::of(&found) == Kind::File && found.st_mode & 0o111 != 0).then(|| id(&found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(name: &str, environment: &[u8]) -> Vec<String> {
        candidates(name.as_bytes(), environment).map(|path| String::from_utf8(path).unwrap()).collect()
    }

    #[test]
    fn a_program_is_looked_for_as_a_shell_does() {
        assert_eq!(paths("multilog", b"A=1\0PATH=/a::b\0"), ["/a/multilog", "multilog", "b/multilog"]);
        assert_eq!(paths("./multilog", b"PATH=/a\0"), ["./multilog"]);
        assert_eq!(paths("multilog", b"A=1\0"), [""; 0]);
    }
}
