//! Every command of README.md and docs/*.md is run, in a root of its own, so that the documents stay true; and what
//! README.md and docs/install.md show is typed on a system without daemontools.
//!
//! A command is a block fenced as `sh`, as a whole, or a line of an indented block that begins with a word of `COMMANDS`.
//! Not tested: what a command prints.

use std::fs;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree, left_out};

use crate::own_root::{bare_system, in_own_root, own_root};

/// What the first word of a command may be, besides our programs.
const COMMANDS: [&str; 9] = [".ci/run", "apt-get", "cargo", "docker", "dpkg", "ln", "make", "sh", "systemctl"];

/// Commands that are not run as they are: how they begin, and what is run instead.
const INSTEAD: [(&str, &str); 20] = [
    // The suite, from within the suite: that there is such a target.
    ("make test", "make -n test test-original test-deb"),
    ("make fuzz", "make -n fuzz"),
    ("make torture", "make -n torture"),
    ("make bench", "make -n bench"),
    ("make stress", "make -n stress"),
    ("make cross", "make -n cross"),
    ("make demo", "make -n demo"),
    ("make check", "make -n check"),
    ("make dist", "make -n dist"),
    ("make deb DEB_NAME=daemontools", "DPKG_DEB_COMPRESSOR_TYPE=none make deb DEB_NAME=daemontools"),
    ("make deb", "DPKG_DEB_COMPRESSOR_TYPE=none make deb"),
    // They need a distribution's server: `make test-deb` runs them.
    ("apt-get install ./target/daemontools_", "dpkg --info target/daemontools_*.deb"),
    ("apt-get install --allow-downgrades", "apt-get --version"),
    (".ci/run", "test -x .ci/run"),
    ("cargo ", "cargo --version"),
    // Not to be had here.
    ("docker ", "true"),
    // systemd does not run here: the unit is found and enabled, and not started.
    ("systemctl enable --now svscan", "systemctl enable svscan"),
    // Nobody sits at an editor.
    ("svctl edit web", "EDITOR=true svctl edit web"),
    // They go on until they are told to stop.
    ("svps --watch", "timeout 2 svps --watch || test $? = 124"),
    ("svlog -f", "timeout 2 svlog -f /service/web || test $? = 124"),
];

/// What the commands find: services, running; a program that they may replace; make that builds nothing.
const FIXTURE: &str = r#"set -e
cd "$WORKSPACE"
for service in /etc/sv/web /service/db /service/gone service/web; do
	mkdir -p $service/log
	printf '#!/bin/sh\nexec 2>&1\necho a line with an error\nexec sleep 1000\n' >$service/run
	printf '#!/bin/sh\nexec multilog t /var/log/%s\n' "${service##*/}" >$service/log/run
	chmod 755 $service/run $service/log/run
done
rm -rf service/web/supervise service/web/log/supervise
ln -s /etc/sv/web /service/web
mkdir -p /etc/service /package/admin/daemontools-0.76/command
ln -s daemontools-0.76 /package/admin/daemontools
svscan /service &
tries=0
until svstat /service/*/log | grep -c ': up' | grep -q 3 && [ -s /var/log/web/current ]; do
	tries=$((tries + 1))
	[ $tries -lt 1800 ] || { echo "the services do not come up"; svstat /service/* /service/*/log; exit 1; }
	sleep 0.1
done
# Removed, and told to go by one of the commands.
mv /service/gone /service/.web
"#;

