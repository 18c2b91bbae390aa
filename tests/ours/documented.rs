//! Every command of README.md and docs/*.md is run, in a root of its own: all of this system below, and what the commands
//! write above it, in memory, gone at the end. So that the documents stay true.
//!
//! A command is a block fenced as `sh`, as a whole, or a line of an indented block that begins with a word of `COMMANDS`.
//! Not tested: what a command prints.

use std::fs;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Output, Programs, Tree, left_out, needs_root};

/// What the first word of a command may be, besides our programs.
const COMMANDS: [&str; 9] = [".ci/run", "apt-get", "cargo", "docker", "dpkg", "ln", "make", "sh", "systemctl"];

/// Commands that are not run as they are: how they begin, and what is run instead.
const INSTEAD: [(&str, &str); 13] = [
    // The suite, from within the suite: that there is such a target.
    ("make test", "make -n test test-original test-deb"),
    ("make fuzz", "make -n fuzz"),
    ("make torture", "make -n torture"),
    ("make bench", "make -n bench"),
    ("make demo", "make -n demo"),
    ("make check", "make -n check"),
    ("make deb", "DPKG_DEB_COMPRESSOR_TYPE=none make deb"),
    (".ci/run", "test -x .ci/run"),
    ("cargo ", "cargo --version"),
    // Not to be had here.
    ("docker ", "true"),
    // systemd does not run here: the unit is found and enabled, and not started.
    ("systemctl enable --now svscan", "systemctl enable svscan"),
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
mkdir -p /etc/service
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

/// Runs a shell script as root of a copy of the system.
fn in_a_root_of_its_own(tree: &Tree, script: &str) -> Output {
    tree.put_file("script", script);
    let mounts = "set -e
number=0
mount -t tmpfs tmpfs layer
mkdir layer/upper layer/work
mount -t overlay overlay -o lowerdir=/,upperdir=layer/upper,workdir=layer/work root
mount -t proc proc root/proc
mount --bind /dev root/dev
mount -t tmpfs tmpfs root/run
# A layer shows one file system, and these may lie on others.
for shown in $WORKSPACE $BUILT; do
	[ ! -e root$shown/Makefile ] && [ ! -e root$shown/svscan ] || continue
	number=$((number + 1))
	mkdir -p layer/upper$number layer/work$number root$shown
	mount -t overlay overlay -o lowerdir=$shown,upperdir=layer/upper$number,workdir=layer/work$number root$shown
done
mkdir -p root$PWD
mount --bind $PWD root$PWD
mkdir -p root/command-test
cp script root/command-test/script
exec chroot root /bin/sh /command-test/script";
    let make = format!("CARGO=true BUILT={}", Programs::ours().dir().display());
    let unshare = tree.invocation("/usr/bin/unshare").args(["--mount", "--pid", "--fork", "--kill-child", "/bin/sh"]);
    let mut path = Programs::ours().search_path();
    path.push(":/usr/sbin:/sbin");
    let unshare = unshare.args(["-c", mounts]).env("PATH", path).env("MAKEFLAGS", make).env("HOME", "/root");
    unshare.env("BUILT", Programs::ours().dir()).env("WORKSPACE", workspace()).env("SVDIR", "/service").run()
}

/// A tree with the places that `in_a_root_of_its_own` mounts on; none where that is not allowed.
fn tree() -> Option<Tree> {
    let what = "the commands of the documents";
    if !needs_root(what) {
        return None;
    }
    let tree = Tree::of(Programs::ours()).dir("layer").dir("root");
    let tried = in_a_root_of_its_own(&tree, "exit 0");
    if tried.end == End::Code(0) {
        return Some(tree);
    }
    left_out(what, &format!("no root of its own: {}", String::from_utf8_lossy(&tried.stderr).trim()));
    None
}

/// README.md and docs/*.md.
fn pages() -> Vec<std::path::PathBuf> {
    let docs = fs::read_dir(workspace().join("docs")).expect("read docs").flatten().map(|entry| entry.path());
    let mut pages: Vec<_> = docs.filter(|page| page.extension().is_some_and(|kind| kind == "md")).collect();
    pages.push(workspace().join("README.md"));
    pages.sort();
    pages
}

/// The blocks of a page fenced as this language.
fn fenced(text: &str, language: &str) -> Vec<String> {
    let parts = text.split("\n```").skip(1).step_by(2);
    parts.filter_map(|block| Some(block.strip_prefix(language)?.strip_prefix('\n')?.to_owned())).collect()
}

/// The commands of a page, in their order as far as they are written alike.
fn commands(text: &str) -> Vec<String> {
    let ours = Programs::ours();
    let is_command = |line: &&str| {
        let line = without_variables(line);
        let first = line.split_whitespace().next().unwrap_or_default();
        // A program's name in a table, or in the first column of an output, is followed by more than one space.
        COMMANDS.contains(&first) || (ours.path(first).is_file() && !line[first.len()..].starts_with("  "))
    };
    let outside = text.split("\n```").step_by(2).flat_map(str::lines);
    let indented = outside.filter_map(|line| line.strip_prefix("    ")).filter(is_command).map(str::to_owned);
    fenced(text, "sh").into_iter().chain(indented).collect()
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
    let Some(tree) = tree() else { return };
    let mut count = 0;
    for page in pages() {
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
        let done = in_a_root_of_its_own(&tree, &script);
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

/// The words after which a service in `dir` is to be up, and after TERM to the process all is to have ended well.
fn runs_a_tree(tree: &Tree, command: &str, dir: &str) {
    let programs = Programs::ours();
    let bound: String = ["svscan", "supervise", "svc", "svok", "svstat", "readproctitle", "svscanboot"]
        .iter()
        .map(|name| {
            let from = programs.path(name);
            format!("touch /usr/bin/{name}; mount --bind '{}' /usr/bin/{name}\n", from.display())
        })
        .collect();
    let script = format!(
        "set -e
{bound}export HOME=/root SHELL=/bin/sh PATH=/usr/bin:/bin
rm -rf /service {dir}; mkdir -p {dir}/a
printf '#!/bin/sh\\nexec sleep 1000\\n' >{dir}/a/run; chmod 755 {dir}/a/run
sh -c '{command}' & started=$!
tries=0
until svstat {dir}/a | grep -q ': up'; do
	tries=$((tries + 1)); [ $tries -lt 1800 ] || {{ svstat {dir}/a; exit 1; }}
	sleep 0.1
done
case '{command}' in
*--init*) kill $started; wait $started; ! svok {dir}/a ;;
esac"
    );
    let done = in_a_root_of_its_own(tree, &script);
    assert_eq!(done.end, End::Code(0), "{command}: {done:?}");
}

#[test]
fn what_starts_svscan_starts_a_tree_and_stops_it() {
    let Some(tree) = tree() else { return };
    for block in snippets("inittab") {
        let (_, command) = block.trim().rsplit_once(':').expect("an inittab line");
        // init itself runs it without a shell.
        runs_a_tree(&tree, &format!("exec {command}"), "/etc/service");
    }
    for block in snippets("crontab") {
        runs_a_tree(&tree, block.trim().strip_prefix("@reboot ").expect("@reboot"), "/root/service");
    }
    for script in snippets("openrc") {
        let value = |name: &str| {
            let line = script.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
            line.unwrap_or_else(|| panic!("no {name}")).trim_matches('"').to_owned()
        };
        runs_a_tree(&tree, &format!("exec {} {}", value("command"), value("command_args")), "/etc/service");
        tree.put_file("openrc", &script);
        assert_eq!(tree.shell("sh -n openrc").end, End::Code(0));
    }
    let units = [fs::read_to_string(workspace().join("packaging/svscan.service")).expect("the unit")];
    for unit in units.into_iter().chain(snippets("ini")) {
        let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("ExecStart");
        let dir = if line.contains("%h") { "/root/service" } else { "/etc/service" };
        runs_a_tree(&tree, &format!("exec {}", line.replace("%h", "/root")), dir);
    }
}

#[test]
fn the_users_unit_is_sound() {
    let tree = Tree::of(Programs::ours());
    if tree.shell("command -v systemd-analyze").end != End::Code(0) {
        return left_out("the user's unit", "systemd-analyze is not installed");
    }
    for unit in snippets("ini") {
        tree.put_file("svscan.service", unit.replace("ExecStart=svscan", "ExecStart=/bin/true"));
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
    assert_eq!(commands(text), ["ln -s a b", "make demo   # see", "svc -u x", "A=b make it"]);
    assert_eq!(as_run("make demo   # see"), "make -n demo");
    assert_eq!(as_run("A=b cargo test"), "cargo --version");
    assert_eq!(as_run("A=b svc -u x"), "A=b svc -u x");
}
