//! Random cases: a fixed number of them in a plain `cargo test`, and for `FUZZ_SECONDS` seconds each in `make fuzz`.
//!
//! `FUZZ_SEED=N` repeats a run. A case that fails says which seed begins with it.

use std::env;
use std::io::Write;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::random::Random;

/// Says which case failed when a test panics in it.
struct Witness<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fuzz: {}: FUZZ_SEED={} begins with this case", self.name, self.seed);
        }
    }
}

/// A number that the environment may tell.
fn told(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Runs `case` this many times, or as often as `FUZZ_SECONDS` allow, and says how often that was.
pub fn fuzz(name: &str, cases: u64, mut case: impl FnMut(&mut Random)) {
    let time = told("FUZZ_SECONDS").map(Duration::from_secs);
    let chance = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs() << 20);
    let seed = told("FUZZ_SEED").unwrap_or_else(|| if time.is_some() { chance() } else { 1 });
    let (start, mut done) = (Instant::now(), 0);
    while time.map_or(done < cases, |time| start.elapsed() < time) {
        let witness = Witness { name, seed: seed.wrapping_add(done) };
        case(&mut Random::new(witness.seed));
        done += 1;
    }
    let line = format!("fuzz: {name}: {done} cases from seed {seed} in {} s\n", start.elapsed().as_secs());
    // Past libtest, which would swallow it.
    let _ = std::io::stderr().write_all(line.as_bytes());
}
