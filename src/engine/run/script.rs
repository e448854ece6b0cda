//! The steps of a run's script, and the clock by which they come. Pure; lives on the engine's thread.
//!
//! The clock begins with the first event of the body, so that no step comes too early if an interpreter starts slowly. It stands still
//! while a step waits for the process, task or thing that it names. Neither wait lasts for ever. Steps at 0 that are for the body alone are done
//! before the body begins.

use std::collections::VecDeque;
use std::time::Duration;

use crate::model::{Action, Monotonic, Refusal, TimedAction};

/// How long a body may say nothing before the clock begins without it.
pub(crate) const FOR_THE_BODY: Duration = Duration::from_secs(10);
/// How long a step waits for its target; then it is refused.
const FOR_THE_TARGET: Duration = Duration::from_secs(3);

/// The steps that are still to be done, earliest first.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<TimedAction>,
    clock: Clock,
    /// Since when the first step waits for its target.
    held: Option<Monotonic>,
}

/// From when the times of the steps count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// Nothing was launched yet.
    NotLaunched,
    /// From the first event of the body, or from this moment if there is none.
    Awaits(Monotonic),
    /// From this moment.
    Since(Monotonic),
    /// Nothing more is done.
    Over,
}

impl Script {
    pub(crate) fn new(steps: &[TimedAction]) -> Self {
        let mut steps = steps.to_vec();
        steps.sort_by_key(|step| step.after);
        Self { steps: steps.into(), clock: Clock::NotLaunched, held: None }
    }

    /// The run's processes were launched. A program has no body that says something: its clock counts from the start.
    pub(crate) fn start_clock(&mut self, started: Monotonic, is_lesson: bool, now: Monotonic) {
        self.clock = if is_lesson { Clock::Awaits(now + FOR_THE_BODY) } else { Clock::Since(started) };
    }

    /// The body has said something.
    pub(crate) const fn body_spoke(&mut self, now: Monotonic) {
        if matches!(self.clock, Clock::Awaits(_)) {
            self.clock = Clock::Since(now);
        }
    }

    /// Nothing more is to be done.
    pub(crate) const fn stop(&mut self) {
        self.clock = Clock::Over;
    }

    /// When [`take_due`](Self::take_due) has a step at the latest. The target of a step may appear before.
    pub(crate) fn next_at(&self) -> Option<Monotonic> {
        let step = self.steps.front()?;
        match self.clock {
            Clock::NotLaunched | Clock::Over => None,
            Clock::Awaits(_) if is_first(step) => Some(Monotonic::ZERO),
            Clock::Awaits(until) => Some(until),
            Clock::Since(began) => Some(self.held.map_or(began + step.after, |since| since + FOR_THE_TARGET)),
        }
    }

    /// The next step whose time has come and whose target is there.
    pub(crate) fn take_due(&mut self, now: Monotonic, is_there: impl Fn(&Action) -> bool) -> Option<TimedAction> {
        let step = self.steps.front()?;
        let began = match self.clock {
            Clock::NotLaunched | Clock::Over => return None,
            Clock::Awaits(_) if is_first(step) => return self.steps.pop_front(),
            Clock::Awaits(until) if now < until => return None,
            Clock::Awaits(from) | Clock::Since(from) => from,
        };
        self.clock = Clock::Since(began);
        if now < began + step.after {
            return None;
        }
        if !is_there(&step.action) && now.since(*self.held.get_or_insert(now)) < FOR_THE_TARGET {
            return None;
        }
        if let Some(since) = self.held.take() {
            self.clock = Clock::Since(began + now.since(since));
        }
        self.steps.pop_front()
    }

    /// The steps that were never done, except those of a demo, and why.
    pub(crate) fn left(&mut self) -> Vec<(TimedAction, Refusal)> {
        let why = |number| if number == 0 && self.held.is_some() { Refusal::NeverThere } else { Refusal::RunOver };
        let left = std::mem::take(&mut self.steps).into_iter().enumerate();
        left.filter(|(_, step)| !step.is_demo).map(|(number, step)| (step, why(number))).collect()
    }
}

