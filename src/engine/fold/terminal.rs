//! Bytes as a terminal shows them: carriage returns write over the line, backspaces go back, tabs stop every eight columns. Pure.
//! Other control characters are written as `cat -v` and `less` do, in letters that every font has: no font of the window has the
//! pictures of control characters (U+2400 and on).

use crate::model::visible;

/// Columns from one tab stop to the next.
const TAB: usize = 8;
/// Bytes of the longest control sequence that has an effect; a longer one is text.
const LONGEST_SEQUENCE: usize = 64;

/// The row of the terminal that is written to, and where the cursor stands.
#[derive(Default)]
struct Row {
    cells: Vec<char>,
    column: usize,
}

impl Row {
    fn put(&mut self, c: char) {
        if self.column < self.cells.len() {
            self.cells[self.column] = c;
        } else {
            self.cells.resize(self.column, ' ');
            self.cells.push(c);
        }
        self.column += 1;
    }

    fn write(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\x08' => self.column = self.column.saturating_sub(1),
            '\t' => self.column = (self.column / TAB + 1) * TAB,
            _ => visible(c, |c| self.put(c)),
        }
    }

    /// Carries out a control sequence: colours have no effect, and parts of the line are erased. Whether the sequence is known.
    fn control(&mut self, sequence: &str) -> bool {
        match sequence {
            "K" | "0K" => self.cells.truncate(self.column),
            "1K" => self.cells.iter_mut().take(self.column + 1).for_each(|cell| *cell = ' '),
            "2K" => self.cells.clear(),
            colours => return colours.ends_with('m'),
        }
        true
    }
}

/// Bytes as text, without control characters but newlines: a byte that is not UTF-8 as `<FF>`, `\r\n` as a newline.
/// Half a character, or half a control sequence, is left out at the start if that `is_cut`, and at the end if more `may_follow`.
pub(crate) fn shown(bytes: &[u8], is_cut: bool, may_follow: bool) -> String {
    let lead = if is_cut { bytes.iter().take(3).take_while(|byte| **byte & 0xc0 == 0x80).count() } else { 0 };
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 16);
    let mut row = Row::default();
    let mut chunks = bytes[lead..].utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let is_end = may_follow && chunks.peek().is_none();
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            match c {
                '\x1b' => match sequence(rest) {
                    Sequence::Whole(length) if row.control(&rest[1..length]) => rest = &rest[length..],
                    Sequence::Begun if is_end && chunk.invalid().is_empty() => rest = "",
                    _ => row.write(c),
                },
                '\n' => {
                    text.extend(row.cells.drain(..));
                    text.push('\n');
                    row.column = 0;
                }
                _ => row.write(c),
            }
        }
        if is_end && is_beginning_of_char(chunk.invalid()) {
            break;
        }
        for byte in chunk.invalid() {
            format!("<{byte:02X}>").chars().for_each(|c| row.put(c));
        }
    }
    text.extend(row.cells);
    text
}

/// The text behind an ESC.
enum Sequence {
    /// So many bytes are a control sequence.
    Whole(usize),
    /// The text ends before it does.
    Begun,
    /// Something else.
    Other,
}

/// A `[`, parameters and intermediates, and a final byte (ECMA-48, 5.4).
fn sequence(text: &str) -> Sequence {
    let Some(inside) = text.strip_prefix('[') else {
        return if text.is_empty() { Sequence::Begun } else { Sequence::Other };
    };
    let middle = inside.bytes().take(LONGEST_SEQUENCE).take_while(|byte| (0x20..=0x3f).contains(byte)).count();
    match inside.as_bytes().get(middle) {
        Some(0x40..=0x7e) => Sequence::Whole(middle + 2),
        None => Sequence::Begun,
        Some(_) => Sequence::Other,
    }
}

