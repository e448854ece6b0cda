//! What a run has printed, as a judge reads it. Several processes may write to one stream, so that words count and not lines: the end of a
//! line may come after the next one has begun. Pure.

use crate::model::{Event, EventKind, Monotonic, Stream};

/// More text than any lesson prints.
const MOST_TEXT: usize = 1 << 20;

/// The standard output of a run so far.
#[derive(Debug, Default)]
pub struct Printed {
    text: String,
    /// The length of the text after each piece that was read, and when that was.
    pieces: Vec<(usize, Monotonic)>,
}

impl Printed {
    /// Takes in the next event.
    pub(crate) fn see(&mut self, event: &Event) {
        if let EventKind::Output { stream: Stream::Stdout, bytes, .. } = &event.kind
            && self.text.len() < MOST_TEXT
        {
            self.text.push_str(&String::from_utf8_lossy(bytes));
            self.pieces.push((self.text.len(), event.t));
        }
    }

    /// All of it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// When these words were first read.
    pub(crate) fn time_of(&self, words: &str) -> Option<Monotonic> {
        self.text.find(words).map(|place| self.read_at(place))
    }

    /// What stands behind these words, to the end of the line, wherever they stand. A line that has no end yet is none.
    pub(crate) fn after<'p>(&'p self, words: &str) -> impl Iterator<Item = &'p str> {
        let rests = self.text.match_indices(words).map(|(place, found)| &self.text[place + found.len()..]);
        rests.filter_map(|rest| rest.split_once('\n').map(|(line, _)| line)).collect::<Vec<_>>().into_iter()
    }

    /// The whole numbers that stand between these words, and when each was read: `numbers("item ", " is done")`.
    pub(crate) fn numbers(&self, before: &str, after: &str) -> Vec<(u64, Monotonic)> {
        let number = |(place, found): (usize, &str)| {
            let rest = &self.text[place + found.len()..];
            let (digits, rest) = rest.split_at(rest.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(rest.len()));
            Some((digits.parse().ok()?, self.read_at(place))).filter(|_| rest.starts_with(after))
        };
        self.text.match_indices(before).filter_map(number).collect()
    }

    fn read_at(&self, place: usize) -> Monotonic {
        let piece = self.pieces.partition_point(|(end, _)| *end <= place);
        self.pieces.get(piece).map_or(Monotonic::ZERO, |(_, t)| *t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_though_lines_are_mixed() {
        let mut printed = Printed::default();
        for line in [
            r#"{"t":1,"kind":"output","pid":7,"stream":"stdout","text":"item 1 is doneitem 2 is ready\n\nmap gave [1"}"#,
            r#"{"t":2,"kind":"output","pid":7,"stream":"stderr","text":"item 3 is done"}"#,
            r#"{"t":3,"kind":"output","pid":7,"stream":"stdout","text":", 2]\nitem 12 is done\nmap gave"}"#,
        ] {
            printed.see(&Event::from_line(line.as_bytes(), Monotonic::ZERO).expect("a line").expect("known"));
        }
        let at = Monotonic::from_nanos;
        assert_eq!(printed.numbers("item ", " is done"), [(1, at(1)), (12, at(3))]);
        assert_eq!(printed.after("map gave ").collect::<Vec<_>>(), ["[1, 2]"]);
        assert_eq!(printed.time_of("2]"), Some(at(3)));
        assert_eq!((printed.time_of("nothing"), printed.text().len()), (None, 71));
    }
}