/// Whether it is done before the body begins.
fn is_first(step: &TimedAction) -> bool {
    let action = &step.action;
    step.after.is_zero() && action.process().is_none() && action.thing().is_none() && action.task().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: f64) -> Monotonic {
        Monotonic::from_secs(100.0 + seconds)
    }

    fn script(lines: &[&str]) -> Script {
        let steps: Vec<TimedAction> = lines.iter().map(|line| line.parse().expect("a step")).collect();
        Script::new(&steps)
    }

    /// The steps that are done at that time; all targets but `late` are there.
    fn due(script: &mut Script, t: f64) -> Vec<String> {
        std::iter::from_fn(|| script.take_due(at(t), |action| action.process() != Some(&"late".into())))
            .map(|step| step.to_string())
            .collect()
    }

    #[test]
    fn a_lessons_clock_begins_with_what_its_body_says_first() {
        let mut script = script(&["1 finish", "0.5 kill child", "0 step on"]);
        assert_eq!((script.next_at(), due(&mut script, 9.0)), (None, vec![]), "nothing runs");
        script.start_clock(at(0.0), true, at(0.1));
        assert_eq!(due(&mut script, 0.1), ["0 step on"], "before the body begins");
        assert_eq!((script.next_at(), due(&mut script, 4.0)), (Some(at(10.1)), vec![]), "it starts slowly");
        script.body_spoke(at(4.0));
        script.body_spoke(at(4.2));
        assert_eq!(due(&mut script, 4.4), Vec::<String>::new());
        assert_eq!((script.next_at(), due(&mut script, 4.5)), (Some(at(4.5)), vec!["0.5 kill child".to_owned()]));
        assert_eq!(due(&mut script, 5.0), ["1 finish"]);
        assert_eq!(script.next_at(), None);
    }

    #[test]
    fn a_body_that_says_nothing_is_not_awaited_for_ever_and_a_program_not_at_all() {
        let mut silent = script(&["1 end"]);
        silent.start_clock(at(0.0), true, at(0.0));
        assert_eq!((due(&mut silent, 10.5), silent.next_at()), (vec![], Some(at(11.0))));
        assert_eq!(due(&mut silent, 11.0), ["1 end"]);
        let mut program = script(&["1 end"]);
        program.start_clock(at(0.0), false, at(0.3));
        assert_eq!(due(&mut program, 1.0), ["1 end"]);
    }

    #[test]
    fn the_clock_stands_while_a_step_waits_for_its_target() {
        let mut held = script(&["1 stop late", "1.5 finish"]);
        held.start_clock(at(0.0), false, at(0.0));
        assert_eq!((due(&mut held, 1.0), due(&mut held, 3.0)), (vec![], vec![]), "nobody overtakes it");
        assert_eq!(held.next_at(), Some(at(4.0)));
        assert_eq!(held.take_due(at(3.0), |_| true).map(|step| step.action.to_string()).as_deref(), Some("stop late"));
        assert_eq!((due(&mut held, 3.4), held.next_at()), (vec![], Some(at(3.5))), "half a second after it, as written");
        let mut missed = script(&["1 stop late", "1 kill child"]);
        missed.start_clock(at(0.0), false, at(0.0));
        assert_eq!(due(&mut missed, 1.0), Vec::<String>::new());
        assert_eq!(due(&mut missed, 4.0), ["1 stop late", "1 kill child"], "whoever acts says that nobody is called that");
    }

    #[test]
    fn what_was_not_done_is_left_but_for_the_demo() {
        let mut script = Script::new(&["1 finish", "9 end"].map(|line| line.parse().expect("a step")));
        script.steps.push_back(TimedAction::demo("4 step off").expect("a step"));
        script.start_clock(at(0.0), false, at(0.0));
        script.stop();
        assert_eq!((script.next_at(), due(&mut script, 99.0)), (None, vec![]));
        let left = script.left().into_iter().map(|(step, why)| format!("{step}: {why}")).collect::<Vec<_>>();
        assert_eq!(left, ["1 finish: the run has ended", "9 end: the run has ended"]);
        let mut held = Script::new(&["0.5 set event nothing", "1 finish"].map(|line| line.parse().expect("a step")));
        held.start_clock(at(0.0), false, at(0.0));
        assert!(held.take_due(at(0.6), |_| false).is_none());
        let why: Vec<_> = held.left().into_iter().map(|(_, why)| why).collect();
        assert_eq!(why, [Refusal::NeverThere, Refusal::RunOver]);
    }
}
