//! Limits for the texts of event lines. A body can write anything, and each text may be kept, copied and drawn many times: longer texts
//! are cut, and end with the number of bytes that were cut. Pure; on the engine's thread.

use serde_json::Value;

use crate::engine::fold::numbers::count;
use crate::model::{EventKind, Refusal};

/// Bytes of a name (of a task, a process, a value, a fact, an action, a lock), and of a task's result.
const NAME: usize = 256;
/// Bytes of any other text: a value, a claim, an argument list, a sentence.
const TEXT: usize = 4_096;
/// Bytes of all values, and of all facts, that a run keeps.
pub(crate) const MOST_KEPT: usize = 64 * 1024;

/// Cuts the texts of an event that a body can tell.
pub(crate) fn cut(kind: &mut EventKind) {
    match kind {
        EventKind::ProcessStarted { name, argv, .. } => {
            cut_to(name, NAME);
            cut_words(argv);
        }
        EventKind::TaskStarted { task, .. } | EventKind::TaskCounts { task, .. } => cut_to(task, NAME),
        EventKind::TaskChanged { task, on, held_by, woken_by, .. } => {
            cut_to(task, NAME);
            on.iter_mut().chain(held_by.iter_mut()).chain(woken_by.iter_mut()).for_each(|name| cut_to(name, NAME));
        }
        EventKind::TaskFinished { task, result } => {
            cut_to(task, NAME);
            cut_to(result, NAME);
        }
        EventKind::Thing { on, .. } => cut_text(on),
        EventKind::Operation { task, action, on, result, .. } => {
            [Some(task), Some(action), on.as_mut()].into_iter().flatten().for_each(|name| cut_to(name, NAME));
            if let Some(Value::String(result)) = result {
                cut_to(result, NAME);
            }
        }
        EventKind::Value { name, value } => {
            cut_to(name, NAME);
            cut_value(value);
        }
        EventKind::Fact(fact) => {
            cut_to(&mut fact.id, NAME);
            cut_to(&mut fact.claim, TEXT);
            cut_value(&mut fact.expected);
            cut_value(&mut fact.observed);
        }
        EventKind::Action { action, .. } => action.texts_mut().for_each(|text| cut_to(text, NAME)),
        EventKind::ActionRefused { action, why, .. } => {
            action.texts_mut().for_each(cut_text);
            if let Refusal::Said(text) = &mut **why {
                cut_text(text);
            }
        }
        EventKind::Notice { text } => cut_text(text),
        _ => {}
    }
}

/// Cuts a text that is no name.
pub(crate) fn cut_text(text: &mut String) {
    cut_to(text, TEXT);
}

/// Whether a text of an event line is this one, perhaps cut.
pub(crate) fn is_of(text: &str, whole: &str) -> bool {
    let is_beginning = |kept: &str| kept.len() > NAME - char::MAX.len_utf8() && whole.starts_with(kept);
    text == whole || text.rsplit_once("… (").is_some_and(|(kept, _)| is_beginning(kept))
}

/// Bytes that are kept of a value, or of what a fact expects or observed.
pub(crate) fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(_) | Value::Object(_) => value.to_string().len(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn cut_to(text: &mut String, most: usize) {
    if text.len() > most {
        // A new string: one that is cut keeps its memory.
        *text = ended(&text[..text.floor_char_boundary(most)], text.len());
    }
}

/// The kept beginning of a text, and how many bytes were cut.
fn ended(kept: &str, length: usize) -> String {
    let cut = format!("… ({})", count((length - kept.len()) as u64, "more byte", "more bytes"));
    // `concat` makes a string of the exact size, and `format!` does not.
    [kept, &cut].concat()
}

/// Cuts a value. A list or an object that is too long becomes the beginning of its text.
fn cut_value(value: &mut Value) {
    match value {
        Value::String(text) => cut_text(text),
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            if text.len() > TEXT {
                *value = Value::String(ended(&text[..text.floor_char_boundary(TEXT)], text.len()));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn cut_words(words: &mut Vec<String>) {
    let mut length = 0;
    let lengths = words.iter().map(|word| {
        length += word.len() + 1;
        length
    });
    let kept = lengths.take_while(|length| *length <= TEXT).count();
    if kept < words.len() {
        let cut: usize = words[kept..].iter().map(|word| word.len() + 1).sum();
        words.truncate(kept);
        words.push(ended("", cut));
        words.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_text_says_how_much_of_it_was_cut() {
        let mut text = "x".repeat(5_096);
        cut_text(&mut text);
        assert!(text.len() < TEXT + 40 && text.capacity() < 2 * TEXT && text.ends_with("x… (1000 more bytes)"), "{text}");
        let mut name = "ä".repeat(200);
        cut_to(&mut name, 255);
        assert_eq!(name, format!("{}… (146 more bytes)", "ä".repeat(127)), "between two characters");
        let mut short = "y".repeat(TEXT);
        cut_text(&mut short);
        assert_eq!(short.len(), TEXT, "what fits stays");
        let whole = "z".repeat(5_000);
        let mut cut = whole.clone();
        cut_text(&mut cut);
        assert!(is_of(&cut, &whole) && is_of(&whole, &whole) && !is_of(&cut, &short) && !is_of("… (1 more byte)", &whole));
    }

    #[test]
    fn a_long_list_is_the_beginning_of_its_text_and_a_short_one_is_whole() {
        let (mut short, mut long) = (json!([1, "two"]), json!(vec![json!({"": 0}); 100_000]));
        cut_value(&mut short);
        cut_value(&mut long);
        assert_eq!(short, json!([1, "two"]));
        assert!(long.as_str().is_some_and(|text| text.starts_with("[{\"\":0},") && text.ends_with(" more bytes)")), "{long}");
    }

    #[test]
    fn arguments_are_cut_by_their_sum() {
        let mut words = vec!["x".repeat(1_000); 10];
        cut_words(&mut words);
        assert_eq!((words.len(), words[4].as_str()), (5, "… (6006 more bytes)"));
        let mut empty = vec![String::new(); 100_000];
        cut_words(&mut empty);
        assert!(empty.len() <= TEXT + 1, "{}", empty.len());
    }
}
