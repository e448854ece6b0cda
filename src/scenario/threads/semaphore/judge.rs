//! What a run of this lesson shows: how many were inside, before and after main's release, and what a bounded semaphore says.

use std::collections::HashMap;

use crate::model::{Event, EventKind, Monotonic, TaskState};
use crate::scenario::card::seen::{action, most_at_once};
use crate::scenario::card::{Facts, Judge, OpenWaits, Params, equals};

const DOOR: &str = "semaphore door";

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done or not")]
pub(super) struct Door {
    waits: OpenWaits,
    inside: HashMap<String, Stay>,
    /// Stays that are over.
    stays: Vec<(Monotonic, Monotonic)>,
    main_sleeps: bool,
    /// The moment of main's release: its sleep is over.
    released: Option<Monotonic>,
    /// Whether somebody waited, at some time before main's release, and at that moment.
    waited: bool,
    waited_for_main: bool,
    /// Whether a person has changed the number of permits before main's release, and when one has first done so at all.
    touched_before: bool,
    touched: Option<Monotonic>,
    bounded: Option<String>,
}

/// A stay begins after the acquire, and ends with the sleep before the release: it lies inside the real one.
#[derive(Debug)]
struct Stay {
    from: Monotonic,
    has_slept: bool,
}

impl Door {
    fn state(&mut self, event: &Event, task: &str, state: TaskState, on: Option<&str>) {
        match (self.inside.get_mut(task), state) {
            (Some(stay), TaskState::Sleeping) => stay.has_slept = true,
            (Some(stay), TaskState::Running) if stay.has_slept => {
                self.stays.push((stay.from, event.t));
                self.inside.remove(task);
            }
            (None, TaskState::Running) if on == Some(DOOR) => {
                self.inside.insert(task.to_owned(), Stay { from: event.t, has_slept: false });
            }
            _ => {}
        }
        if task == "main" && self.released.is_none() {
            if self.main_sleeps && state == TaskState::Running {
                self.released = Some(event.t);
                self.waited_for_main = self.waits.count(DOOR) > 0;
            }
            self.main_sleeps |= state == TaskState::Sleeping;
        }
    }
}

impl Judge for Door {
    fn see(&mut self, event: &Event) {
        self.waits.see(event);
        self.waited |= self.released.is_none() && self.waits.count(DOOR) > 0;
        if let EventKind::TaskChanged { task, state, on, .. } = &event.kind {
            self.state(event, task, *state, on.as_deref());
        }
        if action(event).is_some_and(|action| action.target() == DOOR) {
            self.touched = self.touched.or(Some(event.t));
            self.touched_before |= self.released.is_none();
        }
        if let Some(release) = event.operation("release", "semaphore gate") {
            self.bounded = Some(release.result.as_str().unwrap_or("ok").to_owned());
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let permits = params.count("permits");
        let mut facts = Facts::new();
        if let Some(released) = self.released.filter(|_| self.waited && !self.touched_before) {
            let before = self.stays.iter().map(|(from, to)| (*from, released.min(*to)));
            let claim = "before main's release the semaphore let in as many threads as it had permits: inside at once, at most";
            facts.push(equals("inside", claim, permits, most_at_once(before)));
        }
        if let Some(released) = self.released.filter(|_| self.waited_for_main && !self.touched_before) {
            let is_untouched = |at: Monotonic| self.touched.is_none_or(|touched| at < touched);
            let began = self.stays.iter().filter(|(from, _)| *from >= released && is_untouched(*from)).count();
            // With fewer, the last ones may be alone.
            if began >= 2 * (permits + 1) {
                let after = self
                    .stays
                    .iter()
                    .map(|(from, to)| (released.max(*from), self.touched.map_or(*to, |touched| touched.min(*to))));
                let claim = "main released a permit that it never took, and one more thread got in: inside at once, at most";
                facts.push(equals("extra", claim, permits + 1, most_at_once(after)));
            }
        }
        if let Some(bounded) = &self.bounded {
            let claim = "a BoundedSemaphore refuses a release that no acquire has gone before";
            facts.push(equals("bounded", claim, "ValueError", bounded.as_str()));
        }
        facts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::semaphore::SEMAPHORE;

    /// One permit and two threads: the second waits, until main releases a permit.
    fn run(bounded: &str) -> String {
        let state = |t: u32, task: &str, rest: &str| format!(r#"{{"t":{t},"kind":"task.state","task":"{task}","state":{rest}}}"#);
        let (enters, sleeps, runs) = (r#""running","on":"semaphore door""#, r#""sleeping","on":"sleep()""#, r#""running""#);
        let mut lines = vec![state(1, "main", sleeps), state(2, "a", enters), state(3, "a", sleeps)];
        lines.push(state(4, "b", r#""waiting","on":"semaphore door""#));
        lines.push(state(50, "main", runs));
        for visit in 1..4 {
            let t = 100 * visit;
            lines.extend([state(t, "b", enters), state(t + 1, "b", sleeps), state(t + 9, "a", runs), state(t + 20, "b", runs)]);
            lines.extend([state(t + 30, "a", enters), state(t + 31, "a", sleeps)]);
        }
        // They are inside together once, after the release.
        lines.extend([state(500, "b", enters), state(501, "b", sleeps), state(502, "a", runs), state(503, "b", runs)]);
        lines.push(format!(r#"{{"t":600,"kind":"op","task":"main","do":"release","on":"semaphore gate","result":"{bounded}"}}"#));
        lines.join("\n")
    }

    fn params() -> Params {
        let mut params = Params::defaults(SEMAPHORE.params);
        params.set(SEMAPHORE.params, "permits", "1").expect("in range");
        params
    }

    #[test]
    fn each_claim_can_fail() {
        let failed = |lines: &str| failed(Door::default(), &params(), lines);
        assert_eq!(failed(&run("ValueError")), [""; 0]);
        assert_eq!(failed(&run("ok")), ["bounded"]);
        // The second one was inside before main's release.
        let late = run("ValueError").replacen("\"t\":50,", "\"t\":505,", 1);
        assert_eq!(failed(&late), ["inside"]);
        // Nobody got in while the other one was inside.
        let alone = run("ValueError").replace(r#""t":109,"#, r#""t":99,"#).replace(r#""t":209,"#, r#""t":199,"#);
        let alone = alone.replace(r#""t":309,"#, r#""t":299,"#).replace(r#""t":502,"#, r#""t":499,"#);
        assert_eq!(failed(&alone), ["extra"]);
    }

    #[test]
    fn nothing_is_claimed_of_permits_that_a_person_has_changed() {
        let by_hand = r#"{"t":5,"kind":"action","do":"release","target":"semaphore door","by":"you"}"#;
        let lines = run("ValueError").replace(r#""running","on":"semaphore door""#, r#""running""#);
        assert_eq!(failed(Door::default(), &params(), &lines), ["inside"], "no stay was seen");
        assert_eq!(failed(Door::default(), &params(), &format!("{by_hand}\n{lines}")), [""; 0]);
    }
}
