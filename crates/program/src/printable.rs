//! Bytes from outside (names, lines of logs), made fit for a terminal and for one line.

/// The text, with control characters as `\n` or `\u{1b}` and bytes that are no UTF-8 as `\xff`.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        chunk.invalid().iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_moves_its_cursor() {
        assert_eq!(printable("dns é".as_bytes()), "dns é");
        assert_eq!(printable(b"a\nb\x1b[2J\xff\xc3"), "a\\nb\\u{1b}[2J\\xff\\xc3");
    }
}
