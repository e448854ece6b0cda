//! Knobs of a Python program: the names to which it assigns a literal at its top level, `parties = 5`. They are read from its source, and a
//! value is set by another literal in that line, so that what runs can be shown. Pure.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

/// A top-level assignment of a literal.
#[derive(Debug, Clone, PartialEq)]
pub struct Knob {
    /// The name.
    pub name: String,
    /// The literal's value: a number, a text, true or false.
    pub value: Value,
    /// The number of its line, from 1.
    pub line: usize,
    /// The comment in its line, or empty.
    pub comment: String,
    /// The place of the literal in the source, in bytes.
    literal: Range<usize>,
}

/// The knobs of a program, in the order of its lines. Of several assignments to one name the first one counts. A name that begins with `_`
/// is no knob.
pub fn knobs(source: &str) -> Vec<Knob> {
    let mut knobs: Vec<Knob> = Vec::new();
    let mut state = Nesting::default();
    let mut begin = 0;
    for (index, line) in source.split_inclusive('\n').enumerate() {
        if state.is_top_level()
            && let Some(knob) = knob(line, begin, index + 1)
            && !knobs.iter().any(|known| known.name == knob.name)
        {
            knobs.push(knob);
        }
        state.pass(line);
        begin += line.len();
    }
    knobs
}

impl Knob {
    /// Reads a value of its kind as a person types it. The error says what would be accepted.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let (value, wanted) = match &self.value {
            Value::Bool(_) => {
                let flag = match text.trim() {
                    "true" | "True" | "yes" | "on" | "1" => Some(true),
                    "false" | "False" | "no" | "off" | "0" => Some(false),
                    _ => None,
                };
                (flag.map(Value::from), "true or false")
            }
            Value::Number(number) if number.is_i64() => (text.trim().parse::<i64>().ok().map(Value::from), "a whole number"),
            // Python has no literal for what is no number, or too large to be one.
            Value::Number(_) => {
                (text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from), "a number")
            }
            _ => (Some(Value::from(text)), "a text"),
        };
        value.ok_or_else(|| format!("{} cannot be {text}: it must be {wanted}, such as {}", self.name, self.value))
    }
}

/// The literals that these values change: their places in the source, in bytes and in order, and what stands there instead. Names that
/// are no knobs change nothing.
pub fn changes(source: &str, values: &BTreeMap<String, Value>) -> Vec<(Range<usize>, String)> {
    let change = |knob: Knob| {
        let value = values.get(&knob.name).filter(|value| **value != knob.value)?;
        Some((knob.literal, literal(value, &knob.value)))
    };
    knobs(source).into_iter().filter_map(change).collect()
}

/// The source with these values in place of its literals.
pub fn with_knobs(source: &str, values: &BTreeMap<String, Value>) -> String {
    let mut text = source.to_owned();
    // From the end, so that the places before stay what they are.
    for (place, literal) in changes(source, values).into_iter().rev() {
        text.replace_range(place, &literal);
    }
    text
}

/// A value as Python writes it, for a place where another one stands.
fn literal(value: &Value, before: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        // A number of seconds stays one that can be divided.
        Value::Number(number) if before.is_f64() => format!("{:?}", number.as_f64().unwrap_or_default()),
        Value::Number(number) => number.to_string(),
        // JSON's escapes are Python's, too.
        other => Value::String(other.as_str().map_or_else(|| other.to_string(), str::to_owned)).to_string(),
    }
}

fn knob(line: &str, begin: usize, number: usize) -> Option<Knob> {
    let (name, rest) = line.split_once('=')?;
    let name = name.trim_end();
    let is_name = name.starts_with(|sign: char| sign.is_ascii_alphabetic())
        && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
    if !is_name || rest.starts_with('=') {
        return None;
    }
    let (text, comment) = split_comment(rest)?;
    let written = text.trim();
    let at = begin + (line.len() - rest.len()) + (text.len() - text.trim_start().len());
    Some(Knob {
        name: name.to_owned(),
        value: value(written)?,
        line: number,
        comment: comment.trim().to_owned(),
        literal: at..at + written.len(),
    })
}

/// What stands before a comment, and the comment; `None` if a text does not end in this line.
fn split_comment(rest: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, sign) in rest.char_indices() {
        match (quote, sign) {
            (None, '#') => return Some((&rest[..at], &rest[at + 1..])),
            (None, '"' | '\'') => quote = Some(sign),
            (Some(open), _) if open == sign => quote = None,
            _ => {}
        }
    }
    quote.is_none().then_some((rest, ""))
}

