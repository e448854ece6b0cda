//! The short way for lines that come by the thousands: what tasks do, counts, values. They are flat objects of plain texts and whole
//! numbers. Whatever else a line holds is left to serde, which also says what is wrong with it; where this reads a line, serde would
//! read the same. Pure.

use serde_json::Value;

use crate::model::{Event, EventKind, Monotonic, TaskState};

/// What a key has.
#[derive(Debug, Clone, Copy)]
enum Plain<'a> {
    Text(&'a str),
    Number(u64),
}

/// The keys of these kinds.
#[derive(Debug, Default)]
struct Keys<'a> {
    t: Option<Plain<'a>>,
    kind: Option<Plain<'a>>,
    task: Option<Plain<'a>>,
    state: Option<Plain<'a>>,
    on: Option<Plain<'a>>,
    held_by: Option<Plain<'a>>,
    line: Option<Plain<'a>>,
    name: Option<Plain<'a>>,
    value: Option<Plain<'a>>,
    acquired: Option<Plain<'a>>,
    waited: Option<Plain<'a>>,
}

/// The event of such a line; `None` for any other.
pub(super) fn read(line: &[u8], arrived: Monotonic) -> Option<Event> {
    let mut rest = std::str::from_utf8(line).ok()?.strip_prefix('{')?;
    let mut keys = Keys::default();
    loop {
        let (key, behind) = text(rest)?;
        let (value, behind) = value(behind.strip_prefix(':')?)?;
        let place = match key {
            "t" => &mut keys.t,
            "kind" => &mut keys.kind,
            "task" => &mut keys.task,
            "state" => &mut keys.state,
            "on" => &mut keys.on,
            "held_by" => &mut keys.held_by,
            "line" => &mut keys.line,
            "name" => &mut keys.name,
            "value" => &mut keys.value,
            "acquired" => &mut keys.acquired,
            "waited" => &mut keys.waited,
            _ => return None,
        };
        if place.replace(value).is_some() {
            return None;
        }
        match behind.as_bytes() {
            [b',', ..] => rest = &behind[1..],
            b"}" => return keys.into_event(arrived),
            _ => return None,
        }
    }
}

impl<'a> Keys<'a> {
    fn into_event(self, arrived: Monotonic) -> Option<Event> {
        // A key that has the wrong sort of value is serde's to complain of, also where the kind does not need it.
        let t = self.t.map_or(Some(arrived), |t| number(t).map(Monotonic::from_nanos))?;
        let kind = words(self.kind)??;
        let (task, state, on, held_by, name) =
            (words(self.task)?, words(self.state)?, words(self.on)?, words(self.held_by)?, words(self.name)?);
        let line = self.line.map_or(Some(None), |line| u32::try_from(number(line)?).ok().map(Some))?;
        let count = |value: Option<Plain<'a>>| value.map_or(Some(0), number);
        let (acquired, waited) = (count(self.acquired)?, count(self.waited)?);
        let kind = match kind {
            "task.state" => EventKind::TaskChanged {
                task: task?.to_owned(),
                state: TaskState::from_word(state?)?,
                on: on.map(str::to_owned),
                held_by: held_by.map(str::to_owned),
                line,
            },
            "task.counts" => EventKind::TaskCounts { task: task?.to_owned(), acquired, waited },
            "value" => EventKind::Value {
                name: name?.to_owned(),
                value: match self.value? {
                    Plain::Text(text) => Value::from(text),
                    Plain::Number(number) => Value::from(number),
                },
            },
            _ => return None,
        };
        Some(Event { t, kind })
    }
}

/// A text that may be missing. `None`: something else stands there.
fn words(value: Option<Plain<'_>>) -> Option<Option<&str>> {
    match value {
        None => Some(None),
        Some(Plain::Text(text)) => Some(Some(text)),
        Some(Plain::Number(_)) => None,
    }
}

fn number(value: Plain<'_>) -> Option<u64> {
    if let Plain::Number(number) = value { Some(number) } else { None }
}

