//! The manuals: a page for each program, in agreement with what the program says of itself, and with examples that work.
//!
//! Not tested: examples of `run` scripts and of trees that need accounts and programs of their own, and what is said in
//! prose.

use std::fs;
use std::path::PathBuf;

use daemontools_tests::programs::workspace;
use daemontools_tests::scrub::scrub;
use daemontools_tests::{End, Programs, Tree, exits, left_out, needs_root, until};

use crate::mdoc::{Page, spaced};

/// The programs of the workspace.
pub fn programs() -> Vec<String> {
    let entries = fs::read_dir(workspace().join("crates")).expect("read crates/").flatten();
    let programs = entries.filter_map(|entry| {
        let name = entry.file_name().into_string().expect("a crate's name");
        let is_program = ["src/main.rs", &name].iter().any(|file| entry.path().join(file).is_file());
        is_program.then_some(name)
    });
    let mut programs: Vec<String> = programs.collect();
    programs.sort();
    programs
}

/// Where a program's page is: beside it.
pub fn page_of(program: &str) -> PathBuf {
    workspace().join(format!("crates/{program}/{program}.8"))
}

/// The pages of the programs.
fn pages() -> Vec<Page> {
    programs().iter().map(|name| page_of(name)).filter(|file| file.exists()).map(|file| Page::read(&file)).collect()
}

/// The page that gives the whole.
fn overview() -> Page {
    Page::read(&workspace().join("docs/daemontools.7"))
}

#[test]
fn every_program_has_its_page_and_the_overview_lists_it() {
    let without: Vec<String> = programs().into_iter().filter(|name| !page_of(name).exists()).collect();
    assert!(without.is_empty(), "programs without a page crates/NAME/NAME.8: {without:?}");
    let overview = overview();
    let listed = Page::references(overview.section("SEE ALSO"));
    for page in pages() {
        assert!(listed.contains(&(&page.name, "8")), "daemontools(7) does not list {}(8)", page.name);
        let title = format!(".Dt {} 8", page.name.to_uppercase());
        assert!(page.lines().any(|line| line == title), "{}: no line {title}", page.file.display());
    }
}

#[test]
fn a_reference_to_section_8_leads_to_a_page_that_the_overview_lists() {
    let overview = overview();
    let listed = Page::references(overview.section("SEE ALSO"));
    for page in pages().iter().chain([&overview]) {
        for (name, section) in Page::references(page.lines()) {
            assert!(section != "8" || listed.contains(&(name, section)), "{} refers to {name}(8)", page.name);
        }
    }
}

/// The command line that `--help` shows first, and how the page's SYNOPSIS should begin.
fn usage(tree: &Tree, program: &str) -> String {
    let help = tree.run(program, ["--help"]);
    assert_eq!(help.end, End::Code(0), "{program} --help: {help:?}");
    let text = String::from_utf8(help.stdout).expect("text");
    let first = text.lines().next().expect("a first line");
    if program == "svc" {
        return usage_of_svc(&text);
    }
    let usage = first.strip_prefix(&format!("{program}: usage: "));
    spaced(usage.unwrap_or_else(|| panic!("{program} --help begins with no usage line: {first}")))
}

/// svc's usage line is a list of letters, and what 0.76 did not have follows in the next line.
fn usage_of_svc(help: &str) -> String {
    let (_, list) = help.split_once("options: ").expect("svc options: …");
    let (theirs, rest) = list.split_once('\n').expect("two lines");
    let (_, ours) = rest.split_once("Also: ").expect("Also: …");
    let ours = ours.split('.').next().expect("a sentence");
    let letters: String =
        theirs.split(", ").chain(ours.split(", ")).filter_map(|option| option.chars().next()).collect();
    format!("svc [ -{letters} ] dir ...")
}

#[test]
fn each_synopsis_begins_as_the_usage_line_says() {
    let tree = Tree::of(Programs::ours());
    for page in pages() {
        let synopsis = page.synopsis();
        let first = synopsis.first().unwrap_or_else(|| panic!("{}: no SYNOPSIS", page.file.display()));
        assert_eq!(*first, usage(&tree, &page.name), "SYNOPSIS and {} --help", page.name);
    }
}