/// The value of a literal: a number, a plain text in quotes, `True` or `False`.
fn value(text: &str) -> Option<Value> {
    match text {
        "True" => return Some(true.into()),
        "False" => return Some(false.into()),
        _ => {}
    }
    if let Some(quote) = text.chars().next().filter(|sign| matches!(sign, '"' | '\'')) {
        let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
        return (!inner.contains([quote, '\\'])).then(|| inner.into());
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.starts_with(|sign: char| sign.is_ascii_digit()) || digits.ends_with('_') || digits.contains("__") {
        return None;
    }
    let plain = text.replace('_', "");
    if digits.chars().all(|sign| sign.is_ascii_digit() || sign == '_') {
        return plain.parse::<i64>().ok().map(Value::from);
    }
    digits
        .chars()
        .all(|sign| sign.is_ascii_digit() || matches!(sign, '_' | '.' | 'e' | 'E' | '-' | '+'))
        .then(|| plain.parse::<f64>().ok().map(Value::from))?
}

/// Whether a line stands in brackets, in a long text, or after a backslash.
#[derive(Debug, Default)]
struct Nesting {
    depth: usize,
    /// The quotes of a text of several lines.
    long: Option<&'static str>,
    is_continued: bool,
}

impl Nesting {
    const fn is_top_level(&self) -> bool {
        self.depth == 0 && self.long.is_none() && !self.is_continued
    }

    fn pass(&mut self, line: &str) {
        self.is_continued = line.trim_end().ends_with('\\');
        let mut rest = line;
        while !rest.is_empty() {
            if let Some(quotes) = self.long {
                let Some(end) = rest.find(quotes) else { return };
                self.long = None;
                rest = &rest[end + 3..];
                continue;
            }
            let Some(at) = rest.find(['"', '\'', '#', '(', '[', '{', ')', ']', '}']) else { return };
            let found = &rest[at..];
            let after = &found[1..];
            rest = match found.as_bytes()[0] {
                b'#' => return,
                b'(' | b'[' | b'{' => {
                    self.depth += 1;
                    after
                }
                b')' | b']' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    after
                }
                _ if found.starts_with("\"\"\"") => self.opens("\"\"\"", found),
                _ if found.starts_with("'''") => self.opens("'''", found),
                quote => after_text(after, quote),
            };
        }
    }

    fn opens<'l>(&mut self, quotes: &'static str, found: &'l str) -> &'l str {
        self.long = Some(quotes);
        &found[3..]
    }
}

/// What stands behind a text of one line.
fn after_text(text: &str, quote: u8) -> &str {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            _ if byte == quote => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRAM: &str = r#""""A program.
hidden = 1
"""
import time

parties = 5  # threads that the gate waits for
timeout=0.6
locked = True
kind = 'sha256'
big = 1_000_000
cold = -3
rate = 2e3
both = "a # b"
_own = 3
typed: int = 4
parties = 6
same == 7
first = second = 8
sum = 1 + 2
call = dict(
a = 1)
long = 1 \
+ 2
if locked:
    inner = 9
text = """
shown = 1
"""
last = 10"#;

    #[test]
    fn literals_at_the_top_level_are_knobs_and_nothing_else() {
        let found: Vec<String> =
            knobs(PROGRAM).iter().map(|knob| format!("{}={}@{}", knob.name, knob.value, knob.line)).collect();
        assert_eq!(
            found,
            [
                "parties=5@6",
                "timeout=0.6@7",
                "locked=true@8",
                "kind=\"sha256\"@9",
                "big=1000000@10",
                "cold=-3@11",
                "rate=2000.0@12",
                "both=\"a # b\"@13",
                "last=10@29"
            ]
        );
        assert_eq!(knobs(PROGRAM)[0].comment, "threads that the gate waits for");
        assert_eq!(knobs("a = 1\\\n"), [], "a line that goes on");
    }

    #[test]
    fn a_value_changes_its_literal_alone() {
        let values = [
            ("parties", Value::from(12)),
            ("timeout", 2.into()),
            ("locked", false.into()),
            ("kind", "a\"b\n".into()),
            ("last", 10.into()),
            ("nobody", 1.into()),
        ];
        let values = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let text = with_knobs(PROGRAM, &values);
        let changed: Vec<&str> = text.lines().zip(PROGRAM.lines()).filter(|(new, old)| new != old).map(|(new, _)| new).collect();
        assert_eq!(
            changed,
            ["parties = 12  # threads that the gate waits for", "timeout=2.0", "locked = False", r#"kind = "a\"b\n""#]
        );
        assert_eq!(text.lines().count(), PROGRAM.lines().count());
        assert_eq!(with_knobs(PROGRAM, &BTreeMap::new()), PROGRAM);
    }

    #[test]
    fn a_person_types_values_of_the_literals_kind() {
        let all = knobs(PROGRAM);
        let parse = |name: &str, text: &str| all.iter().find(|knob| knob.name == name).expect("a knob").parse(text);
        assert_eq!(parse("parties", " 12 "), Ok(12.into()));
        assert_eq!(parse("timeout", "2"), Ok(2.0.into()));
        assert_eq!(parse("locked", "no"), Ok(false.into()));
        assert_eq!(parse("kind", " md5"), Ok(" md5".into()));
        assert_eq!(parse("parties", "many"), Err("parties cannot be many: it must be a whole number, such as 5".to_owned()));
        for (name, text) in [("parties", "1.5"), ("timeout", "inf"), ("timeout", ""), ("locked", "maybe")] {
            assert!(parse(name, text).is_err(), "{name}={text}");
        }
    }

    #[test]
    fn no_text_breaks_it() {
        for source in [
            "",
            "=",
            "é = 1",
            "a = '",
            "a = \"\"\"",
            "a = '''x",
            ")))a = 1",
            "a = 1e",
            "a = .5",
            "a = 1_",
            "\"\\\nb = 1",
            "a = '\\''",
        ] {
            let _ = with_knobs(source, &knobs(source).into_iter().map(|knob| (knob.name, Value::from("x"))).collect());
        }
    }
}
