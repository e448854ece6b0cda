//! Text that others wrote (names, arguments, values, notices), as much of it as its place in the window can hold. Pure.
//! A program's name may have any length. All foreign text comes through here before it is laid out, since laying out a megabyte of letters
//! takes seconds and hundreds of megabytes.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::model::visible;

/// Characters of a line: more than the widest screen shows.
const LINE: usize = 400;
/// Characters of a word on a button.
const WORD: usize = 40;
/// Characters of a value among others in a sentence.
const VALUE: usize = 1_000;
/// Characters of a paragraph, such as a tooltip, and its lines.
const PARAGRAPH: (usize, usize) = (600, 12);
/// Characters of a whole command line, which is scrolled, and its lines.
const PAGE: (usize, usize) = (4_000, 200);

/// Characters of "… and N more bytes.", at most.
const REMARK: usize = 40;

/// A text on one line.
pub fn line(text: &str) -> Cow<'_, str> {
    short(text, LINE)
}

/// A text on a button.
pub fn word(text: &str) -> Cow<'_, str> {
    short(text, WORD)
}

/// A text in the middle of a sentence.
pub fn value(text: &str) -> Cow<'_, str> {
    short(text, VALUE)
}

/// A text in a tooltip or a notice. The characters that were left out are counted.
pub fn paragraph(text: &str) -> Cow<'_, str> {
    long(text, PARAGRAPH)
}

/// A text that has a place of its own. The characters that were left out are counted.
pub fn page(text: &str) -> Cow<'_, str> {
    long(text, PAGE)
}

fn short(text: &str, most: usize) -> Cow<'_, str> {
    let line = |c: char| if c.is_whitespace() { ' ' } else { c };
    let (mut shown, rest) = match cut(text, most, 1, line) {
        Cut::Whole => return Cow::Borrowed(text),
        Cut::Part(shown, rest) => (shown, rest),
    };
    if !rest.is_empty() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

fn long(text: &str, (most, lines): (usize, usize)) -> Cow<'_, str> {
    // The remark would take as much room as the few bytes that it replaces.
    let most = if text.len() <= most + REMARK { most + REMARK } else { most };
    let (mut shown, rest) = match cut(text, most, lines, |c| c) {
        Cut::Whole => return Cow::Borrowed(text),
        Cut::Part(shown, rest) => (shown, rest),
    };
    if !rest.is_empty() {
        let gap = if shown.ends_with('\n') { "" } else { "\n" };
        let _ = write!(shown, "{gap}… and {} more bytes.", rest.len());
    }
    Cow::Owned(shown)
}

enum Cut<'a> {
    /// It can be shown as it is.
    Whole,
    /// As much as there is room for, and the rest.
    Part(String, &'a str),
}

/// Makes a text visible, up to so many letters and lines.
fn cut(text: &str, most: usize, lines: usize, change: impl Fn(char) -> char) -> Cut<'_> {
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cut::Whole;
    }
    let mut shown = String::with_capacity(text.len().min(most));
    let (mut letters, mut ends) = (0, 0);
    for (at, c) in text.char_indices() {
        if letters >= most || ends == lines {
            return Cut::Part(shown, &text[at..]);
        }
        match change(c) {
            '\n' => {
                shown.push('\n');
                (letters, ends) = (letters + 1, ends + 1);
            }
            // No font of the window has the pictures of control characters, which the log has.
            c @ '\u{2400}'..='\u{241f}' => put(char::from(c as u32 as u8), &mut shown, &mut letters),
            '\u{2421}' => put('\x7f', &mut shown, &mut letters),
            c => put(c, &mut shown, &mut letters),
        }
    }
    Cut::Part(shown, "")
}

fn put(c: char, shown: &mut String, letters: &mut usize) {
    visible(c, |c| {
        shown.push(c);
        *letters += 1;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_itself_and_what_does_not_is_cut_and_counted() {
        assert!(matches!(line("sort -k 2"), Cow::Borrowed("sort -k 2")));
        assert_eq!(line(&"ü".repeat(LINE)).chars().count(), LINE);
        assert_eq!(line(&"x".repeat(LINE + 1)), format!("{}…", "x".repeat(LINE)));
        assert_eq!(
            word("worker-1 of a pool whose name is much longer than a button"),
            "worker-1 of a pool whose name is much lo…"
        );
        let (shown, rest) = ("x".repeat(PARAGRAPH.0), PARAGRAPH.0 * 9);
        assert_eq!(paragraph(&"x".repeat(PARAGRAPH.0 * 10)), format!("{shown}\n… and {rest} more bytes."));
        let lines = paragraph(&"\n".repeat(500)).lines().count();
        assert_eq!(lines, PARAGRAPH.1 + 1);
        assert_eq!(paragraph("two\nlines"), "two\nlines");
    }

    #[test]
    fn what_a_font_cannot_show_is_written_in_letters() {
        assert_eq!(line("a\nb\x1b[31m\x7f"), "a b^[[31m^?");
        assert_eq!(line("the log's ␛ and ␡"), "the log's ^[ and ^?");
        assert_eq!(paragraph("a\u{202e}b\r\nc"), "a<U+202E>b^M\nc");
    }
}