#[test]
fn mandoc_finds_nothing_to_complain_of() {
    let tree = Tree::of(Programs::ours());
    if tree.shell("command -v mandoc").end != End::Code(0) {
        return left_out("the manuals under mandoc -Tlint", "mandoc is not installed");
    }
    for page in pages().iter().chain([&overview()]) {
        let lint = tree.invocation("/bin/sh").args(["-c", "exec mandoc -Tlint \"$0\""]).arg(&page.file).run();
        let lint = String::from_utf8_lossy(&lint.stdout).into_owned();
        // Which other pages are installed is not the page's matter.
        let complaints: Vec<&str> = lint.lines().filter(|line| !line.contains("referenced manual not found")).collect();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

/// Dates and all that `scrub` takes out.
fn without_figures(text: &str) -> String {
    let text = String::from_utf8(scrub(text.as_bytes())).expect("text");
    // How long something took, at the end of a line.
    let is_span = |words: &str| words.strip_suffix(" s").is_some_and(|number| number.parse::<f64>().is_ok());
    let timeless = |line: &str| match line.rsplit_once(" after ") {
        Some((before, words)) if is_span(words) => before.to_owned(),
        _ => line.to_owned(),
    };
    let text: String = text.lines().map(|line| timeless(line) + "\n").collect();
    let shape =
        |line: &str| -> String { line.chars().take(29).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect() };
    let lines = text.lines().map(|line| match line.get(29..) {
        Some(rest) if shape(line) == "0000-00-00 00:00:00.000000000" => format!("TIME{rest}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Runs what stands after the prompt and compares what comes with the other lines.
fn hold_session(page: &Page, prompt: &str, lines: &[String]) {
    let tree = Tree::of(Programs::ours());
    let typed = lines.iter().filter_map(|line| line.strip_prefix(prompt));
    let script: String = ["exec 2>&1"].into_iter().chain(typed).flat_map(|line| [line, "\n"]).collect();
    let shown: String = lines.iter().filter(|line| !line.starts_with(prompt)).flat_map(|line| [line, "\n"]).collect();
    let said = tree.shell(&script);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert_eq!(without_figures(&said), without_figures(&shown), "an example of {}:\n{script}", page.name);
}

#[test]
fn what_the_examples_show_is_what_comes() {
    let mut held = 0;
    for page in pages().iter().chain([&overview()]) {
        for example in page.examples() {
            let first = example.lines.first().map_or("", String::as_str);
            if first.starts_with("$ ") {
                hold_session(page, "$ ", &example.lines);
                held += 1;
            } else if first.starts_with("# ") && needs_root(&format!("an example of {}", page.name)) {
                hold_session(page, "# ", &example.lines);
            }
        }
    }
    assert!(held > 0, "no examples were found");
}

/// Waits for the first line of a log, and for svstat to say that the service and its logger are up.
const PATIENT: &str = "until [ -s ~/hello/log/main/current ] && \
    [ $(svstat ~/hello ~/hello/log | grep -c ' up (pid ') = 2 ]; do sleep 0.1; done;";

#[test]
fn the_first_service_runs_as_the_overview_says() {
    let overview = overview();
    let examples = overview.examples();
    let example = examples.iter().find(|example| example.above == ".\\\" run").expect("the first service");
    assert_eq!(example.lines.len(), 10, "a first service in ten lines");
    let tree = Tree::of(Programs::ours());
    // The pause is for a reader. Here, what it waits for is waited for: the log, and what svstat will say of both.
    let script = example.lines.join("\n");
    let patient = script.replace("sleep 3;", PATIENT);
    assert_ne!(script, patient, "the example waits for its first lines");
    let run = tree.invocation("/bin/sh").args(["-ec", &patient]).env("HOME", tree.path("")).run();
    assert_eq!((run.end, run.stderr.as_slice()), (End::Code(0), &b""[..]), "{run:?}");
    let shown = String::from_utf8(run.stdout.clone()).expect("text");
    let states = without_figures(&shown).lines().filter(|line| line.contains("/hello")).count();
    assert_eq!((states, shown.contains("hello/log: up (pid ")), (3, true), "{run:?}");
    until("the service is gone", || tree.run("svok", ["hello"]) == exits(100, "", ""));
    until("its logger is gone", || tree.run("svok", ["hello/log"]) == exits(100, "", ""));
}
