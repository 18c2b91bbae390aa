//! How the cells of the table become lines: widths as a terminal counts them, what a narrow one does without, colours.

use std::borrow::Cow;
use std::env::var_os;
use std::io::IsTerminal;

use daemontools_sys::fd::STDOUT;
use daemontools_sys::terminal;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many columns the table has: service, state, process id, age, wish, logger, restarts.
pub(crate) const COLUMNS: usize = 7;
const SERVICE: usize = 0;
/// The column that is flush right.
const PID: usize = 2;
/// What a narrow terminal does without, the least important first. The states of service and logger always stay.
const DISPENSABLE: [usize; 4] = [6, 3, PID, 4];
/// How many blanks are between two columns.
const GAP: usize = 2;

/// How the table is to look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether it has colours.
    pub colour: bool,
    /// How many columns of characters there are; `None`: as many as it takes.
    pub width: Option<usize>,
}

impl Style {
    /// What suits standard output: colours on a terminal that has them, unless `NO_COLOR` is set (<https://no-color.org>), and
    /// the terminal's width.
    pub fn of_standard_output() -> Style {
        let is_terminal = STDOUT.is_terminal();
        let set = |name| var_os(name).filter(|value| !value.is_empty());
        let colour = is_terminal && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb");
        let size = if is_terminal { terminal::size(STDOUT) } else { None };
        Style { colour, width: size.map(|(_, columns)| columns.into()) }
    }

    /// As much of a line as there is room for.
    pub fn fit(self, line: &str) -> String {
        self.width.map_or_else(|| line.into(), |room| cut(line, room))
    }
}

/// How many columns of a terminal a text takes.
pub fn width(text: &str) -> usize {
    // Nearly every text is of these characters, and their widths need no table.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) { text.len() } else { text.width() }
}

/// A colour, by its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Head,
    Good,
    Odd,
    Bad,
}

/// A cell of the table.
pub(crate) struct Cell {
    pub(crate) text: Cow<'static, str>,
    pub(crate) paint: Paint,
    /// How many bytes of the text stay where there is little room.
    pub(crate) brief: usize,
}

impl Cell {
    pub(crate) fn new(text: impl Into<Cow<'static, str>>, paint: Paint) -> Cell {
        let text = text.into();
        Cell { brief: text.len(), text, paint }
    }

    fn shorten(&mut self) {
        self.text.to_mut().truncate(self.brief);
    }
}

/// A line of the table.
pub(crate) type Row = [Cell; COLUMNS];

/// The lines of these rows.
pub(crate) fn lines(mut rows: Vec<Row>, style: Style) -> Vec<String> {
    let mut widths = widths(&rows);
    if let Some(width) = style.width {
        fit(&mut rows, &mut widths, width);
    }
    rows.iter().map(|row| line(row, widths, style)).collect()
}

/// How wide each column is.
fn widths(rows: &[Row]) -> [usize; COLUMNS] {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = self::width(&cell.text).max(*width);
        }
    }
    widths
}

/// Makes the table as narrow as `room`: columns go, then the reasons behind states, then ends of names. A column that has
/// gone has the width 0.
fn fit(rows: &mut [Row], widths: &mut [usize; COLUMNS], room: usize) {
    let total = |widths: &[usize; COLUMNS]| {
        widths.iter().sum::<usize>() + GAP * widths.iter().filter(|&&width| width > 0).count().saturating_sub(1)
    };
    let mut gone = [false; COLUMNS];
    for column in DISPENSABLE {
        if total(widths) <= room {
            return;
        }
        for (at, (gone, width)) in gone.iter_mut().zip(widths.iter_mut()).enumerate() {
            if at == column {
                (*gone, *width) = (true, 0);
            }
        }
    }
    for row in rows.iter_mut() {
        if total(widths) > room {
            row.iter_mut().for_each(Cell::shorten);
        }
        for (cell, gone) in row.iter_mut().zip(gone) {
            if gone {
                cell.text = Cow::default();
            }
        }
    }
    *widths = self::widths(rows);
    let mut others = total(widths) - widths.first().copied().unwrap_or_default();
    if room <= others {
        rows.iter_mut().for_each(mark);
        *widths = self::widths(rows);
        others = total(widths) - widths.first().copied().unwrap_or_default();
    }
    if total(widths) > room && room > others {
        let names = room - others;
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(SERVICE)) {
            cell.text = cut(&cell.text, names).into();
        }
        *widths = self::widths(rows);
    }
}

