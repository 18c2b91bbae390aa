//! The stamp that a line begins with: `@`, 24 lower-case hex digits, then a space or the end of the line.
//!
//! Stamps of this form are in the order of their bytes, so they are compared as text and seldom converted.

use daemontools_core::label::{Label, hex_value};

/// A stamp as it stands in the log.
pub type Stamp = [u8; Label::TEXT];

/// The stamp of a line, and the rest of the line from the space on.
pub fn split(line: &[u8]) -> Option<(&Stamp, &[u8])> {
    let (stamp, rest) = line.split_first_chunk::<{ Label::TEXT }>()?;
    let (sign, digits) = stamp.split_first()?;
    let ends = matches!(rest.first(), None | Some(b' ' | b'\n'));
    let good = *sign == b'@' && ends && digits.iter().all(|&digit| hex_value(digit).is_some());
    good.then_some((stamp, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_whole_lower_case_and_alone() {
        let stamp = b"@400000003b9aca0a0000000f";
        let line = |rest: &[u8]| [stamp, rest].concat();
        assert_eq!(split(&line(b" x\n")), Some((stamp, &b" x\n"[..])));
        assert_eq!(split(&line(b"\n")), Some((stamp, &b"\n"[..])));
        assert_eq!(split(&line(b"")), Some((stamp, &b""[..])));
        for line in [line(b"x"), line(b"0 x"), b"".to_vec(), b"@400000003B9aca0a00000000 x".to_vec(), b"@4 x".to_vec()]
        {
            assert_eq!(split(&line), None);
        }
    }
}
