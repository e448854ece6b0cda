//! Reads Rust source just well enough to see which paths it names: no macros are expanded, nothing is resolved.
//! Runs in the test's thread; must not judge: the rules are in `architecture.rs`.

/// A word or a punctuation mark, and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// An identifier or keyword, a number, `::`, or one character.
    pub text: String,
    /// Its line, from 1.
    pub line: usize,
}

/// A path as it is written, with the groups of `use` taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// `crate`, `model`, `Event`; the last may be `*`.
    pub segments: Vec<String>,
    /// Its line, from 1.
    pub line: usize,
}

/// The words and marks of the code: without comments, and without the insides of strings and characters.
pub fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let end = end_of_piece(&chars, at);
        let piece = &chars[at..end];
        if let Some(text) = token_text(piece) {
            tokens.push(Token { text, line });
        }
        line += piece.iter().filter(|c| **c == '\n').count();
        at = end;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What a piece is as a token: nothing for blanks, comments, strings and characters.
fn token_text(piece: &[char]) -> Option<String> {
    let starts = |text: &str| text.chars().eq(piece.iter().copied().take(text.len()));
    // A word never holds a quote, so what does is a string or a character, with or without a prefix, or a lifetime.
    let is_quoted = piece.iter().any(|c| matches!(c, '"' | '\''));
    if piece[0].is_whitespace() || starts("//") || starts("/*") || is_quoted {
        return None;
    }
    Some(piece.iter().collect::<String>().trim_start_matches("r#").to_owned())
}

/// Where the piece that begins `at` ends: a comment, a string, a word, a mark.
fn end_of_piece(chars: &[char], at: usize) -> usize {
    let next = |offset: usize| chars.get(at + offset).copied();
    let until = |from: usize, stop: &dyn Fn(usize) -> bool| (from..chars.len()).find(|i| stop(*i)).unwrap_or(chars.len());
    match chars[at] {
        '/' if next(1) == Some('/') => until(at, &|i| chars[i] == '\n'),
        '/' if next(1) == Some('*') => end_of_block_comment(chars, at),
        '"' => end_of_string(chars, at),
        '\'' if next(1) == Some('\\') => until(at + 3, &|i| chars[i] == '\'') + 1,
        '\'' if next(2) == Some('\'') => at + 3,
        // A lifetime or a label: the mark and its name are one piece.
        '\'' => until(at + 1, &|i| !is_word(chars[i])),
        ':' if next(1) == Some(':') => at + 2,
        c if is_word(c) => end_of_word_or_string(chars, at),
        c if c.is_whitespace() => until(at, &|i| !chars[i].is_whitespace()),
        _ => at + 1,
    }
    .min(chars.len())
}

fn end_of_block_comment(chars: &[char], at: usize) -> usize {
    let (mut depth, mut i) = (0, at);
    while i + 1 < chars.len() {
        match (chars[i], chars[i + 1]) {
            ('/', '*') => (depth, i) = (depth + 1, i + 2),
            ('*', '/') if depth == 1 => return i + 2,
            ('*', '/') => (depth, i) = (depth - 1, i + 2),
            _ => i += 1,
        }
    }
    chars.len()
}

fn end_of_string(chars: &[char], quote: usize) -> usize {
    let mut i = quote + 1;
    while i < chars.len() {
        match chars[i] {
            '\\' => i += 2,
            '"' => return i + 1,
            _ => i += 1,
        }
    }
    chars.len()
}

/// A word, or a string with a prefix: `b"…"`, `r#"…"#`; `r#name` is a word.
fn end_of_word_or_string(chars: &[char], at: usize) -> usize {
    let end = (at..chars.len()).find(|i| !is_word(chars[*i])).unwrap_or(chars.len());
    let word: String = chars[at..end].iter().collect();
    let hashes = chars[end..].iter().take_while(|c| **c == '#').count();
    match word.as_str() {
        "b" | "c" if chars.get(end) == Some(&'"') => end_of_string(chars, end),
        "b" if chars.get(end) == Some(&'\'') => end_of_piece(chars, end),
        "r" | "br" | "cr" if chars.get(end + hashes) == Some(&'"') => {
            let closes = |i: usize| chars[i] == '"' && (1..=hashes).all(|n| chars.get(i + n) == Some(&'#'));
            (end + hashes + 1..chars.len()).find(|i| closes(*i)).map_or(chars.len(), |i| i + 1 + hashes)
        }
        "r" if hashes == 1 => (end + 1..chars.len()).find(|i| !is_word(chars[*i])).unwrap_or(chars.len()),
        _ => end,
    }
}

