//! The log of one run: its newest sentences, bounded. Lives on the engine's thread. What bodies can say thousands of times
//! a second is told up to a rate and then counted, so that it does not push everything else out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{LogEntry, Monotonic, Severity};

/// Sentences that are kept.
const MAX_ENTRIES: usize = 1_000;
/// Sentences about tasks, values and pins that are told in one second of the run.
const CHATTER_A_SECOND: u32 = 50;
/// Characters of a sentence; a body's names can be longer than a screen.
const MAX_CHARS: usize = 400;

/// Sentences, oldest first.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<LogEntry>,
    total: u64,
    second: Monotonic,
    told: u32,
    untold: u64,
    published: Option<Arc<[LogEntry]>>,
}

impl Log {
    /// How many sentences there were, those that had to go included.
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The sentences after the first `seen` ones, as far as they are still here.
    pub fn since(&self, seen: u64) -> impl Iterator<Item = &LogEntry> {
        let fresh = usize::try_from(self.total.saturating_sub(seen)).unwrap_or(usize::MAX);
        self.entries.iter().skip(self.entries.len().saturating_sub(fresh))
    }

    pub(super) fn push(&mut self, t: Monotonic, severity: Severity, text: &str) {
        self.total += 1;
        self.published = None;
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(LogEntry { t, text: one_line(text).into(), severity });
    }

    /// Whether one more sentence about a task, value or pin is told now. If not, it is counted.
    pub(super) fn has_time_for_chatter(&mut self, t: Monotonic) -> bool {
        if t.nanos().abs_diff(self.second.nanos()) >= Duration::from_secs(1).as_nanos() as u64 {
            self.tell_untold(t);
            self.second = t;
            self.told = 0;
        }
        let is_told = self.told < CHATTER_A_SECOND;
        if is_told {
            self.told += 1;
        } else {
            self.untold += 1;
        }
        is_told
    }

    /// Says how much was not told one by one.
    pub(super) fn tell_untold(&mut self, t: Monotonic) {
        match std::mem::take(&mut self.untold) {
            0 => {}
            1 => self.push(t, Severity::Info, "One more change came at once."),
            count => self.push(t, Severity::Info, &format!("{count} more changes came too fast to tell one by one.")),
        }
    }

    /// The sentences for the view; the first one says how many had to go.
    pub(super) fn publish(&mut self) -> Arc<[LogEntry]> {
        let entries = self.published.get_or_insert_with(|| {
            let gone = self.total - self.entries.len() as u64;
            let note = self.entries.front().filter(|_| gone > 0).map(|first| LogEntry {
                t: first.t,
                text: format!("{gone} earlier sentences had to go.").into(),
                severity: Severity::Info,
            });
            note.into_iter().chain(self.entries.iter().cloned()).collect()
        });
        Arc::clone(entries)
    }
}

/// A text without line breaks and control characters, cut where it is longer than a screen can show.
pub fn one_line(text: &str) -> String {
    let mut line: String =
        text.chars().take(MAX_CHARS).map(|c| if c.is_whitespace() { ' ' } else { super::outputs::visible_char(c) }).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_sentences_stay_and_the_first_line_counts_the_rest() {
        let mut log = Log::default();
        for number in 0..1_500 {
            log.push(Monotonic::from_nanos(number), Severity::Info, &number.to_string());
        }
        let view = log.publish();
        assert_eq!((view.len(), &*view[0].text, &*view[1].text), (1_001, "500 earlier sentences had to go.", "500"));
        assert_eq!(log.since(1_498).map(|entry| &*entry.text).collect::<Vec<_>>(), ["1498", "1499"]);
        assert_eq!(log.since(0).count(), 1_000);
        assert!(Arc::ptr_eq(&view, &log.publish()), "what did not change is shared");
    }

    #[test]
    fn chatter_is_limited_a_second_and_the_rest_counted() {
        let mut log = Log::default();
        let told = (0..1_000).filter(|&t| log.has_time_for_chatter(Monotonic::from_nanos(t))).count();
        assert_eq!(told, CHATTER_A_SECOND as usize);
        assert!(log.has_time_for_chatter(Monotonic::from_secs(1.5)));
        assert_eq!(&*log.publish()[0].text, "950 more changes came too fast to tell one by one.");
    }

    #[test]
    fn a_sentence_is_one_harmless_line() {
        assert_eq!(one_line("a\nb\x1b[31m"), "a b␛[31m");
        assert_eq!(one_line(&"x".repeat(1_000)).chars().count(), MAX_CHARS + 1);
    }
}
