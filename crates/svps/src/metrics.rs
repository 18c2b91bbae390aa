//! The tree as metrics, in a text that is both OpenMetrics 1.0 and what a Prometheus textfile collector reads. So there
//! are only gauges and counters: the older format has no other types that suit us.

use std::fmt::Write;

use daemontools_core::label::Label;
use daemontools_core::status::Want;
use daemontools_service::report::{ServiceReport, State};

use crate::tree::Entry;

/// A service or a logger, with the labels that name it.
struct Part<'a> {
    labels: String,
    service: &'a ServiceReport,
    as_wanted: bool,
}

/// The whole text.
pub fn text(entries: &[Entry], now: Label) -> String {
    let parts: Vec<Part<'_>> = entries.iter().flat_map(parts).collect();
    let mut text = String::new();
    gauge(&mut text, &parts, "up", "Whether the service has a process.", |service| {
        service.status().map(|status| i64::from(status.pid.is_some()))
    });
    gauge(&mut text, &parts, "wanted_up", "Whether supervise wants the service up.", |service| {
        service.status().map(|status| i64::from(status.want == Want::Up))
    });
    head(&mut text, "as_wanted", "gauge", "Whether the service is as its supervise was told to have it.");
    for part in &parts {
        sample(&mut text, "as_wanted", &part.labels, i64::from(part.as_wanted));
    }
    head(&mut text, "state", "gauge", "1 for the state that the service is in, 0 for the others.");
    for part in &parts {
        for state in State::ALL {
            let labels = format!("{},state=\"{}\"", part.labels, state.word());
            sample(&mut text, "state", &labels, i64::from(state == part.service.state()));
        }
    }
    let help = "When the process id last changed, as Unix time.";
    gauge(&mut text, &parts, "changed_timestamp_seconds", help, |service| {
        service.status().map(|status| status.since.to_unix())
    });
    head(&mut text, "restarts", "counter", "How often the service has ended and was started again by this supervise.");
    for part in &parts {
        if let Some(again) = part.service.again {
            sample(&mut text, "restarts_total", &part.labels, i64::from(again.total));
        }
    }
    text.push_str("# HELP daemontools_services How many services there are, loggers not counted.\n");
    let _ = writeln!(text, "# TYPE daemontools_services gauge\ndaemontools_services {}", entries.len());
    text.push_str("# HELP daemontools_looked_timestamp_seconds When all this was found out, as Unix time.\n");
    text.push_str("# TYPE daemontools_looked_timestamp_seconds gauge\n");
    let _ = writeln!(text, "daemontools_looked_timestamp_seconds {}\n# EOF", now.to_unix());
    text
}

fn parts(entry: &Entry) -> Vec<Part<'_>> {
    let part = |part: &str, service, as_wanted| Part {
        labels: format!("service=\"{}\",part=\"{part}\"", escaped(&entry.name.to_string_lossy())),
        service,
        as_wanted,
    };
    let log = entry.log.as_ref().map(|log| part("log", log, entry.is_log_as_wanted(log)));
    [part("service", &entry.service, entry.service.is_as_wanted())].into_iter().chain(log).collect()
}

fn gauge(text: &mut String, parts: &[Part<'_>], name: &str, help: &str, value: impl Fn(&ServiceReport) -> Option<i64>) {
    head(text, name, "gauge", help);
    for part in parts {
        if let Some(value) = value(part.service) {
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

    #[test]
    fn a_name_cannot_break_the_text() {
        let entry = Entry {
            name: c"a\"b\\c\nd".into(),
            service: ServiceReport::unknown(StatusError::chdir(Errno::EACCES)),
            log: None,
        };
        let text = text(&[entry], Label::from_unix(5, 0));
        assert!(
            text.contains("daemontools_service_as_wanted{service=\"a\\\"b\\\\c\\nd\",part=\"service\"} 0\n"),
            "{text}"
        );
        assert!(text.ends_with("daemontools_looked_timestamp_seconds 5\n# EOF\n"), "{text}");
    }
}