/// Puts a mark in place of the states where there is no room even for these: `!` where one of them is not as it should be.
fn mark(row: &mut Row) {
    let is_odd = |cell: &Cell| matches!(cell.paint, Paint::Bad | Paint::Odd);
    let [_, state, _, _, _, log, _] = row;
    let (mark, paint) = match () {
        () if state.paint == Paint::Head => ("", Paint::Head),
        () if is_odd(state) || is_odd(log) => ("!", Paint::Bad),
        () => ("-", Paint::Plain),
    };
    *state = Cell::new(mark, paint);
    log.text = Cow::default();
}

/// The beginning of a text, as much as fits into so many columns of characters; a `+` at its end shows that it was cut.
pub fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.into();
    }
    let mut kept = String::new();
    let mut width = 1;
    for character in text.chars() {
        width += character.width().unwrap_or_default();
        if width > room {
            break;
        }
        kept.push(character);
    }
    if room > 0 {
        kept.push('+');
    }
    kept
}

fn line(row: &Row, widths: [usize; COLUMNS], style: Style) -> String {
    let mut line = String::with_capacity(widths.iter().map(|width| width + GAP).sum());
    let mut left = style.width.unwrap_or(usize::MAX);
    let mut gap = 0;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate().filter(|(_, (_, width))| *width > 0) {
        let text = self::width(&cell.text);
        let before = gap + if column == PID { width - text } else { 0 };
        gap = GAP + if column == PID { 0 } else { width - text };
        if cell.text.is_empty() {
            // Blanks are put only before what is to be seen.
            gap += before;
            continue;
        }
        line.extend(std::iter::repeat_n(' ', before.min(left)));
        left = left.saturating_sub(before);
        let shown = if text <= left { Cow::Borrowed(&*cell.text) } else { Cow::Owned(cut(&cell.text, left)) };
        left = left.saturating_sub(text);
        paint(&shown, cell.paint, style, &mut line);
    }
    line
}

/// A text in its colour.
pub(crate) fn painted(text: &str, paint: Paint, style: Style) -> String {
    let mut painted = String::new();
    self::paint(text, paint, style, &mut painted);
    painted
}

/// Appends a text in its colour.
fn paint(text: &str, paint: Paint, style: Style, line: &mut String) {
    let is_painted = style.colour && paint != Paint::Plain && !text.is_empty();
    let pieces = if is_painted { [code(paint), text, "\x1b[0m"] } else { [text, "", ""] };
    pieces.into_iter().filter(|piece| !piece.is_empty()).for_each(|piece| line.push_str(piece));
}

fn code(paint: Paint) -> &'static str {
    match paint {
        Paint::Plain => "",
        Paint::Head => "\x1b[1m",
        Paint::Good => "\x1b[32m",
        Paint::Odd => "\x1b[33m",
        Paint::Bad => "\x1b[1;31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cut_ends_with_a_plus() {
        assert_eq!((cut("mail", 4), cut("mail", 3), cut("mail", 0)), ("mail".into(), "ma+".into(), String::new()));
        assert_eq!(cut("\u{90f5}\u{4fbf}\u{4fbf}", 5), "\u{90f5}\u{4fbf}+");
        assert_eq!(cut("\u{90f5}\u{4fbf}\u{4fbf}", 4), "\u{90f5}+");
    }
}
