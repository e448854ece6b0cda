//! The log of one run: its newest sentences, bounded. Lives on the engine's thread. Bodies can change tasks, counts, values and pins
//! thousands of times a second: beyond a rate such changes are only counted, so that they do not push everything else out. Their number
//! stands apart from the story: before it while the run goes on, and at its end. All other sentences are always kept.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::engine::fold::numbers::count;
use crate::engine::fold::sentences;
use crate::model::{LogEntry, Monotonic, Scheduled, SchedulerRecord, Severity, harmless};

/// Sentences that are kept.
const MAX_ENTRIES: usize = 1_000;
/// Sentences about changes of tasks, values and pins that are logged in one second of the run.
const CHATTER_A_SECOND: u32 = 50;
/// Warnings of bodies that are logged in one second of the run, besides the changes.
const NOTICES_A_SECOND: u32 = 20;
/// A second in nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// Characters of a sentence; a body's names can be longer than a screen.
const MAX_CHARS: usize = 400;

/// Sentences, oldest first.
#[derive(Debug, Default)]
pub struct Log {
    entries: VecDeque<LogEntry>,
    total: u64,
    chatter: Share,
    notices: Share,
    /// Changes that were only counted.
    omitted: u64,
    published: Option<Arc<[LogEntry]>>,
}

/// Sentences of one kind that were logged in a second of the run.
#[derive(Debug, Default)]
struct Share {
    second: Monotonic,
    count: u32,
}

impl Share {
    fn has_room(&mut self, t: Monotonic, most: u32) -> bool {
        if t.nanos().abs_diff(self.second.nanos()) >= SECOND {
            (self.second, self.count) = (t, 0);
        }
        self.count += u32::from(self.count <= most);
        self.count <= most
    }
}

/// Switch records that are missing, those of other runs at the same time among them.
#[derive(Debug, Default)]
pub(crate) struct LostRecords {
    has_gap: bool,
    count: u64,
    /// The number that was told.
    told: Option<u64>,
}

impl LostRecords {
    pub(crate) fn add(&mut self, records: &[SchedulerRecord]) {
        for record in records {
            if let Scheduled::Lost { count, .. } = record.what {
                self.has_gap = true;
                self.count += count;
            }
        }
    }

    /// The sentence to tell, if there is one: once they are counted, and at the end of the run.
    pub(crate) fn sentence(&mut self, is_end: bool) -> Option<String> {
        let is_due = if is_end { self.has_gap && self.told != Some(self.count) } else { self.count > 0 && self.told.is_none() };
        is_due.then(|| {
            let was_told = self.told.replace(self.count).is_some();
            sentences::records_lost(self.count, was_told)
        })
    }
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

    /// Adds a sentence.
    pub(crate) fn push(&mut self, t: Monotonic, severity: Severity, text: &str) {
        self.total += 1;
        self.published = None;
        if self.entries.len() >= MAX_ENTRIES {
            self.entries.pop_front();
        }
        self.entries.push_back(LogEntry { t, text: one_line(text).into(), severity });
    }

    /// Whether there is room for one more sentence about a task, value or pin. If not, it is counted.
    pub(crate) fn has_time_for_chatter(&mut self, t: Monotonic) -> bool {
        let is_logged = self.chatter.has_room(t, CHATTER_A_SECOND);
        self.count_omitted(is_logged)
    }

    /// The same for a warning of a body.
    pub(crate) fn has_time_for_notice(&mut self, t: Monotonic) -> bool {
        let is_logged = self.notices.has_room(t, NOTICES_A_SECOND);
        self.count_omitted(is_logged)
    }

    fn count_omitted(&mut self, is_logged: bool) -> bool {
        if !is_logged {
            self.omitted += 1;
            self.published = None;
        }
        is_logged
    }

    /// Adds, at the end of the run, the number of changes that were only counted.
    pub(crate) fn tell_omitted(&mut self, t: Monotonic) {
        if let Some(text) = omitted(std::mem::take(&mut self.omitted)) {
            self.push(t, Severity::Info, &text);
        }
    }

