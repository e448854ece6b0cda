//! What a run of this lesson shows: how often the LED changed while main waited, and what the blinker did meanwhile.

use std::time::Duration;

use crate::model::{Action, Event, EventKind, Fact, Level, Line, Monotonic, TaskCpu, TaskState};
use crate::scenario::card::{Facts, Judge, OpenWaits, Params, at_most, equals};

const BLINKER: &str = "blinker";
const PAUSE: &str = "event may_blink";
/// The line of a change may come so late.
const LATE: Duration = Duration::from_millis(100);
/// A blinker that changes its LED more often has no time to idle on a slow machine.
const SLOW: Duration = Duration::from_millis(200);

#[derive(Debug, Default)]
pub(super) struct Blinking {
    waits: OpenWaits,
    began: Option<Monotonic>,
    ended: Option<Monotonic>,
    /// The levels of all lines, as they were told.
    levels: Vec<(Monotonic, Line, Level)>,
    /// The lines that a person has switched.
    toggled: Vec<Line>,
    /// When the blinker was paused, from and to.
    pauses: Vec<(Monotonic, Monotonic)>,
    asleep_since: Option<Monotonic>,
    shortest: Option<Duration>,
    /// Whether a person ended a sleep, or stopped something.
    is_touched: bool,
    cpu: Option<TaskCpu>,
}

impl Judge for Blinking {
    fn see(&mut self, event: &Event) {
        if let Some(over) = self.waits.see(event).filter(|over| over.task == BLINKER && over.on == PAUSE) {
            self.pauses.push((over.since, event.t));
        }
        match &event.kind {
            EventKind::TaskStarted { task, tid: Some(_), .. } if task == BLINKER => self.began = Some(event.t),
            EventKind::TaskFinished { task, .. } if task == BLINKER => self.ended = Some(event.t),
            EventKind::TaskChanged { task, state, .. } if task == BLINKER => {
                let slept = self.asleep_since.take().map(|since| event.t.since(since));
                self.shortest = self.shortest.into_iter().chain(slept).min();
                self.asleep_since = (*state == TaskState::Sleeping).then_some(event.t);
            }
            EventKind::Gpio { line, level } => self.levels.push((event.t, *line, *level)),
            EventKind::Action { action: Action::Toggle(line), .. } => self.toggled.push(*line),
            EventKind::Action { action, .. } => {
                self.is_touched |= matches!(action, Action::Send(..)) || matches!(&*action.word(), "go-on" | "step");
            }
            EventKind::TaskCpu(cpu) if cpu.is_final && cpu.name == BLINKER => self.cpu = Some((**cpu).clone()),
            _ => {}
        }
    }

    fn claims(&self, params: &Params) -> Facts {
        let (line, every) = (params.line("line"), params.seconds("every"));
        let mut facts = Facts::new();
        let changes = self.changes(line);
        if self.ended.is_some() && !changes.is_empty() && !self.toggled.contains(&line) {
            facts.push(equals("changes", "the LED changed while main waited", params.count("changes"), changes.len()));
        }
        if !self.pauses.is_empty() && !self.toggled.contains(&line) {
            let paused = |t: Monotonic| self.pauses.iter().any(|(from, to)| t > *from + LATE && t < *to);
            let seconds: f64 = self.pauses.iter().map(|(from, to)| to.since(*from).as_secs_f64()).sum();
            let text = |count: usize| format!("{count} in {seconds:.1} s");
            let moved = changes.iter().filter(|t| paused(**t)).count();
            facts.push(equals("stood-still", "the LED stood still while the event was down: changes", text(0), text(moved)));
        }
        if let Some(shortest) = self.shortest.filter(|_| !self.is_touched) {
            facts.push(Fact {
                id: "not-early".to_owned(),
                claim: "no sleep of the blinker ended early: the shortest one, in seconds".to_owned(),
                expected: format!(">= {}", every.as_secs_f64()).into(),
                observed: ((shortest.as_secs_f64() * 1e3).round() / 1e3).into(),
                holds: shortest + Duration::from_millis(1) >= every,
            });
        }
        if let Some(cpu) = self.cpu.as_ref().filter(|_| every >= SLOW && !self.is_touched) {
            let life = (cpu.ran_ns + cpu.ready_ns + cpu.blocked_ns).max(1);
            let claim = "the blinker needed a core for so much of its time, in percent";
            facts.push(at_most("idle", claim, 10, cpu.ran_ns * 100 / life));
        }
        facts
    }
}

impl Blinking {
    /// The times at which the LED changed while there was a blinker; it is dark at first.
    fn changes(&self, line: Line) -> Vec<Monotonic> {
        let mut now = Level::Low;
        let levels = self.levels.iter().filter(|(_, one, _)| *one == line);
        let changes = levels.filter(|(_, _, level)| std::mem::replace(&mut now, *level) != *level).map(|(t, ..)| *t);
        changes.filter(|t| self.began.is_some_and(|began| *t >= began) && self.ended.is_none_or(|ended| *t <= ended)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::card::judge::failed;

    const RUN: &str = r#"
        {"t":1000000000,"kind":"task.started","task":"blinker","sort":"thread","pid":1,"tid":2}
        {"t":1000000001,"kind":"gpio","line":17,"value":1}
        {"t":1000000002,"kind":"task.state","task":"blinker","state":"sleeping"}
        {"t":1500000003,"kind":"task.state","task":"blinker","state":"running"}
        {"t":1500000004,"kind":"task.state","task":"blinker","state":"waiting","on":"event may_blink"}
        {"t":2500000000,"kind":"task.state","task":"blinker","state":"running","woken_by":"you"}
        {"t":2500000001,"kind":"gpio","line":17,"value":0}
        {"t":3000000000,"kind":"task.finished","task":"blinker","result":"ok"}
        {"t":3000000001,"kind":"gpio","line":17,"value":1}
        {"t":3000000002,"kind":"task.cpu","pid":1,"tid":2,"name":"blinker","ran_ns":1000,"ready_ns":0,"blocked_ns":99000,"switches":1,"cores":[0],"exact":true,"final":true}"#;

    fn failed_with(from: &str, to: &str) -> Vec<String> {
        let specs = super::super::card::BLINK.params;
        let mut params = Params::defaults(specs);
        params.set(specs, "changes", "2").expect("in range");
        assert!(RUN.contains(from), "{from}");
        failed(Blinking::default(), &params, &RUN.replace(from, to))
    }

    #[test]
    fn each_claim_can_fail() {
        assert_eq!(failed_with("\"ran_ns\":1000", "\"ran_ns\":1001"), [""; 0]);
        assert_eq!(failed_with("\"t\":2500000001", "\"t\":3500000001"), ["changes"]);
        assert_eq!(failed_with("\"t\":2500000001", "\"t\":2400000001"), ["stood-still"]);
        assert_eq!(failed_with("\"t\":1500000003", "\"t\":1400000003"), ["not-early"]);
        assert_eq!(failed_with("\"ran_ns\":1000", "\"ran_ns\":99000"), ["idle"]);
    }

    #[test]
    fn nothing_is_claimed_of_a_led_that_a_person_has_switched() {
        let toggle = r#""kind":"action","do":"toggle","target":"GPIO17","by":"you""#;
        assert_eq!(failed_with(r#""kind":"gpio","line":17,"value":0"#, toggle), [""; 0]);
    }
}
