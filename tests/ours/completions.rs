//! What a shell offers at Tab, asked of the shells themselves.

use std::path::PathBuf;

use daemontools_tests::programs::workspace;
use daemontools_tests::{End, Programs, Tree, left_out};

/// The completion files of a shell.
fn files(shell: &str) -> Vec<PathBuf> {
    let crates = std::fs::read_dir(workspace().join("crates")).expect("read crates");
    let found: Vec<PathBuf> = crates
        .flatten()
        .map(|entry| entry.path().join(entry.file_name()).with_extension(shell))
        .filter(|file| file.exists())
        .collect();
    assert!(found.len() >= 6, "{found:?}");
    found
}

fn has(tree: &Tree, shell: &str) -> bool {
    let found = tree.shell(&format!("command -v {shell}")).end == End::Code(0);
    if !found {
        left_out(&format!("completions for {shell}"), "it is not installed");
    }
    found
}

/// What bash offers for a line whose last word is being typed.
fn bash_offers(tree: &Tree, line: &str) -> Vec<String> {
    let name = line.split(' ').next().expect("a command");
    let file = workspace().join(format!("crates/{name}/{name}.bash"));
    // Outside of a completion there is no compopt.
    let ask = "compopt() { :; }; . \"$1\"; read -ra COMP_WORDS <<<\"$2x\"; last=$((${#COMP_WORDS[@]} - 1))
COMP_WORDS[last]=${COMP_WORDS[last]%x}; COMP_CWORD=$last; COMP_LINE=$2; COMP_POINT=${#2}; _$3; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let out = tree.invocation("/bin/bash").args(["-c", ask, "bash"]).arg(file).args([line, name]).run();
    assert_eq!((out.end, out.stderr.as_slice()), (End::Code(0), &b""[..]), "{line}: {out:?}");
    String::from_utf8(out.stdout).expect("text").lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// The same for fish.
fn fish_offers(tree: &Tree, line: &str) -> Vec<String> {
    let name = line.split(' ').next().expect("a command");
    let file = workspace().join(format!("crates/{name}/{name}.fish"));
    let ask = "source $argv[1]; complete -C $argv[2]";
    let fish = tree.invocation("/usr/bin/fish").env("HOME", tree.path("")).args(["--private", "-c", ask]);
    let out = fish.arg(file).arg(line).run();
    assert_eq!(out.end, End::Code(0), "{line}: {out:?}");
    let text = String::from_utf8(out.stdout).expect("text");
    text.lines().map(|line| line.split('\t').next().expect("a word").to_owned()).collect()
}

/// Asks a zsh at a terminal of its own; its prompt tells when it reads keys.
const ASK_ZSH: &str = r#"zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=($1 \$fpath); autoload -U compinit; compinit -u -D; setopt no_beep; PS1='%(0?.now.)reads '"
zpty -r shell said '*nowreads *'
zpty -n -w shell $2$'\t\t'
zpty -n -w shell $'\C-u''print done-$((1))'$'\n'
zpty -r shell said '*done-1*'
print -r -- $said"#;

/// What zsh shows at its terminal when Tab is pressed twice after a line.
fn zsh_shows(tree: &Tree, line: &str) -> String {
    for file in files("zsh") {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        tree.put_file(format!("zsh/_{name}"), std::fs::read(&file).expect("read a completion"));
    }
    let zsh = tree.invocation("/usr/bin/zsh").env("HOME", tree.path("")).env("TERM", "dumb");
    let out = zsh.args(["-f", "-c", ASK_ZSH, "zsh"]).arg(tree.path("zsh")).arg(line).run();
    assert_eq!(out.end, End::Code(0), "{line}: {out:?}");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(!text.contains("not found") && !text.contains("_arguments:"), "{line}: {text}");
    text
}

#[test]
fn zsh_offers_the_same() {
    let tree = Tree::of(Programs::ours()).dir("sv/web");
    if !has(&tree, "zsh") {
        return;
    }
    for (line, shown) in [
        ("svc -", "-d  -- Down: TERM"),
        ("svc -d sv/we", "svc -d sv/web/"),
        ("svstat --j", "svstat --json "),
        ("svscan --i", "svscan --init "),
        ("svscan --init --g", "svscan --init --grace "),
        ("svps --sort ", "name     trouble"),
        ("svwait -", "--unsupervised"),
        ("svupgrade --c", "svupgrade --check "),
        ("svlog -o ", "json    local   tai64n  unix    utc"),
        ("svlint --j", "svlint --json "),
        ("svup sv/", "svup sv/web/"),
        ("multilog ", "t  -- put a stamp before each line"),
        ("multilog t ./s", "multilog t ./sv/"),
        ("multilog t :rotate=h", "multilog t :rotate=hourly"),
        ("multilog t :comp", ":compress=gzip"),
        ("setlock -", "-n  -- Do not wait"),
        ("softlimit -o 5 ech", "softlimit -o 5 echo "),
        ("svctl disa", "svctl disable "),
        ("svctl --dir sv stop we", "svctl --dir sv stop web "),
        ("svctl enable sv/we", "svctl enable sv/web/"),
    ] {
        let text = zsh_shows(&tree, line);
        assert!(text.contains(shown), "{line}: {shown:?} is not in {text:?}");
    }
}

#[test]
fn bash_offers_options_then_directories() {
    let tree = Tree::of(Programs::ours()).dir("sv/web").file("sv/note", "");
    if !has(&tree, "bash") {
        return;
    }
    assert!(bash_offers(&tree, "svc -").contains(&"-d".to_owned()));
    assert_eq!(bash_offers(&tree, "svc -d sv/"), ["sv/web"]);
    assert_eq!(bash_offers(&tree, "svstat --j"), ["--json"]);
    assert_eq!(bash_offers(&tree, "svok s"), ["sv"]);
    assert_eq!(bash_offers(&tree, "svscan --i"), ["--init"]);
    assert_eq!(bash_offers(&tree, "svscan --init --g"), ["--grace"]);
    assert_eq!(bash_offers(&tree, "svscan --init --grace "), [""; 0]);
    assert_eq!(bash_offers(&tree, "svscan --init --grace 5 s"), ["sv"]);
    assert_eq!(bash_offers(&tree, "svscan s"), ["sv"]);
    assert_eq!(bash_offers(&tree, "multilog t"), ["t"]);
    assert_eq!(bash_offers(&tree, "multilog e t"), [""; 0]);
    assert_eq!(bash_offers(&tree, "multilog t ./s"), ["./sv"]);
    assert_eq!(bash_offers(&tree, "multilog t =sv/n"), ["=sv/note"]);
    assert_eq!(bash_offers(&tree, "multilog t -x"), [""; 0]);
    // bash replaces what follows a colon or an equals sign, no more.
    assert_eq!(bash_offers(&tree, "multilog t :ro").first().map(String::as_str), Some("rotate="));
    assert_eq!(bash_offers(&tree, "multilog t :rotate=h"), ["hourly"]);
    assert_eq!(bash_offers(&tree, "multilog :compress="), ["zstd", "gzip", "off"]);
    assert_eq!(bash_offers(&tree, "multilog t :keep"), [""; 0]);
}

#[test]
fn bash_offers_the_verbs_of_svctl_and_the_names_of_services() {
    let tree = Tree::of(Programs::ours()).dir("sv/web").dir("sv/db");
    if !has(&tree, "bash") {
        return;
    }
    assert_eq!(bash_offers(&tree, "svctl re"), ["restart", "reload", "resume"]);
    assert_eq!(bash_offers(&tree, "svctl --dir sv restart "), ["db", "web"]);
    assert_eq!(bash_offers(&tree, "svctl restart --dir sv w"), ["web"]);
    assert_eq!(bash_offers(&tree, "svctl -t 5s sta"), ["status", "start"]);
    assert_eq!(bash_offers(&tree, "svctl -t "), [""; 0]);
    assert_eq!(bash_offers(&tree, "svctl kill -s US"), ["USR1", "USR2"]);
    let mut directories = bash_offers(&tree, "svctl enable sv/");
    directories.sort();
    assert_eq!(directories, ["sv/db", "sv/web"]);
    assert_eq!(bash_offers(&tree, "svctl disable --k"), ["--keep-running"]);
    assert_eq!(bash_offers(&tree, "svctl status --k"), [""; 0]);
}

#[test]
fn bash_offers_a_program_after_the_options_of_those_that_run_one() {
    let tree = Tree::of(Programs::ours()).file("lock", "");
    if !has(&tree, "bash") {
        return;
    }
    assert!(bash_offers(&tree, "setlock -").contains(&"-n".to_owned()));
    assert_eq!(bash_offers(&tree, "setlock -n lo"), ["lock"]);
    assert!(bash_offers(&tree, "setlock -n lock ech").contains(&"echo".to_owned()));
    assert_eq!(bash_offers(&tree, "setlock lock echo lo"), ["lock"]);
    assert!(bash_offers(&tree, "softlimit -o 5 -").contains(&"-t".to_owned()));
    assert_eq!(bash_offers(&tree, "softlimit -o "), [""; 0]);
    assert!(bash_offers(&tree, "softlimit -o 5 ech").contains(&"echo".to_owned()));
    assert_eq!(bash_offers(&tree, "softlimit -o 5 echo lo"), ["lock"]);
}

#[test]
fn fish_offers_the_same() {
    let tree = Tree::of(Programs::ours()).dir("sv/web");
    if !has(&tree, "fish") {
        return;
    }
    assert!(fish_offers(&tree, "svc -").contains(&"-d".to_owned()));
    assert_eq!(fish_offers(&tree, "svc -d sv/"), ["sv/web/"]);
    assert_eq!(fish_offers(&tree, "svstat --j"), ["--json"]);
    assert_eq!(fish_offers(&tree, "svscan --i"), ["--init"]);
    assert_eq!(fish_offers(&tree, "svscan --init --g"), ["--grace"]);
    assert!(fish_offers(&tree, "multilog t ./s").contains(&"./sv/".to_owned()));
    assert_eq!(fish_offers(&tree, "multilog t :rotate=h"), [":rotate=hourly"]);
    assert!(fish_offers(&tree, "multilog t :comp").contains(&":compress=gzip".to_owned()));
    assert!(fish_offers(&tree, "setlock -").contains(&"-n".to_owned()));
    assert!(fish_offers(&tree, "softlimit -").contains(&"-o".to_owned()));
    assert_eq!(fish_offers(&tree, "svctl disa"), ["disable"]);
    assert_eq!(fish_offers(&tree, "svctl --dir sv restart "), ["web"]);
    assert!(fish_offers(&tree, "svctl enable sv/").contains(&"sv/web/".to_owned()));
    assert_eq!(fish_offers(&tree, "svctl disable --k"), ["--keep-running"]);
}

#[test]
fn each_shell_can_read_its_files() {
    let tree = Tree::of(Programs::ours());
    for shell in ["bash", "zsh", "fish"] {
        if !has(&tree, shell) {
            continue;
        }
        for file in files(shell) {
            let read = tree.invocation("/usr/bin/env").env("HOME", tree.path("")).arg(shell).arg("-n").arg(&file).run();
            assert_eq!((read.end, read.stderr.as_slice()), (End::Code(0), &b""[..]), "{}", file.display());
        }
    }
}
