//! A service as a JSON object, the same one from `svstat --json` and `svps --json`. The names are interface: they are in
//! svstat(8), they stay, and new ones come after the old.

use std::os::unix::ffi::OsStrExt;

use daemontools_core::end::End;
use daemontools_core::label::Label;
use daemontools_core::run_record::RunRecord;
use daemontools_core::status::Want;
use daemontools_program::printable::{printable, put_json};
use daemontools_service::blocked::{Blocked, Cause};
use daemontools_service::report::{Condition, Normally, ServiceReport};
use serde::Serialize;

/// One service.
#[derive(Debug, Serialize)]
pub struct Object {
    /// One of the words of `State`.
    pub state: &'static str,
    /// Whether it is as its supervise was told to have it.
    pub as_wanted: bool,
    /// The process id.
    pub pid: Option<u32>,
    /// When the process id last changed, as Unix time.
    pub since_unix_seconds: Option<i64>,
    /// How long ago that is.
    pub for_seconds: Option<u64>,
    /// What supervise wants: `up`, `down`, or `once` (no wish).
    pub wants: Option<&'static str>,
    /// What it does when its supervise starts: `up`, `down`.
    pub normally: &'static str,
    /// Whether its process is stopped.
    pub paused: bool,
    /// How often it was started again.
    pub restarts: Option<Restarts>,
    /// Why the state is unknown.
    pub error: Option<String>,
    /// Whether it is ready; null where no setting says when it is.
    pub ready: Option<bool>,
    /// What supervise is doing with it, one of the words of `supervise/details`.
    pub doing: Option<&'static str>,
    /// Why, in words.
    pub reason: Option<String>,
    /// What the service last said about itself.
    pub status_text: Option<String>,
    /// The last run that is over.
    pub last_end: Option<LastEnd>,
    /// What is known of a logger that does not read, or of a service that waits for one.
    pub blocked: Option<BlockedObject>,
}

/// A logger that does not read.
#[derive(Debug, Serialize)]
pub struct BlockedObject {
    /// How many bytes wait in the pipe.
    pub unread_bytes: u32,
    /// When the log was last written to, as Unix time.
    pub written_unix_seconds: Option<i64>,
    /// Why, in a few words, where that shows.
    pub cause: Option<&'static str>,
    /// The log directory, where the cause is there.
    pub log_dir: Option<String>,
}

impl BlockedObject {
    fn new(blocked: &Blocked) -> BlockedObject {
        let dir = match &blocked.cause {
            Cause::Directory(place, _) => Some(printable(place.dir.as_os_str().as_bytes())),
            Cause::Unknown | Cause::NoProcess | Cause::Stopped => None,
        };
        BlockedObject {
            unread_bytes: blocked.unread,
            written_unix_seconds: blocked.written.map(Label::to_unix),
            cause: Some(blocked.cause.short()).filter(|words| !words.is_empty()),
            log_dir: dir,
        }
    }
}

/// How the last run of a service ended.
#[derive(Debug, Serialize)]
pub struct LastEnd {
    /// The exit code; null where a signal ended it, or that is not known.
    pub code: Option<u8>,
    /// The name of the signal that ended it.
    pub signal: Option<String>,
    /// Whether a core was dumped.
    pub core: bool,
    /// Whether the kernel ended it because memory ran out.
    pub out_of_memory: bool,
    /// When, as Unix time.
    pub unix_seconds: i64,
    /// How long it had run.
    pub ran_seconds: f64,
    /// The processor time that it used.
    pub cpu_seconds: Option<f64>,
    /// Its largest resident memory, in bytes.
    pub peak_memory_bytes: Option<u64>,
}

impl LastEnd {
    /// What is said of a run that is over.
    pub fn new(run: &RunRecord) -> LastEnd {
        let (code, signal) = match run.end {
            End::Code(code) => (Some(code), None),
            End::Signal(signal) => (None, Some(signal.name())),
            End::Unknown => (None, None),
        };
        LastEnd {
            code,
            signal,
            core: run.core,
            out_of_memory: run.oom,
            unix_seconds: run.at.to_unix(),
            ran_seconds: run.ran.as_secs_f64(),
            cpu_seconds: run.cpu.map(|cpu| cpu.as_secs_f64()),
            peak_memory_bytes: run.peak_kb.map(|kilobytes| kilobytes.saturating_mul(1024)),
        }
    }
}

/// How often a service was started again.
#[derive(Debug, Serialize)]
pub struct Restarts {
    /// In the last 60 seconds.
    pub last_minute: u32,
    /// In the last 60 minutes.
    pub last_hour: u32,
    /// Since its supervise began.
    pub total: u32,
}