/// README.md and docs/*.md.
fn pages() -> Vec<std::path::PathBuf> {
    let docs = fs::read_dir(workspace().join("docs")).expect("read docs").flatten().map(|entry| entry.path());
    let mut pages: Vec<_> = docs.filter(|page| page.extension().is_some_and(|kind| kind == "md")).collect();
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

/// The blocks of a page fenced as this language.
pub fn fenced(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.filter_map(|block| Some(block.strip_prefix(language)?.strip_prefix('\n')?.to_owned())).collect()
}

/// The commands of a page, in their order.
fn commands(text: &str) -> Vec<String> {
    let ours = Programs::ours();
    let is_command = |line: &&str| {
        let line = without_variables(line);
        let first = line.split_whitespace().next().unwrap_or_default();
        // A program's name in a table, or in the first column of an output, is followed by more than one space.
        COMMANDS.contains(&first) || (ours.path(first).is_file() && !line[first.len()..].starts_with("  "))
    };
    let indented = |part: &str| -> Vec<String> {
        part.lines().filter_map(|line| line.strip_prefix("    ")).filter(is_command).map(str::to_owned).collect()
    };
    let parts = text.split("\n```").enumerate();
    parts
        .flat_map(|(at, part)| match part.strip_prefix("sh\n") {
            Some(block) if at % 2 == 1 => vec![block.to_owned()],
            _ if at % 2 == 0 => indented(part),
            _ => Vec::new(),
        })
        .collect()
}

/// The command without variables that are set before it.
fn without_variables(command: &str) -> &str {
    match command.split_once(' ') {
        Some((first, rest)) if first.contains('=') => without_variables(rest),
        _ => command,
    }
}

fn as_run(command: &str) -> &str {
    let bare = without_variables(command);
    INSTEAD.iter().find(|(begins, _)| bare.starts_with(begins)).map_or(command, |(_, instead)| instead)
}

#[test]
fn every_command_of_the_documents_works() {
    let Some(tree) = own_root("the commands of the documents") else { return };
    let mut count = 0;
    // What mail-server.md needs is in mail_server.rs, and so is the test that types it.
    for page in pages().into_iter().filter(|page| !page.ends_with("mail-server.md")) {
        let text = fs::read_to_string(&page).expect("read a page");
        let mut script = String::from(FIXTURE);
        for (at, command) in commands(&text).iter().enumerate() {
            let file = format!("command-{at}");
            tree.put_file(&file, format!("set -e\n{}\n", as_run(command)));
            let file = tree.path(file);
            script.push_str(&format!("timeout 120 sh '{0}' </dev/null >/out 2>&1 || ", file.display()));
            script.push_str(&format!("{{ echo \"FAILED ($?): $(cat '{}'): $(cat /out)\"; }}\n", file.display()));
            count += 1;
        }
        script.push_str("true\n");
        let done = in_own_root(&tree, &script);
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.end == End::Code(0) && said.is_empty(), "{}: {said} {done:?}", page.display());
    }
    assert!(count >= 20, "only {count} commands were found");
}

/// What `docs/install.md` shows in this language, and only there.
fn snippets(language: &str) -> Vec<String> {
    let found = fenced(&fs::read_to_string(workspace().join("docs/install.md")).expect("install.md"), language);
    assert!(!found.is_empty(), "install.md has no {language}");
    found
}

/// After `make install`, a command that starts svscan with this PATH runs a service in `dir` and its logger; where the
/// command says `--init`, TERM to the process ends all of it well.
fn runs_a_tree(tree: &Tree, command: &str, path: &str, dir: &str) {
    let script = format!(
        "{}make -s install
mkdir -p {dir}/a/log
printf '#!/bin/sh\\necho a line\\nexec sleep 1000\\n' >{dir}/a/run
printf '#!/bin/sh\\nexec multilog t ./main\\n' >{dir}/a/log/run
chmod 755 {dir}/a/run {dir}/a/log/run
env -i HOME=/root SHELL=/bin/sh PATH={path} /bin/sh -c '{command}' & started=$!
tries=0
until grep -q 'a line' {dir}/a/log/main/current 2>/dev/null; do
	tries=$((tries + 1)); [ $tries -lt 1800 ] || {{ svstat {dir}/a {dir}/a/log; exit 1; }}
	sleep 0.1
done
case '{command}' in
*--init*) kill $started; wait $started; ! svok {dir}/a ;;
esac",
        bare_system()
    );
    let done = in_own_root(tree, &script);
    assert_eq!(done.end, End::Code(0), "{command}: {done:?}");
}

/// The PATH that each of them gives to what it starts.
const PATH_OF_INIT: &str = "/sbin:/usr/sbin:/bin:/usr/bin";
const PATH_OF_CRON: &str = "/usr/bin:/bin";

