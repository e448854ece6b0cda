//! What a run of this lesson shows: how many mailers the END markers stopped, who waited for one, and what became of the mails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Action, Event, EventKind, Monotonic, Sent, TaskState};
use crate::scenario::card::{Facts, Judge, Params, Printed, equals, more_than};

const OUTBOX: &str = "queue outbox";
const END: &str = "END";
/// A `get` is told a little after it.
const BLUR: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    printed: Printed,
    /// What was put and taken, by whom and when.
    puts: Vec<(Monotonic, String, String)>,
    gets: Vec<(Monotonic, String, String)>,
    /// Messages that a mail was sent.
    messages: u64,
    /// What the mailers did, and when.
    mailers: Vec<(Monotonic, String, Doing)>,
    /// What a person put.
    by_person: Vec<(Monotonic, String)>,
    does_main_sleep: bool,
    main_woke: Option<Monotonic>,
    is_killed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Work,
    Wait,
    Nothing,
}

impl Judge for Outbox {
    fn see(&mut self, event: &Event) {
        self.printed.see(event);
        for (does, list) in [("put", &mut self.puts), ("get", &mut self.gets)] {
            if let Some(done) = event.operation(does, OUTBOX)
                && let Some(mail) = done.result.as_str().filter(|mail| !["Full", "Empty"].contains(mail))
            {
                list.push((event.t, done.task.to_owned(), mail.to_owned()));
            }
        }
        self.messages += u64::from(event.operation("put", "queue sent").is_some());
        let mut does = |task: &String, doing| {
            if task.starts_with("mailer-") {
                self.mailers.push((event.t, task.clone(), doing));
            }
        };
        match &event.kind {
            EventKind::TaskChanged { task, state, .. } if task == "main" => {
                let sleeps = *state == TaskState::Sleeping;
                if self.does_main_sleep && !sleeps {
                    self.main_woke.get_or_insert(event.t);
                }
                self.does_main_sleep = sleeps;
            }
            EventKind::TaskChanged { task, state: TaskState::Waiting, on: Some(on), .. } if on == OUTBOX => {
                does(task, Doing::Wait);
            }
            EventKind::TaskStarted { task, .. } | EventKind::TaskChanged { task, .. } => does(task, Doing::Work),
            EventKind::TaskFinished { task, .. } => does(task, Doing::Nothing),
            EventKind::Action { action: Action::Send(sent, ..), .. } => {
                self.is_killed |= !matches!(sent, Sent::Stop | Sent::Continue);
            }
            EventKind::Action { action, .. } if action.word() == "put" => self.by_person.push((event.t, mail_of(action))),
            EventKind::ActionRefused { action, .. } if action.word() == "put" => {
                let put = mail_of(action);
                self.by_person.pop_if(|(_, last)| *last == put);
            }
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        if self.is_killed {
            return facts;
        }
        let waits = params.flag("wait");
        if waits {
            facts.extend(self.at_the_look(params.count("ends")).into_iter().flatten());
        }
        let Some((before, _)) = self.printed.text().split_once(" mails are sent") else { return facts };
        let is_mail = |(_, _, mail): &&(Monotonic, String, String)| mail.starts_with("mail ");
        let put = self.puts.iter().filter(is_mail).count();
        let taken = if waits { put } else { self.gets.iter().filter(is_mail).count() };
        facts.push(equals("fifo", "mails were taken, each once, and those of one writer in their order", taken, self.in_order()));
        if waits {
            let total: u64 = before.rsplit(|sign: char| !sign.is_ascii_digit()).next().unwrap_or_default().parse().unwrap_or(0);
            facts.push(equals("counter", "messages counted the mails that were sent, without a lock", self.messages, total));
        } else if let Some(end) = self.printed.time_of(" mails are sent") {
            let is_new = |(t, ..): &&(Monotonic, String, String)| end.since(*t) + BLUR < params.seconds("consume");
            let hellos = self.by_person.iter().filter(|(t, mail)| mail != END && *t < end).count();
            // Mails that nobody took, or that nobody can have sent yet.
            if put > taken || self.gets.iter().filter(is_mail).any(|get| is_new(&get)) {
                let lost = ((put + hellos) as u64).saturating_sub(self.messages);
                facts.push(more_than("lost", "mails were lost, since main did not wait", 0, lost));
            }
        }
        facts
    }
}

/// What a person puts: `put queue outbox hello`.
fn mail_of(action: &Action) -> String {
    action.target().strip_prefix(OUTBOX).unwrap_or_default().trim().to_owned()
}

impl Outbox {
    /// What the END markers of main have done when it looks, or when a person puts one more.
    fn at_the_look(&self, ends: usize) -> Option<[crate::model::Fact; 2]> {
        let by_person = self.by_person.iter().find(|(_, mail)| mail == END).map(|(t, _)| *t);
        let look = self.main_woke.into_iter().chain(by_person).min()?;
        let ends_of = |list: &[(Monotonic, String, String)]| list.iter().filter(|(t, _, mail)| *t < look && mail == END).count();
        let mut mailers: BTreeMap<&str, (Monotonic, Doing)> = BTreeMap::new();
        for (t, task, doing) in self.mailers.iter().filter(|(t, ..)| *t < look) {
            let last = mailers.entry(task).or_insert((*t, *doing));
            if last.0 <= *t {
                *last = (*t, *doing);
            }
        }
        // Else one still works on its mails, or main has not put all its markers.
        if mailers.values().any(|(_, doing)| *doing == Doing::Work) || ends_of(&self.puts) != ends || mailers.is_empty() {
            return None;
        }
        let waiting = mailers.values().filter(|(_, doing)| *doing == Doing::Wait).count();
        let stopped = ends.min(mailers.len());
        Some([
            equals("one-each", "mailers that an END marker stopped", stopped, ends_of(&self.gets)),
            equals("left-waiting", "mailers found no END, and waited for one of their own", mailers.len() - stopped, waiting),
        ])
    }