impl Object {
    /// What is said of a service.
    pub fn new(service: &ServiceReport, now: Label) -> Object {
        let status = service.status();
        let details = service.details.as_ref();
        let words = |bytes: &[u8]| (!bytes.is_empty()).then(|| printable(bytes));
        Object {
            state: service.state().word(),
            as_wanted: service.is_as_wanted(),
            pid: status.and_then(|status| status.pid).map(u32::from),
            since_unix_seconds: status.map(|status| status.since.to_unix()),
            for_seconds: service.seconds(now),
            wants: status.map(|status| match status.want {
                Want::Up => "up",
                Want::Down => "down",
                Want::Once => "once",
            }),
            normally: match service.normally {
                Normally::Up => "up",
                Normally::Down => "down",
            },
            paused: status.is_some_and(|status| status.pid.is_some() && status.paused),
            restarts: service.restarts.map(|restarts| Restarts {
                last_minute: restarts.minute,
                last_hour: restarts.hour,
                total: restarts.total,
            }),
            error: match &service.condition {
                Condition::Unknown(error) => Some(error.sentence()),
                Condition::Supervised(_) | Condition::Unsupervised => None,
            },
            ready: service.is_ready(),
            doing: details.map(|details| details.state.word()),
            reason: details.and_then(|details| words(&details.reason)),
            status_text: details.and_then(|details| words(&details.status_text)),
            last_end: details.and_then(|details| details.last_end.as_ref()).map(LastEnd::new),
            blocked: service.blocked.as_ref().map(BlockedObject::new),
        }
    }
}

/// What `svstat --json` prints about a directory.
#[derive(Debug, Serialize)]
struct Line<'a> {
    dir: &'a str,
    #[serde(flatten)]
    object: Object,
}

/// The line about the service in `dir`, whose name is escaped as in messages.
pub fn line(dir: &[u8], service: &ServiceReport, now: Label) -> serde_json::Result<Vec<u8>> {
    let line = Line { dir: &printable(dir), object: Object::new(service, now) };
    let mut text = Vec::new();
    put_json(&serde_json::to_vec(&line)?, &mut text);
    text.push(b'\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    use daemontools_core::restarts::Restarts;
    use daemontools_core::status::Status;
    use daemontools_service::status_error::StatusError;
    use nix::errno::Errno;

    fn text(service: &ServiceReport) -> String {
        String::from_utf8(line(b"/a\"b\xff", service, Label::from_unix(142, 0)).unwrap()).unwrap()
    }

    #[test]
    fn every_name_is_there_and_in_order() {
        let status =
            Status { since: Label::from_unix(100, 0), pid: NonZeroU32::new(7), paused: true, want: Want::Down };
        let restarts = Some(Restarts { minute: 1, hour: 2, total: 3 });
        let service = ServiceReport { restarts, ..ServiceReport::new(Condition::Supervised(status), Normally::Down) };
        let expected = concat!(
            r#"{"dir":"/a\"b\\xff","state":"paused","as_wanted":false,"pid":7,"since_unix_seconds":100,"#,
            r#""for_seconds":42,"wants":"down","normally":"down","paused":true,"#,
            r#""restarts":{"last_minute":1,"last_hour":2,"total":3},"error":null,"#,
            r#""ready":null,"doing":null,"reason":null,"status_text":null,"last_end":null,"blocked":null}"#,
            "\n"
        );
        assert_eq!(text(&service), expected);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let service = ServiceReport::unknown(StatusError::new("open", "supervise/ok", Errno::EACCES));
        let expected = concat!(
            r#"{"dir":"/a\"b\\xff","state":"unknown","as_wanted":false,"pid":null,"since_unix_seconds":null,"#,
            r#""for_seconds":null,"wants":null,"normally":"up","paused":false,"restarts":null,"#,
            r#""error":"unable to open supervise/ok: access denied","#,
            r#""ready":null,"doing":null,"reason":null,"status_text":null,"last_end":null,"blocked":null}"#,
            "\n"
        );
        assert_eq!(text(&service), expected);
    }

    #[test]
    fn an_end_has_a_code_or_a_signal() {
        let run =
            RunRecord::from_line(b"@400000003b9aca4b00000005 code 7 oom ran-ms 1500 cpu-ms 20 peak-kb 3").unwrap();
        let expected = concat!(
            r#"{"code":7,"signal":null,"core":false,"out_of_memory":true,"unix_seconds":1000000065,"#,
            r#""ran_seconds":1.5,"cpu_seconds":0.02,"peak_memory_bytes":3072}"#
        );
        assert_eq!(serde_json::to_string(&LastEnd::new(&run)).unwrap(), expected);
        let run = RunRecord::from_line(b"@400000003b9aca4b00000005 signal SEGV core ran-ms 0").unwrap();
        let expected = concat!(
            r#"{"code":null,"signal":"SEGV","core":true,"out_of_memory":false,"unix_seconds":1000000065,"#,
            r#""ran_seconds":0.0,"cpu_seconds":null,"peak_memory_bytes":null}"#
        );
        assert_eq!(serde_json::to_string(&LastEnd::new(&run)).unwrap(), expected);
    }
}