fn value(rest: &str) -> Option<(Plain<'_>, &str)> {
    if rest.starts_with('"') {
        let (text, rest) = text(rest)?;
        return Some((Plain::Text(text), rest));
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // No zero in front, as in JSON; no more digits than fit in any case.
    let is_whole = matches!((digits, rest.as_bytes().first()), (1, _) | (2..=19, Some(b'1'..=b'9')));
    let (number, rest) = rest.split_at_checked(digits).filter(|_| is_whole)?;
    Some((Plain::Number(number.parse().ok()?), rest))
}

/// The text in quotes that stands first, without escapes, and what is behind it.
fn text(rest: &str) -> Option<(&str, &str)> {
    let rest = rest.strip_prefix('"')?;
    let end = rest.bytes().position(|byte| byte == b'"' || byte == b'\\' || byte < b' ')?;
    let (text, behind) = rest.split_at_checked(end)?;
    Some((text, behind.strip_prefix('"')?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What serde makes of a line.
    fn slowly(line: &[u8]) -> Option<Event> {
        Event::from_any_line(line, Monotonic::from_nanos(7)).ok().flatten()
    }

    fn fast(line: &str) -> Option<Event> {
        read(line.as_bytes(), Monotonic::from_nanos(7))
    }

    #[test]
    fn the_lines_that_come_by_the_thousands_are_read() {
        for line in [
            r#"{"t":120,"kind":"task.state","task":"worker-1","state":"waiting","on":"lock counter","held_by":"worker-2"}"#,
            r#"{"t":121,"kind":"task.state","task":"größer","state":"running","line":42}"#,
            r#"{"kind":"task.counts","task":"worker-1","acquired":81234,"waited":0}"#,
            r#"{"t":151,"kind":"value","name":"counter","value":800000}"#,
            r#"{"t":151,"kind":"value","name":"who","value":"worker-1"}"#,
        ] {
            assert!(fast(line).is_some() && fast(line) == slowly(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn all_others_are_left_to_serde() {
        for line in [
            r#"{"t":1,"kind":"task.state","task":"a","state":"running","new":1}"#,
            r#"{"t":1,"kind":"task.state","task":"a\n","state":"running"}"#,
            r#"{"t":1,"kind":"task.state","task":"a","state":"dancing"}"#,
            r#"{"t":1,"t":1,"kind":"task.state","task":"a","state":"running"}"#,
            r#"{"t":01,"kind":"task.state","task":"a","state":"running"}"#,
            r#"{"t":1,"kind":"value","name":"a","value":-1}"#,
            r#"{"t":1,"kind":"value","name":"a","value":1.5}"#,
            r#"{"t":1,"kind":"value","name":"a","value":18446744073709551616}"#,
            r#"{"t":1,"kind":"value","name":"a","value":1,}"#,
            r#"{"t":1,"kind":"value","name":"a","value":1} "#,
            r#"{"t":1,"kind":"notice","text":"a"}"#,
            r#"{"t":1,"kind":"value","name":"a","value":1,"task":3}"#,
            "{}",
            "{",
            "",
        ] {
            assert_eq!(fast(line), None, "{line}");
        }
    }

    proptest! {
        /// Pieces of lines in any order: what the short way reads, serde reads as well, and the same.
        #[test]
        fn where_it_reads_a_line_serde_reads_the_same(pieces in prop::collection::vec(prop::sample::select(vec![
            r#""t":12"#, r#""t":"x""#, r#""kind":"task.state""#, r#""kind":"value""#, r#""kind":"task.counts""#, r#""kind":3"#,
            r#""task":"a""#, r#""task":7"#, r#""task":"ü""#, r#""state":"running""#, r#""state":"waiting""#, r#""on":"lock \"A\"""#,
            r#""on":"lock A""#, r#""held_by":"b""#, r#""line":4"#, r#""line":4294967296"#, r#""name":"n""#, r#""value":0"#,
            r#""value":00"#, r#""value":"v""#, r#""value":null"#, r#""acquired":5"#, r#""waited":"5""#, r#""pid":1"#, "\u{7}", "}", "",
        ]), 1..7), glue in prop::sample::select(vec![",", ", ", ""])) {
            let line = format!("{{{}}}", pieces.join(glue));
            if let Some(event) = fast(&line) {
                prop_assert_eq!(Some(event), slowly(line.as_bytes()), "{}", line);
            }
        }
    }
}
