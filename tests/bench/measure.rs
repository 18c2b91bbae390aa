//! Measuring: taking turns, medians, and what `/proc` says of a process's time, memory and sleep.

use std::fs;
use std::time::Duration;

use daemontools_tests::proc;

use crate::contender::Who;

/// Measures each contender once a round, beginning with another one each round, and gives each one's median.
pub fn in_turn(whos: &[Who], rounds: usize, mut measure: impl FnMut(Who) -> f64) -> Vec<(Who, f64)> {
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); whos.len()];
    for round in 0..rounds {
        for turn in 0..whos.len() {
            let at = (round + turn) % whos.len();
            samples[at].push(measure(whos[at]));
        }
    }
    whos.iter().zip(samples).map(|(&who, samples)| (who, median(samples))).collect()
}

/// The one in the middle; NaN where there is none.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    match samples.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => samples[count / 2],
        count => (samples[count / 2 - 1] + samples[count / 2]) / 2.0,
    }
}

/// A span in milliseconds.
pub fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

/// The milliseconds of processor time that these processes have had, to the nanosecond.
pub fn processor_time(pids: &[i32]) -> f64 {
    let of = |pid: &i32| -> Option<f64> {
        fs::read_to_string(format!("/proc/{pid}/schedstat")).ok()?.split(' ').next()?.parse().ok()
    };
    pids.iter().filter_map(of).sum::<f64>() / 1e6
}

/// The proportional set size of a process, in kilobytes.
pub fn memory(pid: i32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let size = text.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok());
    size.unwrap_or(f64::NAN)
}

/// How often these processes have been given the processor after they had slept, or after others had had it.
pub fn wake_ups(pids: &[i32]) -> u64 {
    let of = |pid: i32, name| proc::field(pid, name).and_then(|count| count.parse::<u64>().ok()).unwrap_or(0);
    pids.iter().map(|&pid| of(pid, "voluntary_ctxt_switches") + of(pid, "nonvoluntary_ctxt_switches")).sum()
}
