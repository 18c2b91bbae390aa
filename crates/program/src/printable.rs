//! Bytes from outside, made fit for a terminal and for one line: the one escaping of every program that 0.76 does not have.
//!
//! A *name* (file, account, word of a script) becomes text that names it alone: different names stay different. In it
//! control characters are escaped, C1 too, and what reorders a line; bytes that are no UTF-8; and the backslash itself.
//! In a *line* of a log, shown on a terminal, a backslash stays single and a tab stays a tab.
//!
//! | bytes | in a name | in a line |
//! |---|---|---|
//! | newline, carriage return, tab | `\n` `\r` `\t` | `\n` `\r`, a tab |
//! | another control character, or one that reorders a line | its bytes: `\x1b`, `\xc2\x85` | the same |
//! | no UTF-8 | `\xff` | the same |
//! | `\` | `\\` | `\` |

use std::borrow::Cow;

/// The text of a name.
pub fn printable(name: &[u8]) -> String {
    let mut text = Vec::new();
    put(Kind::Name, name, &mut text);
    into_text(text)
}

/// The text of a line without its newline, as a terminal may show it.
pub fn printable_line(line: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(line) {
        Ok(text) if is_plain(Kind::Line, line) => Cow::Borrowed(text),
        _ => {
            let mut text = Vec::new();
            put(Kind::Line, line, &mut text);
            Cow::Owned(into_text(text))
        }
    }
}

/// Appends a line without its newline, as a terminal may show it.
pub fn put_line(line: &[u8], output: &mut Vec<u8>) {
    if is_plain(Kind::Line, line) {
        output.extend_from_slice(line);
    } else {
        put(Kind::Line, line, output);
    }
}

/// Writes the text of a name into `buffer`, as much of it as there is room for; how much that is. Allocates nothing.
pub fn write_printable(name: &[u8], buffer: &mut [u8]) -> usize {
    let mut length = 0;
    let mut full = false;
    put_pieces(Kind::Name, name, &mut |piece| {
        match buffer.get_mut(length..length + piece.len()) {
            Some(room) if !full => {
                room.copy_from_slice(piece);
                length += piece.len();
            }
            // Nothing that comes later, either: it would look as if it followed.
            _ => full = true,
        }
    });
    length
}

/// Appends a text of JSON with what a terminal would obey written as `\u009b`, which means the same. In JSON such characters
/// are only found in strings.
pub fn put_json(json: &[u8], output: &mut Vec<u8>) {
    if is_plain(Kind::Line, json) {
        return output.extend_from_slice(json);
    }
    for character in String::from_utf8_lossy(json).chars() {
        if Kind::Line.keeps(character) {
            output.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        } else {
            // All of them have four digits.
            output.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
        }
    }
}

/// Whether `printable` would change nothing.
pub fn is_printable(name: &[u8]) -> bool {
    is_plain(Kind::Name, name)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Name,
    Line,
}

impl Kind {
    /// Whether a character is shown as it is.
    fn keeps(self, character: char) -> bool {
        match character {
            '\t' => self == Kind::Line,
            '\\' => self == Kind::Line,
            // Separators of lines, and what makes a terminal show a text in another order.
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
            other => !other.is_control(),
        }
    }
}

/// Whether nothing is to be escaped. Most texts are ASCII, of which a look at each byte tells.
fn is_plain(kind: Kind, bytes: &[u8]) -> bool {
    if bytes.is_ascii() {
        return bytes.iter().all(|&byte| kind.keeps(char::from(byte)));
    }
    std::str::from_utf8(bytes).is_ok_and(|text| text.chars().all(|character| kind.keeps(character)))
}

fn put(kind: Kind, bytes: &[u8], output: &mut Vec<u8>) {
    put_pieces(kind, bytes, &mut |piece| output.extend_from_slice(piece));
}

/// Gives the text piece by piece; a piece is a character or an escape.
fn put_pieces(kind: Kind, bytes: &[u8], put: &mut dyn FnMut(&[u8])) {
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let mut utf8 = [0; 4];
            let utf8 = character.encode_utf8(&mut utf8).as_bytes();
            match character {
                _ if kind.keeps(character) => put(utf8),
                '\n' => put(b"\\n"),
                '\r' => put(b"\\r"),
                '\t' => put(b"\\t"),
                '\\' => put(b"\\\\"),
                _ => utf8.iter().for_each(|&byte| put(&escape(byte))),
            }
        }
        chunk.invalid().iter().for_each(|&byte| put(&escape(byte)));
    }
}

/// `\xff`.
fn escape(byte: u8) -> [u8; 4] {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).map_or(b'?', |digit| digit as u8);
    [b'\\', b'x', digit(byte >> 4), digit(byte & 15)]
}

fn into_text(text: Vec<u8>) -> String {
    // What `put` appends is UTF-8.
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_its_cursor() {
        assert_eq!(printable("dns é".as_bytes()), "dns é");
        assert_eq!(printable(b"a\nb\x1b[2J\xff\xc3"), "a\\nb\\x1b[2J\\xff\\xc3");
        assert_eq!(printable("\u{85}\u{9b}K\u{7f}\u{202e}x\u{2028}".as_bytes()), {
            "\\xc2\\x85\\xc2\\x9bK\\x7f\\xe2\\x80\\xaex\\xe2\\x80\\xa8"
        });
    }

    #[test]
    fn json_means_the_same_and_moves_no_cursor() {
        let mut output = Vec::new();
        put_json("{\"a\":\"\u{9b}2J\u{7f}\u{202e}é\\n\"}".as_bytes(), &mut output);
        assert_eq!(output, "{\"a\":\"\\u009b2J\\u007f\\u202eé\\n\"}".as_bytes());
    }

    #[test]
    fn a_text_in_a_buffer_is_the_beginning_of_the_whole_one() {
        let name = "a\n\u{e9}\x1b\\b".as_bytes();
        let whole = printable(name);
        for size in 0..20 {
            let mut buffer = [0; 20];
            let length = write_printable(name, &mut buffer[..size]);
            assert!(whole.as_bytes().starts_with(&buffer[..length]) && whole.is_char_boundary(length));
            assert!(length + 4 > size.min(whole.len()), "no more is left out than one piece");
        }
    }

    #[test]
    fn different_names_stay_different() {
        let names: [&[u8]; 9] =
            [b"a\xff", b"a\xfe", b"a\\xff", b"a\n", b"a\\n", b"a\\\\n", "a\u{85}".as_bytes(), b"a\x85", b"a\t"];
        let mut texts: Vec<String> = names.iter().map(|name| printable(name)).collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), names.len(), "{texts:?}");
        assert!(texts.iter().all(|text| is_plain(Kind::Line, text.as_bytes())), "{texts:?}");
    }

    #[test]
    fn a_line_keeps_its_backslashes_and_tabs() {
        assert_eq!(printable_line(b"C:\\x\ty"), "C:\\x\ty");
        assert_eq!(printable_line(b"\x1b]0;x\x07\r\xff"), "\\x1b]0;x\\x07\\r\\xff");
        let mut output = b"> ".to_vec();
        put_line(b"a\x1b", &mut output);
        put_line("é".as_bytes(), &mut output);
        assert_eq!(output, "> a\\x1bé".as_bytes());
    }

    #[test]
    fn what_is_printable_is_not_changed() {
        for (name, plain) in [("a b", true), ("é", true), ("a\\b", false), ("a\tb", false), ("\u{9b}", false)] {
            assert_eq!(is_printable(name.as_bytes()), plain, "{name:?}");
            assert_eq!(printable(name.as_bytes()) == name, plain, "{name:?}");
        }
    }
}
