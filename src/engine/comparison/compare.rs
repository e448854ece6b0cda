//! Doing the same work two or more ways, one run after the other. What is asked is checked here; the engine's thread then starts each
//! run when the one before is over, the variants in turn, so that what else the machine does meets all of them alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::engine::comparison::verdict::verdict;
use crate::engine::drive::engine_loop::EngineLoop;
use crate::engine::run::requests::{LaunchRequest, What};
use crate::engine::run::subscription::EngineEvent;
use crate::model::{Comparison, Language, Outcome, Progress, RunId, StopPlan, TimedAction, Variant};
use crate::scenario::{ParamError, ParamKind, Params, Scenario};

/// The name that stands for the body's language where a parameter's is expected.
pub const LANGUAGE: &str = "language";
/// More ways than this do not fit beside each other.
const MOST_VARIANTS: usize = 8;
/// The most repeats.
const MOST_REPEATS: u32 = 100;

/// Why nothing can be compared.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CompareError {
    /// No such parameter, or a value that it cannot have.
    #[error("{0}")]
    Param(#[from] ParamError),
    /// No such parameter, and it is not the language either.
    #[error("there is nothing called {name:?} to compare; there are: {known}")]
    Name {
        /// As given.
        name: String,
        /// All names.
        known: String,
    },
    /// One value is no comparison.
    #[error("{name} needs two values or more to be compared, such as {name}={example}")]
    OneValue {
        /// Which parameter.
        name: String,
        /// What would work.
        example: String,
    },
    /// Too many.
    #[error("{name} has {count} values; at most {MOST_VARIANTS} can be compared at a time")]
    TooMany {
        /// Which parameter.
        name: String,
        /// How many were given.
        count: usize,
    },
    /// The same twice.
    #[error("{name} cannot be compared with itself: {value} was given twice")]
    Twice {
        /// Which parameter.
        name: String,
        /// Which value.
        value: String,
    },
    /// Not a language.
    #[error("language cannot be {0}: it must be rust or python")]
    Language(String),
    /// There is no twin.
    #[error("{0} has no Python twin")]
    NoTwin(String),
    /// Repeats out of range.
    #[error("each variant can be run 1 to {MOST_REPEATS} times, not {0}")]
    Repeats(u32),
}

/// What is to be compared, checked.
#[derive(Debug, Clone)]
pub struct CompareRequest {
    pub(crate) scenario: &'static Scenario,
    pub(crate) name: String,
    pub(crate) repeat: u32,
    pub(crate) variants: Vec<(Value, String, LaunchRequest)>,
}

impl CompareRequest {
    /// Compares a scenario under these values of a parameter, or of `language`. `base` are the other parameters; `script` is done in
    /// each run.
    pub fn new(
        scenario: &'static Scenario,
        base: &BTreeMap<String, Value>,
        language: Language,
        (name, values): (&str, &[&str]),
        script: &[TimedAction],
        repeat: u32,
    ) -> Result<Self, CompareError> {
        if !(1..=MOST_REPEATS).contains(&repeat) {
            return Err(CompareError::Repeats(repeat));
        }
        let mut variants: Vec<(Value, String, LaunchRequest)> = Vec::new();
        for text in values {
            let (value, label, language, params) = variant(scenario, base, language, name, text.trim())?;
            if variants.iter().any(|known| known.0 == value) {
                return Err(CompareError::Twice { name: name.to_owned(), value: (*text).to_owned() });
            }
            let what = What::Scenario { id: scenario.id.to_owned(), language, params };
            let request = LaunchRequest { what, script: script.to_vec(), timeout: None, stop: StopPlan::default() };
            variants.push((value, label, request));
        }
        match variants.len() {
            0 | 1 => Err(CompareError::OneValue { name: name.to_owned(), example: example(scenario, name) }),
            2..=MOST_VARIANTS => Ok(Self { scenario, name: name.to_owned(), repeat, variants }),
            count => Err(CompareError::TooMany { name: name.to_owned(), count }),
        }
    }

    /// Ends each run after this time.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<std::time::Duration>) -> Self {
        for (_, _, request) in &mut self.variants {
            request.timeout = timeout;
        }
        self
    }

    /// The scenario's id.
    pub const fn scenario(&self) -> &'static str {
        self.scenario.id
    }

    /// The labels of the variants, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.variants.iter().map(|(_, label, _)| label.as_str())
    }
}

type Checked = (Value, String, Language, BTreeMap<String, Value>);