#[test]
fn what_starts_svscan_starts_a_tree_and_stops_it() {
    let Some(tree) = own_root("what starts svscan") else { return };
    for block in snippets("inittab") {
        let (_, command) = block.trim().split_once(":respawn:").expect("an inittab line");
        for dir in ["/service", "/etc/service"] {
            if dir == "/service" || command.ends_with("svscanboot") {
                runs_a_tree(&tree, &format!("exec {command}"), PATH_OF_INIT, dir);
            }
        }
    }
    for block in snippets("crontab") {
        let command = block.trim().strip_prefix("@reboot ").expect("@reboot");
        runs_a_tree(&tree, command, PATH_OF_CRON, "/root/service");
    }
    for script in snippets("openrc") {
        let line = |begins: &str| {
            let line = script.lines().find_map(|line| line.trim().strip_prefix(begins));
            line.unwrap_or_else(|| panic!("no {begins}")).to_owned()
        };
        let command = line("-c ").trim_matches('\'').to_owned();
        let path = line("export PATH=").trim_matches('"').replace("$PATH", PATH_OF_INIT);
        runs_a_tree(&tree, &command, &path, "/service");
        tree.put_file("openrc", &script);
        assert_eq!(tree.shell("sh -n openrc").end, End::Code(0));
    }
}

/// The words of a unit's last line of this kind.
fn value_of(unit: &str, name: &str) -> String {
    let line = unit.lines().filter_map(|line| line.strip_prefix(&format!("{name}="))).next_back();
    line.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

#[test]
fn the_units_start_a_tree_and_stop_it() {
    let Some(tree) = own_root("the systemd units") else { return };
    let unit = fs::read_to_string(workspace().join("packaging/svscan.service")).expect("the unit");
    let path = value_of(&unit, "Environment").replace("PATH=", "");
    // systemd reads a quoted word, and a dollar for two.
    let line = value_of(&unit, "ExecStart").replace("$$", "$");
    let command = line.strip_prefix("/bin/sh -c '").and_then(|rest| rest.strip_suffix('\'')).expect("a shell");
    for dir in ["/service", "/etc/service"] {
        runs_a_tree(&tree, command, &path, dir);
    }
    for edit in snippets("systemd-edit") {
        runs_a_tree(&tree, &format!("exec {}", value_of(&edit, "ExecStart")), &path, "/srv/service");
    }
    for unit in snippets("ini") {
        let command = format!("exec {}", value_of(&unit, "ExecStart").replace("%h", "/root"));
        runs_a_tree(&tree, &command, &value_of(&unit, "Environment").replace("PATH=", ""), "/root/service");
    }
}

#[test]
fn the_five_minutes_hold_on_a_system_without_daemontools() {
    let Some(tree) = own_root("the README's commands, typed") else { return };
    let readme = fs::read_to_string(workspace().join("README.md")).expect("read README.md");
    let blocks = fenced(&readme, "sh");
    assert!(blocks.iter().any(|block| block.contains("make install")), "{blocks:?}");
    let done = in_own_root(&tree, &format!("{}{}", bare_system(), blocks.join("\n")));
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.end == End::Code(0) && said.contains("hello: up (pid"), "{done:?}");
}

#[test]
fn the_users_unit_is_sound() {
    let tree = Tree::of(Programs::ours());
    if tree.shell("command -v systemd-analyze").end != End::Code(0) {
        return left_out("the user's unit", "systemd-analyze is not installed");
    }
    for unit in snippets("ini") {
        tree.put_file("svscan.service", unit.replace("ExecStart=/usr/local/bin/svscan", "ExecStart=/bin/true"));
        let verified = tree.shell("XDG_RUNTIME_DIR=$PWD systemd-analyze --user verify --man=no ./svscan.service");
        crate::install::hold_verified(&verified);
    }
}

#[test]
fn readme_leads_to_every_page() {
    let readme = fs::read_to_string(workspace().join("README.md")).expect("read README.md");
    for page in fs::read_dir(workspace().join("docs")).expect("read docs").flatten() {
        let name = format!("docs/{}", page.file_name().to_string_lossy());
        assert!(readme.contains(&name), "README.md does not lead to {name}");
    }
}

#[test]
fn commands_are_found_in_both_ways_of_writing() {
    let text = "text\n\n    make demo   # see\n    svc      a column\n    svc -u x\n    A=b make it\n\n```sh\nln -s a b\n```\n";
    assert_eq!(commands(text), ["make demo   # see", "svc -u x", "A=b make it", "ln -s a b"]);
    assert_eq!(as_run("make demo   # see"), "make -n demo");
    assert_eq!(as_run("A=b cargo test"), "cargo --version");
    assert_eq!(as_run("A=b svc -u x"), "A=b svc -u x");
}
