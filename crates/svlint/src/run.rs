//! Reads the directories that were given, prints what was found, and says by the exit code how grave it is.

use daemontools_program::entry::Exit;
use daemontools_program::failure::{Failure, Outcome, Program};
use daemontools_program::stdio::print;

use crate::code::Severity;
use crate::finding::Finding;
use crate::options::Options;
use crate::service::Report;

/// The worst that was found.
const WARNINGS: Exit = Exit(1);
const ERRORS: Exit = Exit(2);

/// Reads all directories, and prints what was found.
pub fn lint(program: &Program, options: &Options) -> Outcome {
    let mut report = Report::default();
    for dir in &options.dirs {
        report.read_all(dir);
    }
    report.compare_logs();
    report.watch();
    report.findings.sort_by_cached_key(Finding::order);
    report.findings.dedup();
    print(&text(&report.findings, options.json)?)?;
    for trouble in &report.troubles {
        trouble.warn(program);
    }
    let worst = report.findings.iter().map(|finding| finding.code.severity()).max();
    Ok(match worst {
        // What was not read may be worse than what was found.
        _ if !report.troubles.is_empty() => Exit::TROUBLE,
        None => Exit::OK,
        Some(Severity::Warning) => WARNINGS,
        Some(Severity::Error) => ERRORS,
    })
}

fn text(findings: &[Finding], json: bool) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    for finding in findings {
        match json {
            true => text.extend(finding.json().map_err(|_| Failure::fatal([b"unable to describe the findings"]))?),
            false => text.extend(finding.text()),
        }
    }
    Ok(text)
}