fn variant(
    scenario: &Scenario,
    base: &BTreeMap<String, Value>,
    language: Language,
    name: &str,
    text: &str,
) -> Result<Checked, CompareError> {
    let mut params = Params::checked(scenario.params, base)?;
    if let Some(spec) = scenario.params.iter().find(|spec| spec.name == name) {
        params.set(scenario.params, name, text)?;
        let value = params.values()[name].clone();
        // A word says what it is; a number or a yes does not.
        let label = match spec.kind {
            ParamKind::Choice { .. } => text.to_owned(),
            _ => format!("{name}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
        };
        return Ok((value, label, language, params.values().clone()));
    }
    if name != LANGUAGE {
        let known: Vec<&str> = scenario.params.iter().map(|spec| spec.name).chain([LANGUAGE]).collect();
        return Err(CompareError::Name { name: name.to_owned(), known: known.join(", ") });
    }
    let language = match text {
        "rust" => Language::Rust,
        "python" if scenario.python.is_empty() => return Err(CompareError::NoTwin(scenario.id.to_owned())),
        "python" => Language::Python,
        _ => return Err(CompareError::Language(text.to_owned())),
    };
    let label = if language == Language::Rust { "Rust" } else { "Python" };
    Ok((text.into(), label.to_owned(), language, params.values().clone()))
}

fn example(scenario: &Scenario, name: &str) -> String {
    match scenario.params.iter().find(|spec| spec.name == name).map(|spec| &spec.kind) {
        Some(ParamKind::Count { min, max, .. }) => format!("{min},{max}"),
        Some(ParamKind::Seconds { min, max, .. }) => format!("{min},{max}"),
        Some(ParamKind::Flag { .. }) => "false,true".to_owned(),
        Some(ParamKind::Choice { choices }) => choices.iter().take(2).copied().collect::<Vec<_>>().join(","),
        Some(ParamKind::Text { .. }) => "a,b".to_owned(),
        None => "rust,python".to_owned(),
    }
}

/// A comparison that is going on.
#[derive(Debug)]
pub(crate) struct Comparing {
    request: CompareRequest,
    comparison: Comparison,
    /// The run that is measured now, and which variant it is of.
    current: Option<RunId>,
}

impl EngineLoop {
    /// Starts a comparison, unless one is going on.
    pub(crate) fn compare(&mut self, request: CompareRequest) {
        if self.comparing.is_some() {
            return self.refuse("could not compare: another comparison is going on; stop it first".to_owned());
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
        self.comparing = Some(Comparing { request, comparison, current: None });
        self.publish_comparison();
    }

    /// Takes in a run that is over, and starts the next one.
    pub(crate) fn go_on_comparing(&mut self) {
        let Some(comparing) = &self.comparing else { return };
        let Progress::Running { variant, round } = comparing.comparison.progress else { return };
        let Some(id) = comparing.current else {
            let request = comparing.request.variants[variant].2.clone();
            let started = self.launch(&request);
            match &mut self.comparing {
                Some(comparing) if started.is_some() => comparing.current = started,
                _ => self.end_comparing(Progress::Stopped("could not start the next run".to_owned())),
            }
            return;
        };
        let Some(run) = self.runs.iter().find(|run| run.id == id) else {
            return self.end_comparing(Progress::Stopped("its run is gone".to_owned()));
        };
        if !run.lifecycle.is_over() {
            return;
        }
        let (measured, was_launched) = (run.fold.measured(), !run.fold.stages().is_empty());
        let Some(comparing) = &mut self.comparing else { return };
        comparing.current = None;
        let Some(measured) = measured.filter(|_| was_launched) else {
            let text = format!("{} could not be started", comparing.comparison.variants[variant].label);
            return self.end_comparing(Progress::Stopped(text));
        };
        let was_stopped = measured.outcome == Outcome::Stopped;
        comparing.comparison.variants[variant].runs.push(measured);
        let (variant, round) = if variant + 1 < comparing.request.variants.len() { (variant + 1, round) } else { (0, round + 1) };
        if was_stopped {
            self.end_comparing(Progress::Stopped("the run was stopped, and the comparison with it".to_owned()));
        } else if round == comparing.comparison.repeat {
            self.end_comparing(Progress::Done);
        } else {
            comparing.comparison.progress = Progress::Running { variant, round };
            self.publish_comparison();
        }
    }

    fn end_comparing(&mut self, progress: Progress) {
        let Some(comparing) = &mut self.comparing else { return };
        comparing.comparison.progress = progress;
        comparing.comparison.verdict = verdict(&comparing.comparison);
        self.publish_comparison();
        self.comparing = None;
        if let Some(comparison) = &self.comparison {
            self.subscription.tell(EngineEvent::Compared(Arc::clone(comparison)));
        }
    }

    fn publish_comparison(&mut self) {
        self.comparison = self.comparing.as_ref().map(|comparing| Arc::new(comparing.comparison.clone()));
        self.has_news = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, values: &[&str]) -> Result<CompareRequest, CompareError> {
        let scenario = crate::scenario::find("thread-pool").expect("in the catalogue");
        CompareRequest::new(scenario, &BTreeMap::new(), Language::Rust, (name, values), &[], 1)
    }

    #[test]
    fn variants_differ_in_one_thing_and_are_named_after_it() {
        let request = request("workers", &["1", " 4"]).expect("valid");
        assert_eq!(request.labels().collect::<Vec<_>>(), ["workers=1", "workers=4"]);
        let params = |index: usize| match &request.variants[index].2.what {
            What::Scenario { params, .. } => params.clone(),
            What::Programs { .. } => unreachable!("a scenario"),
        };
        assert_eq!((&params(0)["workers"], &params(1)["workers"]), (&1.into(), &4.into()));
        assert_eq!(params(0).len(), params(1).len());
    }

    #[test]
    fn the_language_is_compared_under_its_own_name() {
        let request = request("language", &["rust", "python"]).expect("valid");
        assert_eq!(request.labels().collect::<Vec<_>>(), ["Rust", "Python"]);
        let language = |index: usize| match &request.variants[index].2.what {
            What::Scenario { language, .. } => *language,
            What::Programs { .. } => unreachable!("a scenario"),
        };
        assert_eq!((language(0), language(1)), (Language::Rust, Language::Python));
    }

    #[test]
    fn what_cannot_be_compared_is_refused_in_a_sentence() {
        for (name, values, says) in [
            ("wrokers", &["1", "2"][..], "there is nothing called \"wrokers\" to compare; there are: "),
            ("workers", &["1"], "two values or more"),
            ("workers", &[], "two values or more"),
            ("workers", &["1", "0"], "workers cannot be 0: it must be a whole number from"),
            ("workers", &["2", "2"], "2 was given twice"),
            ("workers", &["1", "2", "3", "4", "5", "6", "7", "8", "9"], "at most 8"),
            ("language", &["rust", "c"], "language cannot be c: it must be rust or python"),
        ] {
            let error = request(name, values).expect_err(name).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
