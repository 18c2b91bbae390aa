//! Where and with what the figures were made: the kind of machine, the versions, the command.

use std::fs;
use std::process::Command;

use crate::Bench;
use crate::contender::Who;
use crate::scratch;

/// A paragraph about it.
pub fn description(bench: &Bench) -> String {
    let contenders = &bench.contenders;
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map_or("", |(_, value)| value.trim()).to_owned()
    };
    let kind = if field("flags").split(' ').any(|flag| flag == "hypervisor") { "virtual machine" } else { "machine" };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let versions = [(Who::Original, "daemontools"), (Who::Runit, "runit"), (Who::S6, "s6"), (Who::Cat, "coreutils")];
    let versions: Vec<String> = versions
        .iter()
        .filter(|(who, _)| contenders.dir(*who).is_some())
        .map(|(_, package)| format!("{package} {}", version(package)))
        .collect();
    format!(
        "`{command}` on {date}, {rounds} rounds: a {kind} with {cpus} × {cpu}, {memory} GB, Linux {kernel}; load at \
         the end {load}; files in {base}. Ours: version {ours}, {compiler}. Peers: {peers}.\n",
        date = said_by("date", &["-u", "+%F"]),
        command = if bench.quick { "make bench ROWS=--quick" } else { "make bench" },
        rounds = bench.rounds,
        load = fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or("?"),
        cpu = field("model name"),
        memory = memory_gigabytes(),
        kernel = kernel.trim(),
        base = scratch::base().display(),
        ours = env!("CARGO_PKG_VERSION"),
        compiler = said_by("rustc", &["--version"]),
        peers = versions.join(", "),
    )
}

fn memory_gigabytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().next().and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    total.unwrap_or(0).div_ceil(1 << 20)
}

/// The version of a package, where dpkg knows it.
fn version(package: &str) -> String {
    said_by("dpkg-query", &["-W", "-f", "${Version}", package])
}

/// The first line that a command prints, or a question mark.
fn said_by(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().next().unwrap_or("?").to_owned()
}
