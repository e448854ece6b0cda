//! A request to do the same work in two or more ways, and its checks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::engine::run::requests::{LaunchRequest, What};
use crate::model::{Language, StopPlan, TimedAction};
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
    /// There is no such parameter, or it cannot have such a value.
    #[error("{0}")]
    Param(#[from] ParamError),
    /// The name is neither a parameter nor `language`.
    #[error("there is nothing called {name:?} to compare; there are: {known}")]
    Name {
        /// As given.
        name: String,
        /// All names.
        known: String,
    },
    /// There is only one value, or none.
    #[error("{name} needs two values or more to be compared, such as {name}={example}")]
    OneValue {
        /// The parameter.
        name: String,
        /// Values that would do.
        example: String,
    },
    /// There are too many values.
    #[error("{name} has {count} values; at most {MOST_VARIANTS} can be compared at a time")]
    TooMany {
        /// The parameter.
        name: String,
        /// How many were given.
        count: usize,
    },
    /// A value was given twice.
    #[error("{name} cannot be compared with itself: {value} was given twice")]
    Twice {
        /// The parameter.
        name: String,
        /// The value.
        value: String,
    },
    /// The value is no language.
    #[error("language cannot be {0}: it must be rust or python")]
    Language(String),
    /// The number of repeats is out of range.
    #[error("each variant can be run 1 to {MOST_REPEATS} times, not {0}")]
    Repeats(u32),
}

/// A checked request for a comparison.
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
        // A word needs no name before it; a number or a yes does.
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
