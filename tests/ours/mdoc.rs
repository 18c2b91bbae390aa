//! As much of mdoc(7) as the tests of the manuals need: the command lines of a SYNOPSIS, references, examples.

use std::fs;
use std::path::{Path, PathBuf};

use daemontools_tests::{Programs, Tree};

/// A manual page's source.
pub struct Page {
    /// What it is about: the file's name without its section.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    text: String,
}

/// An example: the lines as they are typed or shown, and the source line above them.
pub struct Example<'a> {
    /// The line before `.Bd`.
    pub above: &'a str,
    /// What stands between `.Bd` and `.Ed`, escapes resolved.
    pub lines: Vec<String>,
}

impl Page {
    /// The page in this file.
    pub fn read(file: &Path) -> Page {
        let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("read {}: {e}", file.display()));
        let name = file.file_stem().expect("a page has a name").to_string_lossy().into_owned();
        Page { name, file: file.to_path_buf(), text }
    }

    /// The source lines of a section.
    pub fn section(&self, title: &str) -> impl Iterator<Item = &str> {
        let head = format!(".Sh {title}");
        let after = self.text.lines().skip_while(move |line| *line != head);
        after.skip(1).take_while(|line| !line.starts_with(".Sh "))
    }

    /// The command lines of the SYNOPSIS: words, brackets and bars with one space between them.
    pub fn synopsis(&self) -> Vec<String> {
        let mut forms: Vec<String> = Vec::new();
        for line in self.section("SYNOPSIS") {
            if line == ".Nm" || line.starts_with(".Nm ") {
                forms.push(self.name.clone());
            } else if let Some(form) = forms.last_mut() {
                form.push(' ');
                form.push_str(&rendered(line));
            }
        }
        forms.iter().map(|form| spaced(form)).collect()
    }

    /// The pages that these source lines refer to: name and section.
    pub fn references<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<(&'a str, &'a str)> {
        let words = lines.filter_map(|line| line.strip_prefix(".Xr ")).map(str::split_whitespace);
        words.map(|mut words| (words.next().expect("a name"), words.next().expect("a section"))).collect()
    }

    /// All source lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// All examples.
    pub fn examples(&self) -> Vec<Example<'_>> {
        let mut examples = Vec::new();
        let (mut above, mut lines) = ("", self.text.lines());
        while let Some(line) = lines.next() {
            if line.starts_with(".Bd -literal") {
                let shown = lines.by_ref().take_while(|line| *line != ".Ed");
                examples.push(Example { above, lines: shown.map(unescaped).collect() });
            }
            above = line;
        }
        examples
    }
}

/// A macro line of a SYNOPSIS as it is shown.
fn rendered(line: &str) -> String {
    let (mut shown, mut flag, mut closing) = (String::new(), false, "");
    for word in line.trim_start_matches('.').split_whitespace() {
        let word = match word {
            "Op" => {
                closing = "]";
                "["
            }
            "Oo" => "[",
            "Oc" => "]",
            "Fl" => {
                flag = true;
                continue;
            }
            "Ar" | "Cm" => {
                flag = false;
                continue;
            }
            word => word,
        };
        shown.push(' ');
        if flag && word != "|" {
            shown.push('-');
        }
        shown.push_str(word);
    }
    shown + closing
}

/// The text with one space around each word, bracket and bar.
pub fn spaced(text: &str) -> String {
    let apart = ["[", "]", "|"].iter().fold(text.to_owned(), |text, mark| text.replace(mark, &format!(" {mark} ")));
    apart.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescaped(line: &str) -> String {
    line.replace("\\&", "").replace("\\e", "\\")
}

#[test]
fn a_synopsis_is_read_as_it_is_shown() {
    let tree = Tree::of(Programs::ours());
    let file = tree.path("page.8");
    let text = ".Sh SYNOPSIS\n.Nm\n.Op Fl u | d\n.Op Fl t Ar ms\n.Ar dir ...\n.Nm\n.Fl -json\n.Sh NEXT\n.Xr a 1 ,\n\
                .Bd -literal\n$ echo \\en\n.Ed\n";
    fs::write(&file, text).expect("write");
    let page = Page::read(&file);
    let name = &page.name;
    assert_eq!(page.synopsis(), [format!("{name} [ -u | -d ] [ -t ms ] dir ..."), format!("{name} --json")]);
    assert_eq!(Page::references(page.lines()), [("a", "1")]);
    assert_eq!(page.examples()[0].lines, ["$ echo \\n"]);
}
