//! What a file in an environment directory asks for.

/// A change of the environment.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// This variable has this value.
    Set(Vec<u8>, Vec<u8>),
    /// There is no such variable.
    Unset(Vec<u8>),
}

impl Change {
    /// What a file of this name and content asks for. It is the entry `NAME=VALUE`, whose variable ends at its first
    /// `=` even if that is part of the name; an empty file is the entry `NAME`, which removes the variable.
    #[must_use]
    pub fn of(name: &[u8], content: &[u8]) -> Change {
        let entry = if content.is_empty() { name.to_vec() } else { [name, b"=", &value(content)].concat() };
        match entry.iter().position(|&byte| byte == b'=').and_then(|at| entry.split_at_checked(at)) {
            Some((variable, rest)) => Change::Set(variable.to_vec(), rest.get(1..).unwrap_or_default().to_vec()),
            None => Change::Unset(entry),
        }
    }
}

/// The first line without the spaces and tabs at its end, NULs turned into newlines.
fn value(content: &[u8]) -> Vec<u8> {
    let line = content.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let end = line.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |last| last + 1);
    line.iter().take(end).map(|&byte| if byte == 0 { b'\n' } else { byte }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(variable: &str, value: &str) -> Change {
        Change::Set(variable.into(), value.into())
    }

    #[test]
    fn the_first_line_counts_without_the_blanks_at_its_end() {
        assert_eq!(Change::of(b"A", b"one two \t \nmore"), set("A", "one two"));
        assert_eq!(Change::of(b"A", b" no newline"), set("A", " no newline"));
        assert_eq!(Change::of(b"A", b"dos\r\n"), set("A", "dos\r"));
        for blank in ["\n", " \t", "\nlate"] {
            assert_eq!(Change::of(b"A", blank.as_bytes()), set("A", ""));
        }
    }

    #[test]
    fn nul_becomes_a_newline_after_the_blanks_are_gone() {
        assert_eq!(Change::of(b"A", b"x\0y\0\n"), set("A", "x\ny\n"));
        assert_eq!(Change::of(b"A", b"x \0 \n"), set("A", "x \n"));
    }

    #[test]
    fn an_empty_file_removes_the_variable() {
        assert_eq!(Change::of(b"A", b""), Change::Unset(b"A".to_vec()));
    }

    #[test]
    fn the_variable_ends_at_the_first_equals_sign_of_the_whole_entry() {
        assert_eq!(Change::of(b"G=H", b"v"), set("G", "H=v"));
        assert_eq!(Change::of(b"X=Y", b""), set("X", "Y"));
        assert_eq!(Change::of(b"=", b"v"), set("", "=v"));
    }
}
