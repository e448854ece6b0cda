//! What the processes of a run have printed on standard output, line by line, for a judge. Pure.

use std::collections::HashMap;

use crate::model::{Event, EventKind, Pid, Stream};

/// Lines of a run that a judge remembers.
const MOST_LINES: usize = 10_000;

/// The lines that were printed, in order.
#[derive(Debug, Default)]
pub(crate) struct PrintedLines {
    /// What each process has printed of a line that has not ended.
    unfinished: HashMap<Pid, Vec<u8>>,
    lines: Vec<String>,
}

impl PrintedLines {
    /// Takes in the next event, and gives the lines that it ends.
    pub(crate) fn see(&mut self, event: &Event) -> &[String] {
        let known = self.lines.len();
        if let EventKind::Output { pid, stream: Stream::Stdout, bytes } = &event.kind {
            let unfinished = self.unfinished.entry(*pid).or_default();
            unfinished.extend_from_slice(bytes);
            if let Some(end) = unfinished.iter().rposition(|byte| *byte == b'\n') {
                let whole: Vec<u8> = unfinished.drain(..=end).collect();
                let room = MOST_LINES - known;
                self.lines.extend(String::from_utf8_lossy(&whole).lines().take(room).map(str::to_owned));
            }
        }
        &self.lines[known..]
    }

    /// All lines.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What stands behind these words in each line that begins with them.
    pub(crate) fn all_after<'p>(&'p self, words: &'p str) -> impl DoubleEndedIterator<Item = &'p str> {
        self.lines.iter().filter_map(move |line| line.strip_prefix(words))
    }

    /// The same, in the first such line.
    pub(crate) fn after<'p>(&'p self, words: &'p str) -> Option<&'p str> {
        self.all_after(words).next()
    }
}

/// Standard output of a process, as an event line.
#[cfg(test)]
pub(crate) fn printed(text: &str) -> String {
    serde_json::json!({ "t": 1, "kind": "output", "pid": 9, "stream": "stdout", "text": text }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Monotonic;

    #[test]
    fn lines_are_whole_whatever_pieces_they_come_in() {
        let mut all = PrintedLines::default();
        let mut see = |text: &str| {
            let event = Event::from_line(printed(text).as_bytes(), Monotonic::ZERO).expect("a line").expect("known");
            all.see(&event).to_vec()
        };
        assert_eq!(see("it is 1"), [""; 0]);
        assert_eq!(see("2\n\nit"), ["it is 12", ""]);
        assert_eq!(see(" is 3\nno end"), ["it is 3"]);
        assert_eq!((all.after("it is "), all.all_after("it is ").next_back()), (Some("12"), Some("3")));
        assert_eq!((all.after("no"), all.lines().len()), (None, 3));
    }
}
