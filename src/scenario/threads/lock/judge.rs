//! What a run of this lesson shows: who had the lock and when, who was turned away, and what became of a lock that was never released.

use crate::model::{Event, EventKind, Monotonic};
use crate::scenario::card::seen::{Hold, Holds, action, most_at_once};
use crate::scenario::card::{Facts, Judge, Params, at_least, equals};

const TOOL: &str = "lock tool";

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that was done or not")]
pub(super) struct Tool {
    holds: Holds,
    /// When passer-by asked, and what it got.
    passes: Vec<(Monotonic, bool)>,
    has_careless: bool,
    has_failed: bool,
    /// What main's acquire gave after that, and main's release.
    acquired: Option<bool>,
    released: Option<String>,
    /// What the release of a lock that belongs to main gave.
    stranger: Option<String>,
    /// Whether a person has the lock, has released it for another, has used it since careless began, or has ended a sleep of a worker.
    is_kept: bool,
    is_freed: bool,
    is_touched: bool,
    is_hurried: bool,
}

impl Default for Tool {
    fn default() -> Self {
        Self {
            holds: Holds::of(TOOL),
            passes: Vec::new(),
            has_careless: false,
            has_failed: false,
            acquired: None,
            released: None,
            stranger: None,
            is_kept: false,
            is_freed: false,
            is_touched: false,
            is_hurried: false,
        }
    }
}

/// What an operation gave, as a text.
fn gave(result: &serde_json::Value) -> String {
    result.as_str().unwrap_or("ok").to_owned()
}

