//! What svctl tells as JSON objects, a line each. The names are interface: they are in svctl(8), they stay, and new ones
//! come after the old. The state of a service has the names that svstat(8) gives it.

use daemontools_core::run_record::RunRecord;
use daemontools_observe::json::{LastEnd, Object};
use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome};
use daemontools_program::printable::{printable, printable_line, put_json};
use daemontools_program::stdio::print;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::found::Found;
use crate::log_room::LogRoom;
use crate::names::Named;

/// All that is known of a service.
#[derive(Serialize)]
pub struct Service {
    name: String,
    dir: String,
    link: Option<String>,
    service: Object,
    logger: Option<Object>,
    settings: Map<String, Value>,
    processes: Vec<OneProcess>,
    svlint: Vec<Value>,
    log: Vec<String>,
    log_directories: Vec<OneLog>,
}

/// A directory that a logger writes to.
#[derive(Serialize)]
struct OneLog {
    dir: String,
    files: Option<u64>,
    bytes: Option<u64>,
    most_bytes: Option<u64>,
    file_system_bytes: u64,
    file_system_free_bytes: u64,
}

impl OneLog {
    fn new(room: &LogRoom) -> OneLog {
        OneLog {
            dir: room.dir.clone(),
            files: room.contents.map(|(files, _)| files),
            bytes: room.contents.map(|(_, bytes)| bytes),
            most_bytes: room.limit,
            file_system_bytes: room.file_system.0,
            file_system_free_bytes: room.file_system.1,
        }
    }
}

/// A process of a service.
#[derive(Serialize)]
struct OneProcess {
    pid: u32,
    depth: usize,
    for_seconds: u64,
    memory_bytes: u64,
    command: String,
}

/// What became of a command.
#[derive(Serialize)]
pub struct Told<'a> {
    /// What the service is called.
    pub name: String,
    /// Whether it is where it should be.
    pub done: bool,
    /// Whether it was given up because the time was over.
    pub timed_out: bool,
    /// In words.
    pub words: &'a str,
    /// How long it took.
    pub seconds: f64,
}

/// An end of a service.
#[derive(Serialize)]
struct OneEnd {
    name: String,
    #[serde(flatten)]
    end: LastEnd,
}

/// The name and the directory of a service.
#[derive(Serialize)]
struct Listed {
    name: String,
    dir: String,
}

impl Service {
    /// What was found out, with svlint's objects and the last lines of the log.
    pub fn new(named: &Named, found: &Found, findings: &[u8], log: &[u8]) -> Service {
        let lines = |text: &'_ [u8]| -> Vec<Vec<u8>> {
            text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
        };
        let setting = |(setting, value): &(daemontools_core::settings::Setting, Option<Vec<u8>>)| {
            let value = value.as_ref().map_or(Value::Bool(true), |value| Value::String(printable(value)));
            (setting.name().to_owned(), value)
        };
        Service {
            name: printable(&named.name),
            dir: printable(named.path.to_bytes()),
            link: found.target.as_ref().map(|target| printable(target)),
            service: Object::new(&found.entry.service, found.now),
            logger: found.entry.log.as_ref().map(|logger| Object::new(logger, found.now)),
            settings: found.settings.iter().map(setting).collect(),
            processes: found.processes.iter().map(OneProcess::new).collect(),
            svlint: lines(findings).iter().filter_map(|line| serde_json::from_slice(line).ok()).collect(),
            log: lines(log).iter().map(|line| printable_line(line).into_owned()).collect(),
            log_directories: found.log_rooms.iter().map(OneLog::new).collect(),
        }
    }
}

impl OneProcess {
    fn new(process: &crate::process_tree::Process) -> OneProcess {
        OneProcess {
            pid: process.pid,
            depth: process.depth,
            for_seconds: process.age.as_secs(),
            memory_bytes: process.kilobytes.saturating_mul(1024),
            command: process.command.clone(),
        }
    }
}

/// Prints an object as a line.
pub fn print_line(object: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_vec(object).map_err(|_| Failure::fatal([b"unable to describe a service"]))?;
    let mut line = Vec::new();
    put_json(&json, &mut line);
    line.push(b'\n');
    print(&line)
}

/// Prints an end of a service.
pub fn print_end(named: &Named, record: &RunRecord) -> Result<(), Failure> {
    print_line(&OneEnd { name: printable(&named.name), end: LastEnd::new(record) })
}

/// Prints the name and directory of each service.
pub fn list(services: &[Named]) -> Outcome {
    for named in services {
        print_line(&Listed { name: printable(&named.name), dir: printable(named.path.to_bytes()) })?;
    }
    Ok(Exit::OK)
}