/// The tokens without the modules that are compiled for tests alone.
pub fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let words: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    let (mut kept, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if let Some(length) = end_of_test_module(&words[at..]) {
            at += length;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// How many words a test module takes that begins here, its attribute included.
fn end_of_test_module(words: &[&str]) -> Option<usize> {
    let rest = words.strip_prefix(&["#", "[", "cfg", "(", "test", ")", "]"])?;
    // Further attributes and `pub` may stand between; anything with a body but a module is not skipped.
    let head = rest.iter().position(|word| matches!(*word, "mod" | "fn" | "use" | "impl" | "struct" | "enum" | "const" | ";"))?;
    if rest[head] != "mod" || rest.get(head + 2) != Some(&"{") {
        return None;
    }
    let mut depth = 0;
    for (i, word) in words.iter().enumerate().skip(7 + head) {
        match *word {
            "{" => depth += 1,
            "}" if depth == 1 => return Some(i + 1),
            "}" => depth -= 1,
            _ => {}
        }
    }
    Some(words.len())
}

/// Every path that the tokens name: those of `use`, with groups taken apart, and those in the code.
pub fn paths(tokens: &[Token]) -> Vec<Path> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        at = if begins_path(&tokens[at].text) { read_path(tokens, at, &[], &mut found) } else { at + 1 };
    }
    found
}

fn begins_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads the path that begins `at`, behind `prefix`, and says where it ends.
fn read_path(tokens: &[Token], at: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let word = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut segments = prefix.to_vec();
    let mut i = at;
    loop {
        match word(i) {
            "{" => return read_group(tokens, i, &segments, found),
            "self" if segments.len() == prefix.len() && !prefix.is_empty() => i += 1,
            "*" => {
                segments.push("*".to_owned());
                i += 1;
            }
            text if begins_path(text) => {
                segments.push(text.to_owned());
                i += 1;
            }
            // A turbofish, or the end of the file.
            _ => break,
        }
        if word(i) != "::" {
            break;
        }
        i += 1;
    }
    found.push(Path { segments, line: tokens[at].line });
    i.max(at + 1)
}

fn read_group(tokens: &[Token], open: usize, prefix: &[String], found: &mut Vec<Path>) -> usize {
    let mut i = open + 1;
    while i < tokens.len() && tokens[i].text != "}" {
        i = match tokens[i].text.as_str() {
            "," | "::" => i + 1,
            "as" => i + 2,
            _ => read_path(tokens, i, prefix, found),
        };
    }
    i + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    fn written(text: &str) -> Vec<String> {
        paths(&tokens(text)).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn comments_and_strings_hold_no_code() {
        assert_eq!(words("a // b\n/* c /* d */ e */ f"), ["a", "f"]);
        assert_eq!(words(r##"a "b \" c" d r#"e " f"# g b"h" i r"\" j"##), ["a", "d", "g", "i", "j"]);
        assert_eq!(words("'a' b '\\'' c '\"' d &'e f b'g' h"), ["b", "c", "d", "&", "f", "h"]);
        assert_eq!(words("r#type::x"), ["type", "::", "x"]);
        assert_eq!(words("\"never closed"), Vec::<String>::new());
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let lines: Vec<usize> = tokens("a\n/* \n */ b \"\n\n\" c").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }

    #[test]
    fn groups_are_taken_apart() {
        assert_eq!(
            written("use crate::{model::{self, Event as E, *}, sys};"),
            ["use", "crate::model", "crate::model::Event", "crate::model::*", "crate::sys"]
        );
        assert_eq!(written("x(crate::a::b::<c::d>(1), ::std::e)"), ["x", "crate::a::b", "c::d", "std::e"]);
        assert_eq!(written("use a::{b,\n};"), ["use", "a::b"]);
    }

    #[test]
    fn only_test_modules_are_left_out() {
        let code = "fn a() {} #[cfg(test)] mod tests { fn b() { if c {} } } fn d() {} #[cfg(test)] fn e() {}";
        let left: Vec<String> = without_tests(&tokens(code)).into_iter().map(|token| token.text).collect();
        for (word, stays) in [("a", true), ("b", false), ("c", false), ("d", true), ("e", true)] {
            assert_eq!(left.contains(&word.to_owned()), stays, "{word}");
        }
    }
}
