//! The last ends of a service as lines for a person.

use daemontools_core::label::Label;
use daemontools_core::run_record::RunRecord;
use daemontools_observe::span::precise_words;
use daemontools_sys::local_time::LocalTime;

/// A line about an end: when, how, how long the run was, what it used.
pub fn line(record: &RunRecord) -> String {
    let mut line = format!("{}  {}", moment(record.at), words(record));
    if let Some(cpu) = record.cpu {
        line += &format!(", processor {}", precise_words(cpu));
    }
    if let Some(peak) = record.peak_kb {
        line += &format!(", peak memory {peak} kB");
    }
    line
}

/// How a run ended and how long it took: `exit 7 after 1.2 s`.
pub fn words(record: &RunRecord) -> String {
    let core = if record.core { ", core dumped" } else { "" };
    let oom = if record.oom { ", out of memory" } else { "" };
    format!("{}{core}{oom} after {}", record.end.words(), precise_words(record.ran))
}

/// A moment as local time to the second.
pub fn moment(label: Label) -> String {
    match LocalTime::of(label.to_unix()) {
        Some(time) => format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            time.year, time.month, time.day, time.hour, time.minute, time.second
        ),
        None => String::from_utf8_lossy(&label.to_text()).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use daemontools_core::end::End;
    use std::time::Duration;

    #[test]
    fn a_line_says_all_that_is_known() {
        let known = RunRecord {
            core: true,
            ran: Duration::from_millis(1234),
            cpu: Some(Duration::from_millis(50)),
            peak_kb: Some(2048),
            ..RunRecord::new(Label::from_unix(0, 0), End::Code(7))
        };
        let line = line(&known);
        let expected = "  exit 7, core dumped after 1.2 s, processor 0.1 s, peak memory 2048 kB";
        assert_eq!(line.get(19..), Some(expected), "{line}");
    }
}
