//! How far a long search is: on a terminal, after a while, and never into a pipe.

use std::time::Duration;

use daemontools_program::clock::Instant;
use daemontools_program::stdio::write_pieces;
use daemontools_sys::fd::{STDERR, STDOUT};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::isatty;

/// How long nothing is shown, and how often it is shown anew.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is shown while work goes on.
pub struct Progress {
    /// How many bytes there are to be read; `None`: nobody is there to see it.
    total: Option<u64>,
    /// When it is to be shown next.
    next: Instant,
    /// Whether it stands on the terminal now.
    visible: bool,
}

impl Progress {
    /// Of work that reads `total` bytes, counted only if somebody sees it.
    pub fn new(total: impl FnOnce() -> u64) -> Progress {
        let piped = fstat(STDOUT).is_ok_and(|stat| {
            let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
            kind == SFlag::S_IFIFO || kind == SFlag::S_IFSOCK
        });
        let seen = !piped && isatty(STDERR).unwrap_or(false);
        Progress { total: seen.then(total), next: Instant::now() + PATIENCE, visible: false }
    }

    /// Shows how far it is, if it is time to.
    pub fn tick(&mut self, read: u64) {
        let Some(total) = self.total else { return };
        let now = Instant::now();
        if now < self.next {
            return;
        }
        self.next = now + PATIENCE;
        self.visible = true;
        let text = words(read, total);
        // There is nobody to tell if that fails.
        let _ = write_pieces(STDERR, [b"\r\x1b[K", text.as_bytes()]);
    }

    /// Takes it away before something else is written.
    pub fn clear(&mut self) {
        if self.visible {
            self.visible = false;
            let _ = write_pieces(STDERR, [b"\r\x1b[K"]);
        }
    }
}

/// `svlog: 3.1 of 10.0 GiB read, 31 %`.
fn words(read: u64, total: u64) -> String {
    let (unit, size) = if total < 1 << 30 { ("MiB", 1 << 20) } else { ("GiB", 1 << 30) };
    let many = |bytes: u64| bytes as f64 / f64::from(size);
    let percent = (u128::from(read) * 100).checked_div(u128::from(total)).unwrap_or(100).min(100);
    format!("svlog: {:.1} of {:.1} {unit} read, {percent} %", many(read), many(total))
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn sizes_have_their_unit() {
        assert_eq!(words(3 << 30, 10 << 30), "svlog: 3.0 of 10.0 GiB read, 30 %");
        assert_eq!(words(3 << 19, 10 << 20), "svlog: 1.5 of 10.0 MiB read, 15 %");
        assert_eq!(words(1, 0), "svlog: 0.0 of 0.0 MiB read, 100 %");
    }
}