/// Whether more bytes could make this a character.
fn is_beginning_of_char(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(text: &str) -> String {
        shown(text.as_bytes(), false, false)
    }

    #[test]
    fn a_line_shows_its_newest_state() {
        for (written, seen) in [
            ("abc\rX", "Xbc"),
            ("  0 %\r 50 %\r100 %", "100 %"),
            ("100 %\r9 %", "9 % %"),
            ("abc\r\ndef\r\n", "abc\ndef\n"),
            ("abc\r", "abc"),
            ("abc\rX\nnext", "Xbc\nnext"),
            ("ab\x08X", "aX"),
            ("ab\x08\x08\x08X", "Xb"),
            ("ab\x08\x08", "ab"),
            ("-\x08\\\x08|\x08/\x08done", "done"),
            ("a\tb\tc", "a       b       c"),
            ("12345678\tx", "12345678        x"),
            ("a\n\tb", "a\n        b"),
            ("abcdefghij\r\tX", "abcdefghXj"),
            ("grüße\rX", "Xrüße"),
            ("", ""),
        ] {
            assert_eq!(line(written), seen, "{written:?}");
        }
    }

    #[test]
    fn a_progress_line_that_erases_shows_what_is_left_of_it() {
        for (written, seen) in [
            ("downloading 10 %\r\x1b[Kdone", "done"),
            ("downloading\r\x1b[2Kdone", "done"),
            ("downloading\x1b[2K\rdone", "done"),
            ("abcdef\x08\x08\x08\x1b[0K", "abc"),
            ("abcdef\x08\x08\x1b[1K", "     f"),
            ("\x1b[1;31mred\x1b[0m and \x1b[mnot", "red and not"),
            // Sequences for a whole screen are shown, not carried out.
            ("\x1b[2Jx", "^[[2Jx"),
            ("\x1b]0;title\x07x", "^[]0;title^Gx"),
            ("\x1b[31", "^[[31"),
            ("\x1b[31\nm", "^[[31\nm"),
            ("\x1b", "^["),
        ] {
            assert_eq!(line(written), seen, "{written:?}");
        }
        assert_eq!(shown(b"a\x1b", false, true), "a", "the rest may follow");
        assert_eq!(shown(b"a\x1b[3", false, true), "a", "the rest may follow");
        assert_eq!(line(&format!("\x1b[{}m", "1".repeat(LONGEST_SEQUENCE + 1))).len(), LONGEST_SEQUENCE + 5, "nobody's colour");
    }

    /// Covers: F45.
    #[test]
    fn control_characters_become_visible_and_line_ends_stay() {
        assert_eq!(line("a\r\nc\x1b\0\x7f\x01\n"), "a\nc^[^@^?^A\n");
        assert_eq!(line("\u{202e}txt.exe\u{9b}\u{feff}"), "<U+202E>txt.exe<U+009B><U+FEFF>");
        assert_eq!(shown(b"\r\xff\r\n", false, false), "<FF>\n");
        assert_eq!(shown(b"\x1b[\xff", false, true), "^[[<FF>");
    }

    /// Covers: F44.
    #[test]
    fn a_character_is_never_split() {
        let text = "grüße 🦀";
        assert_eq!(shown(&text.as_bytes()[..text.len() - 1], false, true), "grüße ");
        assert_eq!(shown(&text.as_bytes()[..text.len() - 1], false, false), "grüße <F0><9F><A6>");
        assert_eq!(shown(&"🦀a".as_bytes()[1..], true, true), "a");
        assert_eq!(shown(&"🦀a".as_bytes()[1..], false, true), "<9F><A6><80>a");
    }

    /// One cell after the other, as a terminal of a single line would be written without this file's shortcuts.
    fn plainly(text: &str) -> String {
        let (mut cells, mut at) = (Vec::new(), 0);
        for c in text.chars() {
            match c {
                '\r' => at = 0,
                '\x08' => at = if at > 0 { at - 1 } else { 0 },
                '\t' => {
                    at += 1;
                    while at % 8 != 0 {
                        at += 1;
                    }
                }
                c => {
                    while cells.len() <= at {
                        cells.push(' ');
                    }
                    cells[at] = c;
                    at += 1;
                }
            }
        }
        cells.into_iter().collect()
    }

    proptest! {
        /// Covers: F44, F45.
        #[test]
        fn any_bytes_become_text_without_control_characters(bytes in prop::collection::vec(any::<u8>(), 0..200), cut: bool, more: bool) {
            let text = shown(&bytes, cut, more);
            prop_assert!(text.chars().all(|c| !c.is_control() || c == '\n'), "{text:?}");
        }

        #[test]
        fn a_line_is_what_a_terminal_of_one_line_shows(text in "[a-zü\r\x08\t]{0,60}") {
            prop_assert_eq!(line(&text), plainly(&text));
        }
    }
}
