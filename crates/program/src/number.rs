//! Decimal numbers at the start of a word, as 0.76 reads them.

/// The leading digits' value, modulo 2^64, and how many digits there were.
pub fn scan(bytes: &[u8]) -> (u64, usize) {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let value = bytes
        .iter()
        .take(digits)
        .fold(0u64, |value, digit| value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
    (value, digits)
}

#[cfg(test)]
mod tests {
    use super::scan;

    #[test]
    fn leading_digits_count_and_the_rest_does_not() {
        assert_eq!(scan(b""), (0, 0));
        assert_eq!(scan(b"x1"), (0, 0));
        assert_eq!(scan(b"0042abc"), (42, 4));
    }

    #[test]
    fn a_number_too_large_wraps() {
        assert_eq!(scan(b"18446744073709551616"), (0, 20));
        assert_eq!(scan(b"18446744073709551617"), (1, 20));
    }
}