    /// The sentences for the view, in the order of their times; the first ones say how many had to go, and how many changes were only
    /// counted until now.
    pub(crate) fn publish(&mut self) -> Arc<[LogEntry]> {
        let entries = self.published.get_or_insert_with(|| {
            let gone = self.total - self.entries.len() as u64;
            let gone = (gone > 0).then(|| format!("{gone} earlier sentences had to go."));
            let t = self.entries.front().map_or(Monotonic::ZERO, |first| first.t);
            let note = |text: String| LogEntry { t, text: text.into(), severity: Severity::Info };
            let notes = gone.into_iter().chain(omitted(self.omitted)).map(note);
            // What a body tells may come a little later than what it writes, and has happened before.
            let mut entries: Vec<LogEntry> = self.entries.iter().cloned().collect();
            entries.sort_by_key(|entry| entry.t);
            notes.chain(entries).collect()
        });
        Arc::clone(entries)
    }
}

/// What says how many changes were only counted; `None` if none were.
fn omitted(number: u64) -> Option<String> {
    let changes = count(number, "change", "changes");
    (number > 0).then(|| format!("{changes} came too fast to tell one by one; the event lines have them all."))
}

/// A [`harmless`] text, cut at [`MAX_CHARS`] characters; the rest is counted.
pub fn one_line(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => harmless(text),
        Some((end, _)) => {
            let rest = count(text[end..].chars().count() as u64, "more character", "more characters");
            format!("{}… ({rest})", harmless(&text[..end]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Pid, Tid};

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
    fn the_times_of_the_view_never_run_backwards() {
        let mut log = Log::default();
        for (t, text) in [(1, "a"), (3, "c"), (2, "b"), (3, "d")] {
            log.push(Monotonic::from_nanos(t), Severity::Info, text);
        }
        assert_eq!(log.publish().iter().map(|entry| &*entry.text).collect::<String>(), "abcd");
    }

    #[test]
    fn chatter_is_limited_a_second_and_the_rest_counted() {
        let mut log = Log::default();
        let logged = (0..1_000).filter(|&t| log.has_time_for_chatter(Monotonic::from_nanos(t))).count();
        assert_eq!(logged, CHATTER_A_SECOND as usize);
        let texts = |log: &mut Log| log.publish().iter().map(|entry| entry.text.to_string()).collect::<Vec<_>>();
        log.push(Monotonic::from_nanos(1_000), Severity::Info, "worker-1 finished.");
        let told = "950 changes came too fast to tell one by one; the event lines have them all.";
        assert_eq!(texts(&mut log), [told, "worker-1 finished."], "apart from the story");
        assert!(!log.has_time_for_chatter(Monotonic::from_nanos(1_001)));
        log.push(Monotonic::from_nanos(1_002), Severity::Info, "worker-2 finished.");
        log.tell_omitted(Monotonic::from_nanos(1_003));
        let told = told.replace("950", "951");
        assert_eq!(texts(&mut log), ["worker-1 finished.", "worker-2 finished.", &told]);
        log.tell_omitted(Monotonic::from_nanos(1_004));
        assert_eq!(texts(&mut log).len(), 3, "once");
        assert!(log.has_time_for_chatter(Monotonic::from_secs(1.5)));
    }

    #[test]
    fn lost_records_are_told_once_with_their_number_and_in_all_at_the_end() {
        let of = |count: u64| {
            let (pid, tid, what) = (Pid::new(0), Tid::new(0), Scheduled::Lost { since: Monotonic::ZERO, count });
            SchedulerRecord { t: Monotonic::ZERO, pid, tid, core: 0, what }
        };
        let told = |counts: &[u64]| {
            let mut lost = LostRecords::default();
            let mut told: Vec<String> =
                counts.iter().filter_map(|count| (lost.add(&[of(*count)]), lost.sentence(false)).1).collect();
            told.extend(lost.sentence(true));
            told.iter().map(|text| text.split(':').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&[]), [""; 0]);
        assert_eq!(told(&[0]), ["Switch records were lost"]);
        assert_eq!(told(&[0, 12_000]), ["12,000 switch records were lost"]);
        assert_eq!(told(&[1, 3, 0, 4]), ["1 switch record was lost", "8 switch records were lost in all"]);
    }

    #[test]
    fn a_sentence_is_one_harmless_line() {
        assert_eq!(one_line("a\nb\x1b[31m"), "a b^[[31m");
        assert_eq!(one_line(&"ä".repeat(MAX_CHARS)), "ä".repeat(MAX_CHARS));
        assert_eq!(one_line(&"ä".repeat(20_400)), format!("{}… (20,000 more characters)", "ä".repeat(MAX_CHARS)));
    }
}
