//! A comparison that goes on: one run after the other, the variants in turn, so that other work on the machine meets all of them alike.
//! Pure: it gets the state of its current run, and returns what is to be done next.

use std::sync::Arc;

use crate::engine::comparison::compare::CompareRequest;
use crate::engine::comparison::verdict::verdict;
use crate::engine::run::requests::LaunchRequest;
use crate::engine::run::run_list::RunStatus;
use crate::model::{Comparison, Outcome, Progress, RunId, Variant};

/// The comparison that goes on, and the newest one as it is shown.
#[derive(Debug, Default)]
pub(crate) struct ComparisonRunner {
    current: Option<Current>,
    shown: Option<Arc<Comparison>>,
}

#[derive(Debug)]
struct Current {
    request: CompareRequest,
    comparison: Comparison,
    /// The run that is measured now.
    run: Option<RunId>,
}

/// The next step of a comparison.
#[derive(Debug)]
pub(crate) enum Step {
    /// Launch its next run, and tell [`next_run`](ComparisonRunner::next_run).
    Launch(Box<LaunchRequest>),
    /// Show how far it is.
    Show,
    /// Show it and tell that it is over.
    End(Arc<Comparison>),
}

impl ComparisonRunner {
    /// The newest comparison, as it is shown.
    pub(crate) fn shown(&self) -> Option<Arc<Comparison>> {
        self.shown.clone()
    }

    /// Starts a comparison, unless one goes on.
    pub(crate) fn start(&mut self, request: CompareRequest) -> Result<(), &'static str> {
        if self.current.is_some() {
            return Err("could not compare: another comparison is going on; stop it first");
        }
        let variants = request.variants.iter();
        let comparison = Comparison {
            scenario: request.scenario.id.to_owned(),
            name: request.name.clone(),
            repeat: request.repeat,
            variants: variants
                .map(|(value, label, _)| Variant { value: value.clone(), label: label.clone(), runs: Vec::new() })
                .collect(),
            progress: Progress::Running { variant: 0, round: 0 },
            verdict: String::new(),
        };
        self.shown = Some(Arc::new(comparison.clone()));
        self.current = Some(Current { request, comparison, run: None });
        Ok(())
    }

    /// Takes in a run that is over, and says what follows; `None` while there is nothing to do.
    pub(crate) fn step(&mut self, status: impl FnOnce(RunId) -> RunStatus) -> Option<Step> {
        let current = self.current.as_mut()?;
        let Progress::Running { variant, round } = current.comparison.progress else { return None };
        let Some(run) = current.run else {
            return Some(Step::Launch(Box::new(current.request.variants[variant].2.clone())));
        };
        let measured = match status(run) {
            RunStatus::GoesOn => return None,
            RunStatus::Gone => return self.end(Progress::Stopped("its run is gone".to_owned())),
            RunStatus::Over(measured) => measured,
        };
        current.run = None;
        let comparison = &mut current.comparison;
        let Some(measured) = measured else {
            let text = format!("{} could not be started", comparison.variants[variant].label);
            return self.end(Progress::Stopped(text));
        };
        let was_stopped = measured.outcome == Outcome::Stopped;
        comparison.variants[variant].runs.push(measured);
        let (variant, round) = if variant + 1 < comparison.variants.len() { (variant + 1, round) } else { (0, round + 1) };
        if was_stopped {
            return self.end(Progress::Stopped("the run was stopped, and the comparison with it".to_owned()));
        }
        if round == comparison.repeat {
            return self.end(Progress::Done);
        }
        comparison.progress = Progress::Running { variant, round };
        self.shown = Some(Arc::new(comparison.clone()));
        Some(Step::Show)
    }

    /// The run that was to be launched; `None` where it was refused.
    pub(crate) fn next_run(&mut self, run: Option<RunId>) -> Option<Step> {
        if run.is_none() {
            return self.end(Progress::Stopped("could not start the next run".to_owned()));
        }
        if let Some(current) = &mut self.current {
            current.run = run;
        }
        None
    }

    fn end(&mut self, progress: Progress) -> Option<Step> {
        let Current { mut comparison, .. } = self.current.take()?;
        comparison.progress = progress;
        comparison.verdict = verdict(&comparison);
        let comparison = Arc::new(comparison);
        self.shown = Some(Arc::clone(&comparison));
        Some(Step::End(comparison))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Language, Measured, RunCost};

    fn runner(repeat: u32) -> ComparisonRunner {
        let scenario = crate::scenario::find("thread-pool").expect("in the catalogue");
        let values = ("workers", &["1", "4"][..]);
        let request = CompareRequest::new(scenario, &BTreeMap::new(), Language::Rust, values, &[], repeat).expect("valid");
        let mut runner = ComparisonRunner::default();
        runner.start(request.clone()).expect("the first one");
        assert!(runner.start(request).is_err_and(|why| why.contains("another comparison is going on")));
        runner
    }

    fn over(outcome: Outcome) -> RunStatus {
        let (cost, values) = (RunCost::default(), BTreeMap::new());
        RunStatus::Over(Some(Measured { outcome, elapsed_s: 1.0, cost, facts_held: 1, facts: 1, values }))
    }

    /// Launches the next run, and lets it end so.
    fn run(runner: &mut ComparisonRunner, number: u32, status: RunStatus) -> Option<Step> {
        assert!(matches!(runner.step(|_| RunStatus::Gone), Some(Step::Launch(_))));
        assert!(runner.next_run(Some(RunId::new(number))).is_none());
        assert!(runner.step(|_| RunStatus::GoesOn).is_none());
        runner.step(|id| if id == RunId::new(number) { status } else { RunStatus::Gone })
    }

    #[test]
    fn the_variants_come_in_turn_until_all_rounds_are_done() {
        let mut runner = runner(2);
        for number in 1..4 {
            assert!(matches!(run(&mut runner, number, over(Outcome::Passed)), Some(Step::Show)));
        }
        let Some(Step::End(comparison)) = run(&mut runner, 4, over(Outcome::Passed)) else { panic!("it is done") };
        assert_eq!(comparison.variants.iter().map(|variant| variant.runs.len()).collect::<Vec<_>>(), [2, 2]);
        assert_eq!((&comparison.progress, runner.shown().as_ref()), (&Progress::Done, Some(&comparison)));
        assert!(!comparison.verdict.is_empty() && runner.step(|_| RunStatus::Gone).is_none());
    }

    #[test]
    fn what_ends_a_run_early_ends_the_comparison_with_the_reason() {
        for (status, why) in [
            (over(Outcome::Stopped), "the run was stopped, and the comparison with it"),
            (RunStatus::Over(None), "workers=1 could not be started"),
            (RunStatus::Gone, "its run is gone"),
        ] {
            let Some(Step::End(comparison)) = run(&mut runner(1), 1, status) else { panic!("{why}") };
            assert_eq!(comparison.progress, Progress::Stopped(why.to_owned()));
        }
        let mut refused = runner(1);
        assert!(matches!(refused.step(|_| RunStatus::Gone), Some(Step::Launch(_))));
        let Some(Step::End(comparison)) = refused.next_run(None) else { panic!("it was refused") };
        assert_eq!(comparison.progress, Progress::Stopped("could not start the next run".to_owned()));
    }
}
