//! The tree as metrics, in a text that is both OpenMetrics 1.0 and what a Prometheus textfile collector reads. So there
//! are only gauges and counters: the older format has no other types that suit us.

use std::fmt::Write;

use daemontools_core::end::End;
use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_observe::tree::Entry;
use daemontools_program::printable::printable;
use daemontools_service::report::{ServiceReport, State};

/// A service or a logger, with the labels that name it.
struct Labelled<'a> {
    labels: String,
    service: &'a ServiceReport,
    as_wanted: bool,
    oom_kills: Option<u32>,
}

/// The whole text. `oom_kills`, in the order of the entries, is about each service and its logger.
pub fn text(entries: &[Entry], oom_kills: &[[Option<u32>; 2]], now: Label) -> String {
    let parts: Vec<Labelled<'_>> =
        entries.iter().zip(oom_kills).flat_map(|(entry, kills)| parts(entry, kills)).collect();
    let mut text = String::new();
    gauge(&mut text, &parts, "up", "Whether the service has a process.", |part| {
        part.service.status().map(|status| i64::from(status.pid.is_some()))
    });
    gauge(&mut text, &parts, "wanted_up", "Whether supervise wants the service up.", |part| {
        part.service.status().map(|status| i64::from(status.want == Want::Up))
    });
    gauge(&mut text, &parts, "as_wanted", "Whether the service is as its supervise was told to have it.", |part| {
        Some(i64::from(part.as_wanted))
    });
    head(&mut text, "state", "gauge", "1 for the state that the service is in, 0 for the others.");
    for part in &parts {
        for state in State::ALL {
            let labels = format!("{},state=\"{}\"", part.labels, state.word());
            sample(&mut text, "state", &labels, i64::from(state == part.service.state()));
        }
    }
    let help = "When the process id last changed, as Unix time.";
    gauge(&mut text, &parts, "changed_timestamp_seconds", help, |part| {
        part.service.status().map(|status| status.since.to_unix())
    });
    head(&mut text, "restarts", "counter", "How often the service has ended and was started again by this supervise.");
    for part in &parts {
        if let Some(restarts) = part.service.restarts {
            sample(&mut text, "restarts_total", &part.labels, i64::from(restarts.total));
        }
    }
    ends(&mut text, &parts);
    blocked(&mut text, &parts);
    text.push_str("# HELP daemontools_services How many services there are, loggers not counted.\n");
    let _ = writeln!(text, "# TYPE daemontools_services gauge\ndaemontools_services {}", entries.len());
    text.push_str("# HELP daemontools_looked_timestamp_seconds When all this was found out, as Unix time.\n");
    text.push_str("# TYPE daemontools_looked_timestamp_seconds gauge\n");
    let _ = writeln!(text, "daemontools_looked_timestamp_seconds {}\n# EOF", now.to_unix());
    text
}

/// Readiness, and how services ended: only our supervise tells that.
fn ends(text: &mut String, parts: &[Labelled<'_>]) {
    let details = |part: &Labelled<'_>| part.service.details.clone();
    let last = |part: &Labelled<'_>| part.service.details.as_ref().and_then(|details| details.last_end);
    gauge(text, parts, "ready", "Whether the service has said that it is ready.", |part| {
        part.service.is_ready().map(i64::from)
    });
    gauge(text, parts, "given_up", "Whether the service ended too often and was given up.", |part| {
        details(part).map(|details| i64::from(details.has_failed()))
    });
    gauge(text, parts, "last_exit_code", "The exit code of the last run; missing if a signal ended it.", |part| {
        match last(part)?.end {
            End::Code(code) => Some(i64::from(code)),
            End::Signal(_) | End::Unknown => None,
        }
    });
    gauge(
        text,
        parts,
        "last_exit_signal",
        "The number of the signal that ended the last run, or 0.",
        |part| match last(part)?.end {
            End::Code(_) => Some(0),
            End::Signal(signal) => Some(i64::from(signal.number())),
            End::Unknown => None,
        },
    );
    gauge(text, parts, "last_exit_timestamp_seconds", "When the last run ended, as Unix time.", |part| {
        last(part).map(|run| run.at.to_unix())
    });
    let help = "How many of the last 64 runs the kernel ended because memory ran out.";
    gauge(text, parts, "oom_kills", help, |part| part.oom_kills.map(i64::from));
}

/// Loggers that do not read, and services that wait for them.
fn blocked(text: &mut String, parts: &[Labelled<'_>]) {
    let help = "Whether the logger does not read its pipe, or the service waits because that is full.";
    gauge(text, parts, "blocked", help, |part| {
        part.service.status().map(|_| i64::from(part.service.blocked.is_some()))
    });
    gauge(text, parts, "unread_bytes", "How many bytes wait in the pipe of a logger that does not read.", |part| {
        part.service.blocked.as_ref().map(|blocked| i64::from(blocked.unread))
    });
    let help = "When a log that is not written any more was last written to, as Unix time.";
    gauge(text, parts, "log_written_timestamp_seconds", help, |part| {
        part.service.blocked.as_ref().and_then(|blocked| blocked.written).map(Label::to_unix)
    });
}

fn parts<'a>(entry: &'a Entry, &[service_kills, log_kills]: &[Option<u32>; 2]) -> Vec<Labelled<'a>> {
    let part = |part: &str, service, as_wanted, oom_kills| Labelled {
        labels: format!("service=\"{}\",part=\"{part}\"", escaped(&printable(entry.name.to_bytes()))),
        service,
        as_wanted,
        oom_kills,
    };
    let log = entry.log.as_ref().map(|log| part("log", log, entry.is_log_as_wanted(log), log_kills));
    let service = part("service", &entry.service, entry.service.is_as_wanted(), service_kills);
    [service].into_iter().chain(log).collect()
}

/// The samples of a gauge; a part about which it is not known has none.
fn gauge(
    text: &mut String,
    parts: &[Labelled<'_>],
    name: &str,
    help: &str,
    value: impl Fn(&Labelled<'_>) -> Option<i64>,
) {
    head(text, name, "gauge", help);
    for part in parts {
        if let Some(value) = value(part) {
            sample(text, name, &part.labels, value);
        }
    }
}

// Writing into a String cannot fail.

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP daemontools_service_{name} {help}\n# TYPE daemontools_service_{name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &str, value: i64) {
    let _ = writeln!(text, "daemontools_service_{name}{{{labels}}} {value}");
}

/// A label's value, as both formats want it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_service::status_error::StatusError;
    use nix::errno::Errno;

    fn entry(name: &[u8]) -> Entry {
        let service = ServiceReport::unknown(StatusError::chdir(Errno::EACCES));
        Entry { name: std::ffi::CString::new(name).unwrap(), service, log: None }
    }

    #[test]
    fn a_name_cannot_break_the_text_and_names_stay_different() {
        let names: [&[u8]; 4] = [b"a\"b\\c\nd", b"a\xff", b"a\xfe", b"a\\xff"];
        let entries = names.map(entry);
        let text = text(&entries, &[[None; 2]; 4], Label::from_unix(5, 0));
        for label in [r#"a\"b\\\\c\\nd"#, r"a\\xff", r"a\\xfe", r"a\\\\xff"] {
            let line = format!("daemontools_service_as_wanted{{service=\"{label}\",part=\"service\"}} 0\n");
            assert!(text.contains(&line), "{line} in {text}");
        }
        assert!(text.ends_with("daemontools_looked_timestamp_seconds 5\n# EOF\n"), "{text}");
    }
}