    /// Mails that were taken for the first time, and by one mailer after those that the same writer had put before.
    fn in_order(&self) -> usize {
        let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::new());
        let mut gets: Vec<_> = self.gets.iter().collect();
        gets.sort_by_key(|(t, ..)| *t);
        let in_order = gets.into_iter().filter(|(_, mailer, mail)| {
            let Some((letter, number)) = mail.strip_prefix("mail ").and_then(|mail| mail.split_at_checked(1)) else {
                return false;
            };
            let number: u32 = number.parse().unwrap_or_default();
            let before = last.insert((mailer, letter), number).unwrap_or_default();
            seen.insert(mail) && number > before
        });
        in_order.count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    /// Two mailers and one marker.
    const ONE_END: &str = r#"
        {"t":1,"kind":"task.started","pid":7,"task":"mailer-1","sort":"thread"}
        {"t":1,"kind":"task.started","pid":7,"task":"mailer-2","sort":"thread"}
        {"t":2,"kind":"op","task":"writer-1","do":"put","on":"queue outbox","result":"mail a1"}
        {"t":3,"kind":"op","task":"writer-1","do":"put","on":"queue outbox","result":"mail a2"}
        {"t":4,"kind":"op","task":"mailer-1","do":"get","on":"queue outbox","result":"mail a1"}
        {"t":5,"kind":"op","task":"mailer-1","do":"put","on":"queue sent","result":1}
        {"t":6,"kind":"op","task":"mailer-1","do":"get","on":"queue outbox","result":"mail a2"}
        {"t":7,"kind":"op","task":"mailer-1","do":"put","on":"queue sent","result":1}
        {"t":8,"kind":"op","task":"main","do":"put","on":"queue outbox","result":"END"}
        {"t":8,"kind":"task.state","task":"main","state":"sleeping","on":"sleep()"}
        {"t":9,"kind":"op","task":"mailer-1","do":"get","on":"queue outbox","result":"END"}
        {"t":9,"kind":"task.finished","task":"mailer-1","result":"ok"}
        {"t":9,"kind":"task.state","task":"mailer-2","state":"waiting","on":"queue outbox"}
        {"t":20,"kind":"task.state","task":"main","state":"running"}
        {"t":30,"kind":"output","pid":7,"stream":"stdout","text":"mailer-1 found END\n2 mails are sent\n"}"#;

    #[test]
    fn each_claim_can_fail() {
        let specs = super::super::card::QUEUE.params;
        let mut params = Params::defaults(specs);
        let failed_of = |params: &Params, lines: &str| failed(Outbox::default(), params, lines);
        assert_eq!(failed_of(&params, ONE_END), [""; 0]);
        let both_stop = ONE_END.replace(
            r#""task":"mailer-2","state":"waiting","on":"queue outbox""#,
            r#""task":"mailer-2","state":"waiting","on":"queue outbox"}
            {"t":10,"kind":"op","task":"mailer-2","do":"get","on":"queue outbox","result":"END"}
            {"t":11,"kind":"task.finished","task":"mailer-2","result":"ok""#,
        );
        assert_eq!(failed_of(&params, &both_stop), ["one-each", "left-waiting"]);
        let twice =
            ONE_END.replace(r#""get","on":"queue outbox","result":"mail a2""#, r#""get","on":"queue outbox","result":"mail a1""#);
        assert_eq!(failed_of(&params, &twice), ["fifo"]);
        assert_eq!(failed_of(&params, &ONE_END.replace("\\n2 mails", "\\n1 mails")), ["counter"]);
        params.set(specs, "wait", "no").expect("a flag");
        assert_eq!(failed_of(&params, ONE_END), ["lost"], "both were sent");
    }
}
