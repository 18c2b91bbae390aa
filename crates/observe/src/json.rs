//! A service as a JSON object, the same one from `svstat --json` and `svps --json`. The names are interface: they are in
//! svstat(8), they stay, and new ones come after the old.

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_service::report::{Condition, Normally, ServiceReport};
use serde::Serialize;

/// One service.
#[derive(Debug, Serialize)]
pub struct Object {
    /// One of the six words.
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
            restarts: service.again.map(|again| Restarts {
                last_minute: again.minute,
                last_hour: again.hour,
                total: again.total,
            }),
            error: match &service.condition {
                Condition::Unknown(error) => Some(error.sentence()),
                Condition::Supervised(_) | Condition::Unsupervised => None,
            },
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

/// The line about the service in `dir`; a byte of the name that is no UTF-8 becomes U+FFFD.
pub fn line(dir: &[u8], service: &ServiceReport, now: Label) -> serde_json::Result<Vec<u8>> {
    let line = Line { dir: &String::from_utf8_lossy(dir), object: Object::new(service, now) };
    let mut text = serde_json::to_vec(&line)?;
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
        let again = Some(Restarts { minute: 1, hour: 2, total: 3 });
        let service =
            ServiceReport { condition: Condition::Supervised(status), normally: Normally::Down, again, starts: None };
        let expected = concat!(
            r#"{"dir":"/a\"b�","state":"paused","as_wanted":false,"pid":7,"since_unix_seconds":100,"#,
            r#""for_seconds":42,"wants":"down","normally":"down","paused":true,"#,
            r#""restarts":{"last_minute":1,"last_hour":2,"total":3},"error":null}"#,
            "\n"
        );
        assert_eq!(text(&service), expected);
    }

    #[test]
    fn what_is_not_known_is_null() {
        let service = ServiceReport::unknown(StatusError::new("open", "supervise/ok", Errno::EACCES));
        let expected = concat!(
            r#"{"dir":"/a\"b�","state":"unknown","as_wanted":false,"pid":null,"since_unix_seconds":null,"#,
            r#""for_seconds":null,"wants":null,"normally":"up","paused":false,"restarts":null,"#,
            r#""error":"unable to open supervise/ok: access denied"}"#,
            "\n"
        );
        assert_eq!(text(&service), expected);
    }
}
