//! Stamps the lines of a window at once: whether there is room, and whether the second changes, is checked once for all.
//!
//! A line is copied in pieces of a fixed size, which takes no call. The last piece may take along what comes after the line;
//! the next stamp is written over that.

use daemontools_core::label::{Label, hex_digits};

/// A stamp and its space, in bytes.
const STAMP: usize = Label::TEXT + 1;

/// How many bytes of a stamp come before its nanoseconds.
const HEAD: usize = Label::TEXT - 8;

/// How many bytes of a line are copied first, by the average length of the lines: for most lines that is enough. (Where it is
/// not, the processor has guessed wrong, which costs more than some bytes too many.)
const SHORT: usize = 16;
const USUAL: usize = 64;
const LARGE: usize = 128;

/// A rest of a line that is longer is copied by a call, which then costs less.
const LONG: usize = 1024;

/// Stamps of one second, each a nanosecond later than the one before it.
pub struct Stamps {
    /// A stamp and its space; its nanoseconds have no meaning.
    pub text: [u8; STAMP],
    /// The nanoseconds of the next stamp.
    pub nanoseconds: u32,
}

/// What has been stamped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamped {
    /// How many lines.
    pub lines: u32,
    /// How many bytes they were.
    pub input: usize,
    /// How many bytes they are.
    output: usize,
}

/// Appends the lines of `input` that end at these newlines to `output`, which is not enlarged for that: where it has no room
/// for all of them, none is appended. The last lines may be left out too, where little comes after them.
pub fn append_stamped(stamps: Stamps, input: &[u8], newlines: &[u16], output: &mut Vec<u8>) -> Stamped {
    let Some(length) = newlines.last().map(|&newline| usize::from(newline) + 1) else { return Stamped::default() };
    let (start, needed) = (output.len(), newlines.len() * STAMP + length + LARGE);
    if output.capacity() - start < needed {
        return Stamped::default();
    }
    output.resize(start + needed, 0);
    let room = output.get_mut(start..).unwrap_or_default();
    let stamped = match length / newlines.len() {
        0..=10 => put_lines::<SHORT>(stamps, input, newlines, room),
        11..=42 => put_lines::<USUAL>(stamps, input, newlines, room),
        _ => put_lines::<LARGE>(stamps, input, newlines, room),
    };
    output.truncate(start + stamped.output);
    stamped
}

/// Writes stamped lines into this room until no piece of a fixed size is left.
fn put_lines<const PIECE: usize>(stamps: Stamps, input: &[u8], newlines: &[u16], room: &mut [u8]) -> Stamped {
    let (Stamps { text, mut nanoseconds }, mut done) = (stamps, Stamped::default());
    for &newline in newlines {
        let length = usize::from(newline) + 1 - done.input;
        let line = input.get(done.input..).unwrap_or_default();
        let Some((stamp, place)) = room.get_mut(done.output..).and_then(<[u8]>::split_first_chunk_mut) else { break };
        let (Some(from), Some(to)) = (line.first_chunk::<PIECE>(), place.first_chunk_mut::<PIECE>()) else { break };
        *stamp = text;
        if let Some(digits) = stamp.get_mut(HEAD..).and_then(<[u8]>::first_chunk_mut) {
            *digits = hex_digits(nanoseconds);
        }
        *to = *from;
        if length > PIECE {
            let rest = line.get(PIECE..).zip(place.get_mut(PIECE..));
            let Some(()) = rest.and_then(|(from, to)| put_rest(from, to, length - PIECE)) else { break };
        }
        nanoseconds += 1;
        done = Stamped { lines: done.lines + 1, input: done.input + length, output: done.output + STAMP + length };
    }
    done
}

/// Copies `length` bytes of a long line: by pieces, which may be some bytes more, or by a call. `None`: not so many are there.
fn put_rest(from: &[u8], to: &mut [u8], length: usize) -> Option<()> {
    let pieces = length.div_ceil(LARGE) * LARGE;
    match (from.get(..pieces), to.get_mut(..pieces)) {
        (Some(from), Some(to)) if length <= LONG => {
            from.chunks_exact(LARGE).zip(to.chunks_exact_mut(LARGE)).for_each(|(from, to)| to.copy_from_slice(from));
        }
        _ => to.get_mut(..length)?.copy_from_slice(from.get(..length)?),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Label = Label::from_unix(5, 999_999_000);

    fn stamps() -> Stamps {
        let mut text = [b' '; STAMP];
        text[..Label::TEXT].copy_from_slice(&Label::from_unix(5, 0).to_text());
        Stamps { text, nanoseconds: MOMENT.nanoseconds() }
    }

    /// Stamps these lines, after which `after` more bytes come, into a room of this size.
    fn stamped(lines: &[Vec<u8>], after: usize, room: usize) -> (Stamped, Vec<u8>) {
        let mut input = lines.concat();
        let ends = lines.iter().scan(0, |end, line| {
            *end += line.len();
            Some(*end as u16 - 1)
        });
        let newlines: Vec<u16> = ends.collect();
        input.resize(input.len() + after, b'?');
        let mut output = Vec::with_capacity(room);
        output.push(b'>');
        (append_stamped(stamps(), &input, &newlines, &mut output), output)
    }

    /// What the first `count` of these lines are to become.
    fn expected(lines: &[Vec<u8>], count: usize) -> Vec<u8> {
        let mut output = vec![b'>'];
        for (number, line) in (0..).zip(&lines[..count]) {
            output.extend(Label::from_unix(5, MOMENT.nanoseconds() + number).to_text());
            output.push(b' ');
            output.extend(line);
        }
        output
    }

    fn lines(lengths: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
        lengths.map(|length| [vec![b'a' + (length % 26) as u8; length], vec![b'\n']].concat()).collect()
    }

    #[test]
    fn lines_of_every_length_are_stamped_and_whole() {
        for around in [0, 1, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000, 1151, 1152, 1153, 1300] {
            let lines = lines([around, 0, around + 1, around / 2, 2 * around].into_iter());
            let (done, output) = stamped(&lines, LARGE, 16 * 1024);
            assert_eq!(output, expected(&lines, 5), "{around}");
            assert_eq!((done.lines, done.input, done.output + 1), (5, lines.concat().len(), output.len()));
        }
    }

    #[test]
    fn lines_at_the_end_of_the_input_are_left() {
        for after in 0..=LARGE {
            let lines = lines((0..40).map(|number| number * 3));
            let (done, output) = stamped(&lines, after, 16 * 1024);
            assert_eq!(output, expected(&lines, done.lines as usize), "{after}");
            assert!(done.lines >= 38 && done.input == lines[..done.lines as usize].concat().len(), "{after} {done:?}");
        }
    }

    #[test]
    fn without_room_for_all_nothing_is_done() {
        let lines = lines(std::iter::repeat_n(10, 30));
        let needed = 1 + 30 * (STAMP + 11) + LARGE;
        assert_eq!(stamped(&lines, LARGE, needed - 1), (Stamped::default(), b">".to_vec()));
        let (done, output) = stamped(&lines, LARGE, needed);
        assert_eq!((done.lines, output.capacity()), (30, needed));
        assert_eq!(append_stamped(stamps(), b"x", &[], &mut Vec::new()), Stamped::default());
    }
}
