//! What the looks at a pipeline's stages show, and the facts that follow. Pure.

use crate::model::{ExitStatus, ProcessState, Signal};
use crate::scenario::card::{Facts, equals, more_than};

/// The stages, first to last: one makes lines, one keeps some of them, one counts.
pub(crate) const STAGES: [&str; 3] = ["generate", "filter", "count"];

/// The stages at one moment: their states, and the bytes that each has read and written so far; `None` where it has
/// ended, or the kernel does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) states: [Option<ProcessState>; 3],
    pub(crate) moved: [Option<u64>; 3],
}

impl Look {
    fn is_running(&self) -> bool {
        !self.has_stopped() && self.states.iter().all(|state| state.is_some_and(|state| state != ProcessState::Zombie))
    }

    fn has_stopped(&self) -> bool {
        self.states.contains(&Some(ProcessState::Stopped))
    }

    /// Bytes that all stages together have moved; `None` where the kernel does not count them.
    fn bytes(&self) -> Option<u64> {
        self.moved.iter().copied().sum()
    }
}

/// Looks that a phase has to last before it says something: time for pipes to fill, or to flow.
const LONG_ENOUGH: usize = 15;
/// Looks after which a phase says also that something did not come about. Earlier, on a machine with much else to do,
/// pipes may still be filling.
const LONG: usize = 150;
/// Looks at the end of a stop in which nothing may move any more.
const AT_REST: usize = 5;

