//! Foreign text (names, arguments, notices, holders of pins) made fit for a sentence: nothing in it moves a cursor, turns the text
//! around or hides. Pure. The output of programs passes as bytes and does not come here.

use std::fmt::Write as _;

/// A text in one line: every space and line end as a space, every other character as [`visible`] has it.
pub fn harmless(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() { line.push(' ') } else { visible(c, |c| line.push(c)) }
    }
    line
}

/// A character as it can be seen: `^[` for ESC, in letters that every font has; `<U+202E>` for what reorders, hides or breaks the text
/// around it; else itself.
///
/// Hidden characters are those of `Default_Ignorable_Code_Point` in Unicode's `DerivedCoreProperties.txt`, such as zero-width and tag
/// characters, and the marks of annotations. The two selectors that ask for a symbol as text or as emoji stay, as accents do.
pub fn visible(c: char, mut put: impl FnMut(char)) {
    match c {
        '\0'..='\x1f' | '\x7f' => {
            put('^');
            put(char::from(c as u8 ^ 0x40));
        }
        // C1 controls, and the ends of lines and paragraphs.
        '\u{80}'..='\u{9f}' | '\u{2028}' | '\u{2029}'
        // Characters that reorder, marks and joiners.
        | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        // Characters that are not seen, and annotations.
        | '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        // The replacement of bytes that are no text: no font of the window has it.
        | '\u{fffd}' => {
            let mut name = String::new();
            let _ = write!(name, "<U+{:04X}>", c as u32);
            name.chars().for_each(put);
        }
        _ => put(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Covers: F45.
    #[test]
    fn what_acts_on_a_terminal_or_hides_is_seen_and_honest_text_stays() {
        assert_eq!(harmless("a\nb\tc\r\u{85}\u{2028}d"), "a b c   d");
        assert_eq!(harmless("\x1b[31m\x07\x7f\u{9b}\u{fffd}"), "^[[31m^G^?<U+009B><U+FFFD>");
        for hidden in "\u{200b}\u{200f}\u{61c}\u{202e}\u{2066}\u{2060}\u{feff}\u{ad}\u{e0041}\u{e0100}\u{fff9}".chars() {
            assert_eq!(harmless(&format!("a{hidden}b")), format!("a<U+{:04X}>b", hidden as u32));
        }
        let honest = "grüße, ångström, שלום, مرحبا, ไทย, 日本, ⚠️ ✔ 🦀 e\u{301}";
        assert_eq!(harmless(honest), honest);
    }

    proptest! {
        /// Covers: F45.
        #[test]
        fn any_text_becomes_one_line_without_control_characters(text in prop::collection::vec(any::<char>(), 0..60)) {
            let line = harmless(&String::from_iter(text));
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert_eq!(&harmless(&line), &line, "once is enough");
        }
    }
}
