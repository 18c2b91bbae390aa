//! The tree as JSON: an object a line, that of `svstat --json` with the service's name and its logger's object.

use daemontools_core::label::Label;
use daemontools_observe::json::Object;
use daemontools_observe::tree::Entry;
use daemontools_program::printable::printable;
use serde::Serialize;

/// One service. The names are interface (svps(8)).
#[derive(Debug, Serialize)]
struct Line<'a> {
    name: &'a str,
    #[serde(flatten)]
    object: Object,
    log: Option<Object>,
}

/// The lines about these services, whose names are escaped as in messages.
pub fn lines(entries: &[Entry], now: Label) -> serde_json::Result<Vec<u8>> {
    let mut text = Vec::new();
    for entry in entries {
        let name = printable(entry.name.to_bytes());
        let log = entry.log.as_ref().map(|log| Object::new(log, now));
        serde_json::to_writer(&mut text, &Line { name: &name, object: Object::new(&entry.service, now), log })?;
        text.push(b'\n');
    }
    Ok(text)
}