/// A fact is claimed only where it was put to the test: nothing about stopping if nobody was stopped for a while.
pub(crate) fn facts(looks: &[Look], ends: &[ExitStatus; 3]) -> Facts {
    let mut facts = Facts::new();
    let phases: Vec<&[Look]> =
        looks.chunk_by(|a, b| (a.has_stopped(), a.is_running()) == (b.has_stopped(), b.is_running())).collect();
    let moved = |phase: &[Look]| Some(phase.last()?.bytes()?.saturating_sub(phase.first()?.bytes()?));
    let tested = |phase: &[Look], holds: bool| phase.len() >= if holds { LONG_ENOUGH } else { LONG };

    let flows = phases.iter().filter(|phase| phase[0].is_running());
    let flows = flows.filter_map(|phase| moved(phase).filter(|bytes| tested(phase, *bytes > 0)));
    if let Some(least) = flows.min() {
        facts.push(more_than("flows", "while all stages run, bytes flow: bytes", 0, least));
    }
    let stops = || phases.iter().filter(|phase| phase[0].has_stopped());
    let rests = stops()
        .filter_map(|phase| moved(&phase[phase.len().saturating_sub(AT_REST)..]).filter(|bytes| tested(phase, *bytes == 0)));
    if let Some(most) = rests.max() {
        facts.push(equals("standstill", "when one stage is stopped, soon not a byte moves anywhere: bytes", 0, most));
    }
    let asleep = stops().filter_map(|phase| {
        let others = phase.last()?.states.iter().flatten().filter(|state| **state != ProcessState::Stopped);
        let (all, asleep) = (others.clone().count(), others.filter(|state| **state == ProcessState::Sleeping).count());
        tested(phase, all == asleep).then_some((all, asleep))
    });
    if let Some((all, asleep)) = asleep.min_by_key(|(all, asleep)| asleep.abs_diff(*all) == 0) {
        facts.push(equals("neighbours-sleep", "then the other stages sleep, each at its end of a pipe: stages", all, asleep));
    }

    let killed = |end: &ExitStatus| matches!(end, ExitStatus::Signaled { signal, .. } if *signal != Signal::PIPE);
    if let Some(last_killed) = ends.iter().rposition(killed) {
        let told = |number: usize| format!("{} {}", STAGES[number], ends[number]);
        let broken: Vec<usize> = (0..last_killed).filter(|number| !killed(&ends[*number])).collect();
        if !broken.is_empty() {
            let expected: Vec<_> = broken.iter().map(|number| format!("{} killed by SIGPIPE", STAGES[*number])).collect();
            let observed: Vec<_> = broken.into_iter().map(told).collect();
            let claim = "who writes to a pipe that nobody reads any more is ended by SIGPIPE";
            facts.push(equals("broken-pipe", claim, expected, observed));
        }
        if last_killed < 2 {
            let expected: Vec<_> = (last_killed + 1..3).map(|number| format!("{} exited 0", STAGES[number])).collect();
            let observed: Vec<_> = (last_killed + 1..3).map(told).collect();
            facts.push(equals(
                "end-of-file",
                "who reads from a pipe that nobody writes to any more finds its end",
                expected,
                observed,
            ));
        }
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Option<ProcessState> = Some(ProcessState::Running);
    const SLEEP: Option<ProcessState> = Some(ProcessState::Sleeping);
    const STOP: Option<ProcessState> = Some(ProcessState::Stopped);

    fn phase(states: [Option<ProcessState>; 3], from: u64, step: u64) -> Vec<Look> {
        (0..160).map(|n| Look { states, moved: [Some(from + n * step), Some(0), Some(0)] }).collect()
    }

    fn end(signal: Signal) -> ExitStatus {
        ExitStatus::Signaled { signal, core_dumped: false }
    }

    /// (id, whether it holds) of a run: flowing, then stopped, then flowing, then ended so.
    fn held(stopped: &[Look], after: &[Look], ends: [ExitStatus; 3]) -> Vec<(String, bool)> {
        let looks = [&phase([RUN, SLEEP, RUN], 0, 10), stopped, after].concat();
        facts(&looks, &ends).into_iter().map(|fact| (fact.id, fact.holds)).collect()
    }

    #[test]
    fn each_fact_can_fail() {
        let piped = [end(Signal::PIPE), end(Signal::PIPE), end(Signal::KILL)];
        let all = |holds: [bool; 4]| -> Vec<(String, bool)> {
            ["flows", "standstill", "neighbours-sleep", "broken-pipe"].map(str::to_owned).into_iter().zip(holds).collect()
        };
        let (still, on) = (phase([SLEEP, SLEEP, STOP], 200, 0), phase([RUN, RUN, RUN], 200, 10));
        assert_eq!(held(&still, &on, piped), all([true; 4]));
        assert_eq!(held(&still, &phase([RUN; 3], 200, 0), piped), all([false, true, true, true]), "it did not go on");
        assert_eq!(held(&phase([SLEEP, SLEEP, STOP], 200, 1), &on, piped), all([true, false, true, true]));
        assert_eq!(held(&phase([RUN, SLEEP, STOP], 200, 0), &on, piped), all([true, true, false, true]));
        let survived = [ExitStatus::Exited(0), end(Signal::PIPE), end(Signal::KILL)];
        assert_eq!(held(&still, &on, survived), all([true, true, true, false]));
    }

    #[test]
    fn the_stages_after_the_killed_one_find_the_end_of_file() {
        let facts = |ends: [ExitStatus; 3]| -> Vec<(String, bool)> {
            facts(&[], &ends).into_iter().map(|fact| (fact.id, fact.holds)).collect()
        };
        let ok = ExitStatus::Exited(0);
        assert_eq!(facts([end(Signal::KILL), ok, ok]), [("end-of-file".to_owned(), true)]);
        assert_eq!(facts([end(Signal::KILL), ok, end(Signal::PIPE)]), [("end-of-file".to_owned(), false)]);
        let middle = [end(Signal::PIPE), end(Signal::TERM), ok];
        assert_eq!(facts(middle), [("broken-pipe".to_owned(), true), ("end-of-file".to_owned(), true)]);
    }

    #[test]
    fn a_short_phase_shows_what_came_about_and_not_what_did_not() {
        let piped = [end(Signal::PIPE), end(Signal::PIPE), end(Signal::KILL)];
        let ids = |stopped: &[Look]| held(stopped, &[], piped).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let (still, filling) = (phase([SLEEP, SLEEP, STOP], 2_000, 0), phase([RUN, SLEEP, STOP], 2_000, 1));
        assert_eq!(ids(&still[..20]), ["flows", "standstill", "neighbours-sleep", "broken-pipe"]);
        assert_eq!(ids(&filling[..20]), ["flows", "broken-pipe"], "the pipes may still be filling");
        assert_eq!(ids(&still[..10]), ["flows", "broken-pipe"]);
    }

    #[test]
    fn what_was_not_put_to_the_test_is_not_claimed() {
        assert_eq!(facts(&[], &[ExitStatus::Exited(0); 3]), Facts::new());
        let uncounted: Vec<_> =
            phase([SLEEP, SLEEP, STOP], 0, 0).into_iter().map(|look| Look { moved: [None; 3], ..look }).collect();
        let ids: Vec<_> = facts(&uncounted, &[ExitStatus::Exited(0); 3]).into_iter().map(|fact| fact.id).collect();
        assert_eq!(ids, ["neighbours-sleep"]);
    }
}