impl Judge for Tool {
    fn see(&mut self, event: &Event) {
        self.holds.see(event);
        match &event.kind {
            EventKind::TaskStarted { task, tid: Some(_), .. } if task == "careless" => self.has_careless = true,
            EventKind::TaskFinished { task, result } if task == "careless" => self.has_failed = result != "ok",
            _ => {}
        }
        if let Some(acquire) = event.operation("acquire", TOOL) {
            let got = acquire.result.as_bool() == Some(true);
            match acquire.task {
                "passer-by" => self.passes.push((event.t, got)),
                "main" => self.acquired = Some(got),
                _ => {}
            }
        }
        if let Some(release) = event.operation("release", TOOL).filter(|release| release.task == "main") {
            self.released = Some(gave(release.result));
        }
        if let Some(release) = event.operation("release", "lock diary").filter(|release| release.task == "stranger") {
            self.stranger = Some(gave(release.result));
        }
        let Some(action) = action(event) else { return };
        self.is_touched |= self.has_careless && action.target() == TOOL;
        match &*action.word() {
            "hold" => self.is_kept = true,
            // Once careless has the lock, the workers are done with it.
            "release" if !std::mem::take(&mut self.is_kept) && !self.has_careless => self.is_freed = true,
            "go-on" if action.target().starts_with("worker-") => self.is_hurried = true,
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let mut facts = Facts::new();
        let over = &self.holds.over;
        let sections: Vec<&Hold> = over.iter().filter(|hold| hold.task.starts_with("worker-")).collect();
        if !self.is_freed && !over.is_empty() {
            let claim = "threads in two functions share the lock: between acquire and release at the same time, at most";
            facts.push(equals("at-once", claim, 1, most_at_once(over.iter().map(|hold| (hold.from, hold.to)))));
            let asked: Vec<bool> = self.passes.iter().filter(|(at, _)| was_held(over, *at)).map(|(_, got)| *got).collect();
            if !asked.is_empty() {
                let claim = "passer-by, who would not wait, got False each time that another thread had the lock: times";
                facts.push(equals("turned-away", claim, asked.len(), asked.iter().filter(|got| !**got).count()));
            }
        }
        let ends = (sections.iter().map(|hold| hold.from).min(), sections.iter().map(|hold| hold.to).max());
        if let (Some(first), Some(last)) = ends
            && sections.len() >= 2
            && !self.is_freed
            && !self.is_hurried
        {
            let least = params.seconds("section").as_millis() as u64 * sections.len() as u64;
            let claim = format!("{} sections run one after another: first acquire to last release (ms)", sections.len());
            facts.push(at_least("one-by-one", &claim, least, last.since(first).as_millis() as u64));
        }
        if let Some(acquired) = self.acquired.filter(|_| self.has_failed && !self.is_touched) {
            let claim = "careless ended with an error and left the lock held: main's acquire with a time limit gave";
            facts.push(equals("left-held", claim, false, acquired));
            if let (false, Some(released), Some(stranger)) = (acquired, &self.released, &self.stranger) {
                let claim = "a thread releases what another one acquired: a Lock takes it, an RLock is an error";
                let observed = vec![released.as_str(), stranger];
                facts.push(equals("owner", claim, vec!["ok", "RuntimeError"], observed));
            }
        }
        facts
    }
}

/// Whether another thread than passer-by had the lock at this time.
fn was_held(holds: &[Hold], at: Monotonic) -> bool {
    holds.iter().any(|hold| hold.task != "passer-by" && hold.from <= at && at <= hold.to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;
    use crate::scenario::threads::lock::LOCK;

    const RUN: &str = r#"
        {"t":1000000000,"kind":"task.state","task":"worker-1","state":"running","on":"lock tool"}
        {"t":1100000000,"kind":"op","task":"passer-by","do":"acquire","on":"lock tool","result":false}
        {"t":1260000000,"kind":"task.state","task":"worker-1","state":"running"}
        {"t":1270000000,"kind":"task.state","task":"worker-2","state":"running","on":"lock tool"}
        {"t":1530000000,"kind":"task.state","task":"worker-2","state":"running"}
        {"t":2000000000,"kind":"task.started","pid":1,"task":"careless","sort":"thread","tid":9}
        {"t":2000000001,"kind":"task.state","task":"careless","state":"running","on":"lock tool"}
        {"t":2000000002,"kind":"task.finished","task":"careless","result":"UnboundLocalError: score"}
        {"t":5000000000,"kind":"op","task":"main","do":"acquire","on":"lock tool","result":false}
        {"t":5000000001,"kind":"op","task":"main","do":"release","on":"lock tool","result":"ok"}
        {"t":5100000001,"kind":"op","task":"stranger","do":"release","on":"lock diary","result":"RuntimeError"}"#;

    fn claims_that_fail(lines: &str) -> Vec<String> {
        failed(Tool::default(), &Params::defaults(LOCK.params), lines)
    }

    #[test]
    fn each_claim_can_fail() {
        assert_eq!(claims_that_fail(RUN), [""; 0]);
        assert_eq!(claims_that_fail(&RUN.replace("1260000000", "1280000000")), ["at-once"]);
        assert_eq!(claims_that_fail(&RUN.replacen("false", "true", 1)), ["turned-away"]);
        assert_eq!(claims_that_fail(&RUN.replace("1530000000", "1400000000")), ["one-by-one"]);
        let got = RUN.replace(
            r#"5000000000,"kind":"op","task":"main","do":"acquire","on":"lock tool","result":false"#,
            r#"5000000000,"kind":"op","task":"main","do":"acquire","on":"lock tool","result":true"#,
        );
        assert_eq!(claims_that_fail(&got), ["left-held"]);
        assert_eq!(claims_that_fail(&RUN.replace(r#""result":"RuntimeError""#, r#""result":"ok""#)), ["owner"]);
    }

    #[test]
    fn a_lock_that_a_person_releases_for_another_is_no_lock_any_more() {
        let act = |action: &str| format!(r#"{{"t":1,"kind":"action","do":"{action}","target":"lock tool","by":"you"}}"#);
        let two = RUN.replace("1260000000", "1280000000");
        assert_eq!(claims_that_fail(&format!("{}\n{two}", act("release"))), [""; 0]);
        assert_eq!(claims_that_fail(&[act("hold"), act("release"), two].join("\n")), ["at-once"]);
    }
}
